"""Sessions at another server on transports that a test holds."""

from __future__ import annotations

import pytest
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport

from mailhub.model.elsewhere import Layer
from mailhub.model.errors import AuthenticationFailed, Unavailable
from mailhub.net.passage import CLOSING, UNCLAIMED, ServerCrossing
from mailhub.wire import imapentry
from mailhub.wire.entry import Claim

HELLO = b"* OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN] hi\r\n"
IN = b"l OK [CAPABILITY A B] in\r\n"


class Transport(StringTransport):
    aborted = False

    def abortConnection(self) -> None:
        self.aborted = True


class Hearing:
    """`ports.passage.Receiver`."""

    def __init__(self) -> None:
        self.heard = b""
        self.told: list[str] = []

    def passed(self, data: bytes) -> None:
        self.heard += data

    def parted(self) -> None:
        self.told.append("parted")

    def hold_back(self) -> None:
        self.told.append("hold back")

    def go_on(self) -> None:
        self.told.append("go on")


class Bench:
    """A session that is under way."""

    def __init__(self) -> None:
        self.clock = Clock()
        claim = Claim("ann", "word", Layer.NONE)
        self.crossing = ServerCrossing(self.clock, imapentry.entry(claim), None)
        self.transport = Transport()
        self.results: list[object] = []
        self.crossing.inside.addBoth(self.results.append)
        self.crossing.makeConnection(self.transport)

    def enter(self, rest: bytes = b"") -> None:
        self.crossing.dataReceived(HELLO)
        self.crossing.dataReceived(IN + rest)
        assert self.results == [None]
        self.transport.clear()


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_what_was_said_before_it_is_joined_waits(bench: Bench) -> None:
    bench.enter(b"* 1 ")
    assert bench.transport.producerState == "paused"
    bench.crossing.dataReceived(b"EXISTS\r\n")  # was under way
    hearing = Hearing()
    bench.crossing.join(hearing)
    assert bench.transport.producerState == "producing"
    bench.crossing.dataReceived(b"* 2 EXISTS\r\n")
    assert hearing.heard == b"* 1 EXISTS\r\n* 2 EXISTS\r\n"
    assert bench.crossing.greeting == b"A B"
    bench.crossing.send(b"x NOOP\r\n")
    assert bench.transport.value() == b"x NOOP\r\n"
    bench.clock.advance(UNCLAIMED + 1)
    assert not bench.transport.disconnecting


def test_each_side_is_held_back_by_the_other(bench: Bench) -> None:
    bench.enter()
    hearing = Hearing()
    bench.crossing.join(hearing)
    bench.crossing.pause()
    assert bench.transport.producerState == "paused"
    bench.crossing.resume()
    assert bench.transport.producerState == "producing"
    assert bench.transport.producer is bench.crossing
    bench.crossing.pauseProducing()
    bench.crossing.resumeProducing()
    assert hearing.told == ["hold back", "go on"]


def test_a_server_that_hangs_up_parts(bench: Bench) -> None:
    bench.enter()
    hearing = Hearing()
    bench.crossing.join(hearing)
    bench.crossing.connectionLost()
    assert hearing.told == ["parted"]
    bench.crossing.send(b"x")
    bench.crossing.close()


def test_a_server_that_hung_up_before_it_was_joined_parts_then(bench: Bench) -> None:
    bench.enter()
    bench.crossing.connectionLost()
    hearing = Hearing()
    bench.crossing.join(hearing)
    assert hearing.told == ["parted"]


def test_nobody_joins(bench: Bench) -> None:
    bench.enter()
    bench.clock.advance(UNCLAIMED)
    assert bench.transport.disconnecting
    bench.clock.advance(CLOSING)
    assert bench.transport.aborted


def test_what_is_closed_says_no_more(bench: Bench) -> None:
    bench.enter()
    hearing = Hearing()
    bench.crossing.join(hearing)
    bench.crossing.close()
    bench.crossing.close()
    bench.crossing.dataReceived(b"late")
    bench.crossing.connectionLost()
    assert (hearing.heard, hearing.told) == (b"", [])
    assert bench.transport.disconnecting
    bench.clock.advance(CLOSING)
    assert not bench.transport.aborted


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        (HELLO + b"l NO [AUTHENTICATIONFAILED] no\r\n", AuthenticationFailed),
        (b"* BYE full\r\n", Unavailable),
    ],
)
def test_a_refusal_ends_it(bench: Bench, said: bytes, kind: type[Exception]) -> None:
    bench.crossing.dataReceived(said)
    (failure,) = bench.results
    assert failure.check(kind)  # type: ignore[attr-defined]
    assert bench.transport.disconnecting


def test_a_server_that_hangs_up_at_the_login_is_away(bench: Bench) -> None:
    bench.crossing.dataReceived(HELLO)
    bench.crossing.connectionLost()
    (failure,) = bench.results
    assert failure.check(Unavailable)  # type: ignore[attr-defined]


def test_one_that_answers_too_late_is_let_go() -> None:
    late = ServerCrossing(Clock(), imapentry.entry(Claim("a", "b", Layer.NONE)), None)
    late.close()
    transport = Transport()
    late.makeConnection(transport)
    assert transport.aborted
