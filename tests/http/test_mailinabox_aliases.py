"""Mail-in-a-Box's calls about aliases: each success and each failure."""

from __future__ import annotations

import pytest

from mailhub.http.mailinabox.alias_shapes import NOTHING, RESERVED
from tests.http.box import ADMIN, JOE, Box, refused, said
from tests.support import run
from tests.world import HOSTNAME

ALIAS = {"address": "info@example.org", "forwards_to": JOE}


@pytest.fixture(scope="module")
def still() -> Box:
    """For tests that change nothing."""
    return Box()


@pytest.fixture
def box() -> Box:
    return Box()


def add(box: Box, address: str, forwards_to: str = "", **more: str) -> None:
    reply = box.form("/mail/aliases/add", address=address, forwards_to=forwards_to, **more)
    assert reply.status == 200, reply.body


def test_an_alias_is_added_changed_and_removed(box: Box) -> None:
    said(box.form("/mail/aliases/add", **ALIAS), "alias added\n")
    refused(
        box.form("/mail/aliases/add", **ALIAS, update_if_exists="0"),
        "Alias already exists (info@example.org).",
    )
    changed = {"address": "INFO@example.org", "forwards_to": f"{JOE}, a@far.example\nb@far.example"}
    said(box.form("/mail/aliases/add", **changed, update_if_exists="1"), "alias updated\n")
    said(box.get("/mail/aliases"), f"info@example.org\t{JOE},a@far.example,b@far.example\t\n")
    said(box.form("/mail/aliases/remove", address="info@example.org"), "alias removed\n")
    refused(
        box.form("/mail/aliases/remove", address="info@example.org"),
        "That's not an alias (info@example.org).",
    )
    new = {**ALIAS, "address": "a@other.example", "update_if_exists": "1"}
    said(box.form("/mail/aliases/add", **new), "alias added\nupdated DNS: other.example\n")


def test_aliases_are_listed_as_json(box: Box) -> None:
    add(box, "a@bücher.example", "x@bücher.example")
    add(box, "info@example.org", JOE, permitted_senders=ADMIN)
    add(box, "@example.org", JOE)
    add(box, f"administrator@{HOSTNAME}", ADMIN)
    reply = box.get("/mail/aliases?format=json")
    domains = {one["domain"]: one["aliases"] for one in reply.json}
    assert list(domains) == ["example.org", "mx.example.org", "bücher.example"]
    assert domains["bücher.example"][0] == {
        "address": "a@xn--bcher-kva.example",
        "address_display": "a@bücher.example",
        "forwards_to": ["x@bücher.example"],
        "permitted_senders": None,
        "required": False,
        "auto": False,
    }
    assert b"b\\u00fccher" in reply.body
    ours = {one["address"]: one for one in domains["example.org"]}
    assert list(ours) == [
        "@example.org",
        "info@example.org",
        "abuse@example.org",
        "admin@example.org",
        "postmaster@example.org",
    ]
    assert ours["info@example.org"]["permitted_senders"] == [ADMIN]
    auto = ours["abuse@example.org"]
    assert (auto["auto"], auto["required"]) == (True, True)
    assert auto["forwards_to"] == [f"administrator@{HOSTNAME}"]
    refused(
        box.form("/mail/aliases/remove", address="abuse@example.org"),
        "That's not an alias (abuse@example.org).",
    )


BAD = [
    ({"address": ""}, "No email address provided."),
    ({"address": "x"}, "Invalid email address (x)."),
    ({"address": "@"}, "Invalid email address (@)."),
    ({"address": "ü@example.org"}, "Invalid email address (ü@example.org)."),
    ({"forwards_to": f"{JOE},x"}, "Invalid receiver email address (x)."),
    ({"forwards_to": ""}, NOTHING),
    ({"forwards_to": "", "permitted_senders": "None"}, NOTHING),
    (
        {"permitted_senders": "nobody@example.org"},
        "Invalid permitted sender: nobody@example.org is not a user on this system.",
    ),
    ({"address": "x", "forwards_to": "y"}, "Invalid email address (x)."),
    ({"forwards_to": "x", "permitted_senders": "y"}, "Invalid receiver email address (x)."),
]


@pytest.mark.parametrize(("change", "words"), BAD)
def test_an_alias_keeps_the_rules(still: Box, change: dict[str, str], words: str) -> None:
    refused(still.form("/mail/aliases/add", **{**ALIAS, **change}), words)
    said(still.get("/mail/aliases"), "")


@pytest.mark.parametrize("local", ["admin", "webmaster", "postmaster+x"])
def test_what_proves_who_owns_a_domain_is_read_by_administrators(box: Box, local: str) -> None:
    address = f"{local}@example.org"
    for target in (JOE, f"{ADMIN},{JOE}", "root@far.example", "abuse@@example.org"):
        reply = box.form("/mail/aliases/add", address=address, forwards_to=target)
        assert reply.status == 400, target
    refused(box.form("/mail/aliases/add", address=address, forwards_to=JOE), RESERVED)
    add(box, address, f"{ADMIN},root+tag@example.org,abuse@example.org,administrator@{HOSTNAME}")


def test_a_sender_alone_makes_an_alias_that_only_sends(box: Box) -> None:
    add(box, "noreply@example.org", permitted_senders=JOE)
    said(box.get("/mail/aliases"), f"noreply@example.org\t\t{JOE}\n")
    joe = box.world.principal(JOE)
    assert run(box.world.addresses.owns(joe, "noreply@example.org"))


def test_a_domain_alias_and_a_catch_all(box: Box) -> None:
    add(box, "@bücher.example", "@example.org")
    said(box.get("/mail/aliases"), "@bücher.example\t@example.org\t\n")
    said(box.get("/mail/domains"), "example.org\nxn--bcher-kva.example\n")
    found = run(box.world.addresses.resolve("joe@bücher.example"))
    assert [number for number, _ in found.accounts] == [box.world.people[JOE].number]
    add(box, "@bücher.example", f"{JOE}\n{ADMIN}", update_if_exists="1")
    assert len(run(box.world.addresses.resolve("any@bücher.example")).accounts) == 2
    said(box.form("/mail/aliases/remove", address="@bücher.example"), "alias removed\n")
    said(box.get("/mail/domains"), "example.org\n")


def test_an_alias_on_a_user_sends_its_mail_elsewhere(box: Box) -> None:
    add(box, JOE, ADMIN)
    refused(
        box.form("/mail/aliases/add", address=JOE, forwards_to=ADMIN),
        f"Alias already exists ({JOE}).",
    )
    found = run(box.world.addresses.resolve(JOE))
    assert [number for number, _ in found.accounts] == [box.world.people[ADMIN].number]
    said(box.form("/mail/aliases/remove", address=JOE), "alias removed\n")
    found = run(box.world.addresses.resolve(JOE))
    assert [number for number, _ in found.accounts] == [box.world.people[JOE].number]
