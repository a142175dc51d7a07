"""Logging in while the mail is at another server: who is asked, what is learned and limited."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from mailhub.core.crossing import Guest
from mailhub.core.elsewhere import ElsewhereOrder
from mailhub.model.account import Principal, Scope, Service
from mailhub.model.elsewhere import Phase
from mailhub.model.errors import (
    AccountDisabled,
    AuthenticationFailed,
    StillElsewhere,
    TooManyAttempts,
    Unavailable,
    WrongScope,
)
from mailhub.model.settings import LimitSettings
from tests.passages import FakePassage
from tests.support import run
from tests.world import ACTOR, APPS, PASSWORD, PEER, SECURE_PEER, World, world

JOE = "joe@example.org"
THERE = "there"


class House:
    """A server, and a former one. `known`: a password is known here."""

    def __init__(self, *, known: bool = False, **order: str) -> None:
        self.passage = FakePassage({JOE: THERE})
        self.world: World = world(passage=self.passage, limits=LimitSettings())
        self.number = self.world.people[JOE].number
        if not known:
            run(self.world.accounts.set_password(self.number, "", ACTOR))
        self.set(**order)

    def set(self, **order: str) -> None:
        account = run(self.world.accounts.get(self.number))
        given = order or {"imap": "imaps://old.example", "pop3": "pop3s://old.example"}
        run(self.world.elsewheres.set(account, ElsewhereOrder(**given), ACTOR))

    def change(self, **fields: Any) -> None:
        account = run(self.world.accounts.get(self.number))
        run(self.world.accounts.update(replace(account, **fields), ACTOR))

    def phase(self, phase: Phase) -> None:
        run(self.world.elsewheres.change(self.number, phase, ACTOR))

    def log_in(self, password: str = THERE, service: Service = Service.IMAP) -> Principal:
        return run(self.world.login.plain(JOE, password, PEER, service))


@pytest.fixture
def house() -> House:
    return House()


@pytest.mark.parametrize(("service", "protocol"), [(Service.IMAP, "imap"), (Service.POP3, "pop3")])
def test_a_session_there_comes_with_the_login(
    house: House, service: Service, protocol: str
) -> None:
    found = house.log_in(service=service)
    assert isinstance(found, Guest)
    assert (found.account, found.service) == (house.number, service)
    assert house.passage.asked == [(protocol, JOE, PEER.address)]
    assert found.crossing is house.passage.crossings[0]
    assert not house.passage.crossings[0].closed
    assert THERE not in repr(found)


@pytest.mark.parametrize("service", [Service.SUBMISSION, Service.HTTP, Service.SIEVE])
def test_other_services_only_ask_whether_the_password_is_right(
    house: House, service: Service
) -> None:
    assert type(house.log_in(service=service)) is Principal
    assert [one.closed for one in house.passage.crossings] == [True]
    house.world.clock.advance(400)
    house.log_in(service=service)  # learned
    assert len(house.passage.asked) == 1


def test_the_password_that_was_learned_opens_the_mailbox_here(house: House) -> None:
    house.log_in()
    house.phase(Phase.HERE)
    house.passage.broken = Unavailable()
    assert type(house.log_in()) is Principal
    assert run(house.world.accounts.get(house.number)).has_password


def test_nobody_who_is_elsewhere_can_be_proven_by_scram(house: House) -> None:
    run(house.world.elsewheres.start())
    assert house.world.login.mechanisms(SECURE_PEER) == ("PLAIN", "LOGIN")
    house.phase(Phase.HERE)
    run(house.world.elsewheres.possible())
    assert house.world.login.mechanisms(SECURE_PEER)[0] == "SCRAM-SHA-256-PLUS"


def test_wrong_passwords_are_guesses_and_are_limited(house: House) -> None:
    for _ in range(10):
        with pytest.raises(AuthenticationFailed):
            house.log_in("wrong")
    asked = len(house.passage.asked)
    with pytest.raises(TooManyAttempts):
        house.log_in()
    assert asked == len(house.passage.asked) == 10


def test_a_server_that_is_away_proves_nothing_and_costs_no_guess(house: House) -> None:
    house.passage.broken = Unavailable()
    for _ in range(20):
        with pytest.raises(Unavailable):
            house.log_in()
    house.passage.broken = None
    assert isinstance(house.log_in(), Guest)


def test_a_password_that_was_changed_there_counts(house: House) -> None:
    house.log_in()
    house.passage.passwords[JOE] = "newer"
    house.world.clock.advance(400)
    with pytest.raises(AuthenticationFailed):
        house.log_in()
    assert isinstance(house.log_in("newer"), Guest)
    house.phase(Phase.HERE)
    assert type(house.log_in("newer")) is Principal
    with pytest.raises(AuthenticationFailed):
        house.log_in()


def test_a_password_that_was_changed_here_counts_here_alone() -> None:
    house = House(known=True)
    run(house.world.accounts.set_password(house.number, "changed here", ACTOR))
    with pytest.raises(AuthenticationFailed):
        house.log_in()  # the other server would take it
    assert house.passage.asked == []
    assert type(house.log_in("changed here", Service.SUBMISSION)) is Principal
    with pytest.raises(StillElsewhere):
        house.log_in("changed here")


def test_an_imported_hash_counts_as_the_other_servers() -> None:
    house = House(known=True)
    house.passage.passwords[JOE] = PASSWORD
    assert isinstance(house.log_in(PASSWORD), Guest)
    house.passage.passwords[JOE] = "newer"
    assert isinstance(house.log_in("newer"), Guest)


def test_nobody_gets_in_while_the_rest_is_fetched(house: House) -> None:
    house.log_in()
    house.phase(Phase.MOVING)
    with pytest.raises(StillElsewhere):
        house.log_in()
    assert type(house.log_in(service=Service.SUBMISSION)) is Principal


def test_a_disabled_account_asks_nobody(house: House) -> None:
    house.change(disabled=True)
    with pytest.raises(AuthenticationFailed):
        house.log_in()
    assert house.passage.asked == []
    known = House(known=True)
    known.change(disabled=True)
    with pytest.raises(AccountDisabled):
        known.log_in(PASSWORD)
    assert known.passage.asked == []


def test_a_second_factor_and_a_service_that_is_off_hold() -> None:
    house = House(known=True)
    house.passage.passwords[JOE] = PASSWORD
    house.world.second_factor(JOE, **APPS)
    with pytest.raises(WrongScope):
        house.log_in(PASSWORD)
    with pytest.raises(AuthenticationFailed):
        house.log_in(THERE)
    with pytest.raises(StillElsewhere, match="app password"):
        house.log_in(APPS["all"])
    assert type(house.log_in(APPS["all"], Service.SUBMISSION)) is Principal
    assert house.passage.asked == []
    other = House(known=True)
    other.passage.passwords[JOE] = PASSWORD
    other.change(disabled_scopes=frozenset({Scope.IMAP}))
    with pytest.raises(WrongScope):
        other.log_in(PASSWORD)
    assert other.passage.asked == []


def test_a_protocol_that_the_other_server_does_not_speak() -> None:
    house = House(imap="imaps://old.example")
    with pytest.raises(StillElsewhere):
        house.log_in(service=Service.POP3)
    assert house.passage.asked == [("imap", JOE, PEER.address)]
    assert house.passage.crossings[0].closed
    nowhere = House(mail="smtp://old.example")
    with pytest.raises(AuthenticationFailed):
        nowhere.log_in()
    known = House(known=True, mail="smtp://old.example")
    with pytest.raises(StillElsewhere):
        known.log_in(PASSWORD)


def test_an_identity_that_is_not_its_own_lets_the_session_go(house: House) -> None:
    with pytest.raises(AuthenticationFailed):
        run(house.world.login.plain(JOE, THERE, PEER, Service.IMAP, "ann@example.org"))
    assert house.passage.crossings[0].closed


def test_sessions_end_when_the_mailbox_moves(house: House) -> None:
    ended: list[str] = []
    mailbox = house.log_in()
    sending = house.log_in(service=Service.SUBMISSION)
    house.world.watch.login(mailbox, ended.append)
    house.world.watch.login(sending, lambda _: ended.append("sending"))
    house.phase(Phase.MOVING)
    assert ended == ["The mailbox moves, please log in again"]


@pytest.mark.parametrize(
    ("before", "after", "held"),
    [
        (Phase.ELSEWHERE, Phase.MOVING, True),
        (Phase.ELSEWHERE, Phase.HERE, True),
        (Phase.HERE, Phase.MOVING, True),
        (Phase.HERE, Phase.ELSEWHERE, True),
        (Phase.MOVING, Phase.ELSEWHERE, False),
        (Phase.MOVING, Phase.HERE, False),
    ],
)
def test_a_login_is_of_no_use_where_the_mail_moved_meanwhile(
    house: House, before: Phase, after: Phase, held: bool
) -> None:
    house.log_in()  # learned
    house.phase(Phase.ELSEWHERE if before is Phase.MOVING else before)
    found = house.log_in()
    house.phase(after if before is not Phase.MOVING else before)
    with pytest.raises(StillElsewhere):
        house.world.watch.login(found, [].append)
    if not held:
        house.phase(after)
        house.world.watch.login(house.log_in(), [].append)()
