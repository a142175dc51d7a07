"""The guard of what is asked of strangers' web servers, and the ways around it that are tried."""

from __future__ import annotations

import contextlib
import re
import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from mailhub.model.errors import (
    Corrupt,
    Invalid,
    NotPermitted,
    TooLarge,
    Unavailable,
    Untrusted,
)
from mailhub.model.settings import WebSettings
from mailhub.model.web import WebAnswer, WebRequest
from mailhub.net.web import GuardedWeb
from tests.live.pace import prompt
from tests.loop import Loop, loop
from tests.names import FakeResolver

LOOPBACK = ("127.0.0.0/8",)
OK = b"HTTP/1.1 200 OK\r\nContent-Type: Text/Plain; charset=x\r\nContent-Length: 5\r\n\r\nhello"


class Site:
    """A server that answers each request as `answer` says, in so many seconds."""

    def __init__(self) -> None:
        self.answer: Callable[[bytes], bytes] = lambda request: OK
        self.slow = 0.0
        self.drip = False
        self.requests: list[bytes] = []
        self.together = self.most = 0
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            threading.Thread(target=self._talk, args=(connection,), daemon=True).start()

    def _talk(self, connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            connection.settimeout(5)
            self.together += 1
            self.most = max(self.most, self.together)
            request = b""
            while not _complete(request):
                request += connection.recv(65536)
            self.requests.append(request)
            time.sleep(self.slow)
            answer = self.answer(request)
            self.together -= 1
            if self.drip:
                for octet in answer:
                    connection.sendall(bytes([octet]))
                    time.sleep(0.05)
            connection.sendall(answer)

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()


def _complete(request: bytes) -> bool:
    header, end, body = request.partition(b"\r\n\r\n")
    found = re.search(rb"content-length: (\d+)", header.lower())
    return bool(end) and (found is None or len(body) >= int(found[1]))


class World:
    """A site at `public.example`: in truth on loopback, allowed unless a test says otherwise."""

    def __init__(self, running: Loop, site: Site) -> None:
        self.loop = running
        self.site = site
        self.resolver = FakeResolver({("public.example", "A"): ["127.0.0.1"]})
        self.web = self.made()

    def made(self, **settings: Any) -> GuardedWeb:
        known = WebSettings(**{"allowed_networks": LOOPBACK} | settings)
        return GuardedWeb(known, self.resolver, self.loop.reactor)

    def url(self, path: str = "/", host: str = "public.example") -> str:
        return f"http://{host}:{self.site.port}{path}"

    def ask(self, web: GuardedWeb | None = None, message: Any = None, **request: Any) -> WebAnswer:
        known = {"url": self.url(), "seconds": 2.0} | request
        return self.loop.wait((web or self.web).ask(WebRequest(**known), message))


@pytest.fixture
def world() -> Iterator[World]:
    site = Site()
    with loop() as running:
        yield World(running, site)
    site.close()


def test_an_answer(world: World) -> None:
    answer = world.ask(headers=(("X-Name", "wért"),))
    assert answer == WebAnswer(200, "text/plain", b"hello", world.url())
    (request,) = world.site.requests
    lines = request.decode().split("\r\n")
    assert lines[0] == "GET / HTTP/1.1"
    assert f"Host: public.example:{world.site.port}" in lines
    assert "X-Name: wért" in lines
    assert not any(line.startswith(("Cookie", "Authorization")) for line in lines)


def test_what_is_posted_arrives_and_any_status_is_an_answer(world: World) -> None:
    world.site.answer = lambda _: (
        b"HTTP/1.1 503 Busy\r\nRetry-After: 30\r\nContent-Length: 0\r\n\r\n"
    )
    answer = world.ask(method="POST", body=b'{"a":1}')
    assert (answer.status, answer.retry_after, answer.is_fine) == (503, 30, False)
    assert world.site.requests[0].endswith(b'\r\n\r\n{"a":1}')


class Stored:
    """A message in the store; it breaks at `breaks`."""

    def __init__(self, data: bytes, breaks: int = 1 << 60) -> None:
        self.data = data
        self.size = len(data)
        self.read_at: list[int] = []
        self._breaks = breaks

    async def read(self, start: int, stop: int) -> bytes:
        self.read_at.append(start)
        if start >= self._breaks:
            raise Corrupt
        return self.data[start:stop]


def test_a_message_is_sent_piece_by_piece(world: World) -> None:
    message = Stored(bytes(range(256)) * 4096)
    assert world.ask(method="POST", message=message).is_fine
    assert world.site.requests[0].partition(b"\r\n\r\n")[2] == message.data
    assert len(message.read_at) == 16
    with pytest.raises(Corrupt):
        world.ask(method="POST", message=Stored(message.data, breaks=500_000))


# -- where nothing may lead


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "10.1.2.3",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "0.0.0.0",
        "224.0.0.1",
        "255.255.255.255",
    ],
)
def test_private_addresses_are_not_reached(world: World, address: str) -> None:
    closed = world.made(allowed_networks=())
    world.resolver.set("public.example", "A", [address])
    with pytest.raises(NotPermitted, match="no public address"):
        world.ask(closed)
    with pytest.raises(Invalid):
        world.ask(closed, url=world.url(host=address))
    assert world.site.requests == []


@pytest.mark.parametrize(
    "address",
    [
        "::1",
        "::",
        "::ffff:127.0.0.1",
        "::ffff:7f00:1",
        "::127.0.0.1",
        "64:ff9b::7f00:1",
        "fc00::1",
        "fe80::1",
        "ff02::1",
        "2002:7f00:1::",
    ],
)
def test_nor_those_of_ipv6(world: World, address: str) -> None:
    closed = world.made(allowed_networks=())
    world.resolver.set("public.example", "A", [])
    world.resolver.set("public.example", "AAAA", [address])
    with pytest.raises(NotPermitted):
        world.ask(closed)
    with pytest.raises(Invalid):
        world.ask(closed, url=world.url(host=f"[{address}]"))
    with pytest.raises(Invalid) as caught:
        closed.check(f"http://[{address}]/", "targetUrl")
    assert caught.value.field == "targetUrl"


@pytest.mark.parametrize(
    "host", ["2130706433", "0x7f.1", "127.1", "0177.0.0.1", "127.0.0.1.", "１２７.0.0.1", "①.1"]
)
def test_nor_addresses_in_disguise(world: World, host: str) -> None:
    with pytest.raises(Invalid):
        world.ask(world.made(allowed_networks=()), url=world.url(host=host))
    assert world.resolver.asked == []


@pytest.mark.parametrize("start", ["user:pw@", "x@", "public.example\\@"])
def test_nor_a_user_name_that_looks_like_a_host(world: World, start: str) -> None:
    with pytest.raises(Invalid):
        world.ask(url=f"http://{start}127.0.0.1:{world.site.port}/")


def test_a_name_is_asked_for_once_and_what_was_checked_is_connected_to(world: World) -> None:
    """DNS rebinding: the second answer would be another."""
    answers = iter([["127.0.0.1"], ["10.0.0.1"]])

    class Rebinding(FakeResolver):
        async def query(self, name: str, kind: str) -> Any:
            if kind == "A":
                self.set(name, "A", next(answers))
            return await super().query(name, kind)

    world.resolver = Rebinding({("public.example", "TXT"): ["x"]})
    assert world.ask(world.made()).body == b"hello"
    assert [kind for _, kind in world.resolver.asked] == ["AAAA", "A"]
    with pytest.raises(NotPermitted):
        world.ask(world.made(allowed_networks=()), url=world.url(host="other.example"))


def test_of_several_addresses_only_public_ones_are_tried(world: World) -> None:
    world.resolver.set("public.example", "A", ["10.0.0.1", "127.0.0.1"])
    world.resolver.set("public.example", "AAAA", ["::1", "fd00::1"])
    assert world.ask().is_fine


@pytest.mark.parametrize("setting", [{"clear": False}])
def test_clear_text_can_be_forbidden(world: World, setting: dict[str, bool]) -> None:
    with pytest.raises(Invalid, match="https"):
        world.ask(world.made(**setting))


# -- redirects


def _leading(target: str, code: int = 302) -> Callable[[bytes], bytes]:
    def answer(request: bytes) -> bytes:
        if b"/next" in request.split(b"\r\n")[0]:
            return OK
        location = f"HTTP/1.1 {code} Moved\r\nLocation: {target}\r\nContent-Length: 0\r\n\r\n"
        return location.encode()

    return answer


def test_redirects_are_followed_as_far_as_asked_for(world: World) -> None:
    world.site.answer = _leading("/next")
    assert world.ask().status == 302
    answer = world.ask(redirects=1)
    assert (answer.status, answer.url) == (200, world.url("/next"))
    world.site.answer = _leading("/again")
    assert world.ask(redirects=3).status == 302
    assert len(world.site.requests) == 1 + 2 + 4


@pytest.mark.parametrize("code", [301, 302, 303, 307, 308])
def test_what_is_posted_goes_nowhere_else(world: World, code: int) -> None:
    world.site.answer = _leading("/next", code)
    assert world.ask(method="POST", body=b"x", redirects=5).status == code
    assert len(world.site.requests) == 1


@pytest.mark.parametrize(
    "target",
    [
        "http://10.0.0.1/",
        "http://[::1]:8080/",
        "http://2130706433/",
        "file:///etc/passwd",
        "http://user@127.0.0.1:8080/",
        "http://127.0.0.1:25/",
        "gopher://127.0.0.1:8080/",
    ],
)
def test_a_redirect_is_checked_like_the_first_url(world: World, target: str) -> None:
    world.site.answer = _leading(target)
    with pytest.raises(Invalid):
        world.ask(redirects=5)
    assert len(world.site.requests) == 1


def test_a_redirect_to_a_name_that_is_private(world: World) -> None:
    world.resolver.set("inside.example", "A", ["192.168.0.1"])
    world.site.answer = _leading(f"http://inside.example:{world.site.port}/next")
    with pytest.raises(NotPermitted):
        world.ask(redirects=5)


# -- what is bounded


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello", "cut short"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 70000\r\n\r\n" + b"x" * 70000, "longer than 65536"),
        (b"HTTP/1.1 200 OK\r\n" + b"X: 1\r\n" * 100_000 + b"\r\n", "connection failed"),
        (b"garbage\r\n\r\n", "connection failed"),
        (b"", "connection failed"),
    ],
)
def test_answers_that_are_not_taken(world: World, answer: bytes, words: str) -> None:
    world.site.answer = lambda _: answer
    with pytest.raises(Unavailable, match=words) as caught:
        world.ask()
    assert not isinstance(caught.value, (Untrusted, TooLarge))


def test_of_a_long_answer_the_beginning_may_be_enough(world: World) -> None:
    world.site.answer = lambda _: b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 500_000
    assert world.ask(size=100, cut=True).body == b"x" * 100


@pytest.mark.parametrize(("slow", "drip"), [(3.0, False), (0.0, True)])
def test_time_is_bounded_also_for_slow_bodies(world: World, slow: float, drip: bool) -> None:
    world.site.slow, world.site.drip = slow, drip
    with prompt(2), pytest.raises(Unavailable, match=r"in 0\.5 s"):
        world.ask(seconds=0.5)
    world.loop.run(0.1)
    assert world.loop.reactor.getDelayedCalls() == []


def test_a_slow_host_keeps_nobody_else_waiting(world: World) -> None:
    web = world.made(concurrency=3, host_concurrency=2)
    world.resolver.set("slow.example", "A", ["127.0.0.1"])
    world.site.slow = 0.3
    request = WebRequest(url=world.url(host="slow.example"), seconds=5)
    waiting = [web.ask(request) for _ in range(6)]
    world.loop.until(lambda: len(world.site.requests) == 2)
    world.site.slow = 0.0
    assert world.ask(web).is_fine
    assert sum(one.called for one in waiting) < 6
    assert all(world.loop.wait(one).is_fine for one in waiting)
    assert world.site.most <= 3


def test_who_no_longer_waits_leaves_nothing_behind(world: World) -> None:
    web = world.made(concurrency=1)
    world.site.slow = 0.2
    first, second = (web.ask(WebRequest(url=world.url())) for _ in range(2))
    second.addErrback(lambda _: None)
    second.cancel()
    assert world.loop.wait(first).is_fine
    assert world.ask(web).is_fine
    assert len(world.site.requests) == 2


def test_a_server_that_is_not_there(world: World) -> None:
    world.site.close()
    with pytest.raises(Unavailable, match="ConnectionRefused"):
        world.ask()
    with pytest.raises(Unavailable, match="no address"):
        world.ask(url="http://nowhere.example/")
    world.resolver.set("broken.example", "A", Unavailable("SERVFAIL"))
    with pytest.raises(Unavailable, match="SERVFAIL"):
        world.ask(url="http://broken.example/")
