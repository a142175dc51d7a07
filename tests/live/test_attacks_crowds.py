"""More clients than there is room for: thousands that only wait, more than there are descriptors,
and many that make the server hold as much as they can."""

from __future__ import annotations

import contextlib
import json
import resource
import socket
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.live import web
from tests.live.server import Server
from tests.live.web import PASSWORD
from tests.live.wire import IMAP, SMTP, Wire
from tests.programs import program

IDLE, HALF_SMTP, HALF_HTTP = 1500, 300, 100
GREETED = 0.25
"""Seconds for the greeting of a newcomer, at the 99th percentile."""
DESCRIPTORS = 200
MEMORY = 512 << 20
USER = "crowd@live.test"


@pytest.fixture(autouse=True)
def descriptors() -> Iterator[None]:
    """Enough descriptors on our own side."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    if before[1] < 4096:
        pytest.skip("the limit of open files is below 4096")
    resource.setrlimit(resource.RLIMIT_NOFILE, (before[1], before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


def opened(port: int, number: int) -> socket.socket:
    """A connection from one of many addresses."""
    source = f"127.{64 + number % 64}.{number // 64 % 256}.1"
    return socket.create_connection(("127.0.0.1", port), 30, (source, 0))


def idle(port: int, number: int) -> socket.socket:
    """A session that is logged in, has INBOX selected and idles."""
    channel = opened(port, number)
    channel.sendall(f"a LOGIN {USER} {PASSWORD}\r\nb SELECT INBOX\r\nc IDLE\r\n".encode())
    heard = b""
    while b"\r\n+ " not in heard:
        data = channel.recv(4096)
        assert data, heard
        heard += data
    return channel


def test_crowds_that_only_wait_keep_nobody_out(server: Server) -> None:
    web.make(server, USER)
    with contextlib.ExitStack() as held, ThreadPoolExecutor(16) as pool:
        imap, smtp, http = (server.port(name) for name in ("imap", "smtp", "http"))
        for channel in pool.map(lambda number: idle(imap, number), range(IDLE)):
            held.callback(channel.close)
        for number in range(HALF_SMTP):
            channel = opened(smtp, number)
            held.callback(channel.close)
            channel.sendall(b"EHL")
        for number in range(HALF_HTTP):
            channel = opened(http, number)
            held.callback(channel.close)
            channel.sendall(
                b"POST /wildduck/users HTTP/1.1\r\nHost: x\r\nContent-Length: 99\r\n\r\nx"
            )
        waits = sorted(
            greeting(port) for _ in range(70) for port in (imap, smtp, server.port("pop3"))
        )
        assert waits[int(len(waits) * 0.99)] < GREETED, waits[-5:]
        with IMAP(imap, USER, PASSWORD) as one:
            assert b" OK" in one.say(b"APPEND INBOX {12+}\r\nSubject: x\r\n")[-1]


def greeting(port: int) -> float:
    """Seconds from connecting to the first line."""
    began = time.monotonic()
    with Wire(port) as wire:
        assert wire.line()
    return time.monotonic() - began


# -- descriptors


@pytest.fixture
def poor(tmp_path: Path) -> Iterator[Server]:
    """A server that may open few files."""
    limit = f"--nofile={DESCRIPTORS}:{DESCRIPTORS}"
    server = Server(tmp_path / "hub", wrap=[program("prlimit"), limit])
    server.start()
    web.make(server, USER)
    yield server
    assert server.stop() == 0, server.log.read_text()[-2000:]


def processor(pid: int) -> float:
    """Seconds of processor time that the process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    ticks = 100
    return (int(fields[11]) + int(fields[12])) / ticks


def events(server: Server, verb: str) -> list[dict[str, object]]:
    lines = (line for line in server.log.read_text().splitlines() if line.startswith("{"))
    return [event for event in map(json.loads, lines) if event["verb"] == verb]


def test_at_the_end_of_descriptors_accepting_rests_and_sessions_live(poor: Server) -> None:
    port = poor.port("imap")
    first = IMAP(port, USER, PASSWORD)
    crowd = [socket.create_connection(("127.0.0.1", port), 10) for _ in range(400)]
    time.sleep(0.5)
    began, spent = time.monotonic(), processor(poor.pid)
    time.sleep(1.5)
    assert (processor(poor.pid) - spent) / (time.monotonic() - began) < 0.2
    assert [event["outcome"] for event in events(poor, "accept")] == ["paused"]
    assert not [line for line in poor.log.read_text().splitlines() if "Too many open files" in line]
    # Who is in can work: the store has its descriptors.
    assert b" OK" in first.say(b"APPEND INBOX {12+}\r\nSubject: x\r\n")[-1]
    big = b"Subject: big\r\n\r\n" + b"x" * 1_000_000
    assert b" OK" in first.say(b"APPEND INBOX {%d+}\r\n%s" % (len(big), big))[-1]
    assert first.say(b"STATUS INBOX (MESSAGES)")[0].endswith(b"(MESSAGES 2)")
    assert len(list(Path(f"/proc/{poor.pid}/fd").iterdir())) < DESCRIPTORS
    for channel in crowd:
        channel.close()
    ends = time.monotonic() + 10
    assert greeting(port) < ends - time.monotonic()
    assert b" OK" in first.say(b"NOOP")[-1]
    first.close()


# -- memory


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Server]:
    """A server with little memory: what it asks for beyond that it does not get."""
    server = Server(tmp_path / "hub", wrap=[program("prlimit"), f"--as={3 * MEMORY}"])
    server.start()
    web.make(server, USER)
    yield server
    assert server.stop() == 0, server.log.read_text()[-2000:]


def peak(pid: int) -> int:
    """Octets of memory that the process has ever held at once."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) << 10


LARGE = 40 << 20
CHUNK = (b"y" * 998 + b"\r\n") * 1024


def by_smtp(server: Server) -> None:
    with SMTP(server.port("smtp"), timeout=60) as smtp:
        smtp.begin(USER.encode())
        smtp.send(b"Subject: large\r\n\r\n")
        for _ in range(LARGE // len(CHUNK)):
            smtp.send(CHUNK)
        smtp.send(b".\r\n")
        assert smtp.reply()[:3] == b"250"


def by_append(server: Server) -> None:
    with IMAP(server.port("imap"), USER, PASSWORD, timeout=60) as imap:
        imap.send(b"x APPEND INBOX {%d+}\r\n" % (LARGE // len(CHUNK) * len(CHUNK)))
        for _ in range(LARGE // len(CHUNK)):
            imap.send(CHUNK)
        imap.send(b"\r\n")
        assert b" OK" in imap.until(b"x")[-1]


def half_sent(server: Server) -> Wire:
    """A literal over the memory of a spool, and no end to it."""
    imap = IMAP(server.port("imap"), USER, PASSWORD, timeout=60)
    imap.send(b"x APPEND INBOX {%d+}\r\n" % LARGE + CHUNK * 4)
    return imap


def never_reads(server: Server) -> Wire:
    """Asks for the large messages and reads nothing of them."""
    imap = IMAP(server.port("imap"), USER, PASSWORD, timeout=60)
    imap.say(b"SELECT INBOX")
    imap.send(b"".join(b"f%d FETCH 1:* BODY.PEEK[]\r\n" % number for number in range(1000)))
    return imap


def never_reads_pop3(server: Server) -> Wire:
    pop = Wire(server.port("pop3"), timeout=60)
    pop.send(b"USER %s\r\nPASS %s\r\n" % (USER.encode(), PASSWORD.encode()))
    pop.send(b"RETR 1\r\n" * 1000)
    return pop


def test_memory_stays_bounded_whatever_clients_send_and_do_not_read(small: Server) -> None:
    ways: list[Callable[[Server], None]] = [by_smtp, by_append, by_smtp, by_append]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda way: way(small), ways))
    with contextlib.ExitStack() as held:
        for make in (half_sent, never_reads):
            for _ in range(25):
                held.enter_context(make(small))
        held.enter_context(never_reads_pop3(small))
        with IMAP(small.port("imap"), USER, PASSWORD) as imap:
            assert imap.say(b"STATUS INBOX (MESSAGES)")[0].endswith(b"(MESSAGES 4)")
            time.sleep(0.5)
            assert b" OK" in imap.say(b"NOOP")[-1]
    assert peak(small.pid) < MEMORY, f"{peak(small.pid) >> 20} MiB"
    with IMAP(small.port("imap"), USER, PASSWORD) as imap:
        assert b" OK" in imap.say(b"NOOP")[-1]
