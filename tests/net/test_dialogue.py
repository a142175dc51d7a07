"""Connections to programs of the administrator's, on real sockets: time, number, back-pressure."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.protocol import Factory, Protocol

from mailhub.model.errors import Unavailable
from mailhub.net.dialogue import HELD, EndpointDial
from mailhub.net.post import ServerPost
from tests import turning

Serve = Callable[..., str]


class Peer(Protocol):
    """The other side: keeps what it hears, and does what the test wants."""

    def __init__(self, log: list[Peer], deaf: bool) -> None:
        self.heard = b""
        self.gone = False
        self._log = log
        self._deaf = deaf

    def connectionMade(self) -> None:
        self._log.append(self)
        if self._deaf:
            self.transport.pauseProducing()  # type: ignore[union-attr]

    def dataReceived(self, data: bytes) -> None:
        self.heard += data

    def connectionLost(self, reason: Any = None) -> None:
        self.gone = True


@pytest.fixture(scope="module", autouse=True)
def threads() -> Iterator[None]:
    """Names of servers are looked up in threads."""
    yield
    turning.release_threads()


@pytest.fixture
def peers() -> list[Peer]:
    """Every connection that the other side took."""
    return []


@pytest.fixture
def serve(tmp_path: Path, peers: list[Peer]) -> Iterator[Serve]:
    """Listens, and returns the endpoint. `deaf`: reads nothing."""
    ports = []

    def listen(*, deaf: bool = False) -> str:
        factory = Factory()
        factory.buildProtocol = lambda _: Peer(peers, deaf)  # type: ignore[method-assign]
        path = f"{tmp_path}/{len(ports)}"
        ports.append(turning.reactor().listenUNIX(path, factory))
        return f"unix:{path}"

    yield listen
    for port in ports:
        port.stopListening()
    turning.pass_time(0.02)


def dial(endpoint: str, concurrency: int = 2) -> EndpointDial:
    return EndpointDial(endpoint, concurrency, turning.reactor())


def test_words_go_both_ways_until_one_side_closes(serve: Serve, peers: list[Peer]) -> None:
    dialogue = turning.result(dial(serve()).open(5))
    assert turning.result(dialogue.send(b"hello"))
    turning.until(lambda: peers and peers[0].heard == b"hello")
    peers[0].transport.write(b"answer")  # type: ignore[union-attr]
    assert turning.result(dialogue.receive()) == b"answer"
    peers[0].transport.write(b"bye")  # type: ignore[union-attr]
    peers[0].transport.loseConnection()  # type: ignore[union-attr]
    turning.pass_time(0.05)
    assert turning.result(dialogue.send(b"more")) is False
    assert turning.result(dialogue.receive()) == b"bye"
    assert turning.result(dialogue.receive()) == b""
    dialogue.close()


def test_silence_ends_in_time(serve: Serve, peers: list[Peer]) -> None:
    dialogue = turning.result(dial(serve()).open(0.1))
    with pytest.raises(Unavailable, match="too long"):
        turning.result(dialogue.receive())
    turning.until(lambda: peers[0].gone)
    with pytest.raises(Unavailable):
        turning.result(dialogue.send(b"x"))


def test_who_does_not_listen_ends_in_time_too(serve: Serve) -> None:
    dialogue = turning.result(dial(serve(deaf=True)).open(0.2))
    with pytest.raises(Unavailable, match="too long"):
        turning.result(dialogue.send(bytes(32 << 20)))


def test_much_is_sent_as_the_other_side_takes_it(serve: Serve, peers: list[Peer]) -> None:
    dialogue = turning.result(dial(serve()).open(10))
    assert turning.result(dialogue.send(memoryview(bytes(8 << 20))))
    dialogue.close(b"bye")
    turning.until(lambda: peers[0].gone)
    assert len(peers[0].heard) == (8 << 20) + 3
    assert peers[0].heard.endswith(b"bye")


def test_what_nobody_asks_for_is_not_read_without_end(serve: Serve, peers: list[Peer]) -> None:
    dialogue = turning.result(dial(serve()).open(10))
    turning.until(lambda: peers)
    peers[0].transport.write(bytes(8 << 20))  # type: ignore[union-attr]
    turning.pass_time(0.2)
    assert len(dialogue._received) < 2 * HELD
    size = 0
    while size < 8 << 20:
        size += len(turning.result(dialogue.receive()))
    assert size == 8 << 20
    dialogue.close()


def test_others_wait_for_a_place_but_not_for_ever(serve: Serve) -> None:
    where = dial(serve(), 1)
    first = turning.result(where.open(5))
    with pytest.raises(Unavailable, match="taken"):
        turning.result(where.open(0.05))
    waiting = turning.together(where.open(5), _close(first))
    second = waiting[0]
    second.close()
    second.close()
    third, fourth = turning.result(where.open(5)), where
    with pytest.raises(Unavailable):
        turning.result(fourth.open(0.05))
    third.close()


async def _close(dialogue: Any) -> None:
    dialogue.close()


def test_a_place_is_free_again_after_a_failure(tmp_path: Path) -> None:
    where = dial(f"unix:{tmp_path}/none", 1)
    for _ in range(3):
        with pytest.raises(Unavailable, match="cannot be reached"):
            turning.result(where.open(1))


def test_an_idle_connection_lasts_without_a_time(serve: Serve, peers: list[Peer]) -> None:
    dialogue = turning.result(dial(serve()).open(0.1))
    dialogue.expire_in(None)
    turning.pass_time(0.2)
    assert not peers[0].gone
    dialogue.close()
    turning.until(lambda: peers[0].gone)


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", None),
        (b"HTTP/1.1 403 No\r\nContent-Length: 2\r\n\r\n{}", "answers 403"),
        (b"HTTP/1.1 302 Go\r\nLocation: http://x/\r\nContent-Length: 0\r\n\r\n", "answers 302"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2000000\r\n\r\n" + bytes(2_000_000), "too long"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{}", "cannot be asked"),
        (b"nonsense\r\n\r\n", "cannot be asked"),
        (b"", "cannot be asked"),
    ],
)
def test_posts(peers: list[Peer], answer: bytes, error: str | None) -> None:
    class Server(Peer):
        def dataReceived(self, data: bytes) -> None:
            super().dataReceived(data)
            if self.heard.endswith(b"\r\n\r\nonetwo"):
                self.transport.write(answer)  # type: ignore[union-attr]
                self.transport.loseConnection()  # type: ignore[union-attr]

    factory = Factory()
    factory.buildProtocol = lambda _: Server(peers, False)  # type: ignore[method-assign]
    port = turning.reactor().listenTCP(0, factory, interface="127.0.0.1")
    try:
        post = ServerPost(f"http://127.0.0.1:{port.getHost().port}/", 5.0, 1, turning.reactor())
        asked = post.post("/path", [("X-A", "1"), ("X-A", "ü")], [b"one", memoryview(b"two")])
        if error is None:
            assert turning.result(asked) == b"{}"
            head = peers[0].heard.lower()
            assert head.startswith(b"post /path http/1.1\r\n")
            assert b"\r\ncontent-length: 6\r\n" in head
            assert b"\r\nx-a: 1\r\n" in head
        else:
            with pytest.raises(Unavailable, match=error):
                turning.result(asked)
    finally:
        port.stopListening()
        turning.pass_time(0.02)


def test_a_server_that_never_answers(peers: list[Peer]) -> None:
    factory = Factory()
    factory.buildProtocol = lambda _: Peer(peers, False)  # type: ignore[method-assign]
    port = turning.reactor().listenTCP(0, factory, interface="127.0.0.1")
    try:
        post = ServerPost(f"http://127.0.0.1:{port.getHost().port}", 0.2, 1, turning.reactor())
        for _ in range(2):
            with pytest.raises(Unavailable, match="cannot be asked"):
                turning.result(post.post("/", [], [b"x"]))
        turning.until(lambda: all(peer.gone for peer in peers))
    finally:
        port.stopListening()
        turning.pass_time(0.02)
