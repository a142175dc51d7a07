"""Line ends and other controls in every text that a call takes: they are refused, or they are text
within its one line; never a header field of a message, a line of the log, or part of a name."""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator
from typing import Any

import pytest

from mailhub.net.log import json_line, plain_line
from tests.http.browsing import FOREIGN
from tests.http.place import ANN, EVE, TOKEN, Place
from tests.support import run

pytestmark = pytest.mark.thorough

AWAY = "away@remote.example"
WRITTEN = {
    "from": {"name": "Ann", "address": ANN},
    "replyTo": {"name": "Ann", "address": ANN},
    "to": [{"name": "Eve", "address": EVE}],
    "cc": [{"name": "Away", "address": AWAY}],
    "headers": [{"key": "X-Key", "value": "value"}],
    "subject": "subject",
    "text": "text",
    "html": "<p>text</p>",
    "attachments": [
        {"filename": "f", "contentType": "text/plain", "cid": "c", "content": "AAAA"},
        {"filename": "g", "contentDisposition": "inline", "content": "AAAA"},
    ],
    "metaData": {"key": "value"},
}
QUERY = {"from": "x", "to": "x", "subject": "x", "listId": "x", "text": "x"}
ABSENCE = {"status": True, "name": "Ann", "subject": "away", "text": "text", "html": "text"}
PERSON: dict[str, Any] = {"username": "n", "password": "secret pass", "language": "en"}
PERSON |= {"name": "N", "tags": ["t"], "targets": [AWAY], "metaData": {"k": "v"}}
ALIAS: dict[str, Any] = {"address": "a@example.org", "name": "N", "tags": ["t"]}
FORWARDED = {"address": "f@example.org", "name": "N", "targets": [AWAY], "tags": ["t"]}
RULE: dict[str, Any] = {"name": "n", "query": QUERY, "action": {"targets": [AWAY]}}
ORDERS: list[tuple[str, str, dict[str, Any]]] = [
    ("POST", "/users", PERSON),
    ("PUT", "/users/<user>", {"name": "N", "tags": ["t"], "targets": [AWAY]}),
    ("PUT", "/users/<user>/logout", {"reason": "because"}),
    ("POST", "/users/<user>/addresses", ALIAS),
    ("PUT", "/users/<user>/addresses/<address>", {"name": "N", "tags": ["t"]}),
    ("POST", "/addresses/forwarded", FORWARDED),
    ("POST", "/users/<user>/mailboxes", {"path": "n"}),
    ("PUT", "/users/<user>/mailboxes/<mailbox>", {"path": "m"}),
    ("POST", "/users/<user>/mailboxes/<mailbox>/messages", WRITTEN),
    ("POST", "/users/<user>/submit", WRITTEN),
    ("POST", "/users/<user>/mailboxes/<mailbox>/messages/<message>/forward", {"addresses": [EVE]}),
    ("POST", "/users/<user>/asps", {"description": "phone"}),
    ("POST", "/users/<user>/filters", RULE),
    ("PUT", "/users/<user>/filters/<filter>", RULE),
    ("PUT", "/users/<user>/autoreply", ABSENCE),
    ("POST", "/users/<user>/2fa/totp/setup", {"label": "l", "issuer": "i"}),
    ("POST", "/webhooks", {"type": ["*"], "url": "https://hook.example/"}),
    ("PUT", "/users/<user>/scripts/<script>", {"source": "keep;"}),
    ("POST", "/authenticate", {"username": "n", "password": "p", "protocol": "IMAP"}),
]
EVIL = [f"x{end}X-Evil: yes" for end in ("\r\n", "\n", "\r", "\0", "\u2028")]
TAKEN_ONCE = ("n", "m", "a@example.org", "f@example.org")
CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
TEXTS = {
    ("mail_script", "source"), ("autoreply", "text"), ("autoreply", "html"), ("account", "pub_key"),
    ("script", "source"),
}  # fmt: skip
"""Columns that hold texts of several lines."""


@pytest.fixture(scope="module")
def place() -> Place:
    return Place()


def ask(place: Place, method: str, path: str, order: object) -> int:
    """The status; every call is made by the operator."""
    reply = place.site.ask(
        method, "/wildduck" + place.filled(path), order, peer=FOREIGN, x_access_token=TOKEN
    )
    assert reply.status < 500, (method, path, order, reply.body)
    return reply.status


def spoiled(order: Any) -> Iterator[Any]:
    """`order`, with one text in it after the other made evil in two ways; and with such labels."""
    for number, path in enumerate([*leaves(order), ("sess",), ("ip",)]):
        for evil in (EVIL[0], EVIL[1 + number % (len(EVIL) - 1)]):
            made = copy.deepcopy(order)
            *way, last = path
            within = made
            for step in way:
                within = within[step]
            within[last] = evil
            yield made


def leaves(order: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    parts = order.items() if isinstance(order, dict) else enumerate(order)
    for name, value in parts:
        if isinstance(value, str):
            yield (*path, name)
        elif isinstance(value, (dict, list)):
            yield from leaves(value, (*path, name))


def numbered(order: Any, number: int) -> Any:
    """Names that are taken once differ."""
    if isinstance(order, dict):
        return {key: numbered(value, number) for key, value in order.items()}
    if not isinstance(order, str):
        return order
    return f"{order[0]}{number}{order[1:]}" if order in TAKEN_ONCE else order


@pytest.mark.parametrize(("method", "path", "order"), ORDERS, ids=str)
def test_as_they_are_they_are_taken(
    method: str, path: str, order: dict[str, Any], place: Place
) -> None:
    """Otherwise the other test would say nothing."""
    if path != "/authenticate":
        assert ask(place, method, path, numbered(order, 0)) == 200, order


def test_no_text_adds_a_line_anywhere(place: Place) -> None:
    number = 0
    for method, path, order in ORDERS:
        for made in spoiled(order):
            number += 1
            ask(place, method, path, numbered(made, number))
    assert number > 150
    assert messages(place, "INBOX") + messages(place, "Sent") > 10
    assert list(in_rows(place)) == []
    for _, fields in place.world.log.events:
        for written in (json_line, plain_line):
            assert CONTROL.search(written(0.0, "info", "verb", fields)) is None


def messages(place: Place, name: str) -> int:
    """How many messages there are; none of them has a field that somebody smuggled in."""
    user = f"/users/{place.id(ANN)}"
    boxes = {one["path"]: one["id"] for one in place.root("GET", f"{user}/mailboxes")["results"]}
    where = f"{user}/mailboxes/{boxes[name]}/messages"
    found = place.root("GET", f"{where}?limit=250")["results"]
    for row in found:
        reply = place.site.get(f"/wildduck{where}/{row['id']}/message.eml", x_access_token=TOKEN)
        head = reply.body.partition(b"\r\n\r\n")[0]
        assert re.search(rb"(?:^|[\r\n])X-Evil", head) is None, head
        assert re.search(rb"[^\r]\n|\r[^\n]|\0", head) is None, head
        assert b"\r\n\r\nX-Evil" not in reply.body.partition(b"X-Key")[0]
    return len(found)


def in_rows(place: Place) -> Iterator[tuple[str, str, str]]:
    """(table, column, text) of every short text in the store with a control in it."""

    def rows(cursor: Any) -> list[tuple[str, str, str]]:
        found = []
        listed = "SELECT name FROM sqlite_master WHERE type = 'table' AND sql LIKE 'CREATE T%'"
        for (table,) in cursor.execute(listed).fetchall():
            rows = cursor.execute(f'SELECT * FROM "{table}"')
            names = [column[0] for column in rows.description]
            for row in rows.fetchall():
                for column, value in zip(names, row, strict=True):
                    if isinstance(value, str) and CONTROL.search(value):
                        found.append((table, column, value))
        return found

    return (one for one in run(place.world.store.runner.read(rows)) if one[:2] not in TEXTS)
