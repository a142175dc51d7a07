"""What a server says ends up in notifications, the journal and the log: never as more than text."""

from __future__ import annotations

import email
import email.policy
import json
from typing import Any

import pytest

from mailhub.model.outbound import Answer, Stage
from tests.queue_bench import bench
from tests.support import run

JOE = "joe@example.org"
TEXTS = [
    "5.1.1 no\r\nX-Injected: yes\r\n\r\nFrom: evil",
    "5.1.1 no\n\nAction: delivered\nStatus: 2.0.0",
    "5.1.1 no\rAction: delivered",
    "5.1.1 no\x00\x1b[31m\x85\u2028Action: delivered\u2029",
    "5.1.1 --{boundary}--",
    "5.1.1 " + "x" * 5000,
    "5.1.1 b\xfccher \\xff",
]


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("stage", [Stage.MAIL, Stage.RCPT, Stage.DOT])
def test_a_notification_says_what_was_said_and_nothing_more(text: str, stage: Stage) -> None:
    b = bench()
    b.outbound.says["a@example.net"] = [Answer(550, "5.1.1", text, stage)]
    b.submit("a@example.net")
    [raw] = b.mail(JOE)
    assert b"\r" not in raw.replace(b"\r\n", b"")
    assert b"\n" not in raw.replace(b"\r\n", b"")
    assert not set(raw) & {0, 0x1B}
    assert max(map(len, raw.split(b"\r\n"))) <= 998
    parsed = email.message_from_bytes(raw, policy=email.policy.SMTP)
    assert parsed["From"].addresses[0].username == "MAILER-DAEMON"
    assert parsed["X-Injected"] is None
    words, status, original = list(parsed.iter_parts())  # type: ignore[attr-defined]
    assert words.get_content_type() == "text/plain"
    assert original.get_content_type() == "message/rfc822"
    groups: Any = status.get_payload()
    assert len(groups) == 2
    assert groups[1].get_all("Action") == ["failed"]
    assert groups[1].get_all("Status") == ["5.1.1"]
    assert groups[1]["Diagnostic-Code"].startswith("smtp; 550 5.1.1")


@pytest.mark.parametrize("text", TEXTS)
def test_the_journal_has_it_whole_and_in_one_line(text: str) -> None:
    b = bench()
    b.outbound.says["a@example.net"] = [Answer(451, "4.7.1", text, Stage.RCPT)]
    b.submit("a@example.net")
    [detail] = b.journal("deferred")
    assert "\n" not in detail
    assert json.loads(detail)["reply"] == f"451 {text}"
    number = b.waiting()[0].number
    [attempt] = run(b.queue.attempts(number))
    assert attempt.reply == f"451 {text}"
