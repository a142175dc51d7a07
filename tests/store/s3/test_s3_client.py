"""An S3 server that does not do its work: what is tried again, and what callers get."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from email.utils import formatdate
from hashlib import sha256
from typing import Any

import pytest
from twisted.web.http import Request as WebRequest
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Site

from mailhub.model.errors import Corrupt, MailhubError, StorageFull, Unavailable
from mailhub.model.message import BlobRef
from mailhub.model.settings_s3 import S3Settings
from mailhub.store.s3 import client as s3_client
from mailhub.store.s3 import names, requests
from mailhub.store.s3.objects import Objects
from mailhub.store.s3.octets import Plain
from tests.loop import Loop, loop

SEGMENT = names.number(1, 2, sealed=False)
DATA = b"0123456789" * 100
Act = Callable[["Server", Any], bytes | int]


def error(status: int, code: str, **headers: str) -> Act:
    """Answers with an error."""

    def act(server: Server, request: Any) -> bytes:
        request.setResponseCode(status)
        for name, value in headers.items():
            request.setHeader(name, value)
        return f"<?xml version='1.0'?><Error><Code>{code}</Code></Error>".encode()

    return act


def good(server: Server, request: Any) -> bytes:
    """Does what is asked, as far as these tests ask for it."""
    if request.method == b"PUT":
        server.kept = request.content.read()
        return b""
    wanted = request.getHeader("range")
    if request.method != b"GET" or wanted is None:
        return b""
    start, end = map(int, wanted.removeprefix("bytes=").split("-"))
    request.setResponseCode(206)
    request.setHeader("content-range", f"bytes {start}-{end}/{len(server.kept)}")
    return bytes(server.kept[start : end + 1])


def silent(server: Server, request: Any) -> int:
    return NOT_DONE_YET


def hangs_up(server: Server, request: Any) -> int:
    request.transport.abortConnection()
    return NOT_DONE_YET


def cut(server: Server, request: Any) -> int:
    """Half of what was promised."""
    request.setHeader("content-length", str(len(DATA)))
    request.setResponseCode(206)
    request.setHeader("content-range", f"bytes 0-{len(DATA) - 1}/{len(DATA)}")
    request.write(DATA[:500])
    request.transport.loseConnection()
    return NOT_DONE_YET


def shorter(server: Server, request: Any) -> bytes:
    """Says that there is less."""
    request.setResponseCode(206)
    request.setHeader("content-range", f"bytes 0-{len(DATA) - 2}/{len(DATA) - 1}")
    return DATA[:-1]


def whole_and_more(server: Server, request: Any) -> bytes:
    """Knows no ranges."""
    return DATA * 3


@dataclass
class Server(Resource):
    """Acts in turn; after that it does its work."""

    acts: list[Act] = field(default_factory=list)
    seen: list[WebRequest] = field(default_factory=list)
    kept: bytes = DATA
    isLeaf = True

    def __post_init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]

    def render(self, request: Any) -> bytes | int:
        self.seen.append(request)
        act = self.acts.pop(0) if self.acts else good
        return act(self, request)


@dataclass
class Bench:
    loop: Loop
    server: Server
    objects: Objects
    port: Any

    def waits(self, silence: float, patience: float) -> None:
        """Seconds without a word that are borne, and seconds of trying."""
        client = self.objects._client
        client._silence, client._patience = silence, patience

    def read(self) -> bytes:
        [data] = self.loop.wait(self.objects.read([BlobRef(SEGMENT, 0, len(DATA))]))
        return data

    def put(self, data: bytes = DATA) -> None:
        octets = Plain(memoryview(data), sha256(data).digest())
        self.loop.wait(self.objects.put(SEGMENT, octets))


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    """A client of a server on this machine, that waits less long than in life."""
    monkeypatch.setattr(s3_client, "FIRST_PAUSE", 0.01)
    with loop() as one:
        server = Server()
        port = one.reactor.listenTCP(0, Site(server), interface="127.0.0.1")
        settings = S3Settings(
            endpoint=f"http://127.0.0.1:{port.getHost().port}",
            bucket="bucket",
            access_key="id",
            secret_key="secret",
            timeout=10,
            patience=30,
        )
        objects = Objects(settings, one.reactor, time.time)
        objects.start()
        yield Bench(one, server, objects, port)
        one.wait(objects.stop())
        stopped = port.stopListening()
        if stopped is not None:
            one.wait(stopped)


@pytest.mark.parametrize(
    "acts",
    [
        [error(500, "InternalError")],
        [error(503, "SlowDown")] * 3,
        [error(503, "")],
        [error(502, ""), error(504, ""), error(429, "TooManyRequests")],
        [error(400, "RequestTimeout")],
        [error(400, "XAmzContentSHA256Mismatch")],
        [hangs_up, hangs_up],
        [silent],
        [cut, cut],
        [error(500, "InternalError"), hangs_up, cut, error(503, "SlowDown")],
    ],
)
def test_what_passes_is_tried_again(bench: Bench, acts: Sequence[Act]) -> None:
    bench.waits(0.3 if silent in acts else 10, 30)
    bench.server.acts = list(acts)
    assert bench.read() == DATA
    assert len(bench.server.seen) > len(acts)
    bench.server.acts = [act for act in acts if act is not cut]
    bench.server.kept = b""
    bench.put()
    assert bench.server.kept == DATA


@pytest.mark.parametrize(
    ("act", "kind"),
    [
        (error(503, "SlowDown"), Unavailable),
        (hangs_up, Unavailable),
        (silent, Unavailable),
        (cut, Unavailable),
        (error(403, "AccessDenied"), Unavailable),
        (error(403, "SignatureDoesNotMatch"), Unavailable),
        (error(404, "NoSuchBucket"), Unavailable),
        (error(301, "PermanentRedirect", location="http://elsewhere.example/"), Unavailable),
        (whole_and_more, Unavailable),
        (error(404, "NoSuchKey"), Corrupt),
        (shorter, Corrupt),
        (error(416, "InvalidRange"), Corrupt),
    ],
)
def test_what_reading_comes_to(bench: Bench, act: Act, kind: type[MailhubError]) -> None:
    bench.waits(0.2, 0.4)
    bench.server.acts = [act] * 10_000
    with pytest.raises(kind):
        bench.read()
    bench.waits(10, 30)
    bench.server.acts = []
    assert bench.read() == DATA  # and it is well again


@pytest.mark.parametrize(
    ("act", "kind", "often"),
    [
        (error(507, ""), StorageFull, 1),
        (error(413, "EntityTooLarge"), StorageFull, 1),
        (error(403, "QuotaExceeded"), StorageFull, 1),
        (error(507, "XMinioStorageFull"), StorageFull, 1),
        (error(403, "SignatureDoesNotMatch"), Unavailable, 1),
        (error(404, "NoSuchBucket"), Unavailable, 1),
        (error(500, "InternalError"), Unavailable, 0),
    ],
)
def test_what_writing_comes_to(
    bench: Bench, act: Act, kind: type[MailhubError], often: int
) -> None:
    if not often:
        bench.waits(0.2, 0.4)
    bench.server.acts = [act] * 10_000
    with pytest.raises(kind):
        bench.put()
    assert not often or len(bench.server.seen) == often


def test_a_server_that_is_away(bench: Bench) -> None:
    bench.loop.wait(bench.port.stopListening())
    bench.waits(1, 0.3)
    with pytest.raises(Unavailable):
        bench.put()
    with pytest.raises(Unavailable):
        bench.read()


def test_the_servers_clock_is_taken(bench: Bench) -> None:
    there = time.time() + 7200
    bench.server.acts = [error(403, "RequestTimeTooSkewed", date=formatdate(there, usegmt=True))]
    assert bench.read() == DATA
    stamp = str(bench.server.seen[-1].getHeader("x-amz-date"))
    signed = time.mktime(time.strptime(stamp, "%Y%m%dT%H%M%SZ")) - time.timezone
    assert abs(signed - there) < 60
    # A server that goes on refusing is not asked for ever.
    bench.waits(1, 0.3)
    skewed = error(403, "RequestTimeTooSkewed", date=formatdate(there, usegmt=True))
    bench.server.acts = [skewed] * 10_000
    with pytest.raises(Unavailable):
        bench.read()


def test_a_body_that_fails_on_its_way_is_sent_whole_again(bench: Bench) -> None:
    large = DATA * 3000
    bench.server.acts = [error(500, "InternalError"), hangs_up]
    bench.put(large)
    assert bench.server.kept == large
    assert len(bench.server.seen) == 3
    assert bench.server.seen[-1].getHeader("x-amz-content-sha256") == sha256(large).hexdigest()


def test_an_upload_that_was_completed_though_the_answer_was_lost(bench: Bench) -> None:
    size = 17 << 20
    begun = b"<R><UploadId>u1</UploadId></R>"

    def answered(text: bytes, **headers: str) -> Act:
        def act(server: Server, request: Any) -> bytes:
            for name, value in headers.items():
                request.setHeader(name.replace("_", "-"), value)
            return text

        return act

    def tell_size(server: Server, request: Any) -> bytes:
        assert request.method == b"HEAD"
        request.setHeader("content-length", str(size))
        return b""

    parts = [answered(b"", etag=f'"{place}"') for place in range(3)]
    complete = [hangs_up, error(404, "NoSuchUpload"), tell_size]
    bench.server.acts = [answered(begun), *parts, *complete]
    bench.put(bytes(size))
    assert bench.server.acts == []
    # Under status 200 it may have failed all the same.
    failed = answered(b"<?xml?><Error><Code>InternalError</Code></Error>")
    bench.server.acts = [answered(begun), *parts, failed, answered(b"<R/>")]
    bench.put(bytes(size))
    assert bench.server.acts == []


def test_ranges_are_read_together() -> None:
    near = [BlobRef(SEGMENT, 0, 10), BlobRef(SEGMENT, 100, 10), BlobRef(SEGMENT, 5, 3)]
    far = BlobRef(SEGMENT, 1 << 20, 10)
    other = BlobRef(SEGMENT + 1, 0, 10)
    empty = BlobRef(SEGMENT, 50, 0)
    runs = requests_of([*near, far, other, empty])
    assert runs == [[near[0], near[2], near[1]], [far], [other]]


def requests_of(refs: Sequence[BlobRef]) -> list[list[BlobRef]]:
    from mailhub.store.s3.objects import coalesced

    return coalesced(refs)


def test_answers_that_cannot_be_read() -> None:
    for body in (b"", b"<a", b"<!DOCTYPE x><a/>", b"<a/>"):
        with pytest.raises(Unavailable):
            requests.upload_of(requests.Answer(200, {}, body))
