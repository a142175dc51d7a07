"""Letters written in the webmail of a real server: they arrive byte for byte, answers find their
threads, and drafts are the same in every program."""

from __future__ import annotations

import email
import imaplib
import os
import re
import smtplib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from email import policy
from email.message import EmailMessage
from html import unescape
from typing import Any

import pytest
import requests

from tests.live.conftest import User
from tests.live.peers import until
from tests.live.server import Server

INPUT = re.compile(r'<input (?:type="hidden" )?name="(\w+)"(?: id="\w+")? value="([^"]*)"')
AREA = re.compile(r'<textarea name="(\w+)"[^>]*>\n?(.*?)</textarea>', re.S)
TIMEOUT = 60
FORM = re.compile(r'<form method="post" action="/mail/compose".*?</form>', re.S)


class Writer:
    """Somebody with a browser that keeps cookies, and a mail program."""

    def __init__(self, server: Server, user: User) -> None:
        self.server, self.user = server, user
        self.base = f"http://127.0.0.1:{server.port('http', 'none')}"
        self.http = requests.Session()
        named = {"name": user.address, "password": user.password}
        assert self.http.post(f"{self.base}/panel/sign-in", data=named, timeout=60).ok
        self.page = ""
        self.look("/mail/settings")
        csrf = self.hidden("csrf")
        plain = {"csrf": csrf, "name": "Jö Doe", "undo": "0", "per_page": "50", "signature": "Jö"}
        assert self.http.post(f"{self.base}/mail/settings", data=plain, timeout=60).ok

    def look(self, path: str) -> str:
        answer = self.http.get(self.base + path, timeout=60)
        assert answer.ok, answer.text
        self.page = answer.text
        return self.page

    def hidden(self, name: str) -> str:
        return dict(INPUT.findall(self.page))[name]

    @property
    def form(self) -> dict[str, str]:
        found = FORM.search(self.page)
        assert found is not None, self.page
        pairs = [*INPUT.findall(found[0]), *AREA.findall(found[0])]
        return {name: unescape(value) for name, value in pairs}

    def press(
        self, do: str, files: dict[str, tuple[bytes, str]] | None = None, **typed: str
    ) -> requests.Response:
        """A button of the letter's form."""
        parts: list[Any] = [(name, (None, value)) for name, value in (self.form | typed).items()]
        parts.append(("do", (None, do)))
        for name, (data, media) in (files or {}).items():
            parts.append(("files", (name, data, media)))
        answer = self.http.post(f"{self.base}/mail/compose", files=parts, timeout=60)
        self.page = answer.text
        return answer

    # -- the mail program

    def imap(self) -> imaplib.IMAP4:
        found = imaplib.IMAP4("127.0.0.1", self.server.port("imap"), timeout=60)
        found.login(self.user.address, self.user.password)
        return found

    def mails(self, box: str) -> list[tuple[str, EmailMessage]]:
        """(flags, message) of all in a mailbox."""
        program = self.imap()
        try:
            assert program.select(box)[0] == "OK"
            _, found = program.uid("FETCH", "1:*", "(FLAGS BODY.PEEK[])")
            return [(one[0].decode(), _read(one[1])) for one in found if isinstance(one, tuple)]
        finally:
            program.logout()


def _read(octets: bytes) -> EmailMessage:
    found: Any = email.message_from_bytes(octets, policy=policy.default)
    return found  # type: ignore[no-any-return]


@pytest.fixture
def joe(server: Server, new_user: Callable[[], User]) -> Writer:
    return Writer(server, new_user())


@pytest.fixture
def ann(server: Server, new_user: Callable[[], User]) -> Writer:
    return Writer(server, new_user())


def test_a_letter_with_two_attachments_arrives_as_it_was_chosen(joe: Writer, ann: Writer) -> None:
    noise, picture = os.urandom(3_000_000), os.urandom(70_000) + b"\r\n--x\n.\r\n"
    joe.look("/mail/compose")
    paragraph = "Grüße aus 東京, und zwar in einer sehr langen Zeile, " * 10
    answer = joe.press(
        "send",
        {"lärm “1”.bin": (noise, "application/x-noise"), "p.png": (picture, "image/png")},
        to=f'"Doe, Ann" <{ann.user.address}>',
        subject="Prüfung: 10 € für 🐈",
        text=f"{paragraph}\r\n.\r\nFrom here\r\n> quoted",
    )
    assert answer.ok, answer.text
    assert "/mail/compose/sent" in answer.url
    assert until(lambda: ann.mails("INBOX"), TIMEOUT)
    ((_, mail),) = ann.mails("INBOX")
    assert mail["Subject"] == "Prüfung: 10 € für 🐈"
    assert str(mail["From"]) == f"Jö Doe <{joe.user.address}>"
    assert str(mail["To"]) == f'"Doe, Ann" <{ann.user.address}>'
    text, first, second = mail.iter_parts()
    assert text["Content-Type"].params["format"] == "flowed"
    words = text.get_content().replace("\r\n", "\n")
    assert words.replace(" \n", " ") == f"{paragraph.rstrip()}\n.\n From here\n> quoted\n"
    assert max(map(len, words.split("\n"))) < 80
    assert (first.get_filename(), first.get_content_type()) == (
        "lärm “1”.bin",
        "application/x-noise",
    )
    assert first.get_content() == noise
    assert (second.get_filename(), second.get_content()) == ("p.png", picture)
    ((flags, copy),) = joe.mails("Sent")
    assert "\\Seen" in flags
    assert [part.get_filename() for part in copy.iter_attachments()] == ["lärm “1”.bin", "p.png"]


def test_an_answer_finds_its_thread(joe: Writer, ann: Writer) -> None:
    joe.look("/mail/compose")
    assert joe.press("send", to=ann.user.address, subject="Lunch", text="Shall we?").ok
    assert until(lambda: ann.mails("INBOX"), TIMEOUT)
    ((_, asked),) = ann.mails("INBOX")
    found = re.findall(r'href="/mail/folders/([0-9a-f]{24})/(\d+)', ann.look("/mail/"))
    ann.look(f"/mail/compose?answer={found[0][0]}.{found[0][1]}&how=all")
    assert ann.form["subject"] == "Re: Lunch"
    assert joe.user.address in ann.form["to"]
    assert "> Shall we?" in ann.form["text"]
    assert ann.press("send", text="Yes.\n" + ann.form["text"]).ok
    assert until(lambda: joe.mails("INBOX"), TIMEOUT)
    ((_, answer),) = joe.mails("INBOX")
    assert answer["In-Reply-To"] == answer["References"] == asked["Message-ID"]
    ((flags, _),) = ann.mails("INBOX")
    assert "\\Answered" in flags
    program = joe.imap()
    program.select("INBOX")
    _, (threads,) = program.uid("THREAD", "REFERENCES", "UTF-8", "ALL")
    assert threads == b"(1)"
    program.logout()


def test_a_draft_is_the_same_in_every_program(joe: Writer) -> None:
    joe.look("/mail/compose")
    assert joe.press("save", {"a.txt": (b"one", "text/plain")}, subject="Draft", text="first").ok
    ((flags, draft),) = joe.mails("Drafts")
    assert "\\Draft" in flags
    assert [part.get_filename() for part in draft.iter_attachments()] == ["a.txt"]
    # another program replaces it, as they do: a new one, and the old one away
    program = joe.imap()
    program.select("Drafts")
    program.append("Drafts", "(\\Draft \\Seen)", "", bytes(draft).replace(b"first", b"theirs"))
    program.store("1", "+FLAGS", "\\Deleted")
    program.expunge()
    assert joe.press("save", text="mine").ok
    assert "draft of its own" in joe.page or "new draft" in joe.page
    assert sorted(_text(mail) for _, mail in joe.mails("Drafts")) == ["mine", "theirs"]
    program.noop()
    program.select("Drafts")
    _, (uids,) = program.uid("SEARCH", "BODY", "theirs")
    program.logout()
    joe.look(f"/mail/compose?draft={int(uids)}")
    assert joe.form["text"] == "theirs"
    assert joe.press("send", to=joe.user.address, text="done").ok
    assert until(lambda: joe.mails("INBOX"), TIMEOUT)
    ((_, mail),) = joe.mails("INBOX")
    assert (_text(mail), mail["X-Mailhub-Draft"]) == ("done", None)
    assert len(joe.mails("Drafts")) == 1


def _text(mail: EmailMessage) -> str:
    body = mail.get_body()
    assert body is not None
    return str(body.get_content()).strip()


def test_who_sends_a_form_many_times_at_once_sends_one_letter(joe: Writer, ann: Writer) -> None:
    joe.look("/mail/compose")
    typed = joe.form | {"to": ann.user.address, "text": "once", "do": "send"}
    parts = [(name, (None, value)) for name, value in typed.items()]

    def send(_: int) -> requests.Response:
        where, cookies = f"{joe.base}/mail/compose", joe.http.cookies
        return requests.post(where, files=parts, cookies=cookies, timeout=60)  # type: ignore[arg-type]

    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(send, range(6)))
    assert {answer.status_code for answer in answers} == {200}
    assert until(lambda: ann.mails("INBOX"), TIMEOUT)
    assert len(joe.mails("Sent")) == 1
    assert joe.mails("Drafts") == []
    with smtplib.SMTP("127.0.0.1", joe.server.port("smtp"), timeout=60) as mta:
        mta.sendmail("a@remote.test", [ann.user.address], "Subject: last\r\n\r\nlast\r\n")
    assert until(lambda: any(mail["Subject"] == "last" for _, mail in ann.mails("INBOX")), TIMEOUT)
    assert [_text(mail) for _, mail in ann.mails("INBOX")].count("once") == 1


def test_a_session_that_ended_keeps_what_was_typed(joe: Writer) -> None:
    joe.look("/mail/compose")
    before = joe.http.cookies.copy()
    joe.http.cookies.clear()
    answer = joe.press("send", to=joe.user.address, text="a long letter & more")
    assert answer.status_code == 403
    assert joe.form["text"] == "a long letter & more"
    joe.http.cookies = before
    assert joe.press("save").status_code == 403  # the form has no proof of the session yet
    assert joe.press("save").ok
    assert [_text(mail) for _, mail in joe.mails("Drafts")] == ["a long letter & more"]
