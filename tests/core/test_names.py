from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailhub.core import names
from mailhub.model.errors import Invalid

CANONICAL = {
    "inbox": "INBOX",
    "InBoX/Lists": "INBOX/Lists",
    "inboxes": "inboxes",
    "a/inbox": "a/inbox",
    "Work/": "Work",
    "Gru\u0308n": "Gr\u00fcn",
    "a b.c&d": "a b.c&d",
    "...": "...",
    "日本語/台北": "日本語/台北",
    "*": "*",
    "<script>": "<script>",
    "'; DROP TABLE mailboxes; --": "'; DROP TABLE mailboxes; --",
}


@pytest.mark.parametrize(("name", "canonical"), CANONICAL.items())
def test_a_name_has_one_form(name: str, canonical: str) -> None:
    assert names.canonical(name) == canonical
    assert names.canonical(canonical) == canonical


REFUSED = [
    "",
    "/",
    "//",
    "/etc/passwd",
    "a//b",
    "a/b//",
    ".",
    "..",
    "../other",
    "a/../b",
    "a/./b",
    "nul\0name",
    "line\nbreak",
    "tab\t",
    "\x7f",
    "\x85",
    "\u2028",
    "\ud800",
    "x" * 513,
    "/".join("x" * 129),
    "/".join(["x" * 500] * 33),
    "/".join(["é" * 500] * 17),
]


@pytest.mark.parametrize("name", REFUSED)
def test_a_name_that_is_none_is_refused(name: str) -> None:
    with pytest.raises(Invalid) as raised:
        names.canonical(name)
    assert raised.value.field == "name"


@pytest.mark.parametrize("name", ["a*", "%", "x/%/y", "~root", "#news", "~"])
def test_a_new_name_has_no_wildcards_and_no_namespace_marks(name: str) -> None:
    assert names.canonical(name) == name
    with pytest.raises(Invalid):
        names.creatable(name)


def test_the_longest_names_pass() -> None:
    assert names.creatable("☃" * 512) == "☃" * 512
    assert names.creatable("/".join("x" * 128)).count("/") == 127


def test_parents_are_outermost_first() -> None:
    assert names.parents("a/b/c") == ("a", "a/b")
    assert names.parents("a") == ()


def test_below_is_about_levels_not_letters() -> None:
    assert names.below("a/b", "a")
    assert not names.below("ab", "a")
    assert not names.below("a", "a")


@settings(max_examples=50, deadline=None, derandomize=True)
@given(st.text(max_size=40))
def test_any_text_is_a_stable_name_or_invalid(text: str) -> None:
    try:
        name = names.canonical(text)
    except Invalid:
        return
    assert names.canonical(name) == name
    assert not name.startswith("/")
    assert not name.endswith("/")
    assert ".." not in name.split("/")
    assert name.isprintable() or "\u3000" in name or any(ord(c) > 127 for c in name)
