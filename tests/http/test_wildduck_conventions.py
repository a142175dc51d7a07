"""What every call of WildDuck's dialect has in common, asked of every call that there is."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest

from mailhub.http.app import mounts
from mailhub.http.routing import Route
from mailhub.http.wildduck.shapes import Parameters
from tests.http.browsing import Reply, Site
from tests.support import run
from tests.world import world

pytestmark = pytest.mark.thorough

ANN = "ann@example.org"
MESSAGE = b"From: a@remote.example\r\nTo: ann@example.org\r\nSubject: s\r\n\r\ntext\r\n"
NUMBERED = ("/mailboxes/<mailbox>/messages/<message>",)
PASSING = {"GET /users/<user>/authlog"}
"""The list that refuses what it does not know, as WildDuck's does."""


class Place:
    """A server where every path leads to something that looks right."""

    def __init__(self) -> None:
        here = world(people=(ANN,))
        here.deliver(ANN, MESSAGE)
        self.site = Site(world=here)
        account = here.people[ANN]
        (inbox, *_) = run(here.store.mailboxes.all(account.number))
        self.known = {"user": account.id, "mailbox": inbox.id, "username": ANN, "script": "main"}

    def ask(self, one: Route, body: object = None, query: str = "", **headers: str) -> Reply:
        numbered = any(part in one.path for part in NUMBERED)
        known = {"message": "1" if numbered else "a" * 24, "attachment": "ATT00001", **self.known}
        path = re.sub(r"<(?:path:)?(\w+)>", lambda name: known.get(name[1], "a" * 24), one.path)
        return self.site.ask(one.method, f"{path}?{query}", body, **headers)


def calls() -> Iterator[Route]:
    for prefix, dialect in mounts(Site(world=world(people=())).parts):
        if dialect.name == "wildduck" and prefix:
            for one in dialect.routes():
                if one.right is not None and not one.path.startswith("/user/"):
                    yield one


CALLS = list(calls())


@pytest.fixture(scope="module")
def place() -> Place:
    return Place()


def at_fault(reply: Reply) -> Any:
    assert (reply.status, reply.json["code"]) == (400, "InputValidationError"), reply.body
    assert reply.json["error"] == ". ".join(reply.json["details"].values())
    return reply.json["details"]


def test_every_call_takes_the_labels_of_the_applications_user() -> None:
    for one in CALLS:
        assert one.about is not None, one.path
        takes = one.about.takes
        assert takes is not None, one.path
        assert issubclass(takes, Parameters), one.path
        assert {"sess", "ip"} <= takes.model_fields.keys()


FAULTS = [
    ("ip=10.0.0.0/8", "ip", '"ip" must be a valid ip address with a forbidden CIDR'),
    ("ip=nowhere", "ip", '"ip" must be a valid ip address with a forbidden CIDR'),
    (
        f"sess={'s' * 256}",
        "sess",
        '"sess" length must be less than or equal to 255 characters long',
    ),
]


@pytest.mark.parametrize(("query", "field", "text"), FAULTS)
def test_every_call_checks_them(place: Place, query: str, field: str, text: str) -> None:
    for one in CALLS:
        assert at_fault(place.ask(one, query=query))[field] == text, f"{one.method} {one.path}"


def test_what_a_call_does_not_know_is_refused_but_on_lists(place: Place) -> None:
    passing = set()
    for one in CALLS:
        assert one.about is not None
        assert one.about.takes is not None
        if one.about.takes.model_config.get("extra") == "ignore":
            assert one.method == "GET"
            passing.add(f"{one.method} {one.path}")
            continue
        found = at_fault(place.ask(one, query="whatIsThis=1"))
        assert found["whatIsThis"] == '"whatIsThis" is not allowed', f"{one.method} {one.path}"
    assert {"GET /users", "GET /addresses", "GET /users/<user>/archived"} <= passing
    assert not PASSING & passing


def test_the_token_is_no_parameter(place: Place) -> None:
    for one in CALLS:
        if one.method == "GET":
            reply = place.ask(one, query="accessToken=wrong")
            assert reply.json["code"] == "InvalidToken"


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [(b"{", "application/json", 400), (b"[]", "application/json", 400), (b"x", "text/plain", 415)],
)
def test_every_body_is_json_or_a_form(place: Place, body: bytes, kind: str, status: int) -> None:
    for one in CALLS:
        if one.method in ("POST", "PUT") and not one.large:
            reply = place.ask(one, body, content_type=kind)
            assert reply.status == status, f"{one.method} {one.path}"
            assert set(reply.json) >= {"error", "code"}


IDS = [("user", "UserNotFound"), ("mailbox", "NoSuchMailbox")]
REPEATABLE = {"DELETE /users/<user>"}
"""Succeeds for whom nobody knows."""


@pytest.mark.parametrize(("name", "code"), IDS)
def test_what_is_not_there_is_404_and_what_is_no_id_400(place: Place, name: str, code: str) -> None:
    missing = 0
    for one in CALLS:
        if f"<{name}>" not in one.path:
            continue
        whole, place.known[name] = place.known[name], "f" * 24
        reply = place.ask(one, {} if one.method in ("POST", "PUT") else None)
        place.known[name] = "nonsense"
        wrong = at_fault(place.ask(one, {} if one.method in ("POST", "PUT") else None))
        place.known[name] = whole
        assert wrong[name] == f'"{name}" must only contain hexadecimal characters', one.path
        if reply.status == 404:
            missing += 1
            assert reply.json["code"] == code, f"{one.method} {one.path}"
        else:
            # Other parameters may be looked at first.
            assert reply.status == 400 or f"{one.method} {one.path}" in REPEATABLE, one.path
    assert missing > {"user": 30, "mailbox": 6}[name]


BAD_PAGES = [
    ("limit=0", "limit"),
    ("limit=251", "limit"),
    ("limit=x", "limit"),
    ("next=a%20b", "next"),
    ("next=%00", "next"),
    ("previous=bm90IGpzb24", "previous"),
    (f"next={'a' * 1025}", "next"),
]


def lists() -> list[Route]:
    found = []
    for one in CALLS:
        assert one.about is not None
        assert one.about.takes is not None
        if {"next", "previous"} <= one.about.takes.model_fields.keys():
            found.append(one)
    return found


@pytest.mark.parametrize(("query", "field"), BAD_PAGES)
def test_every_list_checks_its_page(place: Place, query: str, field: str) -> None:
    for one in lists():
        assert field in at_fault(place.ask(one, query=query)), f"{one.method} {one.path} {query}"


def test_every_list_tells_of_its_page(place: Place) -> None:
    found = lists()
    assert len(found) >= 9
    for one in found:
        reply = place.ask(one, query="limit=1")
        if reply.status == 404:
            continue
        told = reply.json
        assert reply.status == 200, one.path
        assert told["page"] == 1
        assert told["previousCursor"] is False
        assert isinstance(told["total"], int)
        assert len(told["results"]) <= 1
        cursor = told["nextCursor"]
        assert cursor is False or re.fullmatch(r"[A-Za-z0-9_-]{1,1024}", cursor), one.path


# -- pages, while rows come and go

USER = {"username": "x", "password": False, "emptyAddress": True}
LISTS: dict[str, tuple[str, str, str]] = {
    # list: what makes a row (with a number for what has to differ), and what removes one
    "/users?": ("/users", "username", "/users/{id}"),
    "/addresses?query=a": ("{user}/addresses", "address", "{user}/addresses/{id}"),
    "/filters?": ("{user}/filters", "name", "{user}/filters/{id}"),
    "{user}/storage?": ("{user}/storage", "filename", "{user}/storage/{id}"),
    "/domainaliases?": ("/domainaliases", "alias", "/domainaliases/{id}"),
}


@pytest.mark.parametrize("listed", LISTS)
@pytest.mark.parametrize("size", [1, 3])
def test_pages_neither_repeat_nor_hide_while_rows_come_and_go(listed: str, size: int) -> None:
    site = Site()
    owner = site.post("/users", {**USER, "username": "owner"}).json["id"]
    user = f"/users/{owner}"
    site.post(f"{user}/addresses", {"address": "first@home.test"})
    make, field, gone = LISTS[listed]

    def row(number: int) -> str:
        value = {
            "username": f"u{number}", "address": f"a{number}@home.test", "name": f"f{number}",
            "filename": f"f{number}", "alias": f"a{number}.test",
        }[field]  # fmt: skip
        more = {"username": USER, "alias": {"domain": "home.test"}}.get(field, {})
        reply = site.post(make.format(user=user), {**more, field: value})
        assert reply.status == 200, reply.json
        return str(reply.json["id"])

    made = [row(number) for number in range(8)]
    removed, seen, cursor, fresh = {made[5]}, [], "", 100
    for step in range(20):
        path = listed.format(user=user) + f"&limit={size}&next={cursor}&page={step + 1}"
        page = site.get(path).json
        seen += [one["id"] for one in page["results"]]
        if step == 0:
            site.delete(gone.format(user=user, id=made[5]))
        cursor = page["nextCursor"]
        if not cursor:
            break
        # The row at the cursor goes, and another one comes.
        if seen[-1] in made:
            site.delete(gone.format(user=user, id=seen[-1]))
        if step < 2:
            row(fresh := fresh + 1)
    assert len(set(seen)) == len(seen)
    assert [one for one in seen if one in made] == [one for one in made if one not in removed]
