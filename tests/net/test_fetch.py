"""Fetching from strangers: what is refused, what is bounded, and that the certificate counts."""

from __future__ import annotations

import contextlib
import re
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.defer import CancelledError

from mailhub.model.errors import Unavailable, Untrusted
from mailhub.net.certificate import make_self_signed
from mailhub.net.fetch import SafeFetch
from tests.live.pace import prompt
from tests.loop import Loop, loop
from tests.names import FakeResolver

HOST = "mta-sts.example.org"
URL = f"https://{HOST}/.well-known/mta-sts.txt"
OK = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=us-ascii\r\n"


class Site:
    """An HTTPS server that says `answer` to every request, `slow` seconds later."""

    def __init__(self, certificate: Path, key: Path) -> None:
        self.answer = OK + b"Content-Length: 5\r\n\r\nhello"
        self.slow = 0.0
        self.requests: list[bytes] = []
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(certificate, key)
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            threading.Thread(target=self._talk, args=(connection,), daemon=True).start()

    def _talk(self, plain: socket.socket) -> None:
        with plain, contextlib.suppress(OSError):
            plain.settimeout(5)
            with self._context.wrap_socket(plain, server_side=True) as secure:
                request = b""
                while b"\r\n\r\n" not in request or not _complete(request):
                    request += secure.recv(4096)
                self.requests.append(request)
                time.sleep(self.slow)
                secure.sendall(self.answer)
                secure.unwrap()

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._thread.join(5)


def _complete(request: bytes) -> bool:
    """Whether the body is there that the header announces."""
    header, _, body = request.partition(b"\r\n\r\n")
    found = re.search(rb"content-length: (\d+)", header.lower())
    return found is None or len(body) >= int(found[1])


class World:
    """A site, who fetches from it, and a DNS that leads there."""

    def __init__(self, running: Loop, site: Site, authorities: bytes) -> None:
        self.loop = running
        self.site = site
        self.resolver = FakeResolver({(HOST, "A"): ["127.0.0.1"]})
        self.fetch = self.fetcher(authorities)

    def fetcher(self, authorities: bytes, *, private: bool = True) -> SafeFetch:
        return SafeFetch(
            self.resolver,
            self.loop.reactor,
            private=private,
            authorities=authorities,
            port=self.site.port,
        )

    def get(self, fetch: SafeFetch | None = None, url: str = URL, **options: Any) -> bytes:
        wanted: dict[str, Any] = {"kind": "text/plain", "size": 65536, "seconds": 5.0} | options
        return self.loop.wait((fetch or self.fetch).get(url, **wanted))


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("site")
    made = folder / "cert.pem", folder / "key.pem"
    make_self_signed(*made, [HOST])
    return made


@pytest.fixture
def world(pair: tuple[Path, Path]) -> Iterator[World]:
    site = Site(*pair)
    with loop() as running:
        yield World(running, site, pair[0].read_bytes())
    site.close()


def test_a_document(world: World) -> None:
    assert world.get() == b"hello"
    (request,) = world.site.requests
    lines = request.decode().split("\r\n")
    assert lines[0] == "GET /.well-known/mta-sts.txt HTTP/1.1"
    assert f"Host: {HOST}" in lines
    assert not any(line.startswith(("Cookie", "Authorization")) for line in lines)


def test_a_document_without_length_or_in_chunks(world: World) -> None:
    world.site.answer = OK + b"Connection: close\r\n\r\nhello"
    assert world.get() == b"hello"
    world.site.answer = OK + b"Transfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n"
    assert world.get() == b"hello"


def test_a_certificate_that_nobody_vouches_for(world: World) -> None:
    with pytest.raises(Untrusted):
        world.get(world.fetcher(b""))


def test_a_certificate_for_another_name(world: World) -> None:
    world.resolver.set("mta-sts.example.net", "A", ["127.0.0.1"])
    with pytest.raises(Untrusted, match="another name"):
        world.get(url="https://mta-sts.example.net/.well-known/mta-sts.txt")
    assert world.site.requests == []


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", "answers 404"),
        (
            b"HTTP/1.1 301 Moved\r\nLocation: https://127.0.0.1/\r\nContent-Length: 0\r\n\r\n",
            "answers 301",
        ),
        (OK.replace(b"text/plain", b"text/html") + b"Content-Length: 5\r\n\r\nhello", "type"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", "type"),
        (OK + b"Content-Length: 9\r\n\r\nhello", "cut short"),
        (OK + b"Content-Length: 70000\r\n\r\n" + b"x" * 70000, "longer than 65536"),
        (OK + b"Connection: close\r\n\r\n" + b"x" * 500_000, "longer than 65536"),
        (OK + b"X: 1\r\n" * 100_000 + b"\r\n", "connection failed"),
        (b"garbage\r\n\r\n", "connection failed"),
        (b"", "connection failed"),
    ],
)
def test_answers_that_are_not_taken(world: World, answer: bytes, words: str) -> None:
    world.site.answer = answer
    with pytest.raises(Unavailable, match=words) as caught:
        world.get()
    assert not isinstance(caught.value, Untrusted)
    assert len(world.site.requests) == 1


@pytest.mark.parametrize("head", [OK, OK.replace(b"200", b"500"), OK.replace(b"plain", b"html")])
def test_what_is_not_taken_is_hung_up_on(world: World, head: bytes) -> None:
    world.site.answer = head + b"Content-Length: 90000000\r\n\r\n" + b"x" * 9_000_000
    with pytest.raises(Unavailable):
        world.get()
    world.loop.until(lambda: len(world.loop.reactor.getReaders()) <= 1, 2)


@pytest.mark.parametrize(
    "url",
    [
        f"http://{HOST}/",
        f"https://{HOST}:8443/",
        f"https://user@{HOST}/",
        "https:///x",
        "file:///etc/passwd",
        "",
    ],
)
def test_other_urls_are_not_fetched(world: World, url: str) -> None:
    with pytest.raises(Unavailable):
        world.get(url=url)
    assert world.resolver.asked == []


@pytest.mark.parametrize("address", ["127.0.0.1", "10.0.0.1", "169.254.169.254"])
def test_private_addresses_are_not_fetched_from(world: World, address: str) -> None:
    world.resolver.set(HOST, "A", [address])
    world.resolver.set(HOST, "AAAA", ["::ffff:127.0.0.1", "::1"])
    with pytest.raises(Unavailable, match="no address"):
        world.get(world.fetcher(b"", private=False))
    assert world.site.requests == []


def test_a_name_that_leads_nowhere(world: World) -> None:
    del world.resolver.records[HOST, "A"]
    with pytest.raises(Unavailable, match="no address"):
        world.get()
    world.resolver.set(HOST, "A", Unavailable("SERVFAIL"))
    with pytest.raises(Unavailable, match="SERVFAIL"):
        world.get()


def test_the_next_address_answers(world: World) -> None:
    world.resolver.set(HOST, "AAAA", ["::1"])
    world.resolver.set(HOST, "A", ["127.0.0.9", "127.0.0.1"])
    assert world.get() == b"hello"
    world.resolver.set(HOST, "A", ["127.0.0.9"])
    with pytest.raises(Unavailable, match="ConnectionRefused"):
        world.get()


def test_time_is_bounded(world: World) -> None:
    world.site.slow = 3
    with prompt(2), pytest.raises(Unavailable, match=r"in 0\.5 s"):
        world.get(seconds=0.5)
    world.loop.run(0.1)
    assert world.loop.reactor.getDelayedCalls() == []


def test_the_same_document_at_the_same_time_is_fetched_once(world: World) -> None:
    world.site.slow = 0.2
    waiting = [world.fetch.get(URL, kind="text/plain", size=100, seconds=5) for _ in range(10)]
    waiting[3].addErrback(lambda failure: failure.trap(CancelledError))
    waiting[3].cancel()
    assert {world.loop.wait(one) for one in waiting[:3] + waiting[4:]} == {b"hello"}
    assert len(world.site.requests) == 1
    world.site.answer = b""
    failing = [world.fetch.get(URL, kind="text/plain", size=9, seconds=5) for _ in range(3)]
    for one in failing:
        with pytest.raises(Unavailable):
            world.loop.wait(one)


REPORT = bytes(range(256)) * 200


def post(world: World, *, verify: bool = False, private: bool = True, url: str = URL) -> None:
    fetch = SafeFetch(
        world.resolver, world.loop.reactor, private=private, verify=verify, port=world.site.port
    )
    world.loop.wait(fetch.post(url, REPORT, kind="application/tlsrpt+gzip", seconds=1.0))


@pytest.mark.parametrize("code", [200, 201, 204])
def test_a_document_is_handed_over_whoever_takes_it(world: World, code: int) -> None:
    world.site.answer = b"HTTP/1.1 %d Fine\r\nContent-Length: 0\r\n\r\n" % code
    post(world)
    (request,) = world.site.requests
    header, _, body = request.partition(b"\r\n\r\n")
    assert header.startswith(b"POST /.well-known/mta-sts.txt HTTP/1.1\r\n")
    assert b"\r\nContent-Type: application/tlsrpt+gzip" in header
    assert b"\r\nHost: mta-sts.example.org" in header
    assert body == REPORT


@pytest.mark.parametrize("code", [301, 404, 500])
def test_what_a_server_does_not_take_is_told(world: World, code: int) -> None:
    world.site.answer = b"HTTP/1.1 %d No\r\nContent-Length: 0\r\n\r\n" % code
    with pytest.raises(Unavailable, match=str(code)):
        post(world)


def test_a_certificate_counts_where_it_is_asked_for(world: World) -> None:
    with pytest.raises(Untrusted):
        post(world, verify=True)


@pytest.mark.parametrize("url", ["http://mta-sts.example.org/", "https://mta-sts.example.org:8/"])
def test_only_https_is_posted_to(world: World, url: str) -> None:
    with pytest.raises(Unavailable):
        post(world, url=url)


def test_nothing_is_posted_into_our_own_network(world: World) -> None:
    with pytest.raises(Unavailable, match="no address"):
        post(world, private=False)
    assert world.site.requests == []


def test_a_server_that_says_nothing_has_its_time(world: World) -> None:
    world.site.slow = 2.0
    with pytest.raises(Unavailable, match="1 s"):
        post(world)
