"""One message in the webmail: its header, its texts, what is attached, its thread."""

from __future__ import annotations

import re

import pytest

from mailhub.core.vouching import Vouched
from mailhub.http.webmail.verdicts import verdicts
from mailhub.policy.authres import Result
from tests.http.reading import JOE, Reader
from tests.http.visiting import foreign

pytestmark = pytest.mark.thorough


@pytest.fixture(scope="module")
def reader() -> Reader:
    return Reader()


def shown(reader: Reader, query: str = "") -> str:
    """The page of the message that came last."""
    return reader.look(f"{reader.inbox}/{reader.came}{query}")


def test_a_name_stands_beside_its_address(reader: Reader) -> None:
    reader.letter(
        "Hello",
        From='"Boss of Bank" <eve@remote.example>',
        Sender="list@lists.example",
        Reply_To="Other <other@elsewhere.example>",
        Cc='a@b.example, "C" <c@d.example>',
    )
    page = shown(reader)
    assert "<bdi>Boss of Bank &lt;eve@remote.example&gt;</bdi>" in page
    assert "<dt>Sender</dt><dd><bdi>&lt;list@lists.example&gt;</bdi>" in page
    assert "<dt>Replies go to</dt><dd><bdi>Other &lt;other@elsewhere.example&gt;</bdi>" in page
    assert "&lt;a@b.example&gt;</bdi>, <bdi>C &lt;c@d.example&gt;</bdi>" in page
    assert "<h1><bdi>Hello</bdi>" in page
    assert not foreign(page)


def test_what_was_read_is_read(reader: Reader) -> None:
    reader.letter("fresh")
    path = f"{reader.inbox}/{reader.came}"
    assert 'class="unread"' in reader.look(f"{reader.inbox}?by=message")
    reader.site.ask("GET", path, cookie=reader.browser.cookie, sec_purpose="prefetch")
    unread = f"{reader.inbox}?by=message&show=unread"
    assert "fresh" in reader.lines(unread), "a browser fetched it, nobody read it"
    reader.look(path)
    assert "fresh" not in reader.lines(unread)


@pytest.mark.parametrize(
    ("message", "status"),
    [("0", 404), ("x", 404), ("99", 404), ("4294967296", 404), ("1%2F..", 404), ("%E0%A5%A7", 404)],
)
def test_a_message_that_is_none(reader: Reader, message: str, status: int) -> None:
    for rest in ("", "/html", "/source", "/thread", "/attachments/ATT00001"):
        reader.look(f"{reader.inbox}/{message}{rest}")
        assert reader.browser.status == status


def test_who_marks_a_message_stays_there(reader: Reader) -> None:
    reader.letter("to be marked")
    path = f"{reader.inbox}/{reader.came}"
    reader.look(path)
    reader.browser.send("/mail/messages", action="flag")
    assert reader.browser.path == f"{path}?done=flag&count=1"
    assert 'aria-label="flagged"' in reader.browser.page
    reader.browser.send("/mail/messages", action="unread")
    assert reader.browser.path == f"{reader.inbox}?done=unread&count=1"


# -- plain text


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("a <b> & c", "a &lt;b&gt; &amp; c"),
        ("> one\n> two\nthree", '<blockquote>\n<p class="text">one\ntwo</p>\n</blockquote>'),
        (">> deep\n> less", "</blockquote>\n"),
        ("see https://x.example/a?b=1&c=2.", 'href="https://x.example/a?b=1&amp;c=2"'),
        ("https://bаnk.example/x", "[→ xn--bnk-6cd.example]"),
        ("(https://x.example/)", 'href="https://x.example/"'),
        ("write to ann@x.example, now", 'href="/mail/compose?to=ann%40x.example"'),
        ("javascript:alert(1) data:text/html,x", "javascript:alert(1)"),
        ("  indented\n\n\nfar", "indented\n\n\nfar"),
    ],
)
def test_plain_text(reader: Reader, text: str, part: str) -> None:
    reader.letter(text=text.replace("\n", "\r\n"))
    page = shown(reader)
    assert part in page
    assert 'href="javascript' not in page
    assert "<iframe" not in page


FLOWED = (
    b"From: a@b.example\r\nSubject: x\r\nContent-Type: text/plain; format=flowed%s\r\n\r\n"
    b"One line that \r\ngoes on.\r\n> A quoted \r\n> one.\r\n-- \r\nJoe\r\n"
)


def test_lines_that_belong_together(reader: Reader) -> None:
    reader.deliver(FLOWED % b"")
    page = shown(reader)
    assert "One line that goes on." in page
    assert "A quoted one." in page
    assert "-- \nJoe" in page
    reader.deliver(FLOWED % b"; delsp=yes")
    assert "One line thatgoes on." in shown(reader)


def test_a_long_text_is_cut_and_can_be_saved(reader: Reader) -> None:
    reader.letter(text="word " * 60_000)
    page = shown(reader)
    assert len(page.encode()) < 200_000
    assert "longer than what is shown" in page
    saved = reader.ask(f"{reader.inbox}/{reader.came}/source?save=1")
    assert saved.headers["content-type"] == "message/rfc822"
    assert saved.headers["content-disposition"] == f'attachment; filename="{reader.came}.eml"'
    assert saved.body.endswith(b"word \r\n")
    assert len(saved.body) > 300_000


# -- HTML beside text


BOTH = (
    b"From: a@b.example\r\nSubject: both\r\nMIME-Version: 1.0\r\n"
    b"Content-Type: multipart/alternative; boundary=b\r\n\r\n--b\r\n\r\nplain words\r\n"
    b"--b\r\nContent-Type: text/html\r\n\r\n<p>rich words</p>\r\n--b--\r\n"
)


def test_html_in_a_frame_or_text_in_the_page(reader: Reader) -> None:
    reader.deliver(BOTH)
    page = shown(reader)
    assert f'src="{reader.inbox}/{reader.came}/html"' in page
    assert "plain words" not in page
    assert "rich words" in reader.ask(f"{reader.inbox}/{reader.came}/html").body.decode()
    page = shown(reader, "?as=text")
    assert "<iframe" not in page
    assert "plain words" in page


@pytest.mark.parametrize(
    "source",
    ["<div>" * 3_000, "<table><tr><td>" * 2_000, "<a href=x>" * 5_000, "&amp;" * 50_000],
)
def test_a_bomb_is_shown_in_part(reader: Reader, source: str) -> None:
    reader.html(f"<p>first</p>{source}")
    assert reader.ask(f"{reader.inbox}/{reader.came}/html").status == 200
    shown(reader)
    assert reader.browser.status == 200


def test_a_message_of_many_parts(reader: Reader) -> None:
    parts = b"".join(
        b"--b\r\nContent-Disposition: attachment; filename=f%d\r\n\r\nx\r\n" % number
        for number in range(2000)
    )
    reader.deliver(
        b"From: a@b.example\r\nSubject: many\r\nMIME-Version: 1.0\r\n"
        b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + parts + b"--b--\r\n"
    )
    page = shown(reader)
    assert reader.browser.status == 200
    assert len(page.encode()) < 200_000


# -- what is attached


def test_attachments(reader: Reader) -> None:
    inner = b"From: c@d.example\r\nSubject: inner\r\n\r\ninner text\r\n"
    reader.deliver(
        b"From: a@b.example\r\nSubject: x\r\nMIME-Version: 1.0\r\n"
        b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\ntext\r\n"
        b"--b\r\nContent-Type: application/pdf\r\nContent-Transfer-Encoding: base64\r\n"
        b"Content-Disposition: attachment; filename*=utf-8''%C3%9Cbersicht%20%22.pdf\r\n\r\n"
        b"JVBERg==\r\n--b\r\nContent-Type: message/rfc822\r\n\r\n" + inner + b"\r\n--b--\r\n"
    )
    page = shown(reader)
    assert "<h2>2 attachments</h2>" in page
    assert "Übersicht &#34;.pdf" in page
    assert ">A message</bdi>" in page
    base = f"{reader.inbox}/{reader.came}/attachments"
    reply = reader.ask(f"{base}/ATT00001")
    assert reply.body == b"%PDF"
    assert reply.headers["content-type"] == "application/pdf"
    assert "filename*=UTF-8''%C3%9Cbersicht%20%22.pdf" in reply.headers["content-disposition"]
    assert reader.ask(f"{base}/ATT00002").body.startswith(b"From: c@d.example")
    page = reader.look(f"{base}/ATT00002/letter")
    assert "<h1><bdi>inner</bdi></h1>" in page
    assert "inner text" in page
    assert "<bdi>c@d.example</bdi>" in page
    assert not foreign(page)
    reader.look(f"{base}/ATT00001/letter")
    assert reader.browser.status == 404
    for other in ("ATT00003", "x", "ATT", "..%2F..%2Fetc%2Fpasswd"):
        assert reader.ask(f"{base}/{other}").status == 404


def test_an_attached_letter_with_html(reader: Reader) -> None:
    reader.deliver(
        b"From: a@b.example\r\nSubject: outer\r\nMIME-Version: 1.0\r\n"
        b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nsee below\r\n"
        b"--b\r\nContent-Type: message/rfc822\r\n\r\n"
        b"From: =?utf-8?q?=3Cscript=3E?= <c@d.example>\r\nSubject: <b>inner\r\n"
        b"Content-Type: text/html\r\n\r\n<p onclick=x>rich<script>alert(1)</script>"
        b"<img src=https://track.example/x>\r\n--b--\r\n"
    )
    path = f"{reader.inbox}/{reader.came}/attachments/ATT00001"
    assert f'href="{path}/letter"' in shown(reader)
    page = reader.look(f"{path}/letter")
    assert "&lt;script&gt;" in page
    assert "are not shown" in page
    assert not foreign(page)
    reply = reader.ask(f"{path}/html")
    assert b"rich" in reply.body
    assert b"onclick" not in reply.body
    assert b"script" not in reply.body
    assert "https:" not in reply.headers["content-security-policy"]
    assert "rich" in reader.look(f"{path}/letter?as=text")


def test_what_is_encrypted_is_called_so(reader: Reader) -> None:
    reader.deliver(
        b"From: a@b.example\r\nSubject: x\r\nMIME-Version: 1.0\r\nContent-Type:"
        b' multipart/encrypted; protocol="application/pgp-encrypted"; boundary=b\r\n\r\n'
        b"--b\r\nContent-Type: application/pgp-encrypted\r\n\r\nVersion: 1\r\n"
        b"--b\r\nContent-Type: application/octet-stream; name=encrypted.asc\r\n\r\n"
        b"-----BEGIN PGP MESSAGE-----\r\n--b--\r\n"
    )
    page = shown(reader)
    assert "This message is encrypted" in page
    assert "encrypted.asc" in page


# -- who vouches


FROM = ("header.from", "bank.example")
PASSED = (
    Result("dmarc", "pass", (FROM,)),
    Result("dkim", "pass", (("header.d", "Bank.example"),)),
    Result("dkim", "pass", (("header.d", "bank.example"),)),
    Result("dkim", "fail", (("header.d", "other.example"),)),
)


@pytest.mark.parametrize(
    ("vouched", "said"),
    [
        (None, ["unjudged "]),
        (Vouched(None, "", ""), ["unproven "]),
        (Vouched(("TLSv1.3", "X"), "", ""), ["unproven ", "secured TLSv1.3"]),
        (
            Vouched(None, "mail.bank.example", "bank.example", PASSED),
            ["proven bank.example", "signed bank.example", "sent mail.bank.example"],
        ),
        (
            Vouched(None, "", "", (Result("dmarc", "fail", (FROM,)),)),
            ["failed bank.example", "unproven "],
        ),
        (Vouched(None, "", "", (Result("dmarc", "none", (FROM,)),)), ["unproven "]),
    ],
)
def test_who_vouches(vouched: Vouched | None, said: list[str]) -> None:
    assert [f"{one.name} {one.about}" for one in verdicts(vouched)] == said


def test_nobody_vouches_by_a_field_of_the_sender(reader: Reader) -> None:
    reader.letter(Authentication_Results="mx.example.org; dkim=pass header.d=bank.example")
    page = shown(reader)
    assert "bank.example" not in page
    assert 'class="unjudged"' in page


# -- threads


def test_a_thread_opens_what_is_new() -> None:
    reader = Reader()
    reader.letter("Plan", "first words", Message_ID="<1@x>")
    for number in range(2, 8):
        reader.letter(
            "Re: Plan", f"answer {number}", Message_ID=f"<{number}@x>", References="<1@x>"
        )
    for number in range(1, 4):
        reader.look(f"{reader.inbox}/{number}")
    page = reader.look(f"{reader.inbox}/1/thread")
    articles = re.findall(r'<article class="([^"]+)"', page)
    assert articles == ["letter", *["letter closed"] * 2, *["letter"] * 4]
    assert page.index("first words") < page.index("answer 7")
    assert not foreign(page)
    assert len(page.encode()) < 200_000
    assert reader.lines(f"{reader.inbox}?show=unread") == []


def test_a_thread_shows_answers_in_other_folders_and_acts_on_this_one() -> None:
    reader = Reader()
    reader.letter("Plan", Message_ID="<1@x>")
    reader.letter("Re: Plan", Message_ID="<2@x>", References="<1@x>", From=JOE)
    reader.act("move", [f"{reader.boxes['INBOX']}.2"], to=reader.boxes["Sent"])
    page = reader.look(f"{reader.inbox}/1/thread")
    assert page.count("<article") == 2
    assert '<span class="mark">Sent</span>' in page
    named = re.findall(r'<input type="hidden" name="message" value="([^"]+)"', page)
    assert named == [f"{reader.boxes['INBOX']}.1"]


def test_a_thread_in_trash_is_found_there() -> None:
    reader = Reader()
    reader.letter("Plan", Message_ID="<1@x>")
    reader.letter("Re: Plan", Message_ID="<2@x>", References="<1@x>")
    reader.act("delete", reader.ids(f"{reader.inbox}?by=message"))
    assert reader.look(f"/mail/folders/{reader.boxes['Trash']}/1/thread").count("<article") == 2


def test_what_was_sent_shows_whom_it_is_for() -> None:
    reader = Reader()
    reader.letter("Out", From=JOE, Message_ID="<1@x>")
    reader.act("move", reader.ids(), to=reader.boxes["Sent"])
    sent = f"/mail/folders/{reader.boxes['Sent']}"
    page = reader.look(sent)
    assert '<th scope="col">To</th>' in page
    assert f'<bdi title="{JOE}">' in page
    assert "verdicts" not in reader.look(f"{sent}/1")
