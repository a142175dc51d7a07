"""Letters are written on pages: over forms, as a browser sends them."""

from __future__ import annotations

import re
from dataclasses import replace
from email.message import EmailMessage
from html import unescape
from typing import Any

import pytest

from mailhub.core import preferences
from mailhub.core.preferences import Preferences
from mailhub.model.account import Account
from tests.core.writing import Office
from tests.http.browsing import Reply, Site
from tests.http.visiting import Browser, foreign
from tests.support import run
from tests.world import ACTOR, PASSWORD, world

pytestmark = pytest.mark.thorough

ANN, BOB = "ann@example.org", "bob@example.org"
MAIL = (
    b"From: Bob <bob@far.example>\r\nTo: ann@example.org, cy@far.example\r\nSubject: Lunch\r\n"
    b"Message-ID: <1@far.example>\r\nDate: Sat, 21 Nov 2026 10:00:00 +0000\r\n\r\nShall we?\r\n"
)
AREA = re.compile(r'<textarea name="(\w+)"[^>]*>\n?(.*?)</textarea>', re.S)
INPUT = re.compile(r'<input (?:type="hidden" )?name="(\w+)"(?: id="\w+")? value="([^"]*)"')
TAKEN = re.compile(r'name="take" value="([^"]+)" checked')


class Writer(Browser):
    """A browser at the letter's form."""

    def form(self) -> dict[str, str]:
        """All that the form of this page would send, but for its button."""
        (body,) = re.findall(
            r'<form method="post" action="/mail/compose".*?</form>', self.page, re.S
        )
        found = {name: unescape(value) for name, value in INPUT.findall(body)}
        found |= {name: unescape(value) for name, value in AREA.findall(body)}
        if chosen := re.search(r'<option value="([^"]+@[^"]+)" selected', body):
            found["author"] = unescape(chosen[1])
        return found

    def press(self, do: str, *files: tuple[str, bytes], **typed: str) -> str:
        """Presses a button of the form, with what was typed and chosen."""
        pairs = [*self.form().items()]
        pairs = [(name, typed.get(name, value)) for name, value in pairs]
        pairs += [(name, value) for name, value in typed.items() if name not in dict(pairs)]
        pairs += [("take", unescape(value)) for value in TAKEN.findall(self.page)]
        self.send_parts([*pairs, ("do", do)], files)
        return self.page

    def send_parts(
        self, pairs: list[tuple[str, str]], files: tuple[tuple[str, bytes], ...] = ()
    ) -> Reply:
        lines = [
            b'--B\r\nContent-Disposition: form-data; name="%b"\r\n\r\n%b\r\n'
            % (name.encode(), value.encode())
            for name, value in pairs
        ]
        lines += [
            b'--B\r\nContent-Disposition: form-data; name="files"; filename="%b"\r\n'
            b"Content-Type: application/octet-stream\r\n\r\n%b\r\n" % (name.encode(), data)
            for name, data in files
        ]
        body = b"".join(lines) + b"--B--\r\n"
        kind = "multipart/form-data; boundary=B"
        reply = self._ask("POST", "/mail/compose", body, content_type=kind)
        self._took(reply, "/mail/compose")
        return reply


class Desk(Office):
    """The office with a browser in it."""

    def __init__(self) -> None:
        super().__init__(world(people=(ANN, BOB)))
        self.site = Site(world=self.world, root="")
        self.browser = self.visitor()

    def visitor(self, who: str = ANN) -> Writer:
        browser = Writer(self.site)
        browser.sign_in(who, PASSWORD)
        return browser

    def prefer(self, **wanted: Any) -> None:
        account: Account = run(self.world.accounts.get(self.ann.number))
        run(self.world.accounts.update(preferences.kept(account, Preferences(**wanted)), ACTOR))

    @property
    def drafts(self) -> list[EmailMessage]:
        return [self.mail("\\Drafts", uid) for uid in self.uids("\\Drafts")]


@pytest.fixture
def desk() -> Desk:
    made = Desk()
    made.prefer(undo=0)
    return made


def said(page: str) -> str:
    """What stands in alerts and states of a page, in one line."""
    found = re.findall(r'<(?:p|div) class="(?:problem|done|doubt)".*?</(?:p|div)>', page, re.S)
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", " ".join(found))).split())


# -- new letters


def test_a_letter_is_written_and_sent(desk: Desk) -> None:
    browser = desk.browser
    browser.look("/mail/compose")
    assert browser.status == 200
    page = browser.press(
        "send",
        ("ö.bin", bytes(range(256))),
        ("two.txt", b"zwei\r\n--C\n"),
        to="Bob <bob@example.org>",
        cc="ann@example.org",
        bcc="bob@example.org",
        subject="Grüße aus 東京",
        text="Hallo,\r\n\r\nÖl.\r\n",
    )
    assert "It is sent" in page
    assert desk.uids("\\Drafts") == []
    mail = desk.mail("INBOX", 1, BOB)
    assert (mail["From"], mail["Subject"]) == (ANN, "Grüße aus 東京")
    assert (mail["To"], mail["Bcc"]) == ("Bob <bob@example.org>", None)
    text, first, second = mail.iter_parts()
    assert text.get_content() == "Hallo,\n\nÖl.\n"
    assert (first.get_filename(), first.get_content()) == ("ö.bin", bytes(range(256)))
    assert second.get_content_type() == "text/plain"
    assert second.get_payload(decode=True) == b"zwei\r\n--C\n"
    assert desk.uids("\\Sent") == [1]


def test_a_link_fills_the_form(desk: Desk) -> None:
    desk.prefer(undo=0, signature="Ann & Co")
    desk.browser.look("/mail/compose?to=a%40b.example&subject=A%26B&body=x%0Ay&cc=%3Cscript%3E")
    form = desk.browser.form()
    assert form["to"] == "a@b.example"
    assert form["subject"] == "A&B"
    assert form["text"] == "x\ny\n\n-- \nAnn & Co"
    assert form["cc"] == "<script>"
    assert "<script>" not in desk.browser.page


def test_a_form_that_is_sent_twice_sends_once(desk: Desk) -> None:
    browser = desk.browser
    browser.look("/mail/compose")
    pairs = [*(browser.form() | {"to": BOB, "text": "once"}).items(), ("do", "send")]
    for _ in range(3):
        browser.send_parts(pairs)
        assert "It is sent" in browser.page
    assert desk.uids("INBOX", BOB) == [1]
    assert desk.uids("\\Sent") == [1]
    assert desk.uids("\\Drafts") == []


def test_what_was_changed_after_sending_is_no_part_of_it(desk: Desk) -> None:
    browser = desk.browser
    browser.look("/mail/compose")
    first = browser.form() | {"to": BOB, "text": "first"}
    browser.press("save", **first)
    saved = browser.form()
    browser.press("send")
    browser.send_parts([*(saved | {"text": "second"}).items(), ("do", "send")])
    assert "It was not sent" in said(browser.page)
    assert browser.form()["text"] == "second"
    assert desk.uids("INBOX", BOB) == [1]
    assert [one.get_content() for one in desk.drafts] == ["second\n"]


# -- drafts


def test_a_draft_is_kept_and_taken_up(desk: Desk) -> None:
    browser = desk.browser
    browser.look("/mail/compose")
    browser.press("save", to="nobody yet, bob@far.example", subject="s", text="\n  t\n")
    assert "Your draft is saved" in said(browser.page)
    form = browser.form()
    assert (form["to"], form["subject"]) == ("nobody yet, bob@far.example", "s")
    assert form["text"] == "\n  t"
    (draft,) = desk.drafts
    assert draft["To"] == "bob@far.example"
    browser.press("save", ("a.txt", b"a"), subject="s2")
    browser.press("attach", ("b.txt", b"b"))
    assert [part.get_filename() for part in desk.drafts[0].iter_attachments()] == ["a.txt", "b.txt"]
    (gone,) = re.findall(r'value="(remove [^"]+)"[^\n]*b\.txt', browser.page)
    browser.press(gone)
    assert [part.get_filename() for part in desk.drafts[0].iter_attachments()] == ["a.txt"]
    assert len(desk.drafts) == 1
    browser.press("discard")
    assert desk.drafts == []


def kept(desk: Desk, browser: Writer, **typed: str) -> Reply:
    """What the script does while somebody writes."""
    return browser.post("/mail/compose/keep", browser.form() | typed)


def test_drafts_are_kept_while_somebody_writes(desk: Desk) -> None:
    browser = desk.browser
    browser.look("/mail/compose")
    before, page = browser.form(), browser.page
    reply = kept(desk, browser, text="one")
    assert reply.status == 200
    (version,) = re.findall(r'name="version" value="(\d+)"', reply.body.decode())
    browser.page = page
    # the answer was lost on the way: it is still one draft
    reply = kept(desk, browser, text="two")
    assert [one.get_content() for one in desk.drafts] == ["two\n"]
    browser.send_parts([*(before | {"version": version, "text": "all", "to": BOB}).items(),
                        ("do", "send")])  # fmt: skip
    assert "It is sent" in browser.page
    assert desk.drafts == []
    # what the script sends late changes nothing
    browser.page = page
    reply = kept(desk, browser, text="all", to=BOB)
    assert reply.status == 409
    assert desk.drafts == []


def test_two_windows_keep_both(desk: Desk) -> None:
    one = desk.browser
    one.look("/mail/compose")
    one.press("save", text="first")
    two = desk.visitor()
    two.look("/mail/compose?draft=1")
    one.press("save", text="mine")
    two.press("save", text="yours")
    assert "Another window" in said(two.page)
    assert sorted(mail.get_content() for mail in desk.drafts) == ["mine\n", "yours\n"]
    assert two.form()["text"] == "yours"


def test_a_session_that_ends_loses_nothing(desk: Desk) -> None:
    browser = desk.browser
    browser.look("/mail/compose")
    filled = browser.form() | {"to": BOB, "subject": 'a"b', "text": "long & dear\n</textarea>"}
    browser.cookie = ""
    browser.send_parts([*filled.items(), ("do", "send")], (("a.txt", b"a"),))
    assert browser.status == 403
    assert "The files have to be chosen again" in browser.page
    assert browser.form()["text"] == "long & dear\n</textarea>"
    back = browser.form()
    browser.sign_in(ANN, PASSWORD)
    browser.send_parts([*back.items(), ("do", "save")])
    assert browser.status == 403
    assert "You signed in anew" in said(browser.page)
    assert desk.drafts == []
    browser.press("send")
    assert "It is sent" in browser.page
    assert desk.mail("INBOX", 1, BOB)["Subject"] == 'a"b'


def test_who_is_not_signed_in_keeps_nothing(desk: Desk) -> None:
    desk.browser.look("/mail/compose")
    desk.browser.cookie = ""
    reply = kept(desk, desk.browser, text="x")
    assert reply.status == 403
    assert "You are signed out" in reply.body.decode()
    assert desk.drafts == []


# -- answers


def answering(desk: Desk, how: str, mail: bytes = MAIL) -> Writer:
    desk.world.deliver(ANN, mail)
    desk.browser.look(f"/mail/compose?answer={desk.box('INBOX').id}.1&how={how}")
    return desk.browser


def test_an_answer_is_quoted_in_the_readers_language(desk: Desk) -> None:
    form = answering(desk, "reply").form()
    assert (form["to"], form["cc"]) == ("Bob <bob@far.example>", "")
    assert form["subject"] == "Re: Lunch"
    assert form["text"] == (
        "\n\nOn 2026-11-21 10:00 UTC, Bob <bob@far.example> wrote:\n> Shall we?\n"
    )
    run(desk.world.accounts.update(replace(desk.ann, language="de"), ACTOR))
    desk.browser.look(f"/mail/compose?answer={desk.box('INBOX').id}.1&how=all")
    form = desk.browser.form()
    assert form["cc"] == "cy@far.example"
    assert "schrieb Bob <bob@far.example>:" in form["text"]


def test_an_answer_that_is_sent_marks_the_message(desk: Desk) -> None:
    browser = answering(desk, "reply")
    browser.press("send", to=BOB)
    mail = desk.mail("INBOX", 1, BOB)
    assert mail["In-Reply-To"] == mail["References"] == "<1@far.example>"
    box = desk.box("INBOX")
    row = run(desk.world.mailroom.listings.one(desk.ann.number, box.number, 1)).row
    assert "\\Answered" in row.flags.names()


HTML = (
    b"From: Bob <bob@far.example>\r\nTo: ann@example.org\r\nSubject: Re: p\r\nMIME-Version: 1.0\r\n"
    b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/html\r\n\r\n"
    b"<p>Look<script>evil()</script></p><p>here</p>\r\n--b\r\nContent-Type: image/png\r\n"
    b"Content-Transfer-Encoding: base64\r\nContent-ID: <p@far>\r\n"
    b'Content-Disposition: inline; filename="p.png"\r\n\r\nAAEC\r\n--b--\r\n'
)


def test_what_is_passed_on_has_its_pictures(desk: Desk) -> None:
    browser = answering(desk, "forward", HTML)
    form = browser.form()
    assert form["subject"] == "Fwd: Re: p"
    assert "Look\n\nhere" in form["text"] or "Look\nhere" in form["text"]
    assert "evil" not in form["text"]
    browser.press("send", to=BOB)
    (picture,) = desk.mail("INBOX", 1, BOB).iter_attachments()
    assert (picture.get_filename(), picture.get_content()) == ("p.png", b"\0\1\2")
    box = desk.box("INBOX")
    row = run(desk.world.mailroom.listings.one(desk.ann.number, box.number, 1)).row
    assert "$Forwarded" in row.flags.names()


def test_what_is_taken_is_remembered_over_a_new_session(desk: Desk) -> None:
    browser = answering(desk, "forward", HTML)
    page, browser.cookie = browser.page, ""
    browser.sign_in(ANN, PASSWORD)
    browser.page = page
    browser.press("send", to=BOB)
    assert browser.status == 403
    browser.press("send")
    assert "It is sent" in browser.page
    assert len(list(desk.mail("INBOX", 1, BOB).iter_attachments())) == 1


def test_what_is_not_taken_stays(desk: Desk) -> None:
    browser = answering(desk, "forward", HTML)
    browser.page = browser.page.replace(" checked", "")
    browser.press("send", to=BOB)
    assert list(desk.mail("INBOX", 1, BOB).iter_attachments()) == []


def test_a_message_is_passed_on_as_it_is(desk: Desk) -> None:
    browser = answering(desk, "attached")
    browser.press("send", to=BOB, text="see there")
    (message,) = desk.mail("INBOX", 1, BOB).iter_attachments()
    assert message.get_content()["Message-ID"] == "<1@far.example>"


def test_a_message_is_written_anew(desk: Desk) -> None:
    desk.world.deliver(ANN, HTML)
    desk.browser.look("/mail/compose")
    csrf = desk.browser.form()["csrf"]
    named = f"{desk.box('INBOX').id}.1"
    desk.browser.post("/mail/compose/again", {"csrf": csrf, "message": named})
    assert "with formatting" in desk.browser.page
    assert desk.uids("INBOX") == [1]
    desk.browser.press("plain")
    form = desk.browser.form()
    assert "fixed" not in form
    assert form["text"].startswith("Look")
    assert len(desk.drafts) == 2


# -- what is wrong


WRONG = [
    ({"to": "bob"}, 400, "These are no addresses: bob"),
    ({"to": ""}, 400, "Say to whom it goes"),
    ({"to": "nobody@example.org"}, 400, "nobody@example.org"),
    ({"to": BOB, "author": BOB}, 403, "You may not write as this address"),
    ({"to": ", ".join(f"a{n}@far.example" for n in range(1001))}, 400, "at most 1000"),
]


@pytest.mark.parametrize(("typed", "status", "words"), WRONG, ids=[one[2] for one in WRONG])
def test_what_is_wrong_is_told_and_nothing_is_lost(
    desk: Desk, typed: dict[str, str], status: int, words: str
) -> None:
    browser = desk.browser
    browser.look("/mail/compose")
    browser.press("send", ("a.txt", b"a"), **{"subject": "s", "text": "my words", **typed})
    assert (browser.status, words in said(browser.page)) == (status, True), said(browser.page)
    form = browser.form()
    assert (form["subject"], form["text"], form["to"]) == ("s", "my words", typed["to"])
    assert "a.txt" in browser.page
    assert desk.uids("INBOX", BOB) == desk.uids("\\Sent") == []
    if typed.get("author") != BOB:
        browser.press("send", to=BOB)
        assert "It is sent" in browser.page
        assert len(list(desk.mail("INBOX", 1, BOB).iter_attachments())) == 1


def test_a_full_mailbox_is_told(desk: Desk) -> None:
    account = run(desk.world.accounts.get(desk.ann.number))
    limits = replace(account.limits, storage=1)
    run(desk.world.accounts.update(replace(account, limits=limits), ACTOR))
    desk.browser.look("/mail/compose")
    desk.browser.press("send", to=BOB, text="my words")
    assert "Your mailbox is full" in said(desk.browser.page)
    assert desk.browser.form()["text"] == "my words"


def test_no_field_brings_a_header(desk: Desk) -> None:
    browser = desk.browser
    browser.look("/mail/compose")
    evil = "x\r\nBcc: eve@far.example\r\n\r\nbody\0"
    browser.press("send", (f"a\r\nX-Evil: 1{evil}", b"a"), to=BOB, subject=evil, text="t")
    if browser.status == 200:
        mail = desk.mail("INBOX", 1, BOB)
        assert set(mail.keys()) & {"Bcc", "X-Evil"} == set()
        assert "Bcc: eve@far.example" in mail["Subject"]


@pytest.mark.parametrize(
    ("changed", "status"),
    [({"key": "x"}, 400), ({"hand": ""}, 400), ({"version": "-1"}, 200), ({"source": "x.1"}, 200)],
)
def test_forms_that_nobody_made_are_refused(
    desk: Desk, changed: dict[str, str], status: int
) -> None:
    desk.browser.look("/mail/compose")
    desk.browser.send_parts([*(desk.browser.form() | changed).items(), ("do", "save")])
    assert desk.browser.status == status


def test_other_sites_send_nothing(desk: Desk) -> None:
    desk.browser.look("/mail/compose")
    form = desk.browser.form() | {"to": BOB}
    desk.browser.post("/mail/compose/keep", form, origin="https://evil.example")
    assert desk.browser.status in (400, 403)
    desk.browser.look("/mail/compose")
    desk.browser.send_parts([*(form | {"csrf": "0" * 64}).items(), ("do", "send")])
    assert desk.browser.status == 403
    assert desk.uids("INBOX", BOB) == []
    assert desk.drafts == []


def test_drafts_of_others_are_not_there(desk: Desk) -> None:
    desk.browser.look("/mail/compose")
    desk.browser.press("save", text="mine")
    other = desk.visitor(BOB)
    other.look("/mail/compose?draft=1")
    assert other.status == 404


# -- later


def test_what_is_sent_can_be_taken_back_for_a_while(desk: Desk) -> None:
    desk.prefer(undo=10)
    browser = desk.browser
    browser.look("/mail/compose")
    browser.press("send", ("a.txt", b"a"), to=BOB, text="oh")
    assert "It will be sent" in browser.page
    assert desk.uids("INBOX", BOB) == []
    browser.send("/mail/compose/back")
    assert "It was not sent, and is a draft again" in said(browser.page)
    assert browser.form()["text"] == "oh"
    assert "a.txt" in browser.page
    assert desk.uids("\\Sent") == []
    desk.prefer(undo=0)
    browser.press("send", text="well")
    assert "It is sent" in browser.page
    assert desk.mail("INBOX", 1, BOB).get_body().get_content() == "well\n"  # type: ignore[union-attr]


def test_a_letter_leaves_later(desk: Desk) -> None:
    browser = desk.browser
    browser.look("/mail/compose")
    browser.press("send", to=BOB, subject="Later", later="24")
    assert "It will be sent" in browser.page
    browser.look("/mail/compose/waiting")
    assert "Later" in browser.page
    assert BOB in browser.page
    page = browser.page
    browser.send("/mail/compose/back")
    assert "is a draft again" in said(browser.page)
    browser.page = page
    browser.send("/mail/compose/back")
    assert browser.status == 409
    assert "It was too late" in said(browser.page)
    browser.look("/mail/compose/waiting")
    assert "Nothing is scheduled" in browser.page


# -- addresses


def test_addresses_are_completed(desk: Desk) -> None:
    browser = desk.browser
    browser.look("/mail/compose")
    browser.press("send", to='"Doe, Bob" <bob@example.org>, cy@far.example')
    page = browser.look("/mail/compose/people?query=do")
    assert unescape(page).count('"Doe, Bob" <bob@example.org>') == 2
    assert "cy@far.example" not in page
    assert "data-person" not in browser.look("/mail/compose/people?query=")


def test_one_writes_as_ones_aliases(desk: Desk) -> None:
    alias = "info@example.org"
    run(desk.world.addresses.create(alias, ACTOR, account=desk.ann.number))
    desk.browser.look("/mail/compose")
    assert f'<option value="{alias}">' in desk.browser.page
    desk.browser.press("send", to=BOB, author=alias)
    assert desk.mail("INBOX", 1, BOB)["From"] == alias
    desk.world.deliver(ANN, MAIL.replace(b"To: ann@", b"To: info@"))
    desk.browser.look(f"/mail/compose?answer={desk.box('INBOX').id}.1")
    assert desk.browser.form()["author"] == alias


def test_formatted_drafts_keep_their_formatting(desk: Desk) -> None:
    rich = (
        b"From: ann@example.org\r\nSubject: r\r\nMIME-Version: 1.0\r\n"
        b"Content-Type: text/html\r\n\r\n<b>Rich</b>\r\n"
    )
    desk.append("\\Drafts", rich)
    browser = desk.browser
    browser.look("/mail/compose?draft=1")
    assert "with formatting" in browser.page
    assert " readonly" in browser.page
    browser.press("save", to=BOB)
    assert desk.drafts[0].get_content_type() == "text/html"
    browser.press("send")
    assert desk.mail("INBOX", 1, BOB).get_content() == "<b>Rich</b>\n"


def test_pages_have_no_script_of_others(desk: Desk) -> None:
    name = b'"><script>x()</script>'
    desk.world.deliver(ANN, MAIL.replace(b"Lunch", name).replace(b"Bob <", b'"%b" <' % b"a&b"))
    for path in ("", f"?answer={desk.box('INBOX').id}.1", "/waiting", "/sent?due=1&token=<b>"):
        assert foreign(desk.browser.look(f"/mail/compose{path}")) is None
        assert desk.browser.status == 200


def test_a_form_that_is_too_large_is_told_so_at_once(desk: Desk) -> None:
    most = desk.site.settings.upload
    head = f"POST /mail/compose HTTP/1.1\r\nHost: localhost\r\nContent-Length: {most + 1}\r\n"
    (reply,) = desk.site.raw(f"{head}Accept-Language: de\r\n\r\n".encode())
    assert reply.status == 413
    assert reply.headers["content-type"] == "text/html; charset=utf-8"
    assert "Gehen Sie im Browser zurück" in reply.body.decode()
    (other,) = desk.site.raw(head.replace("/mail/compose", "/wildduck/x").encode() + b"\r\n")
    assert (other.status, other.headers["content-type"]) == (413, "application/json")


def test_nobody_fills_the_disk_without_signing_in(desk: Desk) -> None:
    head = "POST /mail/compose HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2000000\r\n"
    (reply,) = desk.site.raw(f"{head}Content-Type: multipart/form-data\r\n\r\n".encode())
    assert reply.status == 403


def test_a_text_that_is_too_long_is_told_and_stays(desk: Desk) -> None:
    browser = desk.browser
    browser.look("/mail/compose")
    browser.press("send", to=BOB, text="x" * 300_000)
    assert browser.status == 400
    assert "attach it as a file" in said(browser.page)
    assert len(browser.form()["text"]) == 300_000
    assert kept(desk, browser).status == 400
    assert desk.drafts == []
