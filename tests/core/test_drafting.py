"""Letters while they are written."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mailhub.core.composing import Relation
from mailhub.core.desk import desk
from mailhub.core.drafting import Drafting
from mailhub.core.octets import one
from mailhub.core.writings import Begun, Change, Clash, Writing
from mailhub.model.errors import NotFound, TooLarge
from mailhub.model.flags import ANSWERED
from tests.core.writing import ANN, BOB, SENDING, Office, enclosure
from tests.support import run
from tests.world import ACTOR

pytestmark = pytest.mark.thorough

LIST = b"""\
From: "Doe, Bob" <bob@far.example>
To: Ann <ann@example.org>, cy@far.example
Subject: =?utf-8?q?Re=3A_Gr=C3=BC=C3=9Fe?=
Message-ID: <1@far.example>
References: <0@far.example>
Date: Sat, 21 Nov 2026 10:00:00 +0100
Content-Type: text/plain; charset=utf-8; format=flowed

One paragraph%b
in two lines.
--%b
Bob
""" % (b" ", b" ")
FORMATTED = b"""From: ann@example.org
To: bob@far.example
Subject: formatted
Message-ID: <their@own>
MIME-Version: 1.0
Content-Type: multipart/alternative; boundary=b
X-Mozilla-Draft-Info: internal/draft

--b
Content-Type: text/plain

Plain words
--b
Content-Type: text/html

<b>Rich</b> words
--b--
"""


@pytest.fixture
def office() -> Office:
    return Office()


def written(office: Office, **more: str) -> Writing:
    blank = office.drafting.blank(office.ann)
    letter = {"to": "Bob <bob@far.example>", "subject": "Grüße", "text": "Hallo,\n\n> Öl\n"}
    return replace(blank, **(letter | more))


def test_a_letter_is_kept_as_a_draft_that_other_programs_read(office: Office) -> None:
    held = office.keep(written(office, cc="cy@far.example", bcc="di@far.example"))
    assert (held.clash, list(held.wrong)) == (None, [])
    mail = office.mail("\\Drafts", held.version)
    assert (mail["From"], mail["To"]) == (ANN, "Bob <bob@far.example>")
    assert (mail["Cc"], mail["Bcc"]) == ("cy@far.example", "di@far.example")
    assert mail["Subject"] == "Grüße"
    assert mail.get_content() == "Hallo,\n\n> Öl\n"
    assert mail["Content-Type"].params["format"] == "flowed"
    flags = run(office.world.mailroom.listings.one(
        office.ann.number, office.box("\\Drafts").number, held.version
    )).row.flags  # fmt: skip
    assert flags.names() == ("\\Seen", "\\Draft")


def test_a_draft_is_taken_up_as_it_was_typed(office: Office) -> None:
    typed = written(office, to="Bob <bob@far.example>, nobody yet", text="long " * 60 + "end\n> q")
    held = office.keep(typed)
    assert held.wrong == ["nobody yet"]
    again = run(office.drafting.open(office.ann, held.version))
    assert replace(again.writing, hand=typed.hand) == typed
    assert (again.version, again.fixed) == (held.version, False)


def test_a_version_takes_the_place_of_the_one_before(office: Office) -> None:
    typed = written(office)
    first = office.keep(typed)
    second = office.keep(replace(typed, text="more"), first.version)
    assert office.uids("\\Drafts") == [second.version]
    # the answer to the first was lost on the way
    third = office.keep(replace(typed, text="most"), 0)
    fourth = office.keep(replace(typed, text="all"), first.version)
    assert (third.clash, fourth.clash) == (None, None)
    assert office.uids("\\Drafts") == [fourth.version]
    assert office.mail("\\Drafts", fourth.version).get_content() == "all\n"


def test_two_windows_do_not_overwrite_each_other(office: Office) -> None:
    first = office.keep(written(office), change=Change([enclosure(b"\0\1", "a.bin")]))
    this = run(office.drafting.open(office.ann, first.version)).writing
    two = run(office.drafting.open(office.ann, first.version)).writing
    kept = office.keep(replace(this, text="one"), first.version)
    other = office.keep(replace(two, text="two"), first.version)
    assert (kept.clash, other.clash) == (None, Clash.CHANGED)
    assert other.writing.key != kept.writing.key
    texts = {
        uid: [part.get_content() for part in office.mail("\\Drafts", uid).iter_parts()]
        for uid in office.uids("\\Drafts")
    }
    assert texts == {
        kept.version: ["one\n", b"\0\1"],
        other.version: ["two\n", b"\0\1"],
    }


def test_a_draft_that_was_deleted_comes_back_with_what_is_typed(office: Office) -> None:
    typed = written(office)
    held = office.keep(typed)
    box = office.box("\\Drafts")
    office.append("\\Drafts", LIST)
    run(office.world.mailroom.arranging.delete(box, one(held.version), ACTOR))
    again = office.keep(replace(typed, text="still"), held.version)
    assert again.clash is Clash.GONE
    assert office.mail("\\Drafts", again.version).get_content() == "still\n"


# -- attachments


def test_attachments_stay_and_go(office: Office) -> None:
    added = [enclosure(bytes(range(256)) * 50, "ä.bin"), enclosure(b"GIF", "b.gif", "image/gif")]
    typed = written(office)
    held = office.keep(typed, change=Change(added))
    held = office.keep(typed, held.version, Change([enclosure(b"c", "c.txt", "text/plain")]))
    opened = run(office.drafting.open(office.ann, held.version))
    assert [found.filename for found in opened.attached] == ["ä.bin", "b.gif", "c.txt"]
    held = office.keep(typed, held.version, Change(removed=[opened.attached[1].id]))
    parts = list(office.mail("\\Drafts", held.version).iter_attachments())
    assert [part.get_filename() for part in parts] == ["ä.bin", "c.txt"]
    assert parts[0].get_content() == bytes(range(256)) * 50


def test_what_is_too_large_is_refused_and_nothing_is_lost(office: Office) -> None:
    typed = written(office)
    held = office.keep(typed)
    most = office.desk.most
    huge = enclosure(b"\0" * 1000, "huge")

    async def endless():  # type: ignore[no-untyped-def]
        for _ in range(most // 500_000 + 2):
            yield b"\0" * 500_000

    with pytest.raises(TooLarge):
        office.keep(typed, held.version, Change([replace(huge, pieces=endless)]))
    assert office.uids("\\Drafts") == [held.version]


# -- drafts of other programs


def test_what_is_formatted_stays_so(office: Office) -> None:
    uid = office.append("\\Drafts", FORMATTED)
    begun = run(office.drafting.open(office.ann, uid))
    assert begun.fixed
    assert begun.writing.text.strip() == "Plain words"
    held = office.keep(replace(begun.writing, to="cy@far.example", subject="ü"), uid)
    assert office.uids("\\Drafts") == [held.version]
    data = office.octets("\\Drafts", held.version)
    mail = office.mail("\\Drafts", held.version)
    assert (mail["To"], mail["Subject"]) == ("cy@far.example", "ü")
    assert mail["X-Mozilla-Draft-Info"] == "internal/draft"
    assert len(mail.get_all("From", [])) == len(mail.get_all("Message-ID", [])) == 1
    body = FORMATTED.partition(b"\n\n")[2].replace(b"\n", b"\r\n")
    assert data.partition(b"\r\n\r\n")[2] == body


def test_its_text_alone_becomes_a_letter_of_its_own(office: Office) -> None:
    uid = office.append("\\Drafts", FORMATTED)
    held = run(office.drafting.plain(office.ann, uid, ACTOR))
    assert sorted(office.uids("\\Drafts")) == [uid, held.version]
    opened = run(office.drafting.open(office.ann, held.version))
    assert not opened.fixed
    assert opened.writing.text.strip() == "Plain words"


# -- answers


def begun(
    office: Office, relation: Relation, octets: bytes = LIST, *, whole: bool = False
) -> Begun:
    office.world.deliver(ANN, octets.replace(b"\n", b"\r\n"))
    box = office.box("INBOX")
    return run(office.drafting.begin(office.ann, box, 1, relation, whole=whole))


def test_an_answer_is_begun(office: Office) -> None:
    found = begun(office, Relation.REPLY_ALL)
    assert found.writing.to == '"Doe, Bob" <bob@far.example>'
    assert found.writing.cc == "cy@far.example"
    assert found.writing.subject == "Re: Grüße"
    assert found.writing.author == ANN
    assert found.quoted == "One paragraph in two lines.\n-- \nBob"
    held = office.keep(found.writing, source=found.source)
    mail = office.mail("\\Drafts", held.version)
    assert mail["In-Reply-To"] == "<1@far.example>"
    assert mail["References"] == "<0@far.example> <1@far.example>"
    second = office.keep(found.writing, held.version)
    again = run(office.drafting.open(office.ann, second.version))
    assert again.source == found.source
    mail = office.mail("\\Drafts", second.version)
    assert mail["References"] == "<0@far.example> <1@far.example>"


def test_what_is_passed_on_has_its_attachments(office: Office) -> None:
    octets = (
        b"From: bob@far.example\nSubject: files\nMessage-ID: <2@far.example>\nMIME-Version: 1.0\n"
        b"Content-Type: multipart/mixed; boundary=b\n\n--b\n\ntext\n--b\n"
        b'Content-Type: image/png; name="p.png"\nContent-Disposition: inline\n'
        b"Content-Transfer-Encoding: base64\n\nAAEC\n--b\nContent-Type: message/rfc822\n\n"
        b"Subject: inner\n\nw\xc3\xb6rds\n--b--\n"
    )
    found = begun(office, Relation.FORWARD, octets)
    assert found.writing.subject == "Fwd: files"
    assert found.writing.to == ""
    ids = [part.id for part in found.attached]
    assert len(ids) == 2
    held = office.keep(found.writing, change=Change(taken=ids), source=found.source)
    mail = office.mail("\\Drafts", held.version)
    picture, message = mail.iter_attachments()
    assert (picture.get_filename(), picture.get_content()) == ("p.png", b"\0\1\2")
    assert message.get_content()["Subject"] == "inner"
    assert mail["In-Reply-To"] is None
    # what was taken is not taken twice
    again = office.keep(found.writing, held.version, Change(taken=ids), source=found.source)
    assert len(list(office.mail("\\Drafts", again.version).iter_attachments())) == 2


def test_a_message_is_passed_on_whole(office: Office) -> None:
    found = begun(office, Relation.FORWARD, whole=True)
    held = office.keep(found.writing, change=Change(taken=None), source=found.source)
    (message,) = office.mail("\\Drafts", held.version).iter_attachments()
    assert message.get_filename() == "Re: Grüße.eml"
    assert message.get_content()["Message-ID"] == "<1@far.example>"
    raw = office.octets("\\Drafts", held.version)
    assert office.octets("INBOX", 1) in raw


def test_an_answer_to_a_message_that_is_gone_is_kept_all_the_same(office: Office) -> None:
    found = begun(office, Relation.REPLY)
    assert found.source is not None
    held = office.keep(found.writing, source=replace(found.source, uid=99))
    assert office.mail("\\Drafts", held.version)["In-Reply-To"] is None


# -- leaving


def test_a_letter_is_sent_once_and_marks_what_it_answers(office: Office) -> None:
    found = begun(office, Relation.REPLY)
    typed = replace(found.writing, to=BOB, bcc="bob@example.org", text="Thanks")
    held = office.keep(typed, source=found.source)
    sent = office.send(held)
    assert sent.kept is not None
    assert office.uids("\\Drafts") == []
    (uid,) = office.uids("INBOX", BOB)
    mail = office.mail("INBOX", uid, BOB)
    assert mail.get_content() == "Thanks\n"
    assert mail["X-Mailhub-Draft"] is None
    assert mail["Bcc"] is None
    assert office.mail("\\Sent", office.uids("\\Sent")[0])["X-Mailhub-Draft"] is None
    answered = run(
        office.world.mailroom.listings.one(office.ann.number, office.box("INBOX").number, 1)
    )
    assert answered.row.flags.system & ANSWERED
    assert run(office.dispatching.was_sent(office.ann, typed))
    assert not run(office.dispatching.was_sent(office.ann, replace(typed, text="Thanks!")))


def test_a_letter_under_one_key_leaves_once(office: Office) -> None:
    typed = written(office, to=BOB)
    office.send(office.keep(typed))
    late = office.append("\\Drafts", b"From: ann@example.org\nTo: bob@example.org\n\nlate\n")
    box = office.box("\\Drafts")
    assert office.uids("INBOX", BOB) == [1]
    run(office.dispatching.send(office.ann, late, typed.key, SENDING, ACTOR))
    assert office.uids("INBOX", BOB) == [1]
    assert box.number


def test_what_was_sent_is_no_draft_any_more(office: Office) -> None:
    typed = written(office, to=BOB)
    held = office.keep(typed)
    office.send(held)
    again = office.keep(replace(typed, text="changed"), held.version)
    assert again.clash is Clash.GONE
    assert again.writing.key != typed.key


def test_a_letter_that_waits_is_taken_back(office: Office) -> None:
    typed = written(office, to=f"{BOB}, cy@far.example", bcc="di@far.example")
    held = office.keep(typed, change=Change([enclosure(b"\0", "a.bin")]))
    at = int(office.world.clock.now()) + 600
    sent = office.send(held, replace(SENDING, at=at))
    assert office.uids("INBOX", BOB) == []
    (waits,) = run(office.dispatching.waiting(office.ann))
    assert (waits.token, waits.due, waits.subject) == (sent.queued, at, "Grüße")
    assert sorted(waits.recipients) == [BOB, "cy@far.example", "di@far.example"]
    back = run(office.dispatching.take_back(office.ann, sent.queued, ACTOR))
    assert (back.stopped, back.late) == (3, 0)
    assert back.held is not None
    assert office.uids("\\Sent") == []
    again = run(office.drafting.open(office.ann, back.held.version))
    assert again.writing.bcc == "di@far.example"
    assert again.writing.key != typed.key
    assert [found.filename for found in again.attached] == ["a.bin"]
    assert run(office.dispatching.waiting(office.ann)) == []
    with pytest.raises(NotFound):
        run(office.dispatching.take_back(office.ann, sent.queued, ACTOR))
    office.send(back.held)
    assert office.uids("INBOX", BOB) == [1]


def test_nobody_takes_back_what_others_send(office: Office) -> None:
    held = office.keep(written(office))
    at = int(office.world.clock.now()) + 600
    sent = office.send(held, replace(SENDING, at=at))
    bob = office.world.people[BOB]
    assert run(office.dispatching.waiting(bob)) == []
    with pytest.raises(NotFound):
        run(office.dispatching.take_back(bob, sent.queued, ACTOR))


def test_a_very_long_text_can_be_written_on(office: Office) -> None:
    typed = written(office, text="ü word" * 40_000 + "\n" * 1000 + "end")
    held = office.keep(typed)
    again = run(office.drafting.open(office.ann, held.version))
    assert not again.fixed
    assert again.writing.text == typed.text


def test_little_of_a_very_long_text_is_quoted(office: Office) -> None:
    found = begun(office, Relation.REPLY, b"From: b@far.example\n\n" + b"word\n" * 50_000)
    assert len(found.quoted) < 70_000
    assert found.quoted.endswith("[…]")


class Waits(Exception):
    """Somebody has to wait."""


def test_a_letter_has_one_hand_at_a_time_at_all_processes(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    here, there = office.drafting, desk(office.world).drafting

    async def taken(drafting: Drafting, key: str) -> None:
        async with drafting.turn(office.ann, key):
            return

    async def both() -> None:
        async with here.turn(office.ann, "one"):
            await taken(there, "another")
            with pytest.raises(Waits):
                await taken(there, "one")
        await taken(there, "one")

    def sleep(seconds: float) -> None:
        raise Waits

    monkeypatch.setattr(office.world.clock, "sleep", sleep)
    run(both())
