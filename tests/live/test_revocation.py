"""Whoever is sent away is away: every session that an account, a password, an app password or a
token has open, over every protocol and in the middle of whatever it does, ends within a second."""

from __future__ import annotations

import itertools
import json
import selectors
import socket
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from mailhub.wire import otp
from tests.live import web
from tests.live.doors import DOORS, Outcome, plain, said
from tests.live.server import Server
from tests.live.stall import starved
from tests.live.web import HTTP, PASSWORD
from tests.live.wire import IMAP, SMTP, Wire

AT_ONCE = 1.0
"""Seconds in which a session must end, once the call that ends it was answered."""
LAST_CHUNK = b"0\r\n\r\n"
_numbers = itertools.count(1)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = Server(tmp_path_factory.mktemp("hub"))
    server.start()
    try:
        yield server
    finally:
        assert server.stop() == 0, server.log.read_text()[-3000:]


class Person:
    """An account with a login of each kind: its own password, an app password, a token."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.address = f"leaver{next(_numbers)}@live.test"
        self.id = web.make(server, self.address)
        self.path = f"/users/{self.id}"
        boxes = self.call("GET", f"{self.path}/mailboxes")["results"]
        self.inbox = next(box["id"] for box in boxes if box["path"] == "INBOX")  # type: ignore[attr-defined]

    def call(self, method: str, path: str, fields: object = None) -> Mapping[str, object]:
        return web.call(self.server, method, path, fields)

    def token(self) -> str:
        login = {"username": self.address, "password": PASSWORD, "token": True}
        return str(self.call("POST", "/authenticate", login)["token"])

    def app_password(self) -> tuple[str, str]:
        """Its id and itself."""
        made = self.call("POST", f"{self.path}/asps", {"description": "phone"})
        return str(made["id"]), str(made["password"])


# -- what is open


def idle(who: Person, password: str) -> Wire:
    wire = selected(who, password)
    wire.send(b"i IDLE\r\n")
    assert wire.line().startswith(b"+ ")
    return wire


def selected(who: Person, password: str) -> Wire:
    wire = IMAP(who.server.port("imap"), who.address, password)
    assert b" OK" in wire.say(b"SELECT INBOX")[-1]
    return wire


def uploading(who: Person, password: str) -> Wire:
    """IMAP, with half of a message on its way."""
    wire = IMAP(who.server.port("imap"), who.address, password)
    wire.send(b"a APPEND INBOX {100000+}\r\nhalf")
    return wire


def maildrop(who: Person, password: str) -> Wire:
    wire = Wire(who.server.port("pop3"))
    wire.send(b"USER %s\r\nPASS %s\r\n" % (who.address.encode(), password.encode()))
    assert [wire.line()[:3] for _ in range(3)] == [b"+OK"] * 3
    return wire


def submission(who: Person, password: str) -> SMTP:
    wire = SMTP(who.server.port("submission"))
    assert wire.say(b"AUTH PLAIN " + plain(who.address, password))[:3] == b"235"
    return wire


def sending(who: Person, password: str) -> Wire:
    """SMTP, with half of a message on its way."""
    wire = submission(who, password)
    wire.begin(who.address.encode(), who.address.encode())
    wire.send(b"From: <%s>\r\nSubject: too late\r\n\r\nhalf\r\n" % who.address.encode())
    return wire


def scripts(who: Person, password: str) -> Wire:
    wire = Wire(who.server.port("managesieve"))
    while not wire.line().startswith(b"OK"):
        continue
    wire.send(b'AUTHENTICATE "PLAIN" "%b"\r\n' % plain(who.address, password))
    assert wire.line().startswith(b"OK")
    return wire


MAIL = [idle, selected, uploading, maildrop, submission, sending, scripts]


def head(method: str, path: str, token: str, *fields: str) -> bytes:
    lines = [
        f"{method} /wildduck{path} HTTP/1.1",
        "Host: localhost",
        *([f"X-Access-Token: {token}"] if token else []),
        *fields,
    ]
    return "\r\n".join([*lines, "", ""]).encode()


def listening(who: Person, token: str) -> HTTP:
    """An event stream; without a token it is the operator's own."""
    wire = HTTP(who.server.port("http"))
    wire.send(head("GET", f"{who.path}/updates", token))
    while b": hello" not in wire.line():
        continue
    return wire


def storing(who: Person, token: str) -> HTTP:
    """HTTP, with half of a message on its way."""
    wire = HTTP(who.server.port("http"))
    path = f"{who.path}/mailboxes/{who.inbox}/messages"
    fields = ("Content-Type: message/rfc822", "Content-Length: 100000", "Expect: 100-continue")
    wire.send(head("POST", path, token, *fields))
    assert wire.line() == b"HTTP/1.1 100 Continue"
    assert wire.line() == b""
    wire.send(b"Subject: half\r\n\r\n")
    return wire


def kept_alive(who: Person, token: str) -> HTTP:
    """A connection that made a call, and may make another."""
    wire = HTTP(who.server.port("http"))
    status, _ = wire.say(head("GET", "/users/me", token))
    assert status == 200
    return wire


# -- how it ends


def seconds_to_end(server: Server, wires: list[Wire]) -> float:
    """Seconds until the server has closed all of them, or refused what an upload brings; less what
    the machine kept both of us waiting."""
    ours, theirs = Path("/proc/self/schedstat"), Path(f"/proc/{server.pid}/schedstat")
    began, held = time.monotonic(), starved(ours) + starved(theirs)
    heard = {wire.sock: b"" for wire in wires}
    with selectors.DefaultSelector() as ready:
        for sock in heard:
            ready.register(sock, selectors.EVENT_READ)
        while ready.get_map():
            for key, _ in ready.select(10) or pytest.fail(f"still open: {len(ready.get_map())}"):
                sock = key.fileobj
                assert isinstance(sock, socket.socket)
                data = received(sock)
                heard[sock] += data
                refused = heard[sock].startswith(b"HTTP/1.1 403 ")
                if not data or refused or heard[sock].endswith(LAST_CHUNK):
                    ready.unregister(sock)
    return time.monotonic() - began - (starved(ours) + starved(theirs) - held)


def received(sock: socket.socket) -> bytes:
    try:
        return sock.recv(65536)
    except ConnectionResetError:
        return b""


def second_factor(who: Person) -> None:
    seed = str(who.call("POST", f"{who.path}/2fa/totp/setup", {"issuer": "x"})["seed"])
    code = otp.code(seed, int(time.time()) // 30)
    who.call("POST", f"{who.path}/2fa/totp/enable", {"token": code})


ENDS: dict[str, Callable[[Person], object]] = {
    "a new password": lambda who: web.change(who.server, who.id, password="Quite-An0ther-One"),
    "a password reset": lambda who: who.call("POST", f"{who.path}/password/reset", {}),
    "disabled": lambda who: web.change(who.server, who.id, disabled=True),
    "suspended": lambda who: web.change(who.server, who.id, suspended=True),
    "logged out": lambda who: who.call("PUT", f"{who.path}/logout", {"reason": "Goodbye"}),
    "removed": lambda who: who.call("DELETE", who.path),
    "a second factor": second_factor,
}


@pytest.mark.parametrize("end", ENDS)
def test_everything_that_an_account_has_open_ends_at_once(server: Server, end: str) -> None:
    who = Person(server)
    _, app = who.app_password()
    token = who.token()
    kept = kept_alive(who, token)
    wires = [one(who, PASSWORD) for one in MAIL] + [idle(who, app), submission(who, app)]
    wires += [listening(who, ""), listening(who, token), storing(who, token)]
    ENDS[end](who)
    assert seconds_to_end(server, wires) < AT_ONCE
    status, body = kept.say(head("GET", "/users/me", token))
    assert (status, json.loads(body)["code"]) == (403, "InvalidToken")
    for wire in (*wires, kept):
        wire.close()
    if end in ("logged out", "a new password"):
        path = f"{who.path}/mailboxes/{who.inbox}"
        assert who.call("GET", path)["total"] == 0, "half a message was stored"


def test_an_app_password_takes_its_sessions_along(server: Server) -> None:
    who = Person(server)
    id, app = who.app_password()
    wires = [one(who, app) for one in (*MAIL[:-1], scripts)]
    who.call("DELETE", f"{who.path}/asps/{id}")
    assert seconds_to_end(server, wires) < AT_ONCE
    for wire in wires:
        wire.close()


def test_a_token_takes_along_what_came_with_it_and_nothing_else(server: Server) -> None:
    who = Person(server)
    token, other = who.token(), who.token()
    kept, stays = kept_alive(who, token), kept_alive(who, other)
    wires: list[Wire] = [listening(who, token), storing(who, token)]
    reading = idle(who, PASSWORD)
    who.call("DELETE", f"/authenticate?accessToken={token}")
    assert seconds_to_end(server, wires) < AT_ONCE
    assert kept.say(head("GET", "/users/me", token))[0] == 403
    assert stays.say(head("GET", "/users/me", other))[0] == 200
    reading.send(b"DONE\r\n")
    assert reading.line().startswith(b"i OK")
    for wire in (*wires, kept, stays, reading):
        wire.close()


@pytest.mark.parametrize("door", DOORS)
def test_who_was_removed_is_like_who_never_was(server: Server, door: str) -> None:
    """Within the time of grace, too; and who comes back has the same password."""
    who = Person(server)
    assert said(door, DOORS[door](server, who.address, PASSWORD, "127.0.0.1"), Outcome.IN)
    who.call("DELETE", who.path)
    gone = DOORS[door](server, who.address, PASSWORD, "127.0.0.1")
    assert said(door, gone, Outcome.WRONG), gone
    assert gone == DOORS[door](server, "nobody-at-all@live.test", PASSWORD, "127.0.0.1")
    who.call("POST", f"{who.path}/restore", {})
    answer = DOORS[door](server, who.address, PASSWORD, "127.0.0.1")
    assert said(door, answer, Outcome.IN), answer
