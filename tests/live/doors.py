"""One way to try a password on every protocol, from any loopback address."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from enum import Enum

from tests.live.server import Server
from tests.live.web import HTTP
from tests.live.wire import IMAP, SMTP, Wire


class Outcome(Enum):
    """What the server made of a password."""

    IN = "in"
    WRONG = "wrong"
    LIMITED = "limited"
    DISABLED = "disabled"


Door = Callable[[Server, str, str, str], bytes]
"""(server, user name, password, source address) to the answer in the protocol's own words."""


def plain(name: str, password: str) -> bytes:
    """The response of SASL PLAIN, in base64."""
    return base64.b64encode(f"\0{name}\0{password}".encode())


def smtp(server: Server, name: str, password: str, source: str) -> bytes:
    with SMTP(server.port("submission"), source=source) as client:
        return client.say(b"AUTH PLAIN " + plain(name, password))


def imap(server: Server, name: str, password: str, source: str) -> bytes:
    with IMAP(server.port("imap"), source=source) as client:
        return client.say(b'LOGIN "%s" "%s"' % (name.encode(), password.encode()))[-1]


def pop3(server: Server, name: str, password: str, source: str) -> bytes:
    with Wire(server.port("pop3"), source=source) as client:
        client.line()
        client.send(b"USER %s\r\nPASS %s\r\n" % (name.encode(), password.encode()))
        client.line()
        return client.line()


def managesieve(server: Server, name: str, password: str, source: str) -> bytes:
    with Wire(server.port("managesieve"), source=source) as client:
        while not client.line().startswith(b"OK"):
            continue
        client.send(b'AUTHENTICATE "PLAIN" "%s"\r\n' % plain(name, password))
        return client.line()


def http(server: Server, name: str, password: str, source: str) -> bytes:
    body = json.dumps({"username": name, "password": password}).encode()
    with HTTP(server.port("http"), source=source) as client:
        status, answer = client.say(
            b"POST /wildduck/authenticate HTTP/1.1\r\nHost: 127.0.0.1\r\n"
            b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)
        )
    return b"%d %s" % (status, answer)


DOORS: dict[str, Door] = {
    "smtp": smtp,
    "imap": imap,
    "pop3": pop3,
    "managesieve": managesieve,
    "http": http,
}
SAID: dict[str, dict[Outcome, bytes]] = {
    "smtp": {
        Outcome.IN: b"235 2.7.0",
        Outcome.WRONG: b"535 5.7.8",
        Outcome.LIMITED: b"454 4.7.0",
        Outcome.DISABLED: b"525 5.7.13",
    },
    "imap": {
        Outcome.IN: b"a1 OK",
        Outcome.WRONG: b"a1 NO [AUTHENTICATIONFAILED]",
        Outcome.LIMITED: b"a1 NO [LIMIT]",
        Outcome.DISABLED: b"a1 NO [AUTHORIZATIONFAILED]",
    },
    "pop3": {
        Outcome.IN: b"+OK",
        Outcome.WRONG: b"-ERR [AUTH]",
        Outcome.LIMITED: b"-ERR [SYS/TEMP]",
        Outcome.DISABLED: b"-ERR [AUTH]",
    },
    "managesieve": {
        Outcome.IN: b"OK",
        Outcome.WRONG: b'NO "Authentication failed"',
        Outcome.LIMITED: b"NO (TRYLATER)",
        Outcome.DISABLED: b'NO "This account is disabled"',
    },
    "http": {
        Outcome.IN: b'200 {"success":true',
        Outcome.WRONG: b"403 ",
        Outcome.LIMITED: b"403 ",
        Outcome.DISABLED: b"403 ",
    },
}


def said(door: str, answer: bytes, outcome: Outcome) -> bool:
    """Whether `answer` is this door's way to say `outcome`."""
    if door == "http" and outcome is Outcome.LIMITED and b"RateLimited" not in answer:
        return False
    if door == "http" and outcome is not Outcome.LIMITED and b"RateLimited" in answer:
        return False
    return answer.startswith(SAID[door][outcome])
