"""Message content: its end, its dots, its line ends, its size, in one piece and in many."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailhub.smtp.content import ChunkContent, DotContent, Newlines, only_pairs
from mailhub.smtp.faults import Fault
from mailhub.smtp.machine import Command, End, Machine, State
from mailhub.smtp.sender.content import Dots

LIMIT = 10_000


def machine(state: State = State.RCPT) -> Machine:
    made = Machine(100)
    for step in (State.READY, State.MAIL, State.RCPT):
        made.enter(step)
        if step is state:
            break
    return made


def events(made: Machine) -> list[object]:
    """All that comes out, up to the end of content at most."""
    found: list[object] = []
    while (event := made.next_event()) is not None:
        found.append(event)
        if type(event) is End:
            break
    return found


def data(
    pieces: list[bytes], newlines: Newlines = Newlines.REFUSE, limit: int = LIMIT
) -> tuple[bytes, Fault | None, bytes] | None:
    """(content, fault, what stands behind its end), None when no end came."""
    made = machine()
    made.start_data(DotContent(limit, newlines))
    content = b""
    fault: list[Fault | None] = []
    for piece in pieces:
        made.receive(piece)
        if not fault:
            for event in events(made):
                if type(event) is bytes:
                    content += event
                else:
                    assert type(event) is End
                    fault.append(event.fault)
        if not fault:
            assert made.pending <= 4
    if not fault:
        return None
    rest = made._buffer[made._position :]
    return content, fault[0], rest


def cut(text: bytes, size: int) -> list[bytes]:
    return [text[start : start + size] for start in range(0, len(text), size)]


CONTENTS = [
    (b".\r\n", b""),
    (b"\r\n.\r\n", b"\r\n"),
    (b"a\r\n.\r\n", b"a\r\n"),
    (b"..\r\n.\r\n", b".\r\n"),
    (b"..a\r\n.\r\n", b".a\r\n"),
    (b".a\r\n.\r\n", b"a\r\n"),
    (b"a\r\n..\r\n.\r\n", b"a\r\n.\r\n"),
    (b"a\r\n...\r\nb\r\n.\r\n", b"a\r\n..\r\nb\r\n"),
    (b"\r\n\r\n..\r\n..\r\n\r\n.\r\n", b"\r\n\r\n.\r\n.\r\n\r\n"),
    (b"a.\r\nb.\r\n.\r\n", b"a.\r\nb.\r\n"),
    (b"\x00\xff\r\n.\r\n", b"\x00\xff\r\n"),
]


@pytest.mark.parametrize(("sent", "kept"), CONTENTS)
@pytest.mark.parametrize("size", [1, 2, 3, 4, 5, 100])
def test_content_ends_and_is_unstuffed_whatever_the_cuts(
    sent: bytes, kept: bytes, size: int
) -> None:
    assert data(cut(sent, size)) == (kept, None, b"")


@pytest.mark.parametrize(("sent", "kept"), CONTENTS)
def test_what_follows_the_end_is_untouched(sent: bytes, kept: bytes) -> None:
    assert data([sent + b"QUIT\r\n"]) == (kept, None, b"QUIT\r\n")


FALSE_ENDS = [
    left + b"." + right
    for left in (b"\r\n", b"\n", b"\r", b"\n\r")
    for right in (b"\r\n", b"\n", b"\r", b"\n\r")
    if (left, right) != (b"\r\n", b"\r\n")
] + [b"\r\n\x00.\r\n"]


def test_there_are_sixteen_false_ends() -> None:
    assert len(FALSE_ENDS) == 16


@pytest.mark.parametrize("false_end", FALSE_ENDS)
@pytest.mark.parametrize("size", [1, 2, 100])
def test_no_false_end_ends_the_content(false_end: bytes, size: int) -> None:
    smuggled = b"MAIL FROM:<admin@example.org>\r\n"
    sent = b"Subject: x\r\n\r\nbody" + false_end + smuggled
    assert data(cut(sent, size)) is None
    found = data(cut(sent + b"\r\n.\r\nNOOP\r\n", size))
    assert found is not None
    content, fault, rest = found
    assert rest == b"NOOP\r\n"
    if b"\x00" in false_end:
        assert (fault, smuggled in content) == (None, True)
    else:
        assert fault is Fault.BARE_NEWLINE


@pytest.mark.parametrize("false_end", FALSE_ENDS)
def test_a_false_end_that_is_normalized_is_content(false_end: bytes) -> None:
    sent = b"a" + false_end + b"b\r\n.\r\n"
    for size in (1, 2, 3, 100):
        found = data(cut(sent, size), Newlines.NORMALIZE)
        assert found is not None
        content, fault, rest = found
        assert (fault, rest) == (None, b"")
        assert not re.search(rb"(?<!\r)\n|\r(?!\n)", content)
        assert content.endswith(b"b\r\n")


def test_more_than_the_limit_is_dropped_up_to_its_end() -> None:
    sent = b"x" * 50 + b"\r\n"
    assert data(cut(sent * 4 + b".\r\n", 30), limit=208) == (sent * 4, None, b"")
    found = data(cut(sent * 5 + b".\r\nNOOP\r\n", 30), limit=208)
    assert found is not None
    assert found[1] is Fault.TOO_LARGE
    assert len(found[0]) <= 208


@given(
    st.lists(
        st.sampled_from([b"\r", b"\n", b".", b"a", b"\r\n", b"\r\n.", b"\r\n.\r"]), max_size=30
    ),
    st.lists(st.integers(1, 7), min_size=1, max_size=10),
)
@settings(max_examples=50, deadline=None, derandomize=True)
def test_cuts_change_nothing(parts: list[bytes], sizes: list[int]) -> None:
    sent = b"".join(parts) + b"\r\n.\r\n"
    pieces, start, turn = [], 0, 0
    while start < len(sent):
        pieces.append(sent[start : start + sizes[turn % len(sizes)]])
        start += sizes[turn % len(sizes)]
        turn += 1
    for newlines in (Newlines.REFUSE, Newlines.NORMALIZE):
        whole, parted = data([sent], newlines), data(pieces, newlines)
        assert whole is not None
        assert parted is not None
        assert whole[1] == parted[1]
        if whole[1] is None:
            assert whole[0] == parted[0] == reference(sent, newlines)


def reference(sent: bytes, newlines: Newlines) -> bytes:
    """RFC 5321 section 4.5.2, line by line."""
    kept = []
    for line in sent.split(b"\r\n"):
        if line == b".":
            break
        kept.append(line.removeprefix(b".") + b"\r\n")
    text = b"".join(kept)
    return re.sub(rb"\r\n|\r|\n", b"\r\n", text) if newlines is Newlines.NORMALIZE else text


def bdat(
    chunks: list[bytes], newlines: Newlines = Newlines.REFUSE, piece: int = 1000
) -> tuple[bytes, Fault | None]:
    """Content of a transaction of these chunks; each chunk's bytes come in pieces."""
    made = machine()
    content = ChunkContent(LIMIT, newlines)
    kept = b""
    fault: Fault | None = None
    for number, chunk in enumerate(chunks, 1):
        made.start_chunk(content, len(chunk), last=number == len(chunks))
        sent = cut(chunk, piece) or [b""]
        for part in sent:
            made.receive(part)
            for event in events(made):
                if type(event) is bytes:
                    kept += event
                else:
                    assert type(event) is End
                    fault = event.fault
        made.enter(State.CHUNKS)
    return kept, fault


@pytest.mark.parametrize("piece", [1, 3, 1000])
def test_chunks_join_to_the_message(piece: int) -> None:
    chunks = [b"Subject: x\r\n", b"\r\n.\r\n", b"", b"a\r", b"\n..b"]
    assert bdat(chunks, piece=piece) == (b"".join(chunks), None)


@pytest.mark.parametrize("piece", [1, 1000])
@pytest.mark.parametrize(
    "chunks",
    [[b"a\nb"], [b"a\rb"], [b"a\r", b"b"], [b"a", b"\nb"], [b"a\r"], [b"a\r", b""], [b"a\n\r\n"]],
)
def test_bare_newlines_in_chunks_follow_the_policy(chunks: list[bytes], piece: int) -> None:
    assert bdat(chunks, piece=piece)[1] is Fault.BARE_NEWLINE
    whole = b"".join(chunks)
    assert bdat(chunks, Newlines.KEEP, piece) == (whole, None)
    normal = re.sub(rb"\r\n|\r|\n", b"\r\n", whole)
    assert bdat(chunks, Newlines.NORMALIZE, piece) == (normal, None)


def test_a_chunk_is_followed_by_the_next_command() -> None:
    made = machine()
    made.start_chunk(ChunkContent(LIMIT, Newlines.REFUSE), 4, last=False)
    made.receive(b"\r\n.\rBDAT 0 LAST\r\n")
    assert events(made) == [b"\r\n.", End(None)]
    made.enter(State.CHUNKS)
    assert events(made) == [Command("BDAT", "0 LAST")]


@given(
    st.lists(st.sampled_from([b"\r\n", b".", b"..", b"a", b"\n", b"\r"])),
    st.lists(st.integers(1, 9)),
)
@settings(max_examples=50, deadline=None, derandomize=True)
def test_plain_content_goes_on_as_it_is(parts: list[bytes], sizes: list[int]) -> None:
    made = machine()
    made.start_data(DotContent(LIMIT, Newlines.REFUSE))
    sent = b"".join([*parts, b"\r\n.\r\n"])
    pieces: list[bytes] = []
    end = None
    for size in [*sizes, len(sent)]:
        if end is not None:
            break
        made.receive(sent[:size])
        sent = sent[size:]
        for event in events(made):
            if isinstance(event, bytes):
                pieces.append(event)
            elif isinstance(event, End):
                end = event
    assert end is not None
    if end.plain:
        onward = Dots()
        whole = b"".join(pieces)
        assert onward.feed(whole) + onward.end() == whole + b".\r\n"
    else:
        assert end.fault is not None or b"\r\n." in b"".join([b"\r\n", *parts])


@given(st.lists(st.sampled_from([b"\r", b"\n", b"\r\n", b"a", b"\x0b", b"\x85"])).map(b"".join))
@settings(max_examples=50, deadline=None, derandomize=True)
def test_only_pairs(piece: bytes) -> None:
    assert only_pairs(piece) is (re.search(rb"(?<!\r)\n|\r(?!\n)", piece) is None)
