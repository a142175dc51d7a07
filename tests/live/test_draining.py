"""A server that drains: what is under way ends well, all else at once, and nothing new comes."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator

import pytest

from tests.live.peers import until
from tests.live.server import Server
from tests.live.web import PASSWORD
from tests.live.wire import Wire

USER = "ada@drain.test"
BODY = b"From: ada@drain.test\r\nSubject: under way\r\n\r\nall of it\r\n"


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with one account."""
    server = Server(tmp_path_factory.mktemp("drain") / "hub")
    server.start()
    server.add_domain("drain.test")
    server.add_user(USER, PASSWORD)
    yield server
    server.kill()


def smtp(hub: Server) -> Wire:
    wire = Wire(hub.port("smtp"))
    assert wire.line().startswith(b"220 ")
    wire.send(b"EHLO me\r\n")
    while not wire.line().startswith(b"250 "):
        continue
    return wire


def imap(hub: Server) -> Wire:
    wire = Wire(hub.port("imap"))
    wire.line()
    told(wire, b"a LOGIN %b %b" % (USER.encode(), PASSWORD.encode()))
    told(wire, b"a SELECT INBOX")
    return wire


def told(wire: Wire, command: bytes) -> None:
    wire.send(command + b"\r\n")
    while not (line := wire.line()).startswith(b"a "):
        continue
    assert line.startswith(b"a OK"), line


def pop3(hub: Server) -> Wire:
    wire = Wire(hub.port("pop3"))
    wire.line()
    for command in (b"USER %b" % USER.encode(), b"PASS %b" % PASSWORD.encode()):
        wire.send(command + b"\r\n")
        assert wire.line().startswith(b"+OK")
    return wire


def health(hub: Server) -> tuple[int, str, dict[str, object]]:
    url = f"http://127.0.0.1:{hub.port('http')}/health"
    try:
        answer = urllib.request.urlopen(url, timeout=20)
    except urllib.error.HTTPError as error:
        answer = error
    with answer:
        return answer.status, answer.headers.get("connection", ""), json.load(answer)


def state(hub: Server) -> str:
    (node,) = json.loads(hub.command("nodes", "--json").stdout)
    return str(node["state"])


def test_draining_ends_what_is_idle_at_once_and_what_is_under_way_when_it_is_done(
    hub: Server,
) -> None:
    assert state(hub) == "serving"
    assert health(hub)[0] == 200
    with smtp(hub) as mail:
        mail.send(b"MAIL FROM:<ada@drain.test>\r\nRCPT TO:<ada@drain.test>\r\nDATA\r\n")
        assert [mail.line()[:3] for _ in range(3)] == [b"250", b"250", b"354"]
        mail.send(BODY + b".\r\n")
        assert mail.line().startswith(b"250")
    idle_smtp, idle_pop3, idle_imap, plain_imap = smtp(hub), pop3(hub), imap(hub), imap(hub)
    busy_smtp, busy_pop3, busy_imap = smtp(hub), idle_pop3, imap(hub)
    idle_imap.send(b"i IDLE\r\n")
    assert idle_imap.line().startswith(b"+")
    busy_smtp.send(b"MAIL FROM:<ada@drain.test>\r\nRCPT TO:<ada@drain.test>\r\n")
    assert [busy_smtp.line()[:3] for _ in range(2)] == [b"250", b"250"]
    busy_imap.send(b"b APPEND INBOX {%d}\r\n" % len(BODY))
    assert busy_imap.line().startswith(b"+")
    busy_imap.send(BODY[:20])
    busy_pop3.send(b"DELE 1\r\n")
    assert busy_pop3.line().startswith(b"+OK")
    kept = socket.create_connection(("127.0.0.1", hub.port("http")), timeout=20)
    kept.sendall(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n")
    assert kept.recv(1000).startswith(b"HTTP/1.1 200")

    words = [str(hub.tool), "--config", str(hub.config), "drain"]
    drain = subprocess.Popen(words, stdout=subprocess.PIPE)  # beside other commands of this process
    assert idle_smtp.line().startswith(b"421 ")
    assert idle_imap.line().startswith(b"* BYE")
    assert plain_imap.line().startswith(b"* BYE")
    for wire in (idle_smtp, idle_imap, plain_imap):
        assert wire.closed()
    assert kept.recv(1000) == b""
    status, connection, answer = health(hub)
    assert (status, answer["ready"], connection.lower()) == (503, False, "close")
    for service in ("smtp", "imap", "pop3", "submission"):
        with pytest.raises(ConnectionRefusedError):
            Wire(hub.port(service))
    assert until(lambda: state(hub) == "draining")
    assert drain.poll() is None

    busy_smtp.send(b"DATA\r\n")
    assert busy_smtp.line().startswith(b"354")
    busy_smtp.send(BODY + b".\r\n")
    assert busy_smtp.line().startswith(b"250")
    assert busy_smtp.line().startswith(b"421")
    busy_imap.send(BODY[20:] + b"\r\n")
    lines = iter(busy_imap.line, b"")
    seen = [line for line in lines if line.startswith((b"b ", b"* BYE"))]
    assert seen[0].startswith(b"b OK")
    assert seen[1].startswith(b"* BYE")
    busy_pop3.send(b"QUIT\r\n")
    assert busy_pop3.line().startswith(b"+OK")
    assert drain.communicate(timeout=60)[0] == b"drained\n"
    assert state(hub) == "drained"
    assert health(hub)[0] == 503
    assert hub.command("drain").stdout == "drained\n"


def test_a_drained_server_ends_in_good_order_and_has_all_that_it_took(hub: Server) -> None:
    assert hub.command("drain", "--stop").stdout == "drained\n"
    assert until(lambda: hub.ended_within(0.1))
    hub.start()
    with imap(hub) as box:
        box.send(b"a STATUS INBOX (MESSAGES)\r\n")
        assert b"MESSAGES 2" in box.line()


def test_a_signal_drains_and_time_is_bounded(hub: Server) -> None:
    stuck = smtp(hub)
    stuck.send(b"MAIL FROM:<ada@drain.test>\r\n")
    assert stuck.line().startswith(b"250")
    hub._process.send_signal(signal.SIGUSR1)  # type: ignore[union-attr]
    assert until(lambda: state(hub) == "draining")
    assert hub.stop() == 0
    assert stuck.line().startswith(b"421")
