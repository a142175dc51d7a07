"""IMAP and POP3 sessions that are another server's behind the login, over both faces' protocols."""

from __future__ import annotations

from base64 import b64encode
from typing import Any

import pytest
from twisted.internet.protocol import connectionDone

from mailhub.core.elsewhere import ElsewhereOrder
from mailhub.model.elsewhere import Phase
from mailhub.model.errors import Unavailable
from mailhub.model.settings import LimitSettings
from tests.imap.listener import IMAPListener
from tests.passages import FakeCrossing, FakePassage
from tests.pop3.visits import Visits
from tests.support import run
from tests.transcript import Conversation
from tests.world import ACTOR, World, world

pytestmark = pytest.mark.thorough

JOE = "joe@example.org"
WORD = "there"
LOGIN = b"a LOGIN joe@example.org there\r\n"
PASS = b"USER joe@example.org\r\nPASS there\r\n"


class House:
    """A server one of whose accounts is elsewhere."""

    def __init__(self) -> None:
        self.passage = FakePassage({JOE: WORD})
        limits = LimitSettings(guesses_per_address=0, guesses_per_network=0, guesses_per_account=0)
        self.world: World = world(passage=self.passage, limits=limits)
        self.account = self.world.people[JOE]
        run(self.world.accounts.set_password(self.account.number, "", ACTOR))
        account = run(self.world.accounts.get(self.account.number))
        order = ElsewhereOrder(imap="imaps://old.example", pop3="pop3s://old.example")
        run(self.world.elsewheres.set(account, order, ACTOR))
        self.imap = IMAPListener(self.world)
        self.pop3 = Visits(self.world, plaintext_auth=True)

    def inside(self, said: bytes = LOGIN) -> tuple[Conversation, FakeCrossing]:
        """An IMAP session that is there; its first answers were read."""
        opened = self.imap()
        opened.send(said)
        opened.read()
        return opened, self.passage.crossings[-1]

    def collected(self) -> tuple[Conversation, FakeCrossing]:
        """The same over POP3."""
        opened = self.pop3("")
        opened.send(PASS)
        opened.read()
        return opened, self.passage.crossings[-1]

    def phase(self, phase: Phase) -> None:
        run(self.world.elsewheres.change(self.account.number, phase, ACTOR))


@pytest.fixture
def house() -> House:
    return House()


IMAP_LOGINS = (
    LOGIN,
    b"a LOGIN {15+}\r\njoe@example.org {5+}\r\nthere\r\n",
    b"a AUTHENTICATE PLAIN " + b64encode(b"\0joe@example.org\0there") + b"\r\n",
    b"a AUTHENTICATE PLAIN\r\n" + b64encode(b"\0joe@example.org\0there") + b"\r\n",
    b"a AUTHENTICATE LOGIN\r\n" + b64encode(JOE.encode()) + b"\r\n" + b64encode(b"there") + b"\r\n",
)


@pytest.mark.parametrize("login", IMAP_LOGINS)
@pytest.mark.parametrize(
    "behind", [b"", b"b NOOP\r\n", b"b APPEND x {3}\r\nabc\r\nc LOGIN a b\r\n"]
)
def test_everything_behind_the_login_is_the_other_servers_in_every_split(
    login: bytes, behind: bytes
) -> None:
    house = House()
    for size in range(1, len(login + behind) + 1):
        opened = house.imap()
        opened.send(login + behind, size)
        said = opened.read()
        told = b"a OK [CAPABILITY IMAP4rev1 FOREIGN] Logged in\r\n"
        assert said.endswith(told), said
        crossing = house.passage.crossings[-1]
        assert crossing.heard == behind
        crossing.say(b"b OK yes\r\n")
        assert opened.read() == b"b OK yes\r\n"
        opened.protocol.connectionLost(connectionDone)
        assert crossing.closed


@pytest.mark.parametrize("behind", [b"", b"STAT\r\n", b"STAT\r\nRETR 1\r\nQUIT\r\n"])
def test_everything_behind_a_pop3_login_is_the_other_servers(behind: bytes) -> None:
    house = House()
    said = PASS + behind
    for size in range(1, len(said) + 1):
        opened = house.pop3("")
        opened.send(said, size)
        assert opened.read().endswith(b"+OK there\r\n")
        crossing = house.passage.crossings[-1]
        assert crossing.heard == behind
        opened.protocol.connectionLost(connectionDone)
        assert crossing.closed


def test_no_layer_of_ours_is_offered_or_begun(house: House) -> None:
    opened, crossing = house.inside()
    opened.send(b"b STARTTLS\r\nc COMPRESS DEFLATE\r\n" + b"x" * 70_000)
    assert crossing.heard == b"b STARTTLS\r\nc COMPRESS DEFLATE\r\n" + b"x" * 70_000
    assert opened.read() == b""
    assert opened.transport.tls is None


def test_what_is_not_understood_before_the_login_is_no_ones_else(house: House) -> None:
    opened = house.imap()
    opened.send(b"a LOGIN joe@example.org wrong\r\nb NOOP\r\n")
    said = opened.read()
    assert b"a NO [AUTHENTICATIONFAILED]" in said
    assert b"b OK" in said
    assert house.passage.crossings == []


def test_a_server_that_is_away_is_told_as_such(house: House) -> None:
    house.passage.broken = Unavailable("The server of this mailbox cannot be reached")
    opened = house.imap()
    opened.send(LOGIN)
    assert b"a NO [UNAVAILABLE] The server of this mailbox" in opened.read()
    collecting = house.pop3("")
    collecting.send(PASS)
    assert b"-ERR [SYS/TEMP] The server of this mailbox" in collecting.read()


def test_each_side_waits_for_the_other(house: House) -> None:
    opened, crossing = house.inside()
    protocol: Any = opened.protocol
    protocol.pauseProducing()
    assert crossing.paused
    protocol.resumeProducing()
    assert not crossing.paused
    assert crossing.receiver is not None
    crossing.receiver.hold_back()
    assert opened.transport.producerState == "paused"
    crossing.receiver.go_on()
    assert opened.transport.producerState == "producing"


BYES = (
    (b"", True),
    (b"* 1 EXISTS\r\n", True),
    (b"* 1 EXI", False),
    (b"* 1 FETCH (BODY[] {100}\r\nabc\r\n", False),
    (b"* 1 FETCH (BODY[] {3}\r\nabc)\r\n", True),
)
MOVED = b"* BYE The mailbox moves, please log in again\r\n"
STOPS = b"* BYE The server is shutting down\r\n"


@pytest.mark.parametrize(("said", "fits"), BYES)
@pytest.mark.parametrize("ends", ["moved", "stops", "deserted"])
def test_goodbye_is_said_between_two_answers_alone(said: bytes, fits: bool, ends: str) -> None:
    house = House()
    opened, crossing = house.inside()
    if said:
        crossing.say(said)
    protocol: Any = opened.protocol
    if ends == "moved":
        house.phase(Phase.MOVING)
        words = MOVED
    elif ends == "stops":
        protocol.retire()
        words = STOPS
    else:
        assert crossing.receiver is not None
        crossing.receiver.parted()
        words = b"* BYE [UNAVAILABLE] The server of this mailbox hung up\r\n"
    assert opened.read() == said + (words if fits else b"")
    assert opened.transport.disconnecting
    assert crossing.closed


def test_a_server_that_said_goodbye_itself_needs_no_other(house: House) -> None:
    opened, crossing = house.inside()
    crossing.say(b"* BYE out\r\nb OK done\r\n")
    assert crossing.receiver is not None
    crossing.receiver.parted()
    assert opened.read() == b"* BYE out\r\nb OK done\r\n"
    assert opened.transport.disconnecting


def test_pop3_sessions_end_when_the_maildrop_moves(house: House) -> None:
    opened, crossing = house.collected()
    house.phase(Phase.HERE)
    assert opened.read() == b"-ERR [SYS/TEMP] The mailbox moves, please log in again\r\n"
    assert opened.transport.disconnecting
    assert crossing.closed


def test_who_is_silent_for_too_long_is_let_go(house: House) -> None:
    opened, crossing = house.inside()
    timeout = house.imap.site.settings.idle_timeout
    opened.reactor.advance(timeout - 1)
    opened.send(b"b NOOP\r\n")
    crossing.say(b"b OK\r\n")
    opened.reactor.advance(timeout - 1)
    assert not crossing.closed
    crossing.say(b"* OK Still here\r\n")
    opened.reactor.advance(2)
    assert b"* BYE Autologout" in opened.read()
    assert crossing.closed


def test_a_session_that_drains_ends_when_its_answer_has_come(house: House) -> None:
    opened, crossing = house.inside()
    opened.send(b"b FETCH 1 BODY[]\r\n")
    protocol: Any = opened.protocol
    protocol.drain()
    assert not crossing.closed
    crossing.say(b"* 1 FETCH (BODY[] {3}\r\nab")
    opened.reactor.advance(60)
    protocol.drain()
    assert not crossing.closed
    crossing.say(b"c)\r\nb OK\r\n")
    protocol.drain()
    assert crossing.closed
    assert opened.read().endswith(b"b OK\r\n" + STOPS)


def test_a_client_that_is_gone_leaves_no_session_behind(house: House) -> None:
    opened = house.imap()
    opened.send(LOGIN)
    crossing = house.passage.crossings[-1]
    opened.protocol.connectionLost(connectionDone)
    assert crossing.closed
    assert house.world.watch.listening(house.account.number) == 0
