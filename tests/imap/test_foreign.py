"""Where another server's answers end, in every split; and which of its capabilities are told."""

from __future__ import annotations

import pytest

from mailhub.imap.foreign import Answers, offered

ANSWERS = (
    (b"* 1 EXISTS\r\n", True, False),
    (b"* 1 EXISTS\r", False, False),
    (b"* 1 FETCH (BODY[] {5}\r\n", False, False),
    (b"* 1 FETCH (BODY[] {5}\r\nab\r\n", False, False),
    (b"* 1 FETCH (BODY[] {5}\r\nab\r\nc", False, False),
    (b"* 1 FETCH (BODY[] {5}\r\nab\r\nc)\r\n", True, False),
    (b"* 1 FETCH (A {0}\r\n B {3}\r\n\r\n* BYE)\r\n", True, False),
    (b"* 1 FETCH (BODY[] ~{5}\r\n* BYE)\r\nA1 OK\r\n", True, False),
    (b"* OK Still here\r\n* bye out\r\nA1 OK done\r\n", True, True),
    (b"* BYE", False, False),
    (b"+ idling\r\n", True, False),
    (b"* LIST () NIL {" + b"9" * 30 + b"}\r\n", True, False),
)


@pytest.mark.parametrize(("said", "between", "bye"), ANSWERS)
def test_answers_in_every_split(said: bytes, between: bool, bye: bool) -> None:
    for size in range(1, len(said) + 1):
        answers = Answers()
        for start in range(0, len(said), size):
            answers.receive(said[start : start + size])
        assert (answers.between, answers.said_bye) == (between, bye), size


def test_what_is_told_behind_a_login() -> None:
    assert Answers().between
    told = b"IMAP4rev1 STARTTLS SASL-IR AUTH=PLAIN auth=login LOGINDISABLED IDLE COMPRESS=DEFLATE"
    assert offered(told) == b"IMAP4rev1 IDLE COMPRESS=DEFLATE"
