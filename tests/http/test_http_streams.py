"""Answers that come in pieces and bodies that go to a file: pace, bounds, and every way to end."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionDone
from twisted.internet.task import Clock
from twisted.python.failure import Failure

from mailhub.http.call import EVENTS, Answer, Call, Leash, json_answer
from mailhub.http.inflow import Bounds
from mailhub.http.routing import Route, large_routes, resource, route, routes_of, served
from mailhub.http.server import LINGER, BoundedSite
from mailhub.model.errors import AuthenticationFailed, MailhubError
from mailhub.store.spools import SpoolFolder
from tests.fakes import FakeClock, ListLog
from tests.http.browsing import LOCAL, Transport, replies

PATIENCE = 60.0
GET = b"GET /pieces HTTP/1.1\r\nHost: localhost\r\n\r\n"


@dataclass
class Source:
    """An answer in pieces, which a test gives one by one."""

    waiting: Deferred[bytes | None] | None = None
    asked: int = 0
    ended: list[str] = field(default_factory=list)

    async def pieces(self) -> AsyncIterator[bytes]:
        try:
            while True:
                self.asked += 1
                self.waiting = Deferred()
                piece = await self.waiting
                if piece is None:
                    self.ended.append("whole")
                    return
                yield piece
        finally:
            self.ended.append("closed")

    def give(self, piece: bytes | None) -> None:
        waiting, self.waiting = self.waiting, None
        assert waiting is not None, "nobody asked for a piece"
        waiting.callback(piece)

    def fail(self) -> None:
        assert self.waiting is not None
        self.waiting.errback(MailhubError("the disk is gone"))


class Faucet:
    """A dialect of two calls."""

    name = "faucet"

    def __init__(self, source: Source, length: int | None, type: str) -> None:
        self._source = source
        self._length = length
        self._type = type
        self.kept: memoryview | None = None
        self.leash = Leash()

        self.asked: list[tuple[str, bytes]] = []
        self.gate: Deferred[None] | None = None
        self.holds: list[Leash] = []
        self.let_go = 0
        self.shut = False

    def routes(self) -> Iterable[Route]:
        for one in routes_of(self):
            yield replace(one, admit=self.admit) if one.large else one

    async def admit(self, call: Call) -> Leash:
        self.asked.append((call.arguments["name"], call.body))
        if self.gate is not None:
            await self.gate
        if call.header("x-access-token") == "wrong" or self.shut:
            raise AuthenticationFailed
        self.holds.append(Leash())
        self.holds[-1].let_go = self._released
        return self.holds[-1]

    def _released(self) -> None:
        self.let_go += 1

    @route("GET", "/pieces")
    async def pieces(self, call: Call) -> Answer:
        return Answer(
            200,
            type=self._type,
            stream=self._source.pieces(),
            length=self._length,
            leash=self.leash,
        )

    @route("POST", "/files/<name>", large=True)
    async def take(self, call: Call) -> Answer:
        assert call.upload is not None
        self.kept = call.upload.view()[:4]
        return json_answer({"size": call.upload.size, "small": len(call.body)})

    @route("POST", "/words")
    async def words(self, call: Call) -> Answer:
        return json_answer({"size": len(call.body), "upload": call.upload is not None})

    def failure(self, error: MailhubError | None) -> Answer:
        return json_answer({"error": "failed"}, 403 if error else 500)


class Tap:
    """A connection to the dialect."""

    def __init__(self, length: int | None = None, type: str = "text/plain", **bounds: int) -> None:
        self.source = Source()
        self.reactor = Clock()
        self.log = ListLog()
        self.dialect = Faucet(self.source, length, type)
        mounts = [("", self.dialect)]
        found = served(mounts)
        limits = {"body": 100, "upload": 1000, **bounds}
        self.site = BoundedSite(
            resource(mounts, found),
            bounds=Bounds(**limits, find=large_routes(found), spools=SpoolFolder(50)),
            timeout=PATIENCE,
            reactor=self.reactor,
            clock=FakeClock(),
            log=self.log,
        )
        self.transport = Transport(LOCAL)
        self.channel: Any = self.site.buildProtocol(LOCAL)
        self.channel.makeConnection(self.transport)

    def send(self, data: bytes) -> bytes:
        self.channel.dataReceived(data)
        return self.transport.value()

    @property
    def body(self) -> bytes:
        return self.transport.value().partition(b"\r\n\r\n")[2]

    def lose(self) -> None:
        self.channel.connectionLost(Failure(ConnectionDone()))


def test_pieces_go_out_as_they_come_in_chunks() -> None:
    tap = Tap()
    head = tap.send(GET)
    assert b"Transfer-Encoding: chunked" in head
    assert b"Content-Length" not in head
    tap.source.give(b"one")
    assert tap.body == b"3\r\none\r\n"
    tap.source.give(b"")
    tap.source.give(b"four")
    tap.source.give(None)
    assert tap.body == b"3\r\none\r\n4\r\nfour\r\n0\r\n\r\n"
    assert tap.source.ended == ["whole", "closed"]
    assert [event["outcome"] for event in tap.log.named("request")] == ["200"]


def test_a_known_length_is_told_and_the_connection_stays() -> None:
    tap = Tap(length=7)
    tap.send(GET)
    tap.source.give(b"one")
    tap.source.give(b"four")
    tap.source.give(None)
    (reply,) = replies(tap.transport.value())
    assert reply.body == b"onefour"
    tap.transport.clear()
    tap.send(GET)
    assert tap.source.asked == 4
    assert not tap.transport.disconnecting


@pytest.mark.parametrize("pieces", [[b"one"], [b"one", b"fourfive"], []])
def test_another_length_than_was_promised_breaks_the_connection(pieces: list[bytes]) -> None:
    tap = Tap(length=7)
    tap.send(GET)
    for piece in pieces:
        tap.source.give(piece)
    if tap.source.waiting is not None:
        tap.source.give(None)
    assert tap.transport.aborted
    assert len(tap.body) < 7
    assert tap.source.ended[-1] == "closed"


def test_a_failing_stream_breaks_the_connection_and_is_no_whole_answer() -> None:
    tap = Tap()
    tap.send(GET)
    tap.source.give(b"one")
    tap.source.fail()
    assert tap.transport.aborted
    assert not tap.body.endswith(b"0\r\n\r\n")
    assert [event["outcome"] for event in tap.log.named("request")] == ["200"]


def test_nothing_is_asked_for_while_the_peer_takes_nothing() -> None:
    tap = Tap()
    tap.send(GET)
    tap.transport.producer.pauseProducing()
    tap.source.give(b"x" * 70_000)
    assert tap.source.asked == 1
    tap.reactor.advance(PATIENCE - 1)
    tap.transport.producer.resumeProducing()
    assert tap.source.asked == 2
    tap.reactor.advance(PATIENCE + 1)
    assert not tap.transport.aborted


def test_a_peer_that_takes_nothing_for_too_long_is_cut() -> None:
    tap = Tap()
    tap.send(GET)
    tap.transport.producer.pauseProducing()
    tap.source.give(b"x" * 70_000)
    tap.reactor.advance(PATIENCE)
    assert tap.transport.aborted
    assert tap.source.ended == ["closed"]


def test_a_peer_that_has_yet_to_take_the_last_answer_waits_with_this_one() -> None:
    tap = Tap()
    tap.transport.producer.pauseProducing()
    tap.send(GET)
    assert tap.source.asked == 0
    tap.transport.producer.resumeProducing()
    assert tap.source.asked == 1


def test_the_source_hears_that_the_peer_went() -> None:
    tap = Tap(type=EVENTS)
    tap.send(GET)
    tap.source.give(b"data: 1\n\n")
    tap.lose()
    assert tap.source.ended == ["closed"]
    assert not tap.transport.aborted
    assert [event["outcome"] for event in tap.log.named("request")] == ["200"]
    assert not tap.reactor.getDelayedCalls()


def test_the_transport_may_tell_first() -> None:
    tap = Tap()
    tap.send(GET)
    tap.transport.producer.stopProducing()
    tap.lose()
    assert tap.source.ended == ["closed"]
    assert not tap.transport.aborted


def test_a_stream_of_events_may_be_silent_for_hours() -> None:
    tap = Tap(type=EVENTS)
    tap.send(GET)
    for _ in range(3):
        tap.reactor.advance(7200)
        tap.source.give(b": idling\n\n")
    assert not tap.transport.disconnecting


def test_at_shutdown_events_end_properly_and_other_streams_run_to_their_end() -> None:
    events, file = Tap(type=EVENTS), Tap()
    for tap in (events, file):
        tap.send(GET)
        tap.source.give(b"one")
        tap.channel.retire()
    assert events.body == b"3\r\none\r\n0\r\n\r\n"
    assert events.source.ended == ["closed"]
    assert events.transport.disconnecting
    assert not file.transport.disconnecting
    file.source.give(None)
    assert file.body == b"3\r\none\r\n0\r\n\r\n"
    assert file.transport.disconnecting


@pytest.mark.parametrize("before", [False, True])
def test_a_stream_is_ended_from_outside(before: bool) -> None:
    tap = Tap(type=EVENTS)
    released: list[int] = []
    tap.dialect.leash.let_go = lambda: released.append(1)
    if before:
        tap.dialect.leash.pull()
    tap.send(GET)
    if not before:
        tap.source.give(b"one")
        assert released == []
        tap.dialect.leash.pull()
    assert tap.body.endswith(b"0\r\n\r\n")
    assert tap.source.waiting is None or tap.source.ended == ["closed"]
    assert released == [1]


def test_who_held_a_stream_lets_go_when_its_peer_went() -> None:
    for method in (b"GET", b"HEAD"):
        tap = Tap(type=EVENTS)
        released: list[int] = []
        tap.dialect.leash.let_go = lambda released=released: released.append(1)  # type: ignore[misc]
        tap.send(GET.replace(b"GET", method))
        tap.lose()
        assert released == [1]


@pytest.mark.parametrize("length", [None, 7])
def test_head_has_the_headers_alone_and_asks_for_nothing(length: int | None) -> None:
    tap = Tap(length=length)
    tap.send(GET.replace(b"GET", b"HEAD"))
    assert tap.source.asked == 0
    assert tap.body == b""
    assert (b"Content-Length: 7" in tap.transport.value()) is (length is not None)
    tap.transport.clear()
    assert tap.send(b"POST /words HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n")


def test_http_1_0_ends_with_the_connection() -> None:
    tap = Tap()
    assert b"chunked" not in tap.send(b"GET /pieces HTTP/1.0\r\n\r\n")
    tap.source.give(b"one")
    tap.source.give(None)
    assert tap.body == b"one"
    assert tap.transport.disconnecting


# -- large bodies


def post(path: str, body: bytes, chunked: bool = False) -> bytes:
    head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\n"
    if chunked:
        return (
            f"{head}Transfer-Encoding: chunked\r\n\r\n{len(body):x}\r\n".encode()
            + body
            + (b"\r\n0\r\n\r\n")
        )
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


@pytest.mark.parametrize("chunked", [False, True])
@pytest.mark.parametrize("size", [1, 100, 101, 1000])
def test_a_route_for_large_bodies_reads_them_from_a_spool(size: int, chunked: bool) -> None:
    tap = Tap()
    (reply,) = replies(tap.send(post("/files/a?x=1", b"x" * size, chunked)))
    assert reply.json == {"size": size, "small": 0}


@pytest.mark.parametrize("chunked", [False, True])
@pytest.mark.parametrize(
    ("path", "size", "status"),
    [("/files/a", 1001, 413), ("/words", 100, 200), ("/words", 101, 413), ("/files", 101, 413)],
)
def test_each_route_has_its_bound(path: str, size: int, status: int, chunked: bool) -> None:
    tap = Tap()
    assert [one.status for one in replies(tap.send(post(path, b"x" * size, chunked)))] == [status]


def test_a_body_that_has_no_room_is_refused_while_it_comes(monkeypatch: Any) -> None:
    from mailhub.model.errors import StorageFull
    from mailhub.store.spools import MemorySpool

    def full(self: MemorySpool, chunk: bytes) -> None:
        raise StorageFull

    monkeypatch.setattr(MemorySpool, "write", full)
    tap = Tap()
    (reply,) = replies(tap.send(post("/files/a", b"x" * 200)))
    assert reply.status == 503


def test_an_upload_is_let_go_when_its_answer_is_there() -> None:
    tap = Tap()
    tap.send(post("/files/a", b"text" * 100))
    assert tap.dialect.kept == b"text"
    tap.dialect.kept.release()


HEAD = b"POST /files/a HTTP/1.1\r\nHost: a\r\nContent-Length: 900\r\n"
WRONG = b"X-Access-Token: wrong\r\n"
EXPECT = b"Expect: 100-continue\r\n"


def test_the_sender_of_a_large_body_is_known_before_it_is_read() -> None:
    tap = Tap()
    gate = tap.dialect.gate = Deferred()
    tap.send(HEAD + EXPECT + b"\r\n")
    assert tap.dialect.asked == [("a", b"")]
    assert tap.transport.producerState == "paused"
    assert tap.transport.value() == b""
    tap.dialect.gate = None
    gate.callback(None)
    assert tap.transport.producerState == "producing"
    assert tap.transport.value() == b"HTTP/1.1 100 Continue\r\n\r\n"
    tap.transport.clear()
    (reply,) = replies(tap.send(b"x" * 900))
    assert reply.json["size"] == 900


@pytest.mark.parametrize("head", [HEAD.replace(b"1.1", b"1.0") + EXPECT, HEAD + b"Expect: x\r\n"])
def test_nobody_is_told_to_continue_who_does_not_wait_for_it(head: bytes) -> None:
    tap = Tap()
    assert tap.send(head + b"\r\n") == b""
    (reply,) = replies(tap.send(b"x" * 900))
    assert reply.json["size"] == 900


@pytest.mark.parametrize("sent", [0, 10, 899])
@pytest.mark.parametrize("late", [False, True])
def test_a_stranger_sends_no_large_body(late: bool, sent: int) -> None:
    tap = Tap()
    gate = tap.dialect.gate = Deferred() if late else None
    tap.send(HEAD + WRONG + EXPECT + b"\r\n" + b"x" * sent)
    if gate is not None:
        gate.callback(None)
    (reply,) = replies(tap.transport.value())
    assert (reply.status, reply.headers["connection"]) == (403, "close")
    tap.send(b"x" * (900 - sent) + GET)
    tap.reactor.advance(LINGER)
    assert tap.transport.disconnecting
    assert len(replies(tap.transport.value())) == 1
    assert tap.dialect.kept is None


def test_a_body_that_came_with_its_head_is_answered_by_the_route() -> None:
    tap = Tap()
    gate = tap.dialect.gate = Deferred()
    tap.send(HEAD + b"\r\n" + b"x" * 900)
    gate.callback(None)
    (reply,) = replies(tap.transport.value())
    assert reply.json["size"] == 900


@pytest.mark.parametrize("late", [False, True])
def test_who_may_not_send_any_more_is_told_at_once(late: bool) -> None:
    tap = Tap()
    tap.send(HEAD + b"\r\n" + b"x" * 500)
    gate = tap.dialect.gate = Deferred() if late else None
    tap.dialect.shut = True
    tap.dialect.holds[0].pull()
    if gate is not None:
        tap.send(b"x" * 100)
        gate.callback(None)
    (reply,) = replies(tap.transport.value())
    assert (reply.status, reply.headers["connection"]) == (403, "close")
    tap.send(b"x" * 300)
    tap.reactor.advance(LINGER)
    assert tap.transport.disconnecting
    assert tap.dialect.kept is None
    assert tap.dialect.let_go == 1


def test_who_may_still_send_goes_on() -> None:
    tap = Tap()
    tap.send(HEAD + b"\r\n" + b"x" * 500)
    tap.dialect.holds[0].pull()
    assert len(tap.dialect.holds) == 2
    (reply,) = replies(tap.send(b"x" * 400))
    assert reply.json["size"] == 900
    assert tap.dialect.let_go == 2
    tap.dialect.holds[1].pull()
    assert len(replies(tap.transport.value())) == 1


def test_who_was_held_is_let_go_when_the_peer_went() -> None:
    tap = Tap()
    tap.send(HEAD + b"\r\n" + b"x" * 500)
    tap.lose()
    assert tap.dialect.let_go == 1
    tap.dialect.holds[0].pull()
    assert len(tap.dialect.asked) == 1


def test_who_goes_before_being_let_in_hurts_nobody() -> None:
    tap = Tap()
    gate = tap.dialect.gate = Deferred()
    tap.send(HEAD + b"\r\n")
    tap.lose()
    gate.callback(None)
    assert tap.transport.value() == b""
