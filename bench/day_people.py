"""What people of an organisation do on a day, and what the world does to them: one act, one method.

An act raises when the server does anything else than it should. Nothing here knows when or how
often acts come, nor what they do to the server.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import poplib
import random
import re
import smtplib
import socket
import ssl
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlencode

from bench.imap_load import IMAPSession
from bench.search import Writer
from bench.servers import PASSWORD

DOMAIN = "bench.test"
HOSTS = 300
"""Domains that mail comes from."""
FAR = 20
"""Domains that mail goes to."""
KEPT = {"INBOX": 20, "Archive": 10, "Sent Mail": 5}
"""Messages that a person leaves in a mailbox. What goes to Trash goes from there by itself."""
RETENTION = 60
"""Seconds that messages stay in Trash."""
TIMEOUT = 120.0
_FORM = "application/x-www-form-urlencoded"
_LETTER = re.compile(r'href="(/mail/folders/[0-9a-f]{24}/\d+)[?"]')
_PROOF = re.compile(r'name="csrf" value="([^"]+)"')
_CHOSEN = re.compile(r'name="message" value="([^"]+)"')


@dataclass(frozen=True)
class Ports:
    """Where the server listens, on loopback."""

    smtp: int
    submission: int
    imap: int
    imaps: int
    pop3: int
    http: int


def open_context() -> ssl.SSLContext:
    """TLS to whoever it is."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


class Letters:
    """Messages as they come on a day: most are small, a few have a large attachment."""

    def __init__(self, seed: int) -> None:
        self._writer = Writer(seed)
        self._random = random.Random(seed)
        self._lock = threading.Lock()
        self._number = 0

    def size(self) -> int:
        """Octets: 2 to 100 KB, small ones most often; one in a hundred has a megabyte."""
        if self._random.random() < 0.01:
            return 1 << 20
        return int(2_000 * 50 ** (self._random.random() ** 2))

    @property
    def words(self) -> list[str]:
        """Those that letters are made of."""
        return self._writer.words

    def letter(self, sender: str, recipient: str) -> bytes:
        """Text of common and rare words, and an attachment where the size asks for one."""
        with self._lock:
            self._number += 1
            number, size = self._number, self.size()
            words = self._random.choices(self._writer.words[:5000], k=40)
            words += self._random.choices(self._writer.words, k=size // 80 if size < 20_000 else 60)
        lines = [" ".join(words[at : at + 10]) for at in range(0, len(words), 10)]
        head = (
            f"From: Sender <{sender}>\r\nTo: <{recipient}>\r\n"
            f"Subject: {' '.join(words[:4])} {number}\r\n"
            "Date: Sun, 22 Nov 2026 10:00:00 +0000\r\n"
            f"Message-ID: <{number}.{os.urandom(6).hex()}@{sender.rpartition('@')[2]}>\r\n"
            "MIME-Version: 1.0\r\n"
            'Content-Type: multipart/mixed; boundary="=-day"\r\n\r\n'
            "--=-day\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n"
        )
        text = (head + "\r\n".join(lines)).encode()
        if (rest := size - len(text)) > 500:
            data = base64.encodebytes(os.urandom(rest * 3 // 4)).replace(b"\n", b"\r\n")
            text += (
                b"\r\n--=-day\r\nContent-Type: application/octet-stream; name=data.bin\r\n"
                b"Content-Transfer-Encoding: base64\r\n\r\n" + data
            )
        return text + b"\r\n--=-day--\r\n"


class Caller:
    """One connection to the HTTP port, with a cookie or a token."""

    def __init__(self, port: int, source: str) -> None:
        self._link = HTTPConnection("127.0.0.1", port, TIMEOUT, (source, 0))
        self.cookie = self.token = ""

    def ask(
        self, method: str, path: str, body: object = None, form: object = None, good: int = 200
    ) -> bytes:
        """The answer's body. Raises RuntimeError for another status than `good`."""
        headers = {"Cookie": self.cookie} if self.cookie else {}
        if self.token:
            headers["X-Access-Token"] = self.token
        data = None
        if form is not None:
            data, headers["Content-Type"] = urlencode(form, doseq=True).encode(), _FORM  # type: ignore[arg-type]
        elif body is not None:
            data, headers["Content-Type"] = json.dumps(body).encode(), "application/json"
        self._link.request(method, path, data, headers)
        with self._link.getresponse() as answer:
            self.cookie = (answer.getheader("Set-Cookie") or self.cookie).partition(";")[0]
            content = answer.read()
            if answer.status != good:
                raise RuntimeError(f"{method} {path}: {answer.status} {_words(content)}")
            return content

    def call(self, method: str, path: str, body: object = None) -> Any:
        """WildDuck's API."""
        return json.loads(self.ask(method, f"/wildduck{path}", body))

    def close(self) -> None:
        self._link.close()


@dataclass
class Person:
    """Somebody with an account, who does one thing at a time. `session`: IMAP, waiting in IDLE.
    `stream`: a browser that hears of changes."""

    number: int
    ports: Ports
    letters: Letters
    id: str = ""
    boxes: dict[str, str] = field(default_factory=dict)
    session: IMAPSession | None = None
    stream: socket.socket | None = None
    lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self._random = random.Random(self.number)

    @property
    def address(self) -> str:
        return f"u{self.number}@{DOMAIN}"

    @property
    def source(self) -> str:
        """Where they come from."""
        return f"127.{64 + self.number % 64}.{self.number // 64 % 256}.1"

    def stranger(self) -> tuple[str, str]:
        """Address of somebody outside, and of the host they send from."""
        host = self._random.randrange(HOSTS)
        who = f"s{self._random.randrange(5000)}@h{host}.example.org"
        return who, f"127.{160 + host // 250}.{host % 250}.1"  # a network each

    def settle(self) -> None:
        """On the first morning: finds its mailboxes, and says how long Trash keeps what it gets."""
        caller = Caller(self.ports.http, self.source)
        self.id = caller.call("GET", f"/users/resolve/{self.address}")["id"]
        path = f"/users/{self.id}/mailboxes"
        found = caller.call("GET", path)["results"]
        self.boxes = {box["path"]: box["id"] for box in found}
        for name in KEPT:
            if name not in self.boxes:
                self.boxes[name] = caller.call("POST", path, {"path": name})["id"]
        trash = f"{path}/{self.boxes['Trash']}"
        caller.call("PUT", trash, {"retention": RETENTION * 1000})
        caller.close()
        self.read()

    # -- mail that comes and goes

    def deliver(self) -> None:
        """A message from outside, sometimes for a colleague as well, one in four with TLS."""
        sender, source = self.stranger()
        to = [self.address]
        if self._random.random() < 0.1:
            to.append(f"alias-{self.address}")
        with self._smtp(self.ports.smtp, source, tls=self._random.random() < 0.25) as server:
            refused = server.sendmail(sender, to, self.letters.letter(sender, self.address))
        if refused:
            raise RuntimeError(f"refused: {refused}")

    def send(self) -> None:
        """A message to somebody far away; a copy goes to Sent over IMAP."""
        to = f"r{self._random.randrange(1000)}@d{self._random.randrange(FAR)}.example.net"
        letter = self.letters.letter(self.address, to)
        with self._smtp(self.ports.submission, self.source, tls=True) as server:
            server.login(self.address, PASSWORD)
            server.sendmail(self.address, [to], letter)
        session = self._open()
        session.append(b'"Sent Mail"', letter)
        session.command(b'SELECT "Sent Mail"')
        self._leave(session, "Sent Mail")
        session.command(b"LOGOUT")
        session.close()

    @contextlib.contextmanager
    def _smtp(self, port: int, source: str, *, tls: bool) -> Iterator[smtplib.SMTP]:
        name = f"host.{source}.example"
        with smtplib.SMTP("127.0.0.1", port, name, TIMEOUT, (source, 0)) as server:
            if tls:
                server.starttls(context=open_context())
            yield server

    # -- clients

    def _open(self) -> IMAPSession:
        tls = self.number % 3 == 0
        port = self.ports.imaps if tls else self.ports.imap
        return IMAPSession(port, self.address, tls, self.source)

    def read(self) -> None:
        """A mail client: ends its IDLE, says goodbye, comes again, reads what is new, tidies up,
        and waits in IDLE."""
        self.part()
        session = self._open()
        session.command(b'LIST "" *')
        session.command(b"STATUS Archive (MESSAGES UNSEEN UIDNEXT)")
        session.command(b"SELECT INBOX")
        uids = _uids(session, b"ALL")
        newest = b",".join(b"%d" % uid for uid in uids[-10:]) or b"*"
        session.command(b"UID FETCH %s (UID FLAGS INTERNALDATE RFC822.SIZE ENVELOPE)" % newest)
        session.command(b"UID FETCH %s (BODYSTRUCTURE BODY.PEEK[HEADER])" % newest)
        for uid in uids[-2:]:
            session.command(b"UID FETCH %d (BODY.PEEK[])" % uid)
            session.command(b"UID STORE %d +FLAGS (\\Seen)" % uid)
        for uid in uids[-1:]:
            sign = self._random.choice(b"+-")
            session.command(b"UID STORE %d %cFLAGS.SILENT (\\Flagged $Project)" % (uid, sign))
        session.command(b'UID SEARCH UNSEEN TEXT "%s"' % self._word())
        self._leave(session, "INBOX")
        session.command(b"SELECT Archive")
        self._leave(session, "Archive")
        session.command(b"SELECT INBOX")
        session.send(b"I IDLE\r\n")
        session.until(b"+ ")
        session.shrink()
        self.session = session

    def part(self) -> None:
        """Ends the session that waits."""
        session, self.session = self.session, None
        if session is not None:
            session.send(b"DONE\r\n")
            if b"I OK" not in session.until(b"I "):
                raise RuntimeError("IDLE did not end well")
            session.command(b"LOGOUT")
            session.close()

    def _word(self) -> bytes:
        return self._random.choice(self.letters.words).encode()

    def _leave(self, session: IMAPSession, box: str) -> None:
        """Takes what is too much out of the mailbox that is selected, the oldest first."""
        uids = _uids(session, b"ALL")
        over = uids[: max(0, len(uids) - KEPT[box])]
        if box == "INBOX":
            archived = [uid for uid in over if self._random.random() < 0.4]
            trashed = [uid for uid in over if uid not in archived][1:]
            for target, some in ((b"Archive", archived), (b"Trash", trashed)):
                if some:
                    session.command(b"UID MOVE %s %s" % (_joined(some), target))
            over = [uid for uid in over if uid not in archived and uid not in trashed]
        if over:
            session.command(b"UID STORE %s +FLAGS.SILENT (\\Deleted)" % _joined(over))
            session.command(b"UID EXPUNGE %s" % _joined(over))

    def poll(self) -> None:
        """A POP3 client that takes the newest messages, and deletes what is too old."""
        client = poplib.POP3("127.0.0.1", self.ports.pop3, TIMEOUT)
        client.user(self.address)
        client.pass_(PASSWORD)
        count, _ = client.stat()
        client.uidl()
        client.list()
        for number in range(max(1, count - 1), count + 1):
            client.retr(number)
        for number in range(1, min(5, count - KEPT["INBOX"]) + 1):
            client.dele(number)
        client.quit()

    # -- the web

    def call(self) -> None:
        """An application: logs in, lists, reads, flags, searches, deletes, logs out."""
        caller = Caller(self.ports.http, self.source)
        login = {"username": self.address, "password": PASSWORD, "token": True, "scope": "master"}
        caller.token = caller.call("POST", "/authenticate", login)["token"]
        base = f"/users/{self.id}"
        inbox = f"{base}/mailboxes/{self.boxes['INBOX']}/messages"
        caller.call("GET", f"{base}/mailboxes?counters=true")
        listed = caller.call("GET", f"{inbox}?limit=50")["results"]
        for one in listed[:2]:
            caller.call("GET", f"{inbox}/{one['id']}")
            caller.call("PUT", f"{inbox}/{one['id']}", {"seen": True, "flagged": True})
        caller.call("GET", f"{base}/search?query={self._word().decode()}")
        for one in listed[KEPT["INBOX"] :][-3:]:
            caller.call("DELETE", f"{inbox}/{one['id']}")
        caller.call("DELETE", "/authenticate")
        caller.close()

    def browse(self) -> None:
        """A browser: signs in, looks at lists and messages, puts one into Trash, searches, hears of
        changes until its next visit, and signs out."""
        self.turn_away()
        caller = Caller(self.ports.http, self.source)
        fields = {"name": self.address, "password": PASSWORD, "next": "/mail/"}
        caller.ask("POST", "/panel/sign-in", form=fields, good=303)
        page = caller.ask("GET", f"/mail/folders/{self.boxes['INBOX']}?by=message").decode()
        for link in list(dict.fromkeys(_LETTER.findall(page)))[:2]:
            caller.ask("GET", link)
        proof = _PROOF.findall(page)[0]
        chosen = _CHOSEN.findall(page)
        if len(chosen) > KEPT["INBOX"]:
            known = {"action": "delete", "message": chosen[-1], "back": "/mail/", "csrf": proof}
            caller.ask("POST", "/mail/messages", form=known, good=303)
        caller.ask("GET", f"/mail/search?query={self._word().decode()}")
        caller.ask("GET", "/panel/")
        caller.ask("POST", "/panel/sign-out", form={"csrf": proof}, good=303)
        caller.close()
        self._listen()

    def _listen(self) -> None:
        self.stream = socket.create_connection(
            ("127.0.0.1", self.ports.http), TIMEOUT, (self.source, 0)
        )
        self.stream.sendall(
            f"GET /wildduck/users/{self.id}/updates HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()
        )
        heard = self.stream.recv(4096)
        if b" 200 " not in heard:
            raise RuntimeError(f"no stream of updates: {heard[:200]!r}")

    def turn_away(self) -> None:
        """Ends the stream, without a word, as browsers do."""
        stream, self.stream = self.stream, None
        if stream is not None:
            stream.close()

    # -- what else comes over the Internet

    def knock(self) -> None:
        """Somebody who guesses, errs, or hangs up in the middle."""
        _, source = self.stranger()
        self._random.choice((self._guess, self._err, self._hang_up, self._scan))(source)

    def _guess(self, source: str) -> None:
        with socket.create_connection(("127.0.0.1", self.ports.imap), TIMEOUT, (source, 0)) as line:
            guess = f"a LOGIN {self.address} wrong{self._random.randrange(10**6)}\r\n"
            line.sendall(guess.encode())
            heard = b""
            while b"\na " not in heard and (data := line.recv(4096)):
                heard += data
            if b"a NO" not in heard:
                raise RuntimeError(f"a wrong password: {heard!r}")

    def _err(self, source: str) -> None:
        with self._smtp(self.ports.smtp, source, tls=False) as server:
            server.ehlo()
            server.mail(f"x@h{self._random.randrange(HOSTS)}.example.org")
            code, said = server.rcpt(f"nobody{self._random.randrange(10**6)}@{DOMAIN}")
            if code != 550:
                raise RuntimeError(f"nobody's address: {code} {said!r}")

    def _hang_up(self, source: str) -> None:
        """In the middle of a message, and of a FETCH of a mailbox."""
        sender, _ = self.stranger()
        with contextlib.closing(
            smtplib.SMTP("127.0.0.1", self.ports.smtp, "gone.example", TIMEOUT, (source, 0))
        ) as server:
            server.ehlo()
            server.mail(sender)
            server.rcpt(self.address)
            server.docmd("DATA")
            server.send(self.letters.letter(sender, self.address)[:50_000])
        session = self._open()
        session.command(b"SELECT INBOX")
        session.send(b"F UID FETCH 1:* (BODY.PEEK[])\r\n")
        session.sock.recv(1000)
        session.close()

    def _scan(self, source: str) -> None:
        paths = ("/wp-login.php", "/.env", f"/{self._random.randrange(10**6)}", "/mail/../etc")
        caller = Caller(self.ports.http, source)
        for path in paths:
            with contextlib.suppress(RuntimeError):
                caller.ask("GET", path)
        caller.close()


def _words(page: bytes) -> str:
    """Of an answer, without markup, for who looks for a cause."""
    text = re.sub(r"<[^>]*>", " ", page.decode(errors="replace"))
    return " ".join(text.split())[:300]


def _uids(session: IMAPSession, key: bytes) -> list[int]:
    answer = session.command(b"UID SEARCH " + key)[1]
    found = re.search(rb"\* SEARCH([ \d]*)\r\n", answer)
    return [int(one) for one in found[1].split()] if found else []


def _joined(uids: list[int]) -> bytes:
    return b",".join(b"%d" % uid for uid in uids)
