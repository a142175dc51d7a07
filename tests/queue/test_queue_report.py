from __future__ import annotations

import base64
import email
import email.policy
from dataclasses import replace
from email.message import EmailMessage
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailhub.model.errors import Invalid
from mailhub.model.message import BlobRef
from mailhub.model.queue import (
    Action,
    Attempt,
    AttemptResult,
    Outcome,
    QueueEntry,
    QueueMessage,
    QueueSender,
)
from mailhub.queue import report, wording
from mailhub.queue.report import Maker, Occasion, compose

NOW = 1_800_000_000
ORIGINAL = (
    b"Received: from a by b;\r\n\tFri, 15 Jan 2027 08:00:00 +0000\r\n"
    b"From: a@example.org\r\nSubject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\n\r\nbody\r\n.\r\n"
)
SENDER = QueueSender("a@example.org", envid="QQ314159", message_id="<1@example.org>")
MAKER = Maker("mx.example.org", wording.default(), "bound-42", NOW + 60, NOW + 5 * 86400)
ENTRY = QueueEntry(
    number=1,
    message=1,
    sender=SENDER,
    recipient="b@example.net",
    notify=(),
    orcpt="",
    size=len(ORIGINAL),
    created=NOW,
    due=NOW,
    attempts=0,
)
REFUSED = Attempt(
    1,
    NOW + 50,
    AttemptResult.FAILED,
    "5.1.1",
    "550 5.1.1 Nobody of that name\nTry elsewhere",
    "mx.example.net [192.0.2.1]",
)


def occasion(
    *outcomes: Outcome,
    sender: QueueSender = SENDER,
    action: Action = Action.FAILED,
    original: bytes = ORIGINAL,
    whole: bool = True,
) -> Occasion:
    message = QueueMessage(1, sender, BlobRef(1, 0, len(original)), NOW)
    made = outcomes or (Outcome(ENTRY, REFUSED, action),)
    return Occasion(message, action, made, original, whole)


def parsed(about: Occasion, maker: Maker = MAKER) -> EmailMessage:
    """The notification as the standard library reads it; every rule of form is checked here."""
    made = compose(about, maker)
    for line in made.data.split(b"\r\n"):
        assert len(line) <= 998
        assert b"\r" not in line
        assert b"\n" not in line
    assert made.data.isascii() == (made.body == "7BIT")
    message = email.message_from_bytes(made.data, policy=email.policy.SMTP)
    assert isinstance(message, EmailMessage)
    for part in message.walk():
        assert part.defects == [], part.defects
    assert message.get_content_type() == "multipart/report"
    assert message.get_param("report-type") == "delivery-status"
    assert len(message.get_payload()) == 3
    return message


def status(message: EmailMessage) -> list[dict[str, str]]:
    part = message.get_payload(1)
    assert isinstance(part, EmailMessage)
    groups: list[Any] = list(part.get_payload())
    return [{name: str(value) for name, value in group.items()} for group in groups]


def test_a_failure() -> None:
    message = parsed(occasion())
    assert str(message["from"]) == "Mail Delivery System <MAILER-DAEMON@mx.example.org>"
    assert str(message["to"]) == "a@example.org"
    assert str(message["subject"]) == "Undelivered: Grüße"
    assert message["auto-submitted"] == "auto-replied"
    assert message["in-reply-to"] == message["references"] == "<1@example.org>"
    assert str(message["date"]) == "Fri, 15 Jan 2027 08:01:00 +0000"
    about, recipient = status(message)
    assert about == {
        "Original-Envelope-Id": "QQ314159",
        "Reporting-MTA": "dns; mx.example.org",
        "Arrival-Date": "Fri, 15 Jan 2027 08:00:00 +0000",
    }
    assert recipient == {
        "Final-Recipient": "rfc822; b@example.net",
        "Action": "failed",
        "Status": "5.1.1",
        "Remote-MTA": "dns; mx.example.net",
        "Diagnostic-Code": "smtp; 550 5.1.1 Nobody of that name Try elsewhere",
        "Last-Attempt-Date": "Fri, 15 Jan 2027 08:00:50 +0000",
    }
    text = message.get_payload(0)
    assert isinstance(text, EmailMessage)
    words = text.get_content()
    assert "<b@example.net>" in words
    assert "Nobody of that name" in words
    assert "mx.example.net [192.0.2.1] said:" in words


def test_the_original_comes_back_byte_for_byte() -> None:
    made = compose(occasion(), MAKER)
    assert b"Content-Type: message/rfc822\r\nContent-Transfer-Encoding: 7bit\r\n\r\n" in made.data
    assert made.data.endswith(ORIGINAL + b"\r\n--bound-42--\r\n")


@pytest.mark.parametrize(
    ("ret", "size", "action", "whole", "returned"),
    [
        ("", 100, Action.FAILED, True, "message/rfc822"),
        ("", 100_000, Action.FAILED, True, "text/rfc822-headers"),
        ("FULL", 100_000, Action.FAILED, True, "message/rfc822"),
        ("FULL", 100_000, Action.FAILED, False, "text/rfc822-headers"),
        ("HDRS", 100, Action.FAILED, True, "text/rfc822-headers"),
        ("FULL", 100, Action.DELAYED, True, "text/rfc822-headers"),
        ("FULL", 100, Action.RELAYED, True, "text/rfc822-headers"),
    ],
)
def test_how_much_comes_back(
    ret: str, size: int, action: Action, whole: bool, returned: str
) -> None:
    original = ORIGINAL + b"x\r\n" * (size // 3)
    sender = replace(SENDER, ret=ret)
    message = parsed(occasion(sender=sender, original=original, whole=whole, action=action))
    part = message.get_payload(2)
    assert isinstance(part, EmailMessage)
    assert part.get_content_type() == returned
    if returned == "text/rfc822-headers":
        header, _, _ = ORIGINAL.partition(b"\r\n\r\n")
        assert str(part.get_payload()).splitlines() == header.decode().splitlines()


def test_of_a_message_that_required_tls_its_header_alone_comes_back() -> None:
    sender = replace(SENDER, ret="FULL", require_tls=True)
    part = parsed(occasion(sender=sender)).get_payload(2)
    assert isinstance(part, EmailMessage)
    assert part.get_content_type() == "text/rfc822-headers"


@pytest.mark.parametrize(
    "original",
    [
        ORIGINAL + b"bare\nfeed",
        ORIGINAL + b"nul \0",
        ORIGINAL + b"x" * 2000 + b"\r\n",
        b"Subject: x\r\nX-Long: " + b"y" * 3000 + b"\r\nX-Bare: a\rb\r\n\r\n\0",
    ],
)
def test_what_no_server_would_take_does_not_come_back(original: bytes) -> None:
    message = parsed(occasion(original=original))
    part = message.get_payload(2)
    assert isinstance(part, EmailMessage)
    assert part.get_content_type() == "text/rfc822-headers"
    assert "Subject: " in str(part.get_payload())


def test_a_delay_says_until_when() -> None:
    later = replace(REFUSED, result=AttemptResult.DEFERRED, status="4.2.0", reply="", remote="")
    message = parsed(occasion(Outcome(ENTRY, later, Action.DELAYED), action=Action.DELAYED))
    _, recipient = status(message)
    assert recipient == {
        "Final-Recipient": "rfc822; b@example.net",
        "Action": "delayed",
        "Status": "4.2.0",
        "Last-Attempt-Date": "Fri, 15 Jan 2027 08:00:50 +0000",
        "Will-Retry-Until": "Wed, 20 Jan 2027 08:00:00 +0000",
    }
    assert str(message["subject"]).startswith("Delayed: ")


def test_one_notification_for_many_recipients() -> None:
    outcomes = [
        Outcome(
            replace(ENTRY, number=number, recipient=f"r{number}@example.net", orcpt="rfc822;x@y"),
            replace(REFUSED, entry=number, reply="our own words"),
            Action.FAILED,
        )
        for number in range(300)
    ]
    groups = status(parsed(occasion(*outcomes)))
    assert len(groups) == 301
    assert groups[300]["Final-Recipient"] == "rfc822; r299@example.net"
    assert groups[7]["Original-Recipient"] == "rfc822;x@y"
    assert groups[7]["Diagnostic-Code"] == "X-mailhub; our own words"


def test_wide_addresses_raw_for_a_wide_sender() -> None:
    sender = replace(SENDER, address="jörg@example.org", utf8=True)
    entry = replace(ENTRY, sender=sender, recipient="grüße@exämple.net", orcpt="utf-8;grüße@x")
    about = occasion(Outcome(entry, REFUSED, Action.FAILED), sender=sender)
    made = compose(about, MAKER)
    assert (made.utf8, made.body) == (True, "8BITMIME")
    assert "To: <jörg@example.org>\r\n".encode() in made.data
    assert b"Content-Type: message/global-delivery-status\r\n" in made.data
    assert b"Content-Type: message/global\r\n" in made.data
    assert "Final-Recipient: utf-8; grüße@xn--exmple-cua.net\r\n".encode() in made.data
    assert "Original-Recipient: utf-8;grüße@x\r\n".encode() in made.data


def test_wide_addresses_encoded_for_an_ascii_sender() -> None:
    sender = replace(SENDER, utf8=True)
    entry = replace(ENTRY, sender=sender, recipient="grüße@example.net")
    original = ORIGINAL + "grüße\r\n".encode()
    about = occasion(Outcome(entry, REFUSED, Action.FAILED), sender=sender, original=original)
    made = compose(about, MAKER)
    assert (made.utf8, made.body) == (False, "7BIT")
    parts = made.data.split(b"\r\n--bound-42\r\n")
    for part, kind, inside in (
        (parts[2], b"message/global-delivery-status", b"\r\nFinal-Recipient: utf-8; gr"),
        (parts[3].partition(b"\r\n--bound-42--")[0], b"message/global", original),
    ):
        head, _, encoded = part.partition(b"\r\n\r\n")
        assert head == b"Content-Type: %b\r\nContent-Transfer-Encoding: base64" % kind
        assert inside in base64.b64decode(encoded)


@given(st.text(max_size=300), st.text(max_size=3000), st.text(max_size=100))
def test_nothing_breaks_out(recipient: str, reply: str, envid: str) -> None:
    sender = replace(SENDER, envid=envid)
    entry = replace(ENTRY, recipient=recipient, sender=sender)
    attempt = replace(REFUSED, reply=reply)
    made = compose(occasion(Outcome(entry, attempt, Action.FAILED), sender=sender), MAKER)
    text = made.data.decode("utf-8", "surrogateescape")
    lines = text.split("\r\n")
    assert lines.count("--bound-42") == 3
    assert all(len(line.encode("utf-8", "surrogateescape")) <= 998 for line in lines)
    assert "\r" not in text.replace("\r\n", "")
    assert "\n" not in text.replace("\r\n", "")


def test_what_ascii_cannot_say_is_folded_as_it_is_escaped() -> None:
    attempt = replace(REFUSED, reply="550 " + "\U0001f600" * 300)
    made = compose(occasion(Outcome(ENTRY, attempt, Action.FAILED)), MAKER)
    assert b"Diagnostic-Code: smtp; 550 \\U0001f600" in made.data
    assert max(map(len, made.data.split(b"\r\n"))) <= 998


def test_a_template_of_ones_own() -> None:
    own = wording.parse(
        "[failed]\nSubject: Tut uns leid: $subject\n\nLieber $sender, $$5.\n$recipients\n"
        "[delayed]\nsubject: d\n[relayed]\nSubject: r\nx\n[delivered]\nSubject: $count\nx\n"
    )
    message = parsed(occasion(), replace(MAKER, wording=own))
    assert str(message["subject"]) == "Tut uns leid: Grüße"
    text = message.get_payload(0)
    assert isinstance(text, EmailMessage)
    assert text.get_content().startswith("Lieber a@example.org, $5.\r\n  <b@example.net>")


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("", "no words for failed, delayed"),
        ("hello\n[failed]", "Line 1 stands before"),
        ("[bounced]\n", "Line 1: there is no section bounced"),
        ("[failed]\nHello\n[delayed]\n[relayed]\n[delivered]\n", "The first line of failed"),
        ("[failed]\nSubject: $nobody\n[delayed]\n[relayed]\n[delivered]\n", "stands for $nobody"),
        ("[failed]\nSubject: $5\n[delayed]\n[relayed]\n[delivered]\n", "A dollar sign in failed"),
        ("#" * 70_000, "too long"),
    ],
)
def test_bad_templates_are_told_apart(text: str, wrong: str) -> None:
    with pytest.raises(Invalid) as caught:
        wording.parse(text)
    assert wrong in caught.value.text


def test_written_addresses() -> None:
    assert report.written("a@EXAMPLE.org") == "a@example.org"
    assert report.written("no address\r\nX: y") == "no address X: y"
