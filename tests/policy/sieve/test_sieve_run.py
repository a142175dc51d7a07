"""Scripts on messages: what is decided, and that no script takes more than its share."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest

from mailhub.policy.sieve import matching
from mailhub.policy.sieve.bodies import Body
from mailhub.policy.sieve.outcome import Bounds, Filing, Outcome, Rejection, Seen
from mailhub.wire.sieve.program import Include
from mailhub.wire.slices import finish
from tests.sieve_corpus import MESSAGES
from tests.sieving import AROUND, KEPT, letter, mailboxes, play

PLAIN = MESSAGES["plain"]


def test_a_script_that_says_nothing_keeps() -> None:
    assert play("", PLAIN) == Outcome((KEPT,))
    assert play("discard;", PLAIN) == Outcome(chosen=True)
    assert play("keep;", PLAIN) == Outcome((Filing(),), chosen=True)


@pytest.mark.parametrize(
    ("value", "pattern", "taken"),
    [
        ("abc", "abc", ["abc"]),
        ("abc", "ab", None),
        ("", "", [""]),
        ("", "*", ["", ""]),
        ("abc", "a?c", ["abc", "b"]),
        ("abcabc", "*b*", ["abcabc", "a", "cabc"]),
        ("abcabc", "*c", ["abcabc", "abcab"]),
        ("aXbXc", "*X*X*", ["aXbXc", "a", "b", "c"]),
        ("ab", "*?*?*", ["ab", "", "a", "", "b", ""]),
        ("a*b", "a\\*b", ["a*b"]),
        ("axb", "a\\*b", None),
        ("a\\b", "a\\\\b", ["a\\b"]),
        ("a", "*a*a*", None),
        ("über", "*BER", ["über", "ü"]),
    ],
)
def test_wildcards_take_as_little_as_they_can(
    value: str, pattern: str, taken: list[str] | None
) -> None:
    folded = [matching.folded(one, "i;ascii-casemap") for one in (value, pattern)]
    found = finish(matching.matching(value, *folded))
    assert found == (None if taken is None else tuple(taken))


@pytest.mark.parametrize(
    ("comparator", "left", "right", "same"),
    [
        ("i;ascii-casemap", "ÄB", "Äb", True),
        ("i;ascii-casemap", "Ä", "ä", False),
        ("i;unicode-casemap", "ÄB", "äb", True),
        ("i;octet", "a", "A", False),
        ("i;ascii-numeric", "007", "7th", True),
        ("i;ascii-numeric", "x", "y", True),
        ("i;ascii-numeric", "x", "5", False),
    ],
)
def test_comparators(comparator: str, left: str, right: str, same: bool) -> None:
    one, other = (matching.folded(text, comparator) for text in (left, right))
    assert matching.equal(one, other, comparator) is same
    filled = finish(matching.folding(left * matching.WINDOW, comparator))
    assert filled == matching.folded(left * matching.WINDOW, comparator)


def test_hostile_wildcards_cost_no_more_than_their_length() -> None:
    message = letter("a" * 900_000, subject="x")
    for pattern in ("*a" * 200 + "*b", "*" + "?" * 40 + "b*", "?*" * 100 + "b"):
        began = time.thread_time()
        outcome = play(f'require "body"; if body :raw :matches "{pattern}" {{discard;}}', message)
        assert time.thread_time() - began < 3.0
        assert outcome.filings == (KEPT,)


def test_a_script_ends_where_its_steps_do() -> None:
    loops = "".join("if not false {stop;}" for _ in range(100))
    outcome = play(loops.replace("stop;", ""), PLAIN, bounds=Bounds(steps=150))
    assert outcome.filings == (KEPT,)
    assert "too many steps" in outcome.error


def test_variables_cannot_grow_for_ever() -> None:
    doubling = 'require "variables"; set "a" "0123456789abcdef";' + 'set "a" "${a}${a}";' * 300
    assert play(doubling, PLAIN).filings == (KEPT,)
    assert "too much time" in play(doubling, PLAIN, bounds=Bounds(work=1 << 20)).error
    many = 'require "variables";' + "".join(f'set "v{n}" "";' for n in range(300))
    assert "too many variables" in play(many, PLAIN).error
    heavy = 'require "variables"; set "a" "%s";' % ("x" * 60_000)
    heavy += "".join(f'set "v{n}" "${{a}}";' for n in range(40))
    assert "hold too much" in play(heavy, PLAIN).error


def test_work_is_done_in_slices() -> None:
    message = letter("word " * 150_000, subject="x")
    body = Body(message, 1 << 20)
    assert sum(1 for _ in body.text()) > 5


def test_errors_leave_the_implicit_keep_alone() -> None:
    source = (
        'require ["fileinto", "variables", "imap4flags", "editheader"]; setflag "\\\\Seen";\n'
        'addheader "X" "y"; fileinto "Work"; redirect "a@b.example";\nset "x" "no"; '
        'redirect "${x}";'
    )
    outcome = play(source, PLAIN)
    assert (outcome.filings, outcome.forwardings, outcome.chosen) == ((KEPT,), (), False)
    assert outcome.error.startswith("3:15: 'no' is no mail address")


@pytest.mark.parametrize(
    ("source", "error"),
    [
        ('require "reject"; reject "a"; keep;', "either rejected or kept"),
        ('require ["reject", "vacation"]; reject "a"; vacation "b";', "rejected or answered"),
        ('require "vacation"; vacation "a"; vacation "b";', "answered once"),
        ("".join(f'redirect "a{n}@b.example";' for n in range(5)), "More than 4 redirects"),
        (
            'require "fileinto";' + "".join(f'fileinto "{n}";' for n in range(33)),
            "too many copies",
        ),
        ('require "include"; include "me";', "includes itself"),
        ('require "include"; include "nobody";', "no script 'nobody'"),
        ('require "ihave"; error "gone wrong";', "gone wrong"),
    ],
)
def test_what_does_not_go_together(source: str, error: str) -> None:
    outcome = play(
        source, PLAIN, includable={Include("me", False): 'require "include"; include "me";'}
    )
    assert error in outcome.error
    assert outcome.filings == (KEPT,)


def test_rejection() -> None:
    outcome = play('require "ereject"; ereject "Go away";', PLAIN)
    assert outcome == Outcome(rejection=Rejection("Go away", early=True), chosen=True)


def test_includes_are_not_endless() -> None:
    includable = {
        Include(str(n), False): f'require "include"; include "{n + 1}"; include "{n + 1}";'
        for n in range(40)
    }
    assert (
        "Too many scripts"
        in play('require "include"; include "0";', PLAIN, includable=includable).error
    )


def test_special_uses() -> None:
    source = (
        'require ["fileinto", "special-use", "mailbox"]; if specialuse_exists "\\\\junk" '
        '{fileinto :specialuse "\\\\Junk" :create "Spam";} '
        'if specialuse_exists "Work" "\\\\Junk" {fileinto "No";} '
        'if not specialuse_exists "\\\\Sent" {fileinto "Yes";}'
    )
    outcome = play(source, PLAIN)
    first = Filing("Spam", create=True, special_use="\\Junk")
    assert outcome.filings == (first, Filing("Yes"))


def test_duplicates_are_remembered_once_the_run_succeeded() -> None:
    source = 'require "duplicate"; if duplicate :seconds 60 {discard;}'
    key = "\0<plain@example.org>"
    assert play(source, PLAIN).seen == (Seen(key, 60),)
    again = play(source, PLAIN, marks=[key])
    assert (again.filings, again.seen) == ((), ())
    last = source.replace("duplicate :", "duplicate :last :")
    assert play(last, PLAIN, marks=[key]).seen == (Seen(key, 60),)
    assert play(source, MESSAGES["nothing"]).seen == ()
    failing = f'require "ihave"; {source} error "x";'
    assert play(failing, PLAIN).seen == ()


def test_the_header_is_edited_for_what_follows() -> None:
    source = (
        'require ["editheader", "fileinto"]; fileinto "Before"; addheader "X-New" '
        '"Grüße\r\nX: y"; deleteheader "subject"; fileinto "Behind"; redirect "a@b.example";'
    )
    outcome = play(source, PLAIN)
    before, behind = outcome.filings
    assert before.header is None
    assert behind.header is not None
    assert behind.header.startswith(b"X-New: =?utf-8?")
    assert b"\r\nX: y" not in behind.header
    assert b"ubject" not in behind.header
    assert behind.header.endswith(b"\r\n\r\n")
    assert outcome.forwardings[0].header == behind.header


def test_fields_that_stop_loops_are_not_edited() -> None:
    source = 'require "editheader"; deleteheader "received"; addheader "Auto-Submitted" "no"; keep;'
    outcome = play(source, MESSAGES["parts"])
    assert outcome.filings == (Filing(),)


def test_a_header_of_which_nothing_was_removed_is_as_it_came() -> None:
    source = 'require "editheader"; deleteheader "x-none"; deleteheader :is "subject" "x"; keep;'
    assert play(source, PLAIN).filings == (Filing(),)


def test_long_values_are_folded() -> None:
    value = "word " * 60 + "x" * 2000
    outcome = play(f'require "editheader"; addheader "X" "{value}"; keep;', PLAIN)
    header = outcome.filings[0].header
    assert header is not None
    assert max(map(len, header.split(b"\r\n"))) <= 998


def test_a_body_is_read_up_to_its_budget() -> None:
    message = letter("x" * 70 + "\n" * 20_000 + "needle", subject="x")
    source = 'require "body"; if body :contains "needle" {discard;}'
    assert play(source, message).filings == ()
    assert play(source, message, bounds=Bounds(body=1000)).filings == (KEPT,)


def test_environment_and_envelope() -> None:
    around = replace(AROUND, sender="", user="bob", items={"name": "mailhub"})
    source = (
        'require ["environment", "envelope", "fileinto"]; if environment "name" "MAILHUB" '
        '{fileinto "A";} if envelope "from" "" {fileinto "B";} if envelope "auth" "bob" '
        '{fileinto "C";} if environment :matches "none" "*" {fileinto "D";}'
    )
    assert mailboxes(play(source, PLAIN, around)) == ["A", "B", "C"]


def test_replies_have_a_handle_of_their_own_words() -> None:
    one, two, three = (
        play(f'require "vacation"; vacation {words};', PLAIN).vacation
        for words in ('"a"', ':days 3 "a"', '"b"')
    )
    assert one is not None
    assert two is not None
    assert three is not None
    assert one.handle == two.handle != three.handle
    assert (one.seconds, two.seconds) == (7 * 86400, 3 * 86400)


@pytest.mark.parametrize("name", MESSAGES)
def test_no_message_breaks_a_script(name: str) -> None:
    tests = ('exists "x"', 'header :contains "subject" "x"', 'address :detail "to" "x"')
    source = 'require ["subaddress", "body", "date"];' + "".join(
        f"if {one} {{keep;}}" for one in (*tests, 'body :contains "x"', 'date "date" "year" "1"')
    )
    message = MESSAGES[name]
    for cut in range(0, len(message), max(1, len(message) // 20)):
        assert not play(source, message[:cut]).error
