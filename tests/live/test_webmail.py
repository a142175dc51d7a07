"""The webmail on a real server: mail that came by SMTP is read over HTTP, a page hears of it as it
comes, and what is done there is seen over IMAP."""

from __future__ import annotations

import http.client
import imaplib
import re
import smtplib
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from urllib.parse import urlencode

import pytest

from tests.live.listening import until
from tests.live.server import PLAIN, Server

ANN, JOE, PASSWORD = "ann@mail.test", "joe@mail.test", "a good Passw0rd"
TIMEOUT = 60
RICH = (
    "From: The Bank <eve@remote.test>\r\nTo: {who}\r\nSubject: Your account\r\n"
    "MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"
    "--b\r\nContent-Type: text/html; charset=utf-8\r\n\r\n"
    "<p onclick=alert(1)>Grüße</p><script>alert(1)</script>"
    "<a href='https://evil.example/'>https://bank.example</a>\r\n"
    "--b\r\nContent-Type: image/svg+xml\r\n"
    "Content-Disposition: attachment; filename=logo.svg\r\n\r\n<svg onload='alert(1)'/>\r\n"
    "--b--\r\n"
)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = Server(tmp_path_factory.mktemp("hub"), PLAIN)
    server.start()
    try:
        for who in (ANN, JOE):
            server.add_user(who, PASSWORD)
        yield server
    finally:
        assert server.stop() == 0, server.log.read_text()[-3000:]


@dataclass
class Visit:
    """Somebody's browser, without scripts."""

    server: Server
    who: str
    cookie: str = ""
    headers: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        fields = {"name": self.who, "password": PASSWORD, "next": "/mail/"}
        status, _ = self.ask("POST", "/panel/sign-in", fields)
        assert (status, self.headers["location"]) == (303, "/mail/")
        self.cookie = self.headers["set-cookie"].partition(";")[0]

    def ask(self, method: str, path: str, fields: dict[str, str] | None = None) -> tuple[int, str]:
        """Status and page."""
        link = http.client.HTTPConnection("127.0.0.1", self.server.port("http"), timeout=TIMEOUT)
        given = {"Cookie": self.cookie} if self.cookie else {}
        body = None
        if fields is not None:
            body = urlencode(fields)
            given["Content-Type"] = "application/x-www-form-urlencoded"
        link.request(method, path, body, given)
        reply = link.getresponse()
        self.headers = {name.lower(): value for name, value in reply.getheaders()}
        page = reply.read().decode()
        link.close()
        return reply.status, page

    def look(self, path: str) -> str:
        status, page = self.ask("GET", path)
        assert status == 200, (path, status)
        return page

    def line(self, subject: str) -> str:
        """The path of a message in the list of the INBOX, once it is there."""
        found: list[str] = []

        def there() -> bool:
            page = self.look("/mail/?by=message")
            pattern = r'<a href="([^"]+/\d+)">(?:(?!</a>).)*?' + re.escape(subject)
            found.extend(re.findall(pattern, page, re.S))
            return bool(found)

        until(there)
        return found[0]


class Ears(threading.Thread):
    """An EventSource."""

    def __init__(self, server: Server, cookie: str) -> None:
        super().__init__(daemon=True)
        self.heard = b""
        self.over = False
        self.socket = socket.create_connection(("127.0.0.1", server.port("http")), timeout=TIMEOUT)
        self.socket.sendall(
            f"GET /mail/updates HTTP/1.1\r\nHost: localhost\r\nCookie: {cookie}\r\n\r\n".encode()
        )
        self.start()
        until(lambda: b": hello" in self.heard)

    def run(self) -> None:
        try:
            while data := self.socket.recv(65536):
                self.heard += data
                if self.heard.endswith(b"\r\n0\r\n\r\n"):
                    break
        except OSError:
            pass
        self.over = True


def deliver(server: Server, who: str, message: str) -> None:
    """As another server brings it."""
    with smtplib.SMTP("127.0.0.1", server.port("smtp"), timeout=TIMEOUT) as smtp:
        smtp.sendmail("eve@remote.test", [who], message.encode(), mail_options=["BODY=8BITMIME"])


def test_mail_that_came_by_smtp_is_read(server: Server) -> None:
    visit = Visit(server, ANN)
    deliver(server, ANN, RICH.format(who=ANN))
    path = visit.line("Your account")
    page = visit.look(path)
    assert "The Bank &lt;eve@remote.test&gt;" in page
    assert "alert(1)" not in page
    assert f'src="{path}/html"' in page
    made = visit.look(f"{path}/html")
    assert "Grüße" in made
    assert "alert(1)" not in made
    assert "[→ evil.example]" in made
    assert "sandbox" in visit.headers["content-security-policy"]
    assert visit.look(f"{path}/attachments/ATT00001").startswith("<svg")
    assert visit.headers["content-disposition"] == 'attachment; filename="logo.svg"'
    assert "Subject: Your account" in visit.look(f"{path}/source")


def test_a_long_document_is_cleaned_apart(server: Server) -> None:
    """In a worker process, so that the server answers meanwhile."""
    visit = Visit(server, ANN)
    head, _, _ = RICH.format(who=ANN).replace("Your account", "Long").partition("--b")
    rows = "<tr><td onclick=alert(1)>cell</td></tr>\r\n" * 5000
    body = f"--b\r\nContent-Type: text/html\r\n\r\n<table>{rows}</table>\r\n--b--\r\n"
    deliver(server, ANN, head + body)
    made = visit.look(visit.line("Long") + "/html")
    assert made.count("<td>cell</td>") == 5000
    assert "alert(1)" not in made


def test_a_page_hears_of_what_arrives_until_its_session_ends(server: Server) -> None:
    visit = Visit(server, JOE)
    other = Visit(server, ANN)
    ears, others = Ears(server, visit.cookie), Ears(server, other.cookie)
    deliver(server, JOE, f"From: eve@remote.test\r\nTo: {JOE}\r\nSubject: Listen\r\n\r\nHello")
    until(lambda: b'"command":"EXISTS"' in ears.heard and b'"COUNTERS"' in ears.heard)
    assert b"EXISTS" not in others.heard
    page = visit.look("/mail/")
    proof = re.search(r'name="csrf" value="(\w+)"', page)
    assert proof is not None
    visit.ask("POST", "/panel/sign-out", {"csrf": proof[1]})
    until(lambda: ears.over)
    assert not others.over
    others.socket.close()


def test_what_is_done_is_seen_over_imap(server: Server) -> None:
    visit = Visit(server, JOE)
    deliver(server, JOE, f"From: eve@remote.test\r\nTo: {JOE}\r\nSubject: Sorted\r\n\r\nHello")
    path = visit.line("Sorted")
    box, uid = path.split("/")[-2:]
    page = visit.look(path)
    proof = re.search(r'name="csrf" value="(\w+)"', page)
    assert proof is not None
    fields = {"csrf": proof[1], "back": "/mail/", "message": f"{box}.{uid}", "action": "flag"}
    assert visit.ask("POST", "/mail/messages", fields)[0] == 303
    assert visit.ask("POST", "/mail/messages", {**fields, "action": "archive"})[0] == 303
    with imaplib.IMAP4("127.0.0.1", server.port("imap", "starttls"), timeout=TIMEOUT) as imap:
        imap.login(JOE, PASSWORD)
        imap.select("Archive")
        assert imap.search(None, "FLAGGED", "SEEN", "SUBJECT", "Sorted") == ("OK", [b"1"])
    moved = visit.headers["location"]
    undo = re.search(r"undo=([^&]+)", moved)
    assert undo is not None
    page = visit.look(moved)
    assert "archived" in page
    back = {"csrf": proof[1], "back": "/mail/", "undo": undo[1]}
    assert visit.ask("POST", "/mail/messages/undo", back)[0] == 303
    assert visit.line("Sorted")
