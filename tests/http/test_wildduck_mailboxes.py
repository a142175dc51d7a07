"""WildDuck's mailbox calls against the documented contract: each success and each error."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import pytest

from mailhub.model.uids import UidSet
from mailhub.store.retention import expire
from tests.http.browsing import Site
from tests.http.test_wildduck_users import ABSENT, ID, invalid, made
from tests.support import run
from tests.world import ACTOR, DOMAIN

pytestmark = pytest.mark.thorough

MONTH = 30 * 86400 * 1000
MESSAGE = b"Subject: x\r\n\r\nbody\r\n"


@pytest.fixture
def site() -> Site:
    return Site()


@pytest.fixture
def user(site: Site) -> str:
    return made(site)


def added(site: Site, user: str, path: str, **more: object) -> str:
    reply = site.post(f"/users/{user}/mailboxes", {"path": path, **more})
    assert reply.status == 200, reply.json
    id: str = reply.json["id"]
    return id


def listed(site: Site, user: str, query: str = "") -> list[Any]:
    results: list[Any] = site.get(f"/users/{user}/mailboxes?{query}").json["results"]
    return results


def named(site: Site, user: str, path: str) -> Any:
    return site.get(f"/users/{user}/mailboxes/resolve?path={quote(path, safe='')}").json


def sweep(site: Site) -> None:
    while run(site.world.store.runner.write(expire)):
        pass


def test_the_documented_listing(site: Site, user: str) -> None:
    first, *rest = listed(site, user)
    assert first == {
        "id": first["id"],
        "name": "INBOX",
        "path": "INBOX",
        "specialUse": None,
        "modifyIndex": 1,
        "subscribed": True,
        "hidden": False,
        "retention": False,
    }
    assert ID.fullmatch(first["id"])
    assert {box["path"]: box["specialUse"] for box in rest} == {
        "Archive": "\\Archive",
        "Drafts": "\\Drafts",
        "Junk": "\\Junk",
        "Sent Mail": "\\Sent",
        "Trash": "\\Trash",
    }


def test_counters_and_sizes_are_those_of_the_last_commit(site: Site, user: str) -> None:
    for _ in range(3):
        site.world.deliver(f"joe@{DOMAIN}", MESSAGE)
    inbox = listed(site, user, "counters=true&sizes=1")[0]
    assert (inbox["total"], inbox["unseen"]) == (3, 3)
    used = site.get(f"/users/{user}").json["limits"]["quota"]["used"]
    assert inbox["size"] == used > 0
    assert inbox["modifyIndex"] == 4
    assert not {"total", "unseen", "size"} & set(listed(site, user)[0])


def test_the_order_is_inbox_then_subscribed_then_path(site: Site, user: str) -> None:
    for path in ("Zoo", "inbox/b", "INBOX/a", "Apple", "Box"):
        added(site, user, path)
    site.put(f"/users/{user}/mailboxes/{named(site, user, 'Apple')['id']}", {"subscribed": False})
    paths = [box["path"] for box in listed(site, user)]
    assert paths[:3] == ["INBOX", "INBOX/a", "INBOX/b"]
    assert paths[3:] == [
        "Archive", "Box", "Drafts", "Junk", "Sent Mail", "Trash", "Zoo", "Apple",
    ]  # fmt: skip


def test_those_with_a_special_use_alone_and_hidden_ones(site: Site, user: str) -> None:
    added(site, user, "Plain")
    secret = added(site, user, "Secret", hidden=True)
    assert {box["path"] for box in listed(site, user, "specialUse=yes")} == {
        "Archive", "Drafts", "Junk", "Sent Mail", "Trash",
    }  # fmt: skip
    assert secret not in {box["id"] for box in listed(site, user)}
    assert secret in {box["id"] for box in listed(site, user, "showHidden=1")}


@pytest.mark.parametrize(
    "path",
    [
        "My New mailbox",
        "Some parent/Subfolder/My New mailbox",
        "Größe/日本語/☃ и другие",
        "🦆",
        "x" * 512,
        "☃" * 512,
        "/".join("x" * 128),
        "a & b + c = \"d\" 'e' <f>",
    ],
)
def test_any_path_can_be_made_and_found(site: Site, user: str, path: str) -> None:
    id = added(site, user, path)
    shown = site.get(f"/users/{user}/mailboxes/{id}").json
    assert (shown["path"], shown["name"]) == (path, path.rpartition("/")[2])
    assert (shown["total"], shown["unseen"], shown["specialUse"]) == (0, 0, None)
    assert named(site, user, path) == shown


CREATE_ERRORS: list[tuple[dict[str, object], dict[str, str]]] = [
    ({}, {"path": '"path" is required'}),
    ({"path": ""}, {"path": '"path" is required'}),
    ({"path": 5}, {"path": '"path" must be a string'}),
    ({"path": "a//b"}, {"path": '"path" must not have an empty level'}),
    ({"path": "a/"}, {"path": '"path" must not have an empty level'}),
    (
        {"path": "a", "retention": -1},
        {"retention": '"retention" must be greater than or equal to 0'},
    ),
    ({"path": "a", "shape": 1}, {"shape": '"shape" is not allowed'}),
]


@pytest.mark.parametrize(("body", "details"), CREATE_ERRORS)
def test_create_errors(
    site: Site, user: str, body: dict[str, object], details: dict[str, str]
) -> None:
    invalid(site.post(f"/users/{user}/mailboxes", body), details)


@pytest.mark.parametrize(
    "path", ["/a", "a/../b", "line\nbreak", "nul\0", "x" * 513, "/".join("x" * 129), "*", "50%"]
)
def test_what_core_refuses_names_the_path(site: Site, user: str, path: str) -> None:
    reply = site.post(f"/users/{user}/mailboxes", {"path": path})
    assert (reply.status, list(reply.json["details"])) == (400, ["path"])


@pytest.mark.parametrize("path", ["Trash", "inbox", "Mine"])
def test_a_path_that_is_taken(site: Site, user: str, path: str) -> None:
    other = added(site, user, "Other")
    added(site, user, "Mine")
    for reply in (
        site.post(f"/users/{user}/mailboxes", {"path": path}),
        site.put(f"/users/{user}/mailboxes/{other}", {"path": path}),
    ):
        assert (reply.status, reply.json["code"]) == (400, "MailboxExistsError")


def test_too_many_mailboxes() -> None:
    site = Site()
    site.world.mailboxes._limit = 7
    user = made(site)
    added(site, user, "a")
    reply = site.post(f"/users/{user}/mailboxes", {"path": "b"})
    assert (reply.status, reply.json["code"]) == (403, "TooMany")


# -- retention


def test_retention_is_the_users_unless_given_and_bounded_where_mail_is_thrown_away() -> None:
    site = Site()
    kept = made(site, "kept")
    brief = made(site, "brief", retention=60_000)
    ages = {box["path"]: box["retention"] for box in listed(site, kept)}
    assert ages == {
        "INBOX": False, "Archive": False, "Drafts": False, "Junk": MONTH, "Sent Mail": False,
        "Trash": MONTH,
    }  # fmt: skip
    assert {box["retention"] for box in listed(site, brief)} == {60_000}
    for given, shown in (({}, 60_000), ({"retention": 0}, False), ({"retention": 5}, 5)):
        id = added(site, brief, f"box {shown}", **given)
        assert site.get(f"/users/{brief}/mailboxes/{id}").json["retention"] == shown


def test_mail_leaves_when_its_time_is_over_and_a_new_time_is_for_new_mail(
    site: Site, user: str
) -> None:
    inbox = named(site, user, "INBOX")["id"]
    path = f"/users/{user}/mailboxes/{inbox}"
    site.world.deliver(f"joe@{DOMAIN}", MESSAGE)
    assert site.put(path, {"retention": 60_000}).json == {"success": True}
    site.world.deliver(f"joe@{DOMAIN}", MESSAGE)
    assert site.put(path, {"retention": 0}).json == {"success": True}
    site.world.deliver(f"joe@{DOMAIN}", MESSAGE)
    site.world.clock.advance(59)
    sweep(site)
    assert site.get(path).json["total"] == 3
    site.world.clock.advance(2)
    sweep(site)
    assert site.get(path).json["total"] == 2
    assert site.get(f"/users/{user}").json["limits"]["quota"]["used"] == site.get(path).json["size"]


# -- update and delete


def test_update_renames_with_what_is_below_and_keeps_the_id(site: Site, user: str) -> None:
    id = added(site, user, "Old")
    below = added(site, user, "Old/Below")
    path = f"/users/{user}/mailboxes/{id}"
    body = {"path": "New Mailbox Name", "subscribed": "no", "hidden": True}
    assert site.put(path, body).json == {"success": True}
    shown = site.get(path).json
    assert (shown["path"], shown["subscribed"], shown["hidden"]) == (
        "New Mailbox Name",
        False,
        True,
    )
    assert site.get(f"/users/{user}/mailboxes/{below}").json["path"] == "New Mailbox Name/Below"


def test_a_special_mailbox_can_be_renamed(site: Site, user: str) -> None:
    id = named(site, user, "Trash")["id"]
    assert site.put(f"/users/{user}/mailboxes/{id}", {"path": "Prügikast"}).status == 200
    shown = site.get(f"/users/{user}/mailboxes/{id}").json
    assert (shown["path"], shown["specialUse"]) == ("Prügikast", "\\Trash")


def test_inbox_cannot_be_renamed(site: Site, user: str) -> None:
    id = named(site, user, "INBOX")["id"]
    reply = site.put(f"/users/{user}/mailboxes/{id}", {"path": "Other"})
    assert (reply.status, reply.json["code"]) == (400, "DisallowedMailboxMethod")
    assert named(site, user, "INBOX")["id"] == id


@pytest.mark.parametrize("body", [{}, {"sess": "a", "ip": "192.0.2.1"}])
def test_an_update_of_nothing(site: Site, user: str, body: dict[str, object]) -> None:
    reply = site.put(f"/users/{user}/mailboxes/{named(site, user, 'INBOX')['id']}", body)
    assert (reply.status, reply.json["error"]) == (400, "Nothing was changed")


def test_delete_takes_the_mail_with_it(site: Site, user: str) -> None:
    site.world.deliver(f"joe@{DOMAIN}", MESSAGE)
    id = added(site, user, "Mine")
    boxes = {box.name: box.number for box in run(site.world.mailboxes.all(1))}
    uids = run(site.world.store.messages.index(1, boxes["INBOX"])).uids
    run(
        site.world.store.messages.move(
            1, boxes["INBOX"], UidSet.from_sorted(uids), boxes["Mine"], ACTOR
        )
    )
    assert site.get(f"/users/{user}/mailboxes/{id}").json["total"] == 1
    assert site.delete(f"/users/{user}/mailboxes/{id}").json == {"success": True}
    assert site.get(f"/users/{user}/mailboxes/{id}").status == 404
    assert site.get(f"/users/{user}").json["limits"]["quota"]["used"] == 0


@pytest.mark.parametrize("path", ["INBOX", "Trash", "Sent Mail", "Secret"])
def test_what_cannot_be_deleted(site: Site, user: str, path: str) -> None:
    added(site, user, "Secret", hidden=True)
    id = named(site, user, path)["id"]
    reply = site.delete(f"/users/{user}/mailboxes/{id}")
    assert (reply.status, reply.json["code"]) == (400, "DisallowedMailboxMethod")
    assert named(site, user, path)["id"] == id


METHODS: list[tuple[str, Any]] = [("GET", None), ("PUT", {"path": "x"}), ("DELETE", None)]


@pytest.mark.parametrize(("method", "body"), METHODS)
def test_a_mailbox_of_another_user_or_of_nobody(site: Site, method: str, body: object) -> None:
    joe, ann = made(site, "joe"), made(site, "ann")
    hers = added(site, ann, "Hers")
    for id in (hers, ABSENT):
        reply = site.ask(method, f"/users/{joe}/mailboxes/{id}", body)
        assert (reply.status, reply.json["code"]) == (404, "NoSuchMailbox")
    assert site.get(f"/users/{ann}/mailboxes/{hers}").json["path"] == "Hers"


@pytest.mark.parametrize(("method", "body"), METHODS)
def test_an_unknown_user_and_bad_ids(site: Site, method: str, body: object) -> None:
    reply = site.ask(method, f"/users/{ABSENT}/mailboxes/{ABSENT}", body)
    assert (reply.status, reply.json["code"]) == (404, "UserNotFound")
    reply = site.ask(method, "/users/x/mailboxes/y", body)
    assert set(reply.json["details"]) == {"user", "mailbox"}


def test_a_path_that_nobody_has(site: Site, user: str) -> None:
    reply = site.get(f"/users/{user}/mailboxes/resolve?path=Nowhere")
    assert (reply.status, reply.json["code"]) == (404, "NoSuchMailbox")
    assert site.get(f"/users/{user}/mailboxes/resolve").status == 400
