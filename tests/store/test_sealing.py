"""Sealed octets: any range is read alone, and nothing that was changed is ever read."""

from __future__ import annotations

import os

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailhub.model.errors import Corrupt
from mailhub.store import sealing
from mailhub.store.s3.octets import Sealed
from mailhub.store.sealing import FRAME, TAG

KEY = bytes(range(32))
STEP = FRAME + TAG
OCTETS = os.urandom(3 * FRAME + 100)
EDGES = sorted({0, 1, 2} | {many * FRAME + near for many in (1, 2, 3) for near in (-1, 0, 1)})


def sealed(size: int, number: int = 7) -> bytes:
    return sealing.seal(KEY, number, size, memoryview(OCTETS)[:size])


def opened(octets: bytes, size: int, start: int, stop: int, number: int = 7) -> bytes:
    first, last = sealing.span(size, start, stop)
    part = memoryview(octets)[first:last]
    return sealing.unseal(KEY, number, size, part, start, stop)


@pytest.mark.parametrize("size", [*EDGES, len(OCTETS)])
def test_every_edge(size: int) -> None:
    octets = sealed(size)
    assert len(octets) == sealing.sealed_size(size)
    edges = [edge for edge in (*EDGES, size) if edge <= size]
    for start in edges:
        for stop in edges:
            if start <= stop:
                assert opened(octets, size, start, stop) == OCTETS[start:stop], (start, stop)


@settings(max_examples=50)
@given(st.data())
def test_every_range(data: st.DataObject) -> None:
    size = data.draw(st.integers(1, len(OCTETS)))
    start = data.draw(st.integers(0, size - 1))
    stop = data.draw(st.integers(start + 1, size))
    first, last = sealing.span(size, start, stop)
    assert last - first <= stop - start + 2 * STEP  # never much more than what is wanted
    assert opened(sealed(size), size, start, stop) == OCTETS[start:stop]


@settings(max_examples=50)
@given(st.data())
def test_every_octet_that_was_changed_is_noticed(data: st.DataObject) -> None:
    size = data.draw(st.sampled_from([1, 100, FRAME, FRAME + 1]))
    octets = bytearray(sealed(size))
    at = data.draw(st.integers(0, len(octets) - 1))
    octets[at] ^= data.draw(st.integers(1, 255))
    with pytest.raises(Corrupt):
        opened(bytes(octets), size, 0, size)
    frame = at // STEP
    for place in range(-(-len(octets) // STEP)):
        if place != frame:  # what was not changed is read all the same
            start, stop = place * FRAME, min((place + 1) * FRAME, size)
            assert opened(bytes(octets), size, start, stop) == OCTETS[start:stop]


@pytest.mark.parametrize("size", [10, FRAME, 2 * FRAME, 2 * FRAME + 10])
def test_what_is_cut_off_or_elsewhere_is_noticed(size: int) -> None:
    octets = sealed(size)
    for cut in {1, TAG, min(size, STEP), len(octets)}:
        with pytest.raises(Corrupt):
            opened(octets[:-cut], size, 0, size)
    with pytest.raises(Corrupt):
        opened(octets, size, 0, size, number=8)  # another body's place
    with pytest.raises(Corrupt):
        sealing.unseal(KEY, 7, size + 1, memoryview(octets), 0, size)  # another size


def test_frames_that_changed_places_are_noticed() -> None:
    size = 2 * FRAME
    octets = sealed(size)
    for wrong in (octets[STEP:] + octets[:STEP], octets[:STEP] * 2):
        with pytest.raises(Corrupt):
            opened(wrong, size, 0, size)


@settings(max_examples=50)
@given(st.data())
def test_pieces_are_those_of_the_whole(data: st.DataObject) -> None:
    size = data.draw(st.integers(0, len(OCTETS)))
    whole = sealed(size)
    octets = Sealed(memoryview(OCTETS)[:size], KEY, 7)
    assert octets.size == len(whole)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(whole)), max_size=4)))
    pieces = zip([0, *cuts], [*cuts, len(whole)], strict=True)
    assert b"".join(bytes(octets.piece(a, b)[0]) for a, b in pieces if a < b) == whole


def test_keys_under_keys() -> None:
    inner = sealing.fresh_key()
    closed = sealing.wrap(KEY, inner, b"body 1 2")
    assert closed != sealing.wrap(KEY, inner, b"body 1 2")
    assert sealing.unwrap(KEY, closed, b"body 1 2") == inner
    for key, text, bound in (
        (sealing.fresh_key(), closed, b"body 1 2"),
        (KEY, closed, b"body 1 3"),
        (KEY, closed[:-1], b"body 1 2"),
        (KEY, b"", b"body 1 2"),
    ):
        with pytest.raises(Corrupt):
            sealing.unwrap(key, text, bound)
