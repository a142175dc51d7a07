"""The control protocol's framing: any chunking, bounded, and no exception for any bytes."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailhub.control import wire
from mailhub.control.wire import LONGEST_LINE, MOST_BYTES, Chunk, Machine, Malformed, Request


def events(machine: Machine) -> list[object]:
    found = []
    while (event := machine.next_event()) is not None:
        found.append(event)
    return found


PIPELINE = b'{"act":"ping"}\n{"act":"take","user":"a","bytes":5}\nhello{"act":"x","n":1}\n'


@given(st.lists(st.integers(1, 20), min_size=1))
def test_any_chunking_gives_the_same_events(sizes: list[int]) -> None:
    machine = Machine()
    found: list[object] = []
    data, position = PIPELINE, 0
    while data:
        size = sizes[position % len(sizes)]
        position += 1
        machine.receive(data[:size])
        data = data[size:]
        found += events(machine)
    requests = [event for event in found if isinstance(event, Request)]
    assert requests == [
        Request("ping", {}),
        Request("take", {"user": "a"}, 5),
        Request("x", {"n": 1}),
    ]
    chunks = [event for event in found if isinstance(event, Chunk)]
    assert b"".join(chunk.data for chunk in chunks) == b"hello"
    assert [chunk.last for chunk in chunks] == [False] * (len(chunks) - 1) + [True]
    assert machine.pending == 0


@pytest.mark.parametrize(
    "line",
    [
        b"no json",
        b"[]",
        b"{}",
        b'{"act":1}',
        b'{"act":"a","bytes":-1}',
        b'{"act":"a","bytes":true}',
        b'{"act":"a","bytes":"5"}',
        b'{"act":"a","bytes":%d}' % (MOST_BYTES + 1),
        b"[" * 100_000,
        b"\xff\xfe",
        b'{"act":"a"' + b" " * LONGEST_LINE + b"}",
    ],
)
def test_what_is_no_request_ends_the_conversation(line: bytes) -> None:
    machine = Machine()
    machine.receive(line + b"\n" + PIPELINE)
    (event,) = events(machine)
    assert isinstance(event, Malformed)
    machine.receive(PIPELINE)
    assert events(machine) == []
    assert machine.pending == 0


@given(st.lists(st.binary(max_size=50), max_size=10))
def test_any_bytes_raise_nothing(chunks: list[bytes]) -> None:
    machine = Machine()
    for chunk in chunks:
        machine.receive(chunk)
        events(machine)


def test_answers_are_lines() -> None:
    assert wire.done({"a": "é\n"}).count(b"\n") == 1
    assert json.loads(wire.failed("NotFound", "no such\nthing", "x"))["error"] == "NotFound"
    line, _, data = wire.item({"uid": 1}, b"a\nb").partition(b"\n")
    assert json.loads(line) == {"item": {"uid": 1}, "bytes": 3}
    assert data == b"a\nb"
