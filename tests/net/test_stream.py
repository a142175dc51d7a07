"""The pump: order, back-pressure, fairness, goodbyes, and answers that outlive their peer."""

from __future__ import annotations

from typing import Any

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionDone
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure

from mailhub.net.stream import CLOSE_TIMEOUT, INPUT_LIMIT, TURN, Stream

NEED = object()
GONE = Failure(ConnectionDone())


class Lines:
    """A machine whose events are lines."""

    def __init__(self) -> None:
        self.buffer = b""

    @property
    def pending(self) -> int:
        return len(self.buffer)

    def receive(self, data: bytes) -> None:
        self.buffer += data

    def next_event(self) -> Any:
        line, found, rest = self.buffer.partition(b"\n")
        if not found:
            return NEED
        self.buffer = rest
        return line


class Talk:
    """Answers `echo X` at once, `wait` when told, `fill` until the peer reads, `fail` never."""

    def __init__(self, stream: Echo) -> None:
        self.stream = stream
        self.waiting: list[Deferred[bytes]] = []
        self.lost_calls = 0
        self.finished: list[bytes] = []

    async def answer(self, event: bytes) -> None:
        stream = self.stream
        if event in (b"wait", b"idle"):
            stream.idling = event == b"idle"
            waiting: Deferred[bytes] = Deferred()
            self.waiting.append(waiting)
            try:
                stream.write(await waiting)
            finally:
                stream.idling = False
                self.finished.append(event)
        elif event == b"fill":
            try:
                while True:
                    stream.write(b"x" * 1000)
                    await stream.drained()
            finally:
                self.finished.append(event)
        elif event == b"close":
            stream.write(b"bye\n")
            stream.close()
        elif event == b"fail":
            raise ValueError("a defect")
        elif event == b"slow":
            stream.clock.rightNow += TURN * 2
            stream.write(b"slow\n")
        else:
            stream.write(event + b"\n")

    def lost(self) -> None:
        self.lost_calls += 1


class Echo(Stream):
    need_data = NEED
    idling = False

    def __init__(self, clock: Clock) -> None:
        super().__init__(clock, 60)
        self.clock = clock
        self.machine = Lines()
        self.talk = Talk(self)
        self.said: list[str] = []

    @property
    def waiting_for_peer(self) -> bool:
        return self.idling

    def idled(self) -> None:
        self.write(b"too slow\n")

    def retired(self) -> None:
        self.write(b"going down\n")

    def failed(self) -> None:
        self.write(b"sorry\n")


class Wire(StringTransport):
    """Counts writes; unlike its parent it closes only once no producer is registered."""

    def __init__(self) -> None:
        super().__init__()
        self.writes = 0
        self.aborted = False

    def write(self, data: bytes) -> None:
        self.writes += 1
        super().write(data)

    def loseConnection(self) -> None:
        assert self.producer is None, "a transport with a producer never closes"
        super().loseConnection()

    def abortConnection(self) -> None:
        self.aborted = True


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def wire() -> Wire:
    return Wire()


@pytest.fixture
def stream(clock: Clock, wire: Wire) -> Echo:
    stream = Echo(clock)
    stream.makeConnection(wire)
    return stream


def test_a_pipeline_is_answered_in_order_and_in_one_write(stream: Echo, wire: Wire) -> None:
    stream.dataReceived(b"a\nb\nc\nd")
    assert wire.value() == b"a\nb\nc\n"
    assert wire.writes == 1


def test_what_follows_waits_for_the_answer_before_it(stream: Echo, wire: Wire) -> None:
    stream.dataReceived(b"wait\nb\n")
    stream.dataReceived(b"c\n")
    assert wire.value() == b""
    stream.talk.waiting[0].callback(b"a\n")
    assert wire.value() == b"a\nb\nc\n"


def test_a_failure_that_is_awaited_is_raised_where_it_is_awaited(stream: Echo, wire: Wire) -> None:
    stream.dataReceived(b"wait\nb\n")
    stream.talk.waiting[0].errback(Failure(ValueError("no")))
    assert stream.talk.finished == [b"wait"]
    assert wire.value() == b"sorry\n"
    assert wire.disconnecting


@pytest.mark.filterwarnings("ignore")
def test_a_defect_ends_the_session_with_an_apology(stream: Echo, wire: Wire) -> None:
    stream.dataReceived(b"a\nfail\nb\n")
    assert wire.value() == b"a\nsorry\n"
    assert wire.disconnecting


def test_reading_pauses_while_input_piles_up(stream: Echo, wire: Wire) -> None:
    stream.dataReceived(b"wait\n")
    stream.dataReceived(b"x" * INPUT_LIMIT)
    assert wire.producerState == "producing"
    stream.dataReceived(b"x\n")
    assert wire.producerState == "paused"
    stream.talk.waiting[0].callback(b"")
    assert wire.producerState == "producing"


def test_a_peer_that_does_not_read_stops_the_answers(stream: Echo, wire: Wire) -> None:
    stream.pauseProducing()
    stream.dataReceived(b"fill\nb\n")
    assert len(wire.value()) == 1000
    stream.dataReceived(b"c\n")
    assert len(wire.value()) == 1000


def test_output_goes_on_when_the_peer_reads(stream: Echo, wire: Wire) -> None:
    stream.dataReceived(b"wait\n")
    stream.pauseProducing()
    stream.talk.waiting[0].callback(b"a\n")
    stream.dataReceived(b"b\n")
    assert wire.value() == b"a\n"
    stream.resumeProducing()
    assert wire.value() == b"a\nb\n"


def test_a_long_pipeline_lets_others_run(stream: Echo, wire: Wire, clock: Clock) -> None:
    stream.dataReceived(b"slow\nslow\nslow\n")
    assert wire.value() == b"slow\n"
    seen: list[bytes] = []
    clock.callLater(0, lambda: seen.append(wire.value()))
    clock.advance(0)
    assert seen == [b"slow\nslow\n"]
    assert wire.value() == b"slow\nslow\nslow\n"
    assert wire.writes == 3


def test_close_flushes_and_reads_no_more(stream: Echo, wire: Wire) -> None:
    stream.dataReceived(b"close\na\n")
    stream.dataReceived(b"b\n")
    assert wire.value() == b"bye\n"
    assert wire.disconnecting
    assert not wire.aborted


def test_a_peer_that_never_takes_the_last_bytes_is_cut(
    stream: Echo, wire: Wire, clock: Clock
) -> None:
    stream.dataReceived(b"close\n")
    clock.advance(CLOSE_TIMEOUT - 1)
    assert not wire.aborted
    clock.advance(2)
    assert wire.aborted


def test_silence_ends_a_session_and_a_word_does_not(stream: Echo, wire: Wire, clock: Clock) -> None:
    clock.advance(50)
    stream.dataReceived(b"a\n")
    clock.advance(50)
    assert not wire.disconnecting
    clock.advance(20)
    assert wire.value() == b"a\ntoo slow\n"
    assert wire.disconnecting


def test_the_servers_own_work_is_not_the_peers_silence(
    stream: Echo, wire: Wire, clock: Clock
) -> None:
    stream.dataReceived(b"wait\n")
    for _ in range(4):
        clock.advance(50)
    assert not wire.disconnecting
    stream.talk.waiting[0].callback(b"")
    clock.advance(59)
    assert not wire.disconnecting


def test_silence_counts_while_the_peer_is_waited_for(
    stream: Echo, wire: Wire, clock: Clock
) -> None:
    stream.dataReceived(b"idle\n")
    clock.advance(61)
    assert wire.value() == b"too slow\n"
    stream.connectionLost(GONE)
    assert stream.talk.finished == [b"idle"]


def test_a_deadline_holds_whatever_the_peer_sends(stream: Echo, wire: Wire, clock: Clock) -> None:
    stream.expire_in(30)
    for _ in range(3):
        clock.advance(9)
        stream.dataReceived(b"a\n")
    assert not wire.disconnecting
    clock.advance(4)
    assert wire.value().endswith(b"too slow\n")
    assert wire.disconnecting


def test_a_deadline_can_be_lifted(stream: Echo, wire: Wire, clock: Clock) -> None:
    stream.expire_in(30)
    stream.expire_in(None)
    clock.advance(31)
    assert not wire.disconnecting


def test_an_answer_that_began_ends_though_its_peer_is_gone(stream: Echo, wire: Wire) -> None:
    stream.dataReceived(b"wait\nb\n")
    stream.connectionLost(GONE)
    assert stream.talk.finished == []
    assert stream.talk.lost_calls == 0
    stream.talk.waiting[0].callback(b"a\n")
    assert stream.talk.finished == [b"wait"]
    assert stream.talk.lost_calls == 1
    assert wire.value() == b""


def test_a_wait_for_the_peer_ends_with_it(stream: Echo) -> None:
    stream.dataReceived(b"idle\n")
    stream.connectionLost(GONE)
    assert stream.talk.finished == [b"idle"]
    assert stream.talk.lost_calls == 1


def test_a_long_output_ends_with_its_peer(stream: Echo) -> None:
    stream.pauseProducing()
    stream.dataReceived(b"fill\n")
    stream.connectionLost(GONE)
    assert stream.talk.finished == [b"fill"]
    assert stream.talk.lost_calls == 1


def test_lost_is_told_once_to_an_idle_session(stream: Echo, clock: Clock) -> None:
    stream.dataReceived(b"a\n")
    stream.connectionLost(GONE)
    assert stream.talk.lost_calls == 1
    assert not clock.getDelayedCalls()


@pytest.mark.parametrize("before", [b"", b"a\n", b"idle\n"])
def test_an_idle_session_is_retired_at_once(stream: Echo, wire: Wire, before: bytes) -> None:
    stream.dataReceived(before)
    stream.retire()
    assert wire.value().endswith(b"going down\n")
    assert wire.disconnecting


def test_a_busy_session_is_retired_after_its_answer(stream: Echo, wire: Wire) -> None:
    stream.dataReceived(b"wait\nb\n")
    stream.retire()
    assert not wire.disconnecting
    stream.talk.waiting[0].callback(b"a\n")
    assert wire.value() == b"a\ngoing down\n"
    assert wire.disconnecting


def test_a_connection_lost_inside_a_write_is_told_once(clock: Clock) -> None:
    class Breaking(Wire):
        def write(self, data: bytes) -> None:
            stream.connectionLost(GONE)

    stream = Echo(clock)
    stream.makeConnection(Breaking())
    stream.dataReceived(b"a\nb\n")
    assert stream.talk.lost_calls == 1
