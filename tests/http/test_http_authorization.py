"""Every call of every dialect, asked by whoever has no right to it: it is refused, and nothing is
different afterwards. Calls are found in the dialects, so that no new one is forgotten."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from mailhub.core.rights import Caller, Role, Standing, check
from mailhub.http.app import mounts
from mailhub.http.routing import Route
from mailhub.model.account import Factor
from mailhub.model.account import Role as AccountRole
from mailhub.model.errors import NotPermitted
from mailhub.model.message import Arrival
from tests.http.browsing import FOREIGN, Reply, Site, with_token
from tests.http.tmail import basic
from tests.support import run
from tests.world import ACTOR, world

TOKEN = "r00t"
JOE, ANN, EVE = "joe@example.org", "ann@example.org", "eve@example.org"
MESSAGE = b"From: a@remote.example\r\nTo: ann@example.org\r\nSubject: s\r\n\r\ntext\r\n"
OPEN = {
    ("tmail", "GET", "/ping"),
    ("tmail", "GET", "/openapi.json"),
    ("wildduck", "GET", "/openapi.json"),
    ("frame", "GET", "/health"),
    ("frame", "GET", "/health/live"),
    ("frame", "GET", "/health/ready"),
}
"""Whoever reaches the server may ask for these."""
TRIED = {"authlog", "api_session"}
"""Tables that say who tried."""
ARGUMENT = re.compile(r"<(?:path:)?(\w+)>")


class Place:
    """A server with people, a message of Ann's, and a root token."""

    def __init__(self) -> None:
        self.world = world(people=(JOE, ANN, EVE))
        self.arrival: Arrival = self.world.deliver(ANN, MESSAGE)
        self.site = Site(world=self.world, settings=with_token(TOKEN), root="")
        self.calls = [
            (dialect.name, prefix, one)
            for prefix, dialect in mounts(self.site.parts)
            for one in dialect.routes()
        ]
        number = self.world.people[ANN].number
        (inbox, *_) = run(self.world.store.mailboxes.all(number))
        (address, *_) = run(self.world.store.addresses.of_account(number))
        self.known: Mapping[str, str] = {
            "user": self.world.people[ANN].id,
            "mailbox": inbox.id,
            "message": str(self.arrival.uid),
            "address": address.id,
            "username": ANN,
            "login": ANN,
            "hostname": "example.org",
        }

    def token(self, name: str = JOE, role: Role = Role.USER) -> str:
        account = self.world.people[name] if role.is_personal else None
        return run(self.world.tokens.issue(account, role))[0]

    def ask(self, prefix: str, one: Route, user: str = "", **headers: str) -> Reply:
        known = {**self.known, "user": user or self.known["user"]}
        path = ARGUMENT.sub(lambda found: known.get(found[1], "1"), one.path)
        body = {} if one.method in ("POST", "PUT") else None
        return self.site.ask(one.method, prefix + path, body, peer=FOREIGN, **headers)

    def everything(self) -> object:
        """All rows of all tables, but for what says that somebody tried."""

        def rows(cursor: Any) -> object:
            listed = "SELECT name FROM sqlite_master WHERE type = 'table' AND sql LIKE 'CREATE T%'"
            tables = {name for (name,) in cursor.execute(listed).fetchall()} - TRIED
            found = {
                name: sorted(map(repr, cursor.execute(f'SELECT * FROM "{name}"').fetchall()))
                for name in tables
            }
            assert len(found) > 20
            assert len(found["message"]) == 1
            found["journal"] = [row for row in found["journal"] if "login" not in row]
            return found

        return run(self.world.store.runner.read(rows))


@pytest.fixture(scope="module")
def place() -> Place:
    """For tests that say themselves that they change nothing."""
    return Place()


@pytest.fixture
def fresh() -> Place:
    return Place()


def let_in(place: Place, dialect: str, user: str = "", **headers: str) -> set[str]:
    """Calls that were not refused; nothing is different after all of them."""
    before = place.everything()
    found = set()
    asked = 0
    for name, prefix, one in place.calls:
        if name != dialect or (name, one.method, one.path) in OPEN:
            continue
        asked += 1
        reply = place.ask(prefix, one, user, **headers)
        if reply.status not in (401, 403, 404, 429):
            found.add(f"{one.method} {one.path}")
        elif reply.status == 404:
            assert "<" in one.path, f"{one.method} {one.path} is not there"
    assert asked >= {"wildduck": 40, "tmail": 25, "frame": 1}[dialect]
    assert place.everything() == before
    return found


OWN_TOKEN = {"GET /authenticated", "DELETE /authenticate"}
NO_TOKEN = [
    {},
    {"x_access_token": "0" * 40},
    {"authorization": "Bearer " + "f" * 40},
    {"authorization": "Bearer x"},
    {"x_access_token": TOKEN, "authorization": "Bearer " + "0" * 40},
    {"authorization": basic(JOE)},
]


@pytest.mark.parametrize("headers", NO_TOKEN, ids=str)
def test_nobody_comes_into_wildduck_without_a_token(place: Place, headers: dict[str, str]) -> None:
    assert let_in(place, "wildduck", **headers) == set()


def test_every_call_of_wildduck_names_a_right(place: Place) -> None:
    assert {
        (name, one.method, one.path)
        for name, _, one in place.calls
        if name == "wildduck" and one.right is None
    } <= OPEN


def test_the_root_comes_in_everywhere(place: Place) -> None:
    """Otherwise the other tests would say nothing."""
    for name, prefix, one in place.calls:
        if name == "wildduck" and one.method == "GET":
            reply = place.ask(prefix, replace(one, method="HEAD"), x_access_token=TOKEN)
            assert reply.status not in (401, 403), one.path


@pytest.mark.parametrize("user", ["", "f" * 24, "me%00", "..", "ME"])
def test_a_persons_token_opens_nothing_of_others_nor_of_all(place: Place, user: str) -> None:
    opened = set()
    before = place.everything()
    for name, prefix, one in place.calls:
        if name == "wildduck" and one.right is not None:
            reply = place.ask(prefix, one, user, x_access_token=place.token())
            if reply.status not in (400, 403, 404):
                opened.add(f"{one.method} {one.path}")
    assert opened == OWN_TOKEN
    assert place.everything() == before


def disabled(place: Place) -> None:
    account = run(place.world.accounts.get(place.world.people[JOE].number))
    run(place.world.accounts.update(replace(account, disabled=True), ACTOR))


def suspended(place: Place) -> None:
    account = run(place.world.accounts.get(place.world.people[JOE].number))
    run(place.world.accounts.update(replace(account, suspended=True), ACTOR))


def removed(place: Place) -> None:
    run(place.world.accounts.remove(place.world.people[JOE].number, ACTOR))


def new_password(place: Place) -> None:
    run(place.world.accounts.set_password(place.world.people[JOE].number, "another", ACTOR))


def old(place: Place) -> None:
    place.world.clock.advance(15 * 86400)


@pytest.mark.parametrize("end", [disabled, suspended, removed, new_password, old])
def test_a_token_that_is_over_opens_nothing(fresh: Place, end: Any) -> None:
    token, id = fresh.token(), fresh.world.people[JOE].id
    end(fresh)
    assert let_in(fresh, "wildduck", id, x_access_token=token) == set()


def test_a_token_that_was_revoked_opens_nothing(place: Place) -> None:
    token, id = place.token(), place.world.people[JOE].id
    run(place.world.tokens.revoke(token))
    assert let_in(place, "wildduck", id, x_access_token=token) == set()


def allowed(who: Caller, one: Route, subject: str) -> bool:
    assert one.right is not None
    try:
        check(who, one.right, subject if "<user>" in one.path else None)
    except NotPermitted:
        return False
    return True


SCOPES = [
    *((role, Standing.WHOLE) for role in Role if role is not Role.ROOT),
    (Role.USER, Standing.FACTOR),
    (Role.USER, Standing.PASSWORD),
]


@pytest.mark.parametrize(("role", "standing"), SCOPES)
def test_a_token_of_the_wrong_scope_is_refused(
    place: Place, role: Role, standing: Standing
) -> None:
    """What the table does not say is refused at the door, and every role misses something."""
    joe = place.world.people[JOE]
    who = Caller("", joe.number, joe.id if role.is_personal else "", role, standing, "key")
    account = joe if role.is_personal else None
    if standing is Standing.FACTOR:
        account = replace(joe, factors=(Factor.TOTP,))
    elif standing is Standing.PASSWORD:
        account = replace(joe, must_change=True)
    token = run(place.world.tokens.issue(account, role))[0]
    before, refused = place.everything(), 0
    for name, prefix, one in place.calls:
        if name != "wildduck" or one.right is None or allowed(who, one, joe.id):
            continue
        reply = place.ask(prefix, one, joe.id, x_access_token=token)
        assert reply.json["code"] == "MissingPrivileges", f"{one.method} {one.path}"
        refused += 1
    assert refused > 5
    assert place.everything() == before


# -- the other dialects


def test_nobody_comes_into_tmail_but_its_administrators(fresh: Place) -> None:
    world = fresh.world
    world.account("root@example.org", role=AccountRole.ADMIN)
    world.account("gone@example.org", role=AccountRole.ADMIN)
    gone = run(world.accounts.get(world.people["gone@example.org"].number))
    run(world.accounts.update(replace(gone, disabled=True), ACTOR))
    for given in (
        "",
        basic(JOE),
        basic("root@example.org", "wrong"),
        basic("nobody@example.org"),
        basic("gone@example.org"),
        f"Bearer {TOKEN}",
        f"Bearer {fresh.token()}",
    ):
        headers = {"authorization": given} if given else {}
        assert let_in(fresh, "tmail", **headers) == set(), given
        world.clock.advance(86400)


def test_nobody_reads_metrics_but_the_root(place: Place) -> None:
    for token in ("", place.token(), "0" * 40):
        headers = {"x_access_token": token} if token else {}
        assert let_in(place, "frame", **headers) == set()
    assert place.site.get("/metrics", x_access_token=TOKEN).status == 200
