"""THREAD (RFC 5256): who answers whom, and in which order."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailhub.core.threads import Node, Threadable, threading, walk
from mailhub.imap.search_results import threads as spelled
from mailhub.model.search import ThreadAlgorithm
from mailhub.wire import subject


def made(
    number: int, references: str = "", title: str = "", sent: int | None = None, name: str = ""
) -> Threadable:
    """A message called by its letter; `references`: letters, oldest first."""
    base, reply = subject.split(title)
    return Threadable(
        number,
        f"<{name or chr(96 + number)}>",
        tuple(f"<{one}>" for one in references),
        base.lower(),
        reply,
        number if sent is None else sent,
        number,
    )


def roots(algorithm: ThreadAlgorithm, messages: list[Threadable]) -> list[Node]:
    work = threading(algorithm, messages)
    while True:
        try:
            next(work)
        except StopIteration as done:
            found: list[Node] = done.value
            return found


def shown(algorithm: ThreadAlgorithm, *messages: Threadable) -> str:
    return spelled(roots(algorithm, list(messages))).decode()


REFERENCES, REFS = ThreadAlgorithm.REFERENCES, ThreadAlgorithm.REFS
SUBJECTS = ThreadAlgorithm.ORDEREDSUBJECT


@pytest.mark.parametrize("algorithm", [REFERENCES, REFS])
@pytest.mark.parametrize(
    ("messages", "answer"),
    [
        ([], ""),
        ([made(1)], "(1)"),
        ([made(1), made(2, "a"), made(3, "ab")], "(1 2 3)"),
        ([made(1), made(2, "a"), made(3, "a")], "(1 (2)(3))"),
        # The RFC's example of a thread: 3 6 with two branches below.
        (
            [
                made(2, name="p"),
                made(3, name="q"),
                made(4, "qr", name="s"),
                made(6, "q", name="r"),
                made(7, "rt", name="u"),
                made(23, "s", name="v"),
                made(44, "r", name="t"),
                made(96, "u", name="w"),
            ],
            "(2)(3 6 (4 23)(44 7 96))",
        ),
        # An answer to what is not there: a lone child takes the place of its dummy,
        ([made(2, "a")], "(2)"),
        # several stay together under it.
        ([made(2, "a"), made(3, "a")], "((2)(3))"),
        ([made(2, "xy"), made(3, "xz")], "((2)(3))"),
        # The child may come before its parent.
        ([made(1, "b"), made(2)], "(2 1)"),
        # References may skip what In-Reply-To of another knows.
        ([made(1), made(3, "ab"), made(4, "c")], "(1 3 4)"),
        # A message's own last reference counts before what others say of it.
        ([made(1), made(2, "a"), made(3, "xb")], "(1 2 3)"),
        # Loops are not closed: of two that answer each other the first stands above.
        ([made(1, "b"), made(2, "a")], "(2 1)"),
        ([made(1, "a")], "(1)"),
        ([made(1, "c"), made(2, "a"), made(3, "b")], "(3 1 2)"),
        # The same Message-ID twice: the second one is a message of its own.
        ([made(1), made(2, "a"), made(3, name="a")], "(1 2)(3)"),
        # Without references a message that comes later is a root, whatever others said before.
        ([made(1, "xb"), made(2)], "(2 1)"),
    ],
)
def test_references_link_messages(
    algorithm: ThreadAlgorithm, messages: list[Threadable], answer: str
) -> None:
    assert shown(algorithm, *messages) == answer


@pytest.mark.parametrize(
    ("messages", "answer"),
    [
        ([made(1, title="x"), made(2, title="Re: x")], "(1 2)"),
        ([made(1, title="Re: x"), made(2, title="x")], "(2 1)"),
        ([made(1, title="x"), made(2, title="X")], "((1)(2))"),
        ([made(1, title="Re: x"), made(2, title="Fwd: x")], "((1)(2))"),
        ([made(1, title="x"), made(2, title="x"), made(3, title="Re: x")], "((1)(2)(3))"),
        ([made(1), made(2, title="Re:")], "(1)(2)"),
        # A dummy root's subject is its first child's; it takes others in beside them.
        (
            [made(2, "a", title="x"), made(3, "a"), made(4, title="Re: x"), made(5, title="y")],
            "((2)(3)(4))(5)",
        ),
        (
            [made(1, "uv", "x"), made(2, "u", "x"), made(3, "pq", "x"), made(4, "p", "x")],
            "((1)(2)(3)(4))",
        ),
    ],
)
def test_references_merges_subjects_and_refs_does_not(
    messages: list[Threadable], answer: str
) -> None:
    assert shown(REFERENCES, *messages) == answer
    apart = [made(one.number, title="x" if one.number else "") for one in messages]
    assert shown(REFS, *apart) == "".join(f"({one.number})" for one in apart)


def test_references_sorts_by_date_and_refs_by_the_newest_arrival() -> None:
    messages = [
        made(1, sent=50),
        made(2, sent=10),
        made(3, "a", sent=70),
        made(4, "a", sent=60),
    ]
    assert shown(REFERENCES, *messages) == "(2)(1 (4)(3))"
    assert shown(REFS, *messages) == "(2)(1 (4)(3))"
    messages.append(made(5, "b", sent=20))
    assert shown(REFERENCES, *messages) == "(2 5)(1 (4)(3))"
    assert shown(REFS, *messages) == "(1 (4)(3))(2 5)"


@pytest.mark.parametrize(
    ("messages", "answer"),
    [
        ([made(1, title="x"), made(2, title="Re: x"), made(3, title="y")], "(1 2)(3)"),
        ([made(1, title="b", sent=9), made(2, title="a", sent=5)], "(2)(1)"),
        (
            [made(1, title="Re: x", sent=9), made(2, title="x", sent=5), made(3, title="x")],
            "(3 (2)(1))",
        ),
        ([made(1, "zz", title=""), made(2, title="Re:")], "(1 2)"),
    ],
)
def test_ordered_subject(messages: list[Threadable], answer: str) -> None:
    assert shown(SUBJECTS, *messages) == answer


@pytest.mark.parametrize("algorithm", list(ThreadAlgorithm))
def test_a_chain_as_long_as_a_mailbox(algorithm: ThreadAlgorithm) -> None:
    count = 20_000
    messages = [
        Threadable(n, f"<{n}>", (f"<{n - 1}>",) if n > 1 else (), "", False, n, n)
        for n in range(1, count + 1)
    ]
    random.Random(3).shuffle(messages)
    found = roots(algorithm, messages)
    assert sorted(node.number for node in walk(found) if node.number) == list(range(1, count + 1))
    assert len(found) == 1
    answer = spelled(found)
    if algorithm is not SUBJECTS:
        assert answer == b"(" + b" ".join(b"%d" % n for n in range(1, count + 1)) + b")"


MESSAGES = st.lists(
    st.tuples(
        st.text("abcdefxy", max_size=4),
        st.sampled_from(["", "x", "Re: x", "y", "Fwd: y"]),
        st.integers(0, 5),
        st.sampled_from("abcdef"),
    ),
    max_size=8,
)


@pytest.mark.parametrize("algorithm", list(ThreadAlgorithm))
@settings(max_examples=50)
@given(MESSAGES)
def test_every_message_stands_exactly_once(
    algorithm: ThreadAlgorithm, rows: list[tuple[str, str, int, str]]
) -> None:
    messages = [
        made(number, references, title, sent, name)
        for number, (references, title, sent, name) in enumerate(rows, 1)
    ]
    found = roots(algorithm, messages)
    nodes = list(walk(found))
    numbers = sorted(node.number for node in nodes if node.number is not None)
    assert numbers == [message.number for message in messages]
    assert all(node.message is not None or len(node.children) > 1 for node in nodes)
    assert all(child.message is not None for node in nodes for child in node.children)
    answer = spelled(found)
    assert answer.count(b"(") == answer.count(b")")
