"""Sieve's grammar: what is read, and where the fault is in what is not."""

from __future__ import annotations

import time
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailhub.wire.sieve.checks import compiled
from mailhub.wire.sieve.parser import parse
from mailhub.wire.sieve.program import Action, Choice, Matched, Text, Variable
from mailhub.wire.sieve.strings import decoded
from mailhub.wire.sieve.tree import FAULTS, NESTING, BadScript, Fault, String
from mailhub.wire.sieve.vocabulary import EXTENSIONS

FAULTY: list[tuple[str, list[str]]] = [
    ("keep", ["1:5: Expected an argument, ';' or a block, found the end of the script"]),
    ("if true { keep; ", ["1:17: Expected a command or '}', found the end of the script"]),
    ("keep;\n}", ["2:1: Expected a command, found '}'"]),
    ('keep;\r\nredirect "a', ["2:10: The string has no closing quote"]),
    ("/* for ever", ["1:1: The comment has no end"]),
    ("keep; 3x", ["1:7: The number is malformed"]),
    ("keep; é", ["1:7: 'é' is no part of Sieve"]),
    ("keep; \0", ["1:7: NUL is not allowed in a script"]),
    ("redirect text:\na\n", ["1:10: A line with a single dot must end the text"]),
    ('if header ["a",] "b" {}', ["1:16: Expected a string, found ']'"]),
    ("if size :over 99999999999999999999 {}", [f"1:15: The number is larger than {2**63 - 1}"]),
    ('require "regex";', ["1:9: The extension 'regex' is not offered"]),
    ('keep; require "copy";', ["1:7: require must stand before all other commands"]),
    ('fileinto "a";', ['1:1: fileinto needs require "fileinto"']),
    ("foo;\nif bar {}", ["1:1: Unknown command foo", "2:4: Unknown test bar"]),
    ("if true {} elsif {}", ["1:12: elsif takes one test"]),
    ("else {}", ["1:1: else must follow an if or elsif"]),
    ("if true;", ["1:1: if needs a block"]),
    ("if true {} else {} else {}", ["1:20: else must follow an if or elsif"]),
    ("keep {}", ["1:1: keep takes no block"]),
    ("redirect 5;", ["1:10: redirect takes a string here"]),
    ("redirect;", ["1:1: redirect takes a string"]),
    ('keep "a";', ["1:6: keep takes no argument"]),
    ('redirect "a";', ["1:10: 'a' is no mail address: An address needs a domain"]),
    ("if size {}", ["1:4: size takes :over or :under"]),
    ("if not true, false {}", ["1:12: Expected ';' or a block, found ','"]),
    (
        'if header :is :matches :last :comparator "x" "a" "b" {}',
        [
            "1:15: :matches comes after another argument of its kind",
            '1:24: :last needs require "index"',
            "1:42: The comparator 'x' is not offered",
        ],
    ),
]


@pytest.mark.parametrize(("source", "faults"), FAULTY)
def test_faults_have_their_place(source: str, faults: list[str]) -> None:
    with pytest.raises(BadScript) as caught:
        compiled(source)
    found = [str(fault) for fault in caught.value.faults]
    assert all(one in found for one in faults), found
    if len(faults) > 1 or ":last" not in source:
        assert len(found) >= len(faults)


def test_only_so_many_faults_are_told() -> None:
    with pytest.raises(BadScript) as caught:
        compiled("foo;" * 1000)
    assert len(caught.value.faults) == FAULTS


def test_strings_and_comments() -> None:
    source = (
        '# one\nredirect /* two */ "a\\"b\\\\c\nd"; redirect TEXT: # three\n'
        "..dot\n.x\n\n.\n;redirect text:\r\n.\r\n;"
    )
    texts = [command.arguments[0] for command in parse(source)]
    assert all(isinstance(one, String) for one in texts)
    assert [one.text for one in texts if isinstance(one, String)] == [
        'a"b\\c\r\nd',
        ".dot\r\n.x\r\n\r\n",
        "",
    ]


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("plain $ {hex:40}", "plain $ {hex:40}"),
        ("${hex:40}${HEX: 24 24 }", "@$$"),
        ("${unicode:e9}${unicode:01F600}", "é😀"),
        ("${hex:c3 a9}${hex:c3}${hex:a9}", "éé"),
        ("${hex:}${hex:1g}${hex:404}", "${hex:}${hex:1g}${hex:404}"),
    ],
)
def test_encoded_characters(source: str, text: str) -> None:
    assert decoded(source) == text


def test_variables_are_found_when_the_script_is_read() -> None:
    program = compiled('require ["variables", "fileinto"]; fileinto "a${B}${1}${c.}$${d}";')
    [action] = program.block
    assert isinstance(action, Action)
    [text] = action.arguments
    assert isinstance(text, Text)
    assert text.parts == ("a", Variable("b"), Matched(1), "${c.}$", Variable("d"))
    assert text.constant is None


def test_what_a_guard_says_is_missing_is_not_read() -> None:
    source = 'require "ihave"; if allof (ihave "x", true) {anything 5;} elsif ihave "copy" {stop;}'
    program = compiled(source)
    [choice] = program.block
    assert isinstance(choice, Choice)
    assert len(choice.branches) == 1
    assert program.extensions == {"ihave", "copy"}


def test_warnings_name_what_is_hardly_meant() -> None:
    program = compiled('if header "a b" "c" {}')
    assert program.warnings == ("1:11: 'a b' is no name of a header field",)


def test_no_extension_is_offered_that_has_no_words() -> None:
    for extension in EXTENSIONS:
        assert compiled(f'require "{extension}";').extensions >= {extension}
    assert "regex" not in EXTENSIONS


def test_nesting_is_bounded() -> None:
    assert compiled("if true {" * NESTING + "}" * NESTING)
    for source in ("if true {" * 5000, "if not " * 50_000, "if anyof (" * 50_000):
        with pytest.raises(BadScript):
            compiled(source)


@pytest.mark.parametrize(
    "source",
    [
        '"' + "\\" * 100_000,
        "/*" * 100_000,
        "text:\n" + ".\r" * 100_000,
        "#" * 200_000,
        "[" * 100_000,
    ],
)
def test_reading_takes_time_by_length_alone(source: str) -> None:
    began = time.thread_time()
    with suppress(BadScript):
        compiled(source)
    assert time.thread_time() - began < 1.0


WORDS = ["if", "else", "elsif", "keep", "header", "not", "anyof", ":is", ":over", "require", "size"]


@settings(max_examples=50, deadline=None)
@given(
    st.lists(
        st.one_of(
            st.sampled_from([*WORDS, "{", "}", "(", ")", "[", "]", ",", ";", '"', "text:\n", "/*"]),
            st.text(max_size=4),
        ),
        max_size=30,
    )
)
def test_any_text_is_a_program_or_has_faults(pieces: list[str]) -> None:
    faults: tuple[Fault, ...] | None = None
    try:
        compiled(" ".join(pieces))
    except BadScript as error:
        faults = error.faults
    assert faults != ()
    assert all(fault.place.line > 0 < fault.place.column for fault in faults or ())
