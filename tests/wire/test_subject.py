"""Base subjects (RFC 5256 2.1)."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailhub.wire import subject

CASES = [
    ("", "", False),
    ("Hello", "Hello", False),
    ("  Hello\t world ", "Hello world", False),
    ("Re: Hello", "Hello", True),
    ("RE:Hello", "Hello", True),
    ("re : Hello", "Hello", True),
    ("Fw: Fwd: fwd: Hello", "Hello", True),
    ("Re[4]: Hello", "Hello", True),
    ("re [x] : Hello", "Hello", True),
    ("[list] Hello", "Hello", False),
    ("[a] [b] Hello", "Hello", False),
    ("Re: [list] Re: Hello", "Hello", True),
    ("[list] Re: Hello", "Hello", True),
    ("[list]", "[list]", False),
    ("[a][b]", "[b]", False),
    ("Re: [list]", "[list]", True),
    ("Hello (fwd)", "Hello", True),
    ("Hello (FWD) (fwd)  ", "Hello", True),
    ("[fwd: Hello]", "Hello", True),
    ("[Fwd: Re: [list] Hello (fwd)]", "Hello", True),
    ("[fwd: Hello] x", "x", False),
    ("Re:", "", True),
    ("Re: Re:", "", True),
    ("Rebuild: now", "Rebuild: now", False),
    ("AW: Hello", "AW: Hello", False),
    ("Hello: Re: x", "Hello: Re: x", False),
    ("(fwd)", "", True),
]


@pytest.mark.parametrize(("written", "base", "marked"), CASES)
def test_base(written: str, base: str, marked: bool) -> None:
    assert subject.split(written) == (base, marked)
    assert subject.base(written) == base


@settings(max_examples=50, derandomize=True, deadline=None)
@given(st.text("Re:fwd[]() a\t\n", max_size=60))
def test_a_base_is_its_own_base(written: str) -> None:
    base = subject.base(written)
    assert subject.base(base) == base


@pytest.mark.parametrize("piece", ["Re: ", "[a]", "[fwd: ", "(fwd)", "[", "[a] re", " "])
def test_hostile_subjects_cost_little(piece: str) -> None:
    started = time.thread_time()
    subject.base(piece * 100_000)
    assert time.thread_time() - started < 0.5
