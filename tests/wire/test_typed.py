"""Addresses as people type them."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailhub.wire import typed
from mailhub.wire.composed import Person

RIGHT = [
    ("", []),
    (" , ;\n", []),
    ("ann@far.example", [Person("ann@far.example")]),
    ("Ann <ann@far.example>", [Person("ann@far.example", "Ann")]),
    ('"Doe, Ann" <ann@far.example>', [Person("ann@far.example", "Doe, Ann")]),
    ("a@x.example, b@x.example;c@x.example\nd@x.example", [
        Person(f"{name}@x.example") for name in "abcd"
    ]),
    ("a@x.example, A@x.example", [Person("a@x.example")]),
    ("Friends: a@x.example, Bo <b@x.example>;", [
        Person("a@x.example"), Person("b@x.example", "Bo"),
    ]),
    ("jörg@münchen.example", [Person("jörg@xn--mnchen-3ya.example")]),
    ('"a b"@x.example', [Person('"a b"@x.example')]),
]  # fmt: skip


@pytest.mark.parametrize(("text", "found"), RIGHT, ids=[repr(text) for text, _ in RIGHT])
def test_addresses_are_read(text: str, found: list[Person]) -> None:
    assert typed.people(text) == (found, [])


@pytest.mark.parametrize(
    ("text", "right", "wrong"),
    [
        ("bob", [], ["bob"]),
        ("bob@", [], ["bob"]),
        ("Doe, Ann <ann@far.example>", ["ann@far.example"], ["Doe"]),
        ("ann@far..example", [], ["ann@far..example"]),
        ("Ann <ann>", [], ["Ann ann"]),
    ],
)
def test_what_is_none_is_told(text: str, right: list[str], wrong: list[str]) -> None:
    people, told = typed.people(text)
    assert ([one.address for one in people], list(told)) == (right, wrong)


def test_too_much_is_not_read() -> None:
    assert typed.people("a@x.example," * 10_000)[0] == ()


@given(st.text(max_size=200))
@settings(max_examples=50)
def test_what_is_written_is_read_again(text: str) -> None:
    people, _ = typed.people(text)
    assert typed.people(typed.written(people)) == (list(people), [])


NAMES = st.text(st.characters(categories=["L", "N", "P", "Zs"]), max_size=40).map(str.strip)


@given(NAMES)
@settings(max_examples=50)
def test_any_name_stays_beside_its_address(name: str) -> None:
    line = typed.shown(Person("ann@far.example", name))
    people, wrong = typed.people(line)
    assert wrong == []
    assert [one.address for one in people] == ["ann@far.example"]
    assert people[0].name.split() == name.split()
