"""Message commands where time, quotas and failures matter; their usual ways are in transcripts."""

from __future__ import annotations

import re

import pytest

from mailhub.core.search import Searches
from mailhub.imap import progress, search_results
from mailhub.imap.fetch_columns import internaldates
from mailhub.imap.grammar import spelling
from mailhub.model.errors import Unavailable
from tests.imap.listener import SELECTED, IMAPListener
from tests.transcript import Conversation
from tests.world import PASSWORD, world

pytestmark = pytest.mark.thorough


def listener(*messages: bytes) -> IMAPListener:
    """Sessions with these messages in the INBOX selected."""
    made = IMAPListener(world(), steps=SELECTED)
    conversation = made()
    for message in messages:
        conversation.send(b"a APPEND INBOX {%d+}\r\n%b\r\n" % (len(message), message))
        assert b"a OK" in conversation.read()
    return made


def answer(conversation: Conversation, command: bytes) -> bytes:
    conversation.send(command + b"\r\n")
    return conversation.read()


def test_a_long_search_says_how_far_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    conversation = listener(*[b"Subject: %d\r\n\r\nx\r\n" % n for n in range(3)])()
    assert b"INPROGRESS" not in answer(conversation, b"s1 SEARCH BODY zebra")
    monkeypatch.setattr(progress, "EVERY", 0.0)
    said = answer(conversation, b"s2 SEARCH BODY zebra")
    assert said.startswith(b'* OK [INPROGRESS ("s2" 3 3)] Searching\r\n')
    assert said.endswith(b"* SEARCH\r\ns2 OK Search completed\r\n")


def test_a_search_that_fails_empties_what_was_saved(monkeypatch: pytest.MonkeyPatch) -> None:
    conversation = listener(b"Subject: a\r\n\r\nx\r\n")()
    answer(conversation, b"a SEARCH RETURN (SAVE) ALL")
    assert answer(conversation, b"b FETCH $ UID").startswith(b"* 1 FETCH (UID 1)")

    async def failing(*_: object) -> None:
        raise Unavailable

    monkeypatch.setattr(Searches, "find", failing)
    assert answer(conversation, b"c SEARCH BODY x").startswith(b"c NO [UNAVAILABLE]")
    assert answer(conversation, b"d FETCH $ UID").startswith(b"* 1 FETCH (UID 1)")
    assert answer(conversation, b"e SEARCH RETURN (SAVE) BODY x").startswith(b"e NO [UNAVAILABLE]")
    assert answer(conversation, b"f FETCH $ UID") == b"f OK Fetch completed\r\n"


def test_a_full_mailbox_takes_nothing_more() -> None:
    made = world()
    made.account("small@example.org", storage=100)
    login = b'l LOGIN small@example.org "%b"\r\ns SELECT INBOX\r\n' % PASSWORD.encode()
    conversation = IMAPListener(made, steps=login)()
    assert b"a OK [APPENDUID" in answer(conversation, b"a APPEND INBOX {60+}\r\n" + b"x" * 60)
    assert b"b NO [OVERQUOTA]" in answer(conversation, b"b APPEND INBOX {60+}\r\n" + b"x" * 60)
    assert b"c NO [OVERQUOTA]" in answer(
        conversation, b"c APPEND INBOX {30+}\r\n" + b"x" * 30 + b" {30+}\r\n" + b"x" * 30
    )
    assert b"d NO [OVERQUOTA]" in answer(conversation, b"d COPY 1 Archive")
    assert b"e OK" in answer(conversation, b"e MOVE 1 Archive"), "moving needs no room"
    assert answer(conversation, b"f STATUS INBOX (MESSAGES)").startswith(
        b"* STATUS INBOX (MESSAGES 0)"
    )


def test_too_many_or_too_long_keywords_are_refused() -> None:
    conversation = listener(b"Subject: a\r\n\r\nx\r\n")()
    many = b" ".join(b"k%d" % n for n in range(101))
    assert b"a NO [LIMIT]" in answer(conversation, b"a STORE 1 +FLAGS (%b)" % many)
    assert b"b NO [LIMIT]" in answer(conversation, b"b STORE 1 +FLAGS (%b)" % (b"k" * 201))
    assert b"c NO [LIMIT]" in answer(conversation, b"c APPEND INBOX (%b) {1}" % many)


def test_every_message_of_a_large_store_is_told() -> None:
    conversation = listener()()
    many = b" ".join(b"{1+}\r\nx" for _ in range(900))
    assert b"a OK" in answer(conversation, b"a APPEND INBOX " + many)
    assert b"b OK" in answer(conversation, b"b APPEND INBOX " + many)
    said = answer(conversation, b"c STORE 1:* +FLAGS (\\Seen)")
    told = re.findall(rb"\* (\d+) FETCH \(UID (\d+) FLAGS \(\\Seen \\Recent\)\)\r\n", said)
    assert told == [(b"%d" % n, b"%d" % n) for n in range(1, 1801)]
    found = answer(conversation, b"d SEARCH SEEN")
    assert found.startswith(b"* SEARCH " + b" ".join(b"%d" % n for n in range(1, 1801)) + b"\r\n")


@pytest.mark.parametrize(
    ("numbers", "text"),
    [([], b""), ([3], b"3"), ([3, 4, 5, 1, 2, 9], b"3:5,1:2,9"), ([5, 4, 3], b"5,4,3")],
)
def test_sorted_results_keep_their_order(numbers: list[int], text: bytes) -> None:
    assert search_results.in_order(numbers) == text


def test_dates_of_many_are_the_dates_of_each() -> None:
    moments = [0, 1, 59, 60, 86_399, 86_400, 951_782_400, 1_700_000_000, 4_102_444_799]
    assert internaldates(moments) == [spelling.internaldate(moment) for moment in moments]
