from __future__ import annotations

import pytest

from mailhub.policy.answering import is_person, may_answer

SENDERS = [
    ("ann@x.example", True),
    ("norepro@x.example", True),
    ("noreen@x.example", True),
    ("annette.bounce-house@x.example", True),
    ("", False),
    ("MAILER-DAEMON@x.example", False),
    ("postmaster@x.example", False),
    ("no-reply@x.example", False),
    ("noreply@x.example", False),
    ("no_reply+token@x.example", False),
    ("shop-noreply@x.example", False),
    ("do-not-reply@x.example", False),
    ("donotreply.shop@x.example", False),
    ("owner-list@x.example", False),
    ("list-request@x.example", False),
    ("list-owner@x.example", False),
    ("list-bounces@x.example", False),
    ("bounces+123=joe=example.org@x.example", False),
    ("LISTSERV@x.example", False),
    ("majordomo@x.example", False),
]


@pytest.mark.parametrize(("sender", "expected"), SENDERS)
def test_who_reads_an_answer(sender: str, expected: bool) -> None:
    assert is_person(sender) is expected


FIELDS = [
    ("Subject: hello", True),
    ("Auto-Submitted: no", True),
    ("Auto-Submitted: no (really)", True),
    ("Auto-Submitted: auto-replied", False),
    ("AUTO-SUBMITTED: auto-generated; owner=x", False),
    ("Auto-Submitted:\r\n auto-notified", False),
    ("Precedence: first-class", True),
    ("Precedence: Bulk", False),
    ("precedence: list", False),
    ("Precedence: junk", False),
    ("List-Id: <a.b>", False),
    ("LIST-UNSUBSCRIBE: <mailto:x@y.example>", False),
    ("List-Post: NO", False),
    ("X-Auto-Response-Suppress: DR, RN", True),
    ("X-Auto-Response-Suppress: DR, OOF", False),
    ("X-Auto-Response-Suppress: All", False),
    ("X-Autoreply: yes", False),
    ("X-Loop: joe@example.org", False),
    ("Content-Type: multipart/report; report-type=delivery-status", False),
    ("Content-Type: multipart/mixed; boundary=report", True),
]


@pytest.mark.parametrize(("field", "expected"), FIELDS)
def test_what_may_be_answered(field: str, expected: bool) -> None:
    block = f"From: a@x.example\r\n{field}\r\nTo: joe@example.org\r\n\r\n".encode()
    assert may_answer(block) is expected
