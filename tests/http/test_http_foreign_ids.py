"""Ids of what others own, in paths and in fields, from who may do the same with things of his own:
they are not found, and nothing is different afterwards."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from mailhub.http.routing import Route
from tests.http.browsing import FOREIGN
from tests.http.place import ANN, EVE, JOE, TOKEN, Place

MAIL = "/users/<user>/mailboxes/<mailbox>"
BODIES: Mapping[str, Mapping[str, object]] = {
    "PUT /users/<user>/addresses/<address>": {"name": "x"},
    f"PUT {MAIL}": {"path": "New"},
    f"PUT {MAIL}/messages": {"message": "1", "flagged": True},
    f"PUT {MAIL}/messages/<message>": {"seen": True},
    f"POST {MAIL}/messages": {"text": "x"},
    f"POST {MAIL}/messages/<message>/forward": {"addresses": [EVE]},
    "PUT /users/<user>/filters/<filter>": {"name": "x"},
}
"""What makes a call succeed for who owns the thing; no other needs anything."""
NOT_FOUND = {
    "AddressNotFound",
    "AspNotFound",
    "AttachmentNotFound",
    "CredentialNotFound",
    "EventNotFound",
    "FileNotFound",
    "FilterNotFound",
    "MessageNotFound",
    "MissingPrivileges",
    "NoSuchMailbox",
}
DELETED_NOTHING = {"success": True, "deleted": False}
"""Of security keys."""
ORDER = ("GET", "PUT", "POST", "DELETE")
NAMES = {"script"}
"""What every account names for itself."""


@pytest.fixture(scope="module")
def place() -> Place:
    return Place()


def by_id(place: Place) -> list[Route]:
    """Calls with a user in their path, and an id of something that the user owns. Those that
    destroy come last, and what is deepest first."""
    found = {
        (one.method, one.path): one
        for name, _, one in place.calls
        if name == "wildduck" and one.path.startswith("/users/<user>/") and one.about is not None
    }
    ids = [one for one in found.values() if one.path.count("<") > 1]
    return sorted(
        (one for one in ids if not any(f"<{name}>" in one.path for name in NAMES)),
        key=lambda one: (ORDER.index(one.method), one.path.endswith("/restore"), -len(one.path)),
    )


def body(one: Route) -> Mapping[str, object] | None:
    return BODIES.get(f"{one.method} {one.path}")


def test_nobody_reaches_by_its_id_what_another_owns(place: Place) -> None:
    token, before = place.token(), place.everything()
    routes, missed = by_id(place), 0
    for one in routes:
        for user in (place.id(JOE), "me"):
            reply = place.ask("/wildduck", one, user, body(one), x_access_token=token)
            if reply.json == DELETED_NOTHING:
                continue
            assert reply.status in (403, 404), f"{one.path}: {reply.status}"
            assert reply.json["code"] in NOT_FOUND, f"{one.method} {one.path}: {reply.body!r}"
            assert b"secret" not in reply.body
            missed += reply.status == 404
    assert missed > 40
    assert place.everything() == before


def test_who_owns_it_reaches_all_of_it() -> None:
    """Otherwise the test above would say nothing: with the same ids and bodies all succeed."""
    place, failed = Place(), {}
    for one in by_id(place):
        reply = place.ask("/wildduck", one, "", body(one), x_access_token=TOKEN)
        if reply.status != 200:
            failed[f"{one.method} {one.path}"] = reply.body
    # The same message, restored a moment ago under the other name of this call.
    failed.pop("POST /users/<user>/archived/<message>/restore")
    assert failed == {}


FIELDS: list[tuple[str, str, dict[str, Any]]] = [
    ("PUT", "/mailboxes/{mine}/messages/1", {"moveTo": "{mailbox}"}),
    ("PUT", "/mailboxes/{mine}/messages", {"message": "1", "moveTo": "{mailbox}"}),
    ("POST", "/mailboxes/{mine}/messages", {"text": "x", "reference": "{reference}"}),
    ("POST", "/mailboxes/{mine}/messages", {"text": "x", "replacePrevious": "{previous}"}),
    ("POST", "/submit", {"to": [{"address": EVE}], "text": "x", "reference": "{reference}"}),
    ("POST", "/submit", {"to": [{"address": EVE}], "text": "x", "mailbox": "{mailbox}"}),
    ("POST", "/submit", {"to": [{"address": EVE}], "text": "x", "files": ["{file}"]}),
    ("POST", "/mailboxes/{mine}/messages", {"text": "x", "files": ["{file}"]}),
    ("POST", "/archived/{archived}/restore", {"mailbox": "{mine}"}),
    ("POST", "/archived/{own}/restore", {"mailbox": "{mailbox}"}),
    ("POST", "/filters", {"query": {"from": "x"}, "action": {"mailbox": "{mailbox}"}}),
    ("POST", "/filters", {"query_from": "x", "action_mailbox": "{mailbox}"}),
    ("GET", "/search?mailbox={mailbox}&query=secret", {}),
    ("POST", "/addresses", {"address": "me@example.org", "user": "{user}"}),
    ("PUT", "/addresses/{address}", {"main": True}),
    ("PUT", "", {"user": "{user}", "id": "{user}", "name": "x"}),
    ("PUT", "", {"name": "x", "quota": 10**12}),
    ("PUT", "", {"name": "x", "role": "admin"}),
    ("PUT", "", {"name": "x", "disabled": False, "recipients": 10**6}),
    ("PUT", "", {"name": "x", "authVersion": 1, "auth_version": 1}),
    ("PUT", "", {"name": "x", "storageUsed": 0, "used_storage": 0}),
    ("PUT", "", {"name": "x", "enabled2fa": [], "tags": ["admin"]}),
]


@pytest.fixture(scope="module")
def mine(place: Place) -> Mapping[str, object]:
    """What Joe has, what Ann has, and fields that name hers."""
    box = place.known["mailbox"]
    return {
        **place.known,
        "reference": {"mailbox": box, "id": 1, "action": "forward"},
        "previous": {"mailbox": box, "id": 1},
    }


def filled(value: Any, known: Mapping[str, object]) -> Any:
    """`{name}` stands for what is known; within a longer text as text."""
    if isinstance(value, dict):
        return {name: filled(one, known) for name, one in value.items()}
    if isinstance(value, list):
        return [filled(one, known) for one in value]
    if isinstance(value, str) and value[1:-1] in known and value == f"{{{value[1:-1]}}}":
        return known[value[1:-1]]
    return value


@pytest.mark.parametrize(("method", "path", "fields"), FIELDS, ids=str)
def test_no_field_reaches_what_another_owns(
    place: Place, mine: Mapping[str, object], method: str, path: str, fields: dict[str, Any]
) -> None:
    token, before = place.token(), place.everything()
    reply = place.site.ask(
        method,
        "/wildduck/users/me" + path.format(**mine),
        filled(fields, mine) if method != "GET" else None,
        peer=FOREIGN,
        x_access_token=token,
    )
    assert reply.status in (400, 403, 404), (reply.status, reply.body)
    assert b"secret" not in reply.body
    assert place.everything() == before


def test_the_path_says_whose_it_is_whatever_the_fields_say(
    place: Place, mine: Mapping[str, object]
) -> None:
    """`user` is a field of the document's; merged, it would be another's."""
    ann, token = place.id(ANN), place.token()
    for path in (f"/users/me?user={ann}", f"/users/me/mailboxes?user={ann}&id={ann}"):
        reply = place.site.get("/wildduck" + path, x_access_token=token)
        assert ann.encode() not in reply.body
        assert reply.status in (200, 400)
