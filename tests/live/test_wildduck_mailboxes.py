"""The document's calls on mailboxes, as its curl lines make them, on a running server, beside an
IMAP client that sees the same."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import pytest

from tests.live.server import Server
from tests.live.web import PASSWORD, ask, call, make
from tests.live.wire import IMAP, SMTP

pytestmark = pytest.mark.live
ABSENT = "597089f1b3378cd394611284"
MESSAGE = b"From: a@far.test\r\nSubject: x\r\n\r\nHello\r\n"


def deliver(server: Server, recipient: str) -> None:
    with SMTP(server.port("smtp")) as client:
        client.begin(recipient.encode(), b"a@far.test")
        assert client.say(MESSAGE + b".").startswith(b"250")


def imap(server: Server, name: str) -> IMAP:
    return IMAP(server.port("imap", "starttls"), name, PASSWORD)


def listed(server: Server, user: str, query: str = "") -> list[Any]:
    results: Any = call(server, "GET", f"/users/{user}/mailboxes?{query}")["results"]
    assert isinstance(results, list)
    return results


def named(server: Server, user: str, path: str) -> Any:
    return call(server, "GET", f"/users/{user}/mailboxes/resolve?path={quote(path, safe='')}")


def test_the_curl_lines_of_mailboxes(server: Server) -> None:
    user = make(server, "boxes@here.test")
    for _ in range(3):
        deliver(server, "boxes@here.test")
    with imap(server, "boxes@here.test") as client:
        client.say(b"SELECT INBOX")
        client.say(b"STORE 1 +FLAGS (\\Seen)")
    first, *rest = listed(server, user)
    documented = {"id", "name", "path", "specialUse", "modifyIndex", "subscribed"}
    assert documented <= set(first)
    assert (first["path"], first["specialUse"], first["modifyIndex"]) == ("INBOX", None, 5)
    assert {box["specialUse"] for box in rest} == {
        "\\Archive", "\\Drafts", "\\Junk", "\\Sent", "\\Trash",
    }  # fmt: skip
    counted = listed(server, user, "counters=true")[0]
    assert (counted["total"], counted["unseen"]) == (3, 2)
    path = f"/users/{user}/mailboxes"
    one = call(server, "GET", f"{path}/{first['id']}")
    assert (one["total"], one["unseen"], one["path"]) == (3, 2, "INBOX")
    for name in ("My New mailbox", "Some parent/Subfolder/My New mailbox", "日本語/Größe ☃"):
        id = call(server, "POST", path, {"path": name})["id"]
        assert call(server, "GET", f"{path}/{id}")["name"] == name.rpartition("/")[2]
    assert ask(server, "PUT", f"{path}/{id}", {"path": "New Mailbox Name"}) == (
        200, {"success": True},
    )  # fmt: skip
    assert named(server, user, "New Mailbox Name")["id"] == id
    with imap(server, "boxes@here.test") as client:
        names = b"\n".join(client.say(b'LIST "" *'))
        assert b'"/" "New Mailbox Name"' in names
        assert b'"/" "Some parent/Subfolder/My New mailbox"' in names
    assert ask(server, "DELETE", f"{path}/{id}") == (200, {"success": True})
    assert ask(server, "GET", f"{path}/{id}")[0] == 404


@pytest.mark.parametrize(
    ("language", "trash"),
    [("et", "Prügikast"), ("de", "Gelöscht"), ("ja", "ゴミ箱"), ("", "Trash")],
)
def test_mailboxes_are_called_as_people_say(server: Server, language: str, trash: str) -> None:
    user = make(server, f"lang{language}@here.test", language=language)
    names = {box["specialUse"]: box["path"] for box in listed(server, user)}
    assert names["\\Trash"] == trash
    if not language:
        assert names["\\Sent"] == "Sent Mail"


def test_what_imap_does_is_counted_in_the_same_commit(server: Server) -> None:
    user = make(server, "count@here.test")
    for _ in range(4):
        deliver(server, "count@here.test")
    with imap(server, "count@here.test") as client:
        client.say(b"SELECT INBOX")
        client.say(b"COPY 1:2 Archive")
        client.say(b"MOVE 3 Trash")
        client.say(b"STORE 1 +FLAGS (\\Seen \\Deleted)")
        client.say(b"EXPUNGE")
        boxes = {box["path"]: box for box in listed(server, user, "counters=1&sizes=1")}
    assert {path: (box["total"], box["unseen"]) for path, box in boxes.items() if box["total"]} == {
        "INBOX": (2, 2), "Archive": (2, 2), "Trash": (1, 1),
    }  # fmt: skip
    used: Any = call(server, "GET", f"/users/{user}")["limits"]
    assert sum(box["size"] for box in boxes.values()) == used["quota"]["used"]


def test_hidden_and_unsubscribed_mailboxes(server: Server) -> None:
    user = make(server, "hide@here.test")
    path = f"/users/{user}/mailboxes"
    secret = call(server, "POST", path, {"path": "Secret", "hidden": True})["id"]
    plain = call(server, "POST", path, {"path": "Plain"})["id"]
    call(server, "PUT", f"{path}/{plain}", {"subscribed": False})
    assert secret not in {box["id"] for box in listed(server, user)}
    assert secret in {box["id"] for box in listed(server, user, "showHidden=true")}
    assert listed(server, user)[-1]["id"] == plain
    with imap(server, "hide@here.test") as client:
        assert b"Secret" not in b"".join(client.say(b'LIST "" *'))
        assert b"Plain" not in b"".join(client.say(b'LSUB "" *'))


def test_retention_is_inherited_and_bounded(server: Server) -> None:
    user = make(server, "retain@here.test", retention=90 * 86_400_000)
    ages = {box["specialUse"]: box["retention"] for box in listed(server, user)}
    month = 30 * 86_400_000
    assert ages == {
        None: 3 * month, "\\Sent": 3 * month, "\\Drafts": 3 * month, "\\Archive": 3 * month,
        "\\Trash": month, "\\Junk": month,
    }  # fmt: skip
    id = call(server, "POST", f"/users/{user}/mailboxes", {"path": "x", "retention": 5000})["id"]
    assert call(server, "GET", f"/users/{user}/mailboxes/{id}")["retention"] == 5000


NEW, INBOX, MINE = (
    "/users/USER/mailboxes",
    "/users/USER/mailboxes/INBOX",
    "/users/USER/mailboxes/OWN",
)
ERRORS: list[tuple[str, str, object, int, str]] = [
    ("POST", NEW, {}, 400, "InputValidationError"),
    ("POST", NEW, {"path": "a//b"}, 400, "InputValidationError"),
    ("POST", NEW, {"path": "a/"}, 400, "InputValidationError"),
    ("POST", NEW, {"path": "x" * 513}, 400, "InputValidationError"),
    ("POST", NEW, {"path": "/".join("x" * 129)}, 400, "InputValidationError"),
    ("POST", NEW, {"path": "Trash"}, 400, "MailboxExistsError"),
    ("PUT", MINE, {"path": "Trash"}, 400, "MailboxExistsError"),
    ("PUT", MINE, {}, 400, "NoUpdates"),
    ("PUT", MINE, {"color": 1}, 400, "InputValidationError"),
    ("PUT", INBOX, {"path": "Other"}, 400, "DisallowedMailboxMethod"),
    ("DELETE", INBOX, None, 400, "DisallowedMailboxMethod"),
    ("DELETE", "/users/USER/mailboxes/TRASH", None, 400, "DisallowedMailboxMethod"),
    ("GET", f"{NEW}/{ABSENT}", None, 404, "NoSuchMailbox"),
    ("PUT", f"{NEW}/{ABSENT}", {"path": "x"}, 404, "NoSuchMailbox"),
    ("DELETE", f"{NEW}/{ABSENT}", None, 404, "NoSuchMailbox"),
    ("GET", f"{NEW}/resolve?path=Nowhere", None, 404, "NoSuchMailbox"),
    ("GET", f"{NEW}/xyz", None, 400, "InputValidationError"),
    ("GET", f"/users/{ABSENT}/mailboxes", None, 404, "UserNotFound"),
    ("POST", f"/users/{ABSENT}/mailboxes", {"path": "x"}, 404, "UserNotFound"),
]


@pytest.fixture(scope="module")
def owner(server: Server) -> str:
    user = make(server, "owner@here.test")
    call(server, "POST", f"/users/{user}/mailboxes", {"path": "Own"})
    return user


@pytest.mark.parametrize(("method", "path", "fields", "status", "code"), ERRORS)
def test_every_error(
    server: Server, owner: str, method: str, path: str, fields: object, status: int, code: str
) -> None:
    before = listed(server, owner)
    for word, name in (("INBOX", "INBOX"), ("OWN", "Own"), ("TRASH", "Trash")):
        path = path.replace(f"/{word}", f"/{named(server, owner, name)['id']}")
    answer = ask(server, method, path.replace("USER", owner), fields)
    assert (answer[0], answer[1]["code"]) == (status, code)
    assert listed(server, owner) == before
