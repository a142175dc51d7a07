"""What reaches the log: one true line an event, whatever clients send, and never a secret."""

from __future__ import annotations

import base64
import json
import re
import urllib.parse

import pytest

from tests.live.doors import plain
from tests.live.server import PLAIN, Server
from tests.live.web import HTTP
from tests.live.wire import IMAP, SMTP, Wire

TOKEN = "Root-T0ken-4711-0815"
PASSWORD = "Right-Passw0rd-31"
WRONG = "Wr0ng-Passw0rd-57"
TEXT = "The-Text-Of-The-Message-99"
USER = "logged@live.test"
FORGED = '"outcome":"forged"'
LINE = '\r\n{"time":"2026-11-21T00:00:00.000+00:00","level":"info","verb":"login",' + FORGED + "}\n"
SETTINGS = PLAIN + '\n[log]\nlevel = "debug"\nformat = "{format}"\n'


def _enter(server: Server, name: str, password: str) -> None:
    """Every way to say a name and a password, right or wrong."""
    both = name.encode(), password.encode()
    with IMAP(server.port("imap")) as imap:
        imap.say(b"LOGIN {%d+}\r\n%s {%d+}\r\n%s" % (len(both[0]), both[0], len(both[1]), both[1]))
    with IMAP(server.port("imap")) as imap:
        imap.say(b"AUTHENTICATE PLAIN " + plain(name, password))
    for words in (
        [b"AUTH PLAIN " + plain(name, password)],
        [b"AUTH PLAIN", plain(name, password)],
        [b"AUTH LOGIN", *map(base64.b64encode, both)],
        [b"AUTH LOGIN " + base64.b64encode(both[0]), base64.b64encode(both[1])],
    ):
        with SMTP(server.port("submission")) as smtp:
            for word in words:
                smtp.say(word)
    with Wire(server.port("pop3")) as pop:
        pop.send(b"AUTH PLAIN " + plain(name, password) + b"\r\n")
        assert [pop.line() != b"" for _ in range(2)] == [True] * 2
    if name.isprintable():
        with Wire(server.port("pop3")) as pop:
            pop.send(b"USER %s\r\nPASS %s\r\n" % both)
            assert [pop.line() != b"" for _ in range(3)] == [True] * 3
    body = json.dumps({"username": name, "password": password, "ip": name, "sess": name}).encode()
    with HTTP(server.port("http")) as client:
        client.say(_post(b"/wildduck/authenticate", body))


def _post(target: bytes, body: bytes, *headers: bytes) -> bytes:
    head = b"\r\n".join([
        b"POST %s HTTP/1.1" % target, b"Host: 127.0.0.1", b"Content-Type: application/json",
        b"Content-Length: %d" % len(body), *headers,
    ])  # fmt: skip
    return head + b"\r\n\r\n" + body


@pytest.fixture(scope="module", params=["json", "plain"])
def told(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The log of a server that was told lies and secrets in every way there is."""
    settings = SETTINGS.format(format=request.param)
    server = Server(
        tmp_path_factory.mktemp("hub"), settings + f'\n[http]\naccess_token = "{TOKEN}"\n'
    )
    server.start()
    server.add_domain("live.test")
    server.add_user(USER, PASSWORD)
    for password in (PASSWORD, WRONG, WRONG + LINE):
        _enter(server, USER, password)
    for name in (f"x{LINE}@live.test", "x\x1b[2J\x07\x9b31m", "x\u2028\u2029\x85y", WRONG):
        _enter(server, name, WRONG)
    _say_oddly(server)
    _call(server)
    assert server.stop() == 0
    return server.log.read_bytes().decode()


def _say_oddly(server: Server) -> None:
    """Passwords where commands belong, and lies wherever a word is free."""
    for hello in (b"EHLO a\x1b[2J", b"EHLO \xe2\x80\xa8x", b"EHLO [\x00]", b"HELO " + b"\x7f" * 90):
        with SMTP(server.port("smtp"), hello=b"") as smtp:
            smtp.say(hello)
            smtp.say(b"MAIL FROM:<a\x1bb@example.org>")
            smtp.say(b"PASS " + WRONG.encode())
            smtp.say(plain(USER, PASSWORD))
            smtp.say(WRONG.encode() + b" x")
    with SMTP(server.port("smtp")) as smtp:
        smtp.begin(USER.encode())
        smtp.say(b"Subject: %s\r\n\r\n%s\r\n." % (TEXT.encode(), TEXT.encode()))
    with IMAP(server.port("imap")) as imap:
        imap.send(WRONG.encode() + b" LOGIN\r\n\x1b[2J NOOP\r\nx " + WRONG.encode() + b"\r\n")
        imap.send(b"z NOOP\r\n")
        imap.until(b"z")
        imap.say(b'ID ("name" "x\x1b[2J" "password" "%s")' % WRONG.encode())
        imap.say(b"AUTHENTICATE \x1b " + plain(USER, PASSWORD))
    with IMAP(server.port("imap"), USER, PASSWORD) as imap:
        imap.say(b"CREATE {%d+}\r\n%s" % (len(LINE), LINE.encode()))
        imap.say(b"SELECT INBOX")
        imap.say(b"FETCH 1 BODY[]")
    with Wire(server.port("pop3")) as pop:
        pop.send(b"PASS %s\r\n%s\r\n\x1b\x07\r\nQUIT\r\n" % (WRONG.encode(), WRONG.encode()))
        pop.closed()


def _call(server: Server) -> None:
    """The root token in all its places, right and wrong."""
    target = b"/wildduck/users?accessToken="
    with HTTP(server.port("http")) as client:
        for token in (TOKEN, WRONG):
            secret = token.encode()
            get = b" HTTP/1.1\r\nHost: 127.0.0.1\r\n"
            status, _ = client.say(b"GET " + target + secret + get + b"\r\n")
            assert status == (200 if token == TOKEN else 403)
            client.say(b"GET /wildduck/users" + get + b"X-Access-Token: " + secret + b"\r\n\r\n")
            client.say(
                b"GET /no/" + secret + get + b"Authorization: Bearer " + secret + b"\r\n\r\n"
            )
    fields = {"username": f"new{LINE}", "password": WRONG, "name": LINE, "tags": [LINE]}
    with HTTP(server.port("http")) as client:
        client.say(_post(target + TOKEN.encode(), json.dumps(fields).encode()))
    with HTTP(server.port("http")) as client:
        client.say(
            b"GET /%1b%0a" + urllib.parse.quote(LINE).encode() + b" HTTP/1.1\r\nHost: x\r\n\r\n"
        )


def _events(told: str) -> list[str]:
    """The lines of the log after the welcome, which is for people."""
    return told[told.index("until the password changes") :].split("\n")[1:]


def test_no_client_writes_a_line_of_its_own(told: str) -> None:
    assert len(_events(told)) > 100
    assert re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029]", told) is None
    for line in filter(None, _events(told)):
        if line.startswith("{"):
            event = json.loads(line)
            assert {"time", "level", "verb"} <= event.keys()
            assert event.get("outcome") != "forged"
        else:
            assert re.match(r"\d\d:\d\d:\d\d\.\d{3} (debug|info |warn |error) \S+", line), line


def test_no_secret_is_written_down(told: str) -> None:
    events = "\n".join(_events(told))
    for secret in (PASSWORD, WRONG, TOKEN, TEXT):
        assert secret not in events
        for lead in ("", "\0", "\0\0"):
            encoded = base64.b64encode((lead + secret).encode()).decode().rstrip("=")[4:-4]
            assert encoded not in events
    for name in (USER, WRONG):
        for password in (PASSWORD, WRONG):
            assert plain(name, password).decode() not in events


def test_what_happened_is_written_down(told: str) -> None:
    events = _events(told)
    assert sum("login" in line and "wrong" in line for line in events) > 10
    assert sum("login" in line and "ok" in line for line in events) > 5
    assert not [line for line in events if "Traceback" in line]
