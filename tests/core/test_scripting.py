"""Scripts on mail that comes: what a whole server does of what they decide."""

from __future__ import annotations

import email
import email.policy
import json
from email.message import EmailMessage
from pathlib import Path

import pytest

from mailhub.core import scripting
from mailhub.model.errors import Invalid, LimitReached, NotFound, OverQuota, PolicyRefused, TooLarge
from mailhub.model.filter import Actions, Conditions
from mailhub.model.settings_sieve import SieveSettings
from mailhub.model.uids import UidSet
from mailhub.sieve import shared
from tests.fakes import FakeClock, ListLog
from tests.queue_bench import ACTOR, QueueBench, bench
from tests.support import run
from tests.world import world

JOE = "joe@example.org"
SENDER = "ann@far.example"
MESSAGE = (
    b"From: Ann <ann@far.example>\r\nTo: Joe <joe@example.org>\r\nSubject: Sale now\r\n"
    b"Message-ID: <1@far.example>\r\nX-Mark: old\r\n\r\nbody\r\n"
)


def scripted(source: str, people: tuple[str, ...] = (JOE,)) -> QueueBench:
    """A server on which joe has this script."""
    made = bench(people=people)
    write(made, source)
    return made


def write(made: QueueBench, source: str, name: str = "main", *, active: bool = True) -> None:
    joe = made.world.people[JOE].number
    run(made.world.scripts.put(joe, name, source, ACTOR))
    if active:
        run(made.world.scripts.activate(joe, name, ACTOR))


def send(made: QueueBench, message: bytes = MESSAGE, *to: str, sender: str = SENDER) -> None:
    made.submit(*(to or (JOE,)), sender=sender, message=message)


def kept(made: QueueBench, address: str = JOE) -> dict[str, list[tuple[tuple[str, ...], bytes]]]:
    """(keywords, whole message) of all there is, by mailbox."""
    store = made.world.store
    account = made.world.people[address].number
    found: dict[str, list[tuple[tuple[str, ...], bytes]]] = {}
    for box in run(store.mailboxes.all(account)):
        index = run(store.messages.index(account, box.number))
        if not len(index.uids):
            continue
        contents = run(store.messages.contents(account, box.number, UidSet.from_sorted(index.uids)))
        for code, one in zip(index.flags, contents, strict=True):
            words = index.keyword_sets.get(code >> 8, ())
            words += ("\\Seen",) if code & 1 else ()
            data = one.prefix + run(store.blobs.read([one.blob]))[0]
            found.setdefault(box.name, []).append((tuple(sorted(words)), data))
    return found


def boxes(made: QueueBench) -> dict[str, int]:
    return {name: len(messages) for name, messages in kept(made).items()}


def parsed(data: bytes) -> EmailMessage:
    made = email.message_from_bytes(data, policy=email.policy.default)
    assert isinstance(made, EmailMessage)
    return made


def test_a_script_files_flags_and_creates() -> None:
    made = scripted(
        'require ["fileinto", "imap4flags", "mailbox"]; addflag "Red"; if header :contains '
        '"subject" "sale" {fileinto :create :flags ["\\\\Seen", "Blue"] "Shop/Sales"; keep;}'
    )
    send(made)
    found = kept(made)
    assert [words for words, _ in found["Shop/Sales"]] == [("Blue", "\\Seen")]
    assert [words for words, _ in found["INBOX"]] == [("Red",)]
    [note] = [json.loads(one) for one in made.journal("filtered")]
    assert note["by"] == ["script main"]


def test_what_is_discarded_is_kept_nowhere() -> None:
    made = scripted("discard;")
    send(made)
    assert boxes(made) == {}
    assert made.waiting() == []


def test_what_is_asked_for_with_ihave_works_as_if_required() -> None:
    made = scripted(
        'require "ihave"; if ihave ["body", "mailbox"] {'
        'if allof (body :contains "body", mailboxexists "Archive") {discard;}}'
    )
    send(made)
    assert boxes(made) == {}


def test_a_special_use_finds_its_mailbox() -> None:
    made = scripted('require ["fileinto", "special-use"]; fileinto :specialuse "\\\\Junk" "Spam";')
    send(made)
    assert boxes(made) == {"Junk": 1}


@pytest.mark.parametrize(
    ("source", "failure"),
    [
        ('require "fileinto"; fileinto "Missing";', "There is no mailbox 'Missing'"),
        ('require ["fileinto", "mailbox"]; fileinto :create "a//b";', "no empty level"),
        ('require "ihave"; discard; error "gone wrong";', "1:27: gone wrong"),
        ('require "include"; include "other";', "1:20: There is no script 'other'"),
    ],
)
def test_a_script_that_fails_keeps_the_mail_and_its_owner_is_told(
    source: str, failure: str
) -> None:
    made = scripted(source)
    send(made)
    send(made, MESSAGE.replace(b"<1@", b"<2@"))
    assert boxes(made) == {"INBOX": 2}
    script = run(made.world.scripts.get(made.world.people[JOE].number, "main"))
    assert failure in script.failure
    assert script.failed == int(made.clock.now())


def test_redirects_go_out_in_the_same_commit_and_loops_are_cut() -> None:
    made = scripted(
        'require "copy"; redirect :copy "far@example.net"; redirect :copy "JOE@example.org";'
    )
    send(made)
    assert boxes(made) == {"INBOX": 1}
    assert made.outbound.recipients == [["far@example.net"]]
    data = made.outbound.calls[0].data
    assert b"Delivered-To: joe@example.org\r\n" in data


def test_only_a_redirect_to_oneself_keeps_the_mail() -> None:
    made = scripted('redirect "joe@example.org";')
    send(made)
    assert boxes(made) == {"INBOX": 1}


def test_the_edited_header_is_stored_and_redirected() -> None:
    made = scripted(
        'require ["editheader", "fileinto", "copy"]; addheader "X-New" "yes"; '
        'deleteheader "x-mark"; keep; redirect :copy "far@example.net";'
    )
    send(made)
    [(_, data)] = kept(made)["INBOX"]
    assert parsed(data)["X-New"] == "yes"
    assert parsed(data)["X-Mark"] is None
    assert data.startswith(b"Return-Path: <ann@far.example>\r\nDelivered-To: joe@example.org\r\n")
    assert data.endswith(b"\r\n\r\nbody\r\n")
    assert b"X-New: yes" in made.outbound.calls[0].data


def test_a_rejection_is_said_in_smtp_where_nobody_else_takes_the_message() -> None:
    made = scripted('require "reject"; reject "I do not want\r\nthis";')
    with pytest.raises(PolicyRefused, match="I do not want this"):
        send(made)
    assert boxes(made) == {}
    assert made.outbound.calls == []


def test_else_the_sender_gets_a_disposition_notification() -> None:
    made = scripted('require "reject"; reject "Grüße, nein";', (JOE, "eve@example.org"))
    send(made, MESSAGE, JOE, "eve@example.org")
    assert boxes(made) == {}
    assert list(kept(made, "eve@example.org")) == ["INBOX"]
    [call] = made.outbound.calls
    assert call.sender.address == ""
    report = parsed(call.data)
    assert report.get_content_type() == "multipart/report"
    text, disposition, header = report.iter_parts()
    assert "Grüße, nein" in text.get_content()
    assert b"disposition: automatic-action/mdn-sent-automatically; deleted" in call.data.lower()
    assert b"Final-Recipient: rfc822;joe@example.org" in call.data
    assert disposition.get_content_type() == "message/disposition-notification"
    assert "Sale now" in header.get_content()


def test_a_vacation_is_told_once() -> None:
    made = scripted('require "vacation"; vacation :days 2 :subject "Away" "Back on Monday";')
    for number in range(3):
        send(made, MESSAGE.replace(b"<1@", b"<%d@" % number))
    [call] = made.outbound.calls
    reply = parsed(call.data)
    assert (call.sender.address, call.recipients[0].recipient) == ("", SENDER)
    assert (reply["Subject"], reply["From"], reply["To"]) == ("Away", JOE, SENDER)
    assert (reply["In-Reply-To"], reply["Auto-Submitted"]) == (
        "<0@far.example>",
        "auto-replied (vacation)",
    )
    assert reply.get_content().strip() == "Back on Monday"
    made.clock.leap(2 * 86400 + 1)
    send(made, MESSAGE.replace(b"<1@", b"<9@"))
    assert len(made.outbound.calls) == 2
    assert boxes(made) == {"INBOX": 4}


def test_vacations_have_handles_addresses_and_mime() -> None:
    made = scripted(
        'require "vacation"; if header "x-mark" "old" {vacation :handle "a" :mime :addresses '
        '"sales@example.com" "Content-Type: text/html; charset=utf-8\r\n\r\n<b>Grüße</b>";} '
        'else {vacation :from "other@example.com" "b";}'
    )
    to_sales = MESSAGE.replace(b"joe@example.org", b"sales@example.com")
    send(made, to_sales)
    reply = parsed(made.outbound.calls[0].data)
    assert reply.get_content_type() == "text/html"
    assert reply.get_content().strip() == "<b>Grüße</b>"
    send(made, MESSAGE.replace(b"<1@", b"<2@").replace(b"old", b"new"))
    assert parsed(made.outbound.calls[1].data)["From"] == JOE


@pytest.mark.parametrize(
    "message",
    [
        MESSAGE.replace(b"To: Joe <joe@example.org>", b"To: list@example.net"),
        b"List-Id: <x.example>\r\n" + MESSAGE,
        b"Auto-Submitted: auto-generated\r\n" + MESSAGE,
        b"Precedence: bulk\r\n" + MESSAGE,
    ],
)
def test_machines_and_lists_are_not_answered(message: bytes) -> None:
    made = scripted('require "vacation"; vacation "away";')
    send(made, message)
    assert boxes(made) == {"INBOX": 1}
    assert made.outbound.calls == []


def test_nobody_is_answered_who_is_nobody() -> None:
    made = scripted('require ["vacation", "reject"]; vacation "away";')
    for sender in ("", "mailer-daemon@far.example", "no-reply@far.example"):
        send(made, sender=sender)
    send(made, MESSAGE.replace(b"ann@far.example", b"joe@example.org"), sender=JOE)
    assert made.outbound.calls == []


def test_duplicates_are_known_again() -> None:
    made = scripted('require "duplicate"; if duplicate :seconds 100 {discard;}')
    send(made)
    send(made)
    assert boxes(made) == {"INBOX": 1}
    made.clock.advance(101)
    send(made)
    assert boxes(made) == {"INBOX": 2}


def test_scripts_include_others_and_the_servers(tmp_path: Path) -> None:
    (tmp_path / "flagged.sieve").write_text('require "imap4flags"; addflag "Shared";')
    (tmp_path / "broken.sieve").write_bytes(b"\xff")
    made = world(scripts=SieveSettings(shared=str(tmp_path)))
    joe = made.people[JOE].number
    run(made.scripts.put(joe, "inner", 'require "fileinto"; fileinto "Archive";', ACTOR))
    run(
        made.scripts.put(
            joe, "main", 'require "include"; include :global "flagged"; include "inner";', ACTOR
        )
    )
    run(made.scripts.activate(joe, "main", ACTOR))
    arrival = made.deliver(JOE, MESSAGE)
    archive = run(made.mailboxes.get(joe, "Archive"))
    assert arrival.mailbox == archive.number
    run(made.scripts.put(joe, "inner", 'require "fileinto"; fileinto "Trash";', ACTOR))
    trash = run(made.mailboxes.get(joe, "Trash"))
    assert made.deliver(JOE, MESSAGE).mailbox == trash.number
    log = ListLog()
    assert list(shared(str(tmp_path), log)) == ["flagged"]
    assert log.events


def test_filters_decide_before_scripts() -> None:
    made = scripted('require "imap4flags"; addflag "Script"; keep;')
    joe = made.world.people[JOE]
    archive = run(made.world.mailboxes.get(joe.number, "Archive"))
    for subject, actions in (
        ("settled", Actions(mailbox=archive.number)),
        ("flagged", Actions(seen=True, forwards=("far@example.net",))),
    ):
        run(made.world.filters.create(joe, subject, Conditions(subject=subject), actions, ACTOR))
    for subject in (b"settled", b"flagged", b"neither"):
        send(made, MESSAGE.replace(b"Sale now", subject))
    found = kept(made)
    assert [words for words, _ in found["Archive"]] == [()]
    assert [words for words, _ in found["INBOX"]] == [("Script", "\\Seen"), ("Script",)]
    assert made.outbound.recipients == [["far@example.net"]]


def test_keywords_that_senders_choose_do_not_grow_for_ever(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(scripting, "KEYWORD_SETS", 3)
    made = scripted(
        'require ["variables", "imap4flags"]; if header :matches "subject" "*" {addflag "${1}";}'
    )
    for subject in (b"a", b"b", b"c", b"a", b"d"):
        send(made, MESSAGE.replace(b"Sale now", subject))
    words = [words for words, _ in kept(made)["INBOX"]]
    assert words == [("a",), ("b",), ("c",), ("a",), ()]
    script = run(made.world.scripts.get(made.world.people[JOE].number, "main"))
    assert "different keywords" in script.failure


def test_filters_and_script_redirect_to_one_address_once() -> None:
    made = scripted(
        'require "copy"; redirect :copy "Far@example.net"; redirect :copy "b@c.example";'
    )
    actions = Actions(forwards=("far@example.net",))
    joe = made.world.people[JOE]
    run(made.world.filters.create(joe, "all", Conditions(), actions, ACTOR))
    send(made)
    found = [one for recipients in made.outbound.recipients for one in recipients]
    assert sorted(found) == ["b@c.example", "far@example.net"]


class Ticking(FakeClock):
    """Every look at it takes ten milliseconds."""

    def seconds(self) -> float:
        self._seconds += 0.01
        return self._seconds


def test_a_run_that_takes_too_long_is_ended() -> None:
    made = world(scripts=SieveSettings(time=50), clock=Ticking())
    joe = made.people[JOE].number
    run(made.scripts.put(joe, "slow", "if false {}" * 1000 + "discard;", ACTOR))
    run(made.scripts.activate(joe, "slow", ACTOR))
    arrival = made.deliver(JOE, MESSAGE)
    inbox = run(made.mailboxes.get(joe, "INBOX"))
    assert arrival.mailbox == inbox.number
    assert run(made.scripts.get(joe, "slow")).failure == "The script takes too much time"


def test_the_last_active_script_is_the_one() -> None:
    made = scripted("discard;")
    write(made, 'require "imap4flags"; addflag "Two";', "two")
    send(made)
    assert [words for words, _ in kept(made)["INBOX"]] == [("Two",)]
    run(made.world.scripts.activate(made.world.people[JOE].number, "", ACTOR))
    send(made, MESSAGE.replace(b"<1@", b"<2@"))
    assert [words for words, _ in kept(made)["INBOX"]] == [("Two",), ()]


def test_scripts_are_kept_within_limits() -> None:
    made = world(scripts=SieveSettings(scripts=2, size=100, total=120))
    joe = made.people[JOE].number
    scripts = made.scripts
    assert run(scripts.put(joe, "a", 'if header "a b" "c" {}', ACTOR)) == (
        "1:11: 'a b' is no name of a header field",
    )
    for name, source, error in (
        ("b", "nonsense;", Invalid),
        ("b/c", "keep;", Invalid),
        ("", "keep;", Invalid),
        ("b", "#" * 101, TooLarge),
        ("b", "#" * 99, OverQuota),
    ):
        with pytest.raises(error):
            run(scripts.put(joe, name, source, ACTOR))
    run(scripts.has_room(joe, "b", 98))
    for name, size, error in (("b", 101, TooLarge), ("b", 99, OverQuota)):
        with pytest.raises(error):
            run(scripts.has_room(joe, name, size))
    run(scripts.put(joe, "b", "", ACTOR))
    with pytest.raises(LimitReached):
        run(scripts.has_room(joe, "c", 1))
    with pytest.raises(LimitReached):
        run(scripts.put(joe, "c", "", ACTOR))
    with pytest.raises(NotFound):
        run(scripts.activate(joe, "c", ACTOR))
    with pytest.raises(NotFound):
        run(scripts.get(joe, "c"))


# -- who submitted it


@pytest.mark.parametrize(
    ("sender", "notify", "filed"),
    [
        ("eve@example.org", (), "Eve"),
        ("eve@example.org", ("SUCCESS",), "Eve"),  # by way of the queue
        (SENDER, (), "INBOX"),
        (SENDER, ("SUCCESS",), "INBOX"),
    ],
)
def test_the_envelope_knows_who_logged_in(sender: str, notify: tuple[str, ...], filed: str) -> None:
    made = scripted(
        'require ["envelope", "fileinto", "mailbox"];\n'
        'if envelope "auth" "eve@example.org" {fileinto :create "Eve";}\n'
        'elsif envelope :contains "auth" "" {fileinto :create "Somebody";}',
        (JOE, "eve@example.org"),
    )
    message = MESSAGE.replace(SENDER.encode(), sender.encode())
    made.submit(JOE, sender=sender, message=message, notify=notify)
    assert boxes(made) == {filed: 1}
