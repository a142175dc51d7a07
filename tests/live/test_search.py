"""Searching on a real server: over IMAP and HTTP, before there is an index, with it, and while it
is damaged."""

from __future__ import annotations

import imaplib
import json
import os
import signal
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from email.message import EmailMessage
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from tests import papers
from tests.live import storing
from tests.live.server import PLAIN, Server
from tests.live.web import PASSWORD, make

DOMAIN = "live.test"
COUNT = 80
"""Messages: enough for a search to ask the index about them."""
SEARCH = "[search]\nindex = {index}\nniceness = 0\n"


def until(true: Callable[[], bool], seconds: float = 30.0) -> None:
    """Waits for it."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it did not come about in time"
        time.sleep(0.05)


def letter(subject: str, text: str, *, author: str = "ann@example.org") -> EmailMessage:
    message = EmailMessage()
    message["From"], message["To"] = f"Ann Lee <{author}>", f"searcher@{DOMAIN}"
    message["Subject"], message["Date"] = subject, "Fri, 20 Nov 2026 10:00:00 +0000"
    message.set_content(text, cte="quoted-printable")
    return message


def letters() -> list[bytes]:
    """The last ones are what is looked for."""
    plain = [letter(f"note {at}", f"nothing of interest {at}\n") for at in range(COUNT)]
    found = [
        letter("The budget", "Please read the annual report.\n", author="cfo@example.net"),
        letter("Köln", "Schöne Grüße, das Büro\n"),
        letter("会议", "会议室在三楼\n"),
        letter("papers", "see the files\n"),
    ]
    for name, made in (("plan.docx", papers.docx("zeppelin")), ("a.pdf", papers.pdf("Quagga"))):
        found[-1].add_attachment(made, "application", "octet-stream", filename=name)
    return [one.as_bytes().replace(b"\n", b"\r\n") for one in (*plain, *found)]


SEARCHES: Mapping[str, list[int]] = {
    "TEXT annual": [81],
    "TEXT nnua": [81],
    "BODY report SUBJECT budget": [81],
    "FROM cfo@": [81],
    "NOT BODY interest": [81, 82, 83, 84],
    'OR TEXT "Grüße" SUBJECT "KÖLN"': [82],
    'BODY "会议"': [83],
    'TEXT "议室"': [83],
    "TEXT plan.docx": [],
    "TEXT zeppelin": [],
    "TEXT nowhere": [],
}
QUERIES: tuple[tuple[Mapping[str, str], list[int]], ...] = (
    ({"query": "annual"}, [81]),
    ({"query": "report -budget"}, []),
    ({"q": '"annual report"'}, [81]),
    ({"q": "from:cfo OR subject:köln"}, [82, 81]),
    ({"q": "gruse"}, []),
    ({"q": "schone"}, [82]),
    ({"q": "会议室"}, [83]),
    ({"q": "filename:plan has:attachment"}, [84]),
    ({"from": "cfo@"}, [81]),
    ({"subject": "udge"}, [81]),
)


class Site:
    """A server with one mailbox of mail."""

    def __init__(self, folder: Path, index: str, sections: str = "") -> None:
        self.server = Server(folder, PLAIN + SEARCH.format(index=index) + sections)
        self.server.start()
        self.server.add_domain(DOMAIN)
        self.user = make(self.server, f"searcher@{DOMAIN}")
        self.append(letters())

    def imap(self) -> imaplib.IMAP4:
        client = imaplib.IMAP4("127.0.0.1", self.server.port("imap"))
        client.login(f"searcher@{DOMAIN}", PASSWORD)
        return client

    def append(self, messages: list[bytes]) -> None:
        """All in one command (RFC 3502), which imaplib cannot send."""
        client = self.imap()
        literals = b" ".join(b"{%d+}\r\n%s" % (len(one), one) for one in messages)
        client.send(b"all APPEND INBOX " + literals + b"\r\n")
        while not (line := client.readline()).startswith(b"all "):
            assert line
        assert line.startswith(b"all OK"), line
        client.logout()

    def search(self, program: str) -> list[int]:
        """UIDs, over IMAP."""
        client = self.imap()
        client.enable("UTF8=ACCEPT")
        client.select("INBOX", readonly=True)
        status, data = client.uid("SEARCH", program)
        client.logout()
        assert status == "OK"
        return [int(one) for one in data[0].split()]

    def get(self, **given: str) -> Any:
        """The answer of a search over HTTP, or of its refusal."""
        port = self.server.port("http")
        path = f"/users/{self.user}/search?{urlencode(given)}"
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=30) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            return {"status": error.code, **json.load(error)}

    def ids(self, **given: str) -> list[int]:
        return [row["id"] for row in self.get(**given)["results"]]

    def status(self) -> Any:
        return json.loads(self.server.command("index", "status", "--json").stdout)

    def followed(self) -> bool:
        status = self.status()
        return bool(status["state"] == "following" and not status["waiting"])

    def process(self) -> int:
        """The indexing process; 0 where there is none now."""
        children = Path(f"/proc/{self.server.pid}/task/{self.server.pid}/children").read_text()
        for child in map(int, children.split()):
            try:
                if b"mailhub.indexing" in Path(f"/proc/{child}/cmdline").read_bytes():
                    return child
            except OSError:
                continue
        return 0

    @property
    def index(self) -> Path:
        return self.server.var / "store" / "search.sqlite"

    def finds_all(self) -> None:
        """Every search finds what it has to find."""
        for program, uids in SEARCHES.items():
            assert self.search(program) == uids, program
        for given, ids in QUERIES:
            assert self.ids(**given) == ids, given


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """With an index that has all there is."""
    made = Site(tmp_path_factory.mktemp("indexed"), "true")
    try:
        until(made.followed)
        yield made
    finally:
        assert made.server.stop() == 0, made.server.log.read_text()[-3000:]


def test_without_an_index_everything_is_found(tmp_path: Path) -> None:
    site = Site(tmp_path, "false")
    try:
        site.finds_all()
        assert site.status()["state"] == "off"
    finally:
        assert site.server.stop() == 0


def test_with_an_index_the_same_is_found(site: Site) -> None:
    site.finds_all()
    assert site.status()["documents"] == COUNT + 4


def test_the_text_of_documents_is_found_once_it_was_read(site: Site) -> None:
    assert site.ids(query="zeppelin") == [84]
    assert site.ids(query="quagga") == [84]


def test_what_the_document_shows(site: Site) -> None:
    found = site.get(query="annual")
    (row,) = found.pop("results")
    assert found == {
        "success": True,
        "query": "annual",
        "total": 1,
        "page": 1,
        "previousCursor": False,
        "nextCursor": False,
    }
    assert row["from"] == {"address": "cfo@example.net", "name": "Ann Lee"}
    assert row["intro"] == "Please read the annual report."
    assert {"id", "mailbox", "thread", "subject", "date", "attachments", "seen"} <= row.keys()
    assert not any(row[flag] for flag in ("seen", "deleted", "flagged", "draft", "attachments"))


def test_what_is_refused(site: Site) -> None:
    wrong = site.get(q="(budget")
    assert (wrong["status"], wrong["code"]) == (400, "InputValidationError")
    assert "q" in wrong["details"]
    nowhere = site.get(mailbox="0" * 24)
    assert (nowhere["status"], nowhere["code"]) == (404, "NoSuchMailbox")


def test_new_mail_is_found_at_once(site: Site) -> None:
    os.kill(site.process(), signal.SIGSTOP)
    try:
        site.append([letter("late", "a walrus\n").as_bytes().replace(b"\n", b"\r\n")])
        assert site.ids(query="walrus") == [85]
        assert site.search("BODY alru") == [85]
    finally:
        os.kill(site.process(), signal.SIGCONT)
    until(site.followed)
    assert site.ids(query="walrus") == [85]


def test_the_process_comes_back(site: Site) -> None:
    before = site.process()
    os.kill(before, signal.SIGKILL)
    until(lambda: site.process() not in (0, before))
    assert site.ids(query="annual") == [81]


def test_hostile_documents_are_left_out(site: Site) -> None:
    """What unpacks to more than memory holds is not read; the rest of the message is, and the
    process goes on."""
    until(site.followed)
    before = site.process()
    bomb = letter("bombs", "a pangolin\n")
    bomb.add_attachment(papers.bomb(), "application", "pdf", filename="bomb.pdf")
    bomb.add_attachment(papers.docx("a " * 50_000), "application", "x", filename="long.docx")
    bomb.add_attachment(papers.docx("okapi"), "application", "x", filename="good.docx")
    box = site.get(query="annual")["results"][0]["mailbox"]
    uid = site.get(mailbox=box, limit="1")["total"] + 1
    site.append([bomb.as_bytes().replace(b"\n", b"\r\n")])
    until(site.followed, 60)
    assert site.ids(query="pangolin") == [uid]
    assert site.ids(query="okapi") == [uid]
    assert site.process() == before


IN_FOLDER = pytest.mark.skipif(storing.shared(), reason="the index is a file of the folder")


@IN_FOLDER
def test_a_damaged_index_is_mended(site: Site) -> None:
    until(site.followed)
    damaged = site.index.with_name("damaged")
    damaged.write_bytes(b"odd" * 5000)
    damaged.replace(site.index)
    before = site.index.stat().st_ino
    assert site.ids(query="annual") == [81]
    assert site.search("TEXT annual") == [81]
    until(lambda: site.index.exists() and site.index.stat().st_ino != before)
    until(site.followed)
    assert site.ids(query="annual") == [81]


@IN_FOLDER
def test_it_is_made_anew_by_command(site: Site) -> None:
    until(site.followed)
    before = site.index.stat().st_ino
    site.server.command("index", "rebuild")
    until(lambda: site.index.stat().st_ino != before)
    until(site.followed)
    assert site.ids(query="annual") == [81]
    assert site.ids(query="zeppelin") == [84]
