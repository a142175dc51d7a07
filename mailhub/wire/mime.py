"""The structure of a message as byte offsets: found once, without copying a body.

The scanner keeps its own stack, knows limits instead of errors (what is beyond one is a part
that nobody looks into), and can be run in slices, so that no message holds a caller up. What the
offsets are used for stands elsewhere: `wire.section`, `wire.envelope`, `wire.bodystructure`.
"""

from __future__ import annotations

import re
from collections.abc import Generator, Iterable, Iterator
from dataclasses import dataclass

from mailhub.wire import contenttype
from mailhub.wire.slices import Buffer, finish, searchable

SLICE = 256 * 1024
"""Bytes looked through between two chances for others to run."""
_PART_COST = 4096
"""What one part costs, in bytes that could be looked through in the same time."""
_FALSE_HIT_COST = 1024
"""What a line costs that begins like a delimiter and is none."""
_FIRST_COPY = 4096
"""Bytes of a view that are copied first to look for a delimiter, then four times as many."""
_FREE = 32 * 1024 * 1024
"""Bytes that may be looked through in any message, however small and deeply nested."""
_HEADER_SLICE = 64 * 1024
"""Bytes of a header whose fields are found in one step."""
_NAME = 100
"""Bytes in which a field's name and colon certainly fit."""
_CR = 13
_MESSAGES = (b"message/rfc822", b"message/global")


@dataclass(frozen=True, slots=True)
class Limits:
    """How far a message is looked into; beyond, a part is a leaf.

    `depth`: multiparts and messages inside one another. `parts`: of the whole message.
    `header`: bytes of one part's header, `headers`: of all, `value`: of one field. `boundary`:
    bytes of a boundary (RFC 2046 allows 70). `passes`: how often, on average, a byte may be
    looked at.
    """

    depth: int = 100
    parts: int = 10_000
    header: int = 1024 * 1024
    headers: int = 10 * 1024 * 1024
    value: int = 256 * 1024
    boundary: int = 998
    passes: int = 16


DEFAULT_LIMITS = Limits()


class Part:
    """A message or a body part. Made by `scan`; read-only for everyone else.

    `data[start:body]` is the header with its empty line, `data[body:end]` the content. `lines`
    counts line ends in the content of text and message/rfc822 parts, else it is 0. `fields`: the
    raw values, in order, of the header fields that ENVELOPE and BODYSTRUCTURE show, by name in
    lower case. `multipart`: whether it was looked into as one; `children` may be empty even so.
    `message`: the message inside a message/rfc822 part.
    """

    __slots__ = (
        "body",
        "children",
        "content",
        "end",
        "fields",
        "lines",
        "message",
        "multipart",
        "start",
    )

    def __init__(self, start: int) -> None:
        self.start = self.body = self.end = start
        self.fields: dict[bytes, list[bytes]] = {}
        self.content = contenttype.TEXT_PLAIN
        self.lines = 0
        self.multipart = False
        self.children: list[Part] = []
        self.message: Part | None = None

    def field(self, name: bytes) -> bytes | None:
        """The raw value of the first field of that name (of those kept), or None."""
        found = self.fields.get(name)
        return None if found is None else found[0]

    @property
    def encoding(self) -> bytes:
        """The content transfer encoding, folded; `7bit` where none is declared."""
        value = self.field(b"content-transfer-encoding")
        return (contenttype.token(value).lower() if value else b"") or b"7bit"

    def walk(self) -> Iterator[Part]:
        """This part and all inside it, parents before children, in the order of the message."""
        waiting = [self]
        while waiting:
            part = waiting.pop()
            yield part
            if part.message is not None:
                waiting.append(part.message)
            waiting.extend(reversed(part.children))


_KEPT = re.compile(
    rb"\n(bcc|cc|content-(?:description|disposition|id|language|location|md5|transfer-encoding|type)"
    rb"|date|from|in-reply-to|message-id|references|reply-to|sender|subject|to)"
    rb"[ \t]*+:([^\n]*+(?:\n[ \t][^\n]*+)*+)",
    re.IGNORECASE,
)
_NO_HEADER = re.compile(rb"\r?\n")
_EMPTY_LINE = re.compile(rb"\n\r?\n")
_DELIMITER_END = re.compile(rb"(--)?[ \t]{0,998}+(?:\r?\n|\r?\Z)")


def scan(data: Buffer, limits: Limits = DEFAULT_LIMITS) -> Part:
    """The structure of a whole message, at once. Never raises, on any bytes."""
    return finish(scanning(data, limits))


def scanning(data: Buffer, limits: Limits = DEFAULT_LIMITS) -> Generator[None, None, Part]:
    """`scan` in slices of about a millisecond. `data` must not change until it ends."""
    return _Scanner(data, limits).run()


class _Open:
    """A multipart or a message/rfc822 part that is being read.

    `limit`: where its content ends. `after`: the start of the line behind the delimiter that was
    found last, -1 where no further part begins. `closed`: the start of the line behind its
    closing delimiter, -1 where none was found. `shares`: its boundary is its parent's, too.
    """

    __slots__ = ("after", "closed", "limit", "needle", "part", "shares")

    def __init__(self, part: Part, limit: int, needle: bytes = b"") -> None:
        self.part = part
        self.limit = limit
        self.needle = needle
        self.after = self.closed = -1
        self.shares = False


class _Scanner:
    """One pass over one message, with an explicit stack of what is open."""

    def __init__(self, data: Buffer, limits: Limits) -> None:
        self.data = searchable(data, SLICE)
        self.near = self.data if isinstance(self.data, bytes) and len(data) <= SLICE else None
        """The data, where all of it may be looked through at once. Generators for its pieces
        would cost a third of the time that an ordinary message takes."""
        self.limits = limits
        self.open: list[_Open] = []
        self.count = 1
        self.header_bytes = 0
        self.spent = 0
        """Work since the last yield."""
        self.left = limits.passes * len(data) + _FREE
        """Work that may still be done before nothing more is looked into."""

    def run(self) -> Generator[None, None, Part]:
        root = part = Part(0)
        stop = len(self.data)
        default = contenttype.TEXT_PLAIN
        while True:
            whole = yield from self._header(part, stop, default)
            media = part.content.media
            if media in _MESSAGES:
                if whole and self._may_descend():
                    self.count += 1
                    self.open.append(_Open(part, stop))
                    part.message = part = Part(part.body)
                    default = contenttype.TEXT_PLAIN
                    continue
                part.content = contenttype.OPAQUE
            elif media.startswith(b"multipart/"):
                yield from self._multipart(part, stop, whole)
            if not part.multipart:
                part.end = stop
                if part.content.media.startswith(b"text/"):
                    if self.near is not None:
                        part.lines = self._near_lines(self.near, part.body, stop)
                    else:
                        part.lines = yield from self._count_lines(part.body, stop)
            started = yield from self._next()
            if started is None:
                return root
            part, stop, default = started

    def _may_descend(self) -> bool:
        limits = self.limits
        return len(self.open) < limits.depth and self.count < limits.parts and self.left > 0

    def _multipart(self, part: Part, stop: int, whole: bool) -> Generator[None, None, None]:
        """Opens a multipart and finds its first delimiter. Without a boundary it is text."""
        boundary = part.content.parameter(b"boundary").rstrip()
        if not boundary:
            part.content = contenttype.TEXT_PLAIN
        elif not whole or not self._may_descend() or len(boundary) > self.limits.boundary:
            part.content = contenttype.OPAQUE
        else:
            part.multipart = True
            opened = _Open(part, stop, b"\n--" + boundary)
            if self.open and self.open[-1].needle == opened.needle:
                # Outlook Express for Macintosh gave both the same: the inner one has them first.
                opened.shares = True
                opened.limit = self.open[-1].limit
            self.open.append(opened)
            yield from self._delimiter(opened, part.body)

    def _next(self) -> Generator[None, None, tuple[Part, int, contenttype.ContentType] | None]:
        """Closes what ends here; the next part, where its content ends, its default type."""
        while self.open:
            opened = self.open[-1]
            if opened.after >= 0 and self.count < self.limits.parts:
                self.count += 1
                part = Part(opened.after)
                opened.part.children.append(part)
                stop = yield from self._delimiter(opened, part.start)
                digest = opened.part.content.media == b"multipart/digest"
                return part, stop, contenttype.MESSAGE if digest else contenttype.TEXT_PLAIN
            self.open.pop()
            closed = opened.part
            closed.end = opened.limit
            if opened.shares:
                outer = self.open[-1]
                outer.after = -1
                if opened.closed >= 0:
                    closed.end = yield from self._delimiter(outer, opened.closed)
            if closed.message is not None:
                closed.lines = yield from self._count_lines(closed.body, closed.end)
        return None

    def _delimiter(self, opened: _Open, start: int) -> Generator[None, None, int]:
        """Finds the next delimiter line at or behind `start`; where the content before it ends.

        The line must be the boundary and nothing else but space: what RFC 2046 5.1.1 allows
        behind it would make `--ab` of an inner multipart end an outer one called `a`.
        """
        data = self.data
        at = max(start - 1, 0)  # the line end before the first line counts as its CRLF
        while True:
            if self.near is not None:
                hit = self._near_find(self.near, opened.needle, at, opened.limit)
            else:
                hit = yield from self._find(opened.needle, at, opened.limit)
            if hit < 0:
                opened.after = -1
                return opened.limit
            ending = _DELIMITER_END.match(data, hit + len(opened.needle), opened.limit)
            if ending is not None:
                opened.after, opened.closed = ending.end(), -1
                if ending[1]:
                    opened.after, opened.closed = -1, ending.end()
                return max(start, hit - (hit > 0 and data[hit - 1] == _CR))
            at = hit + 1
            self._spend(_FALSE_HIT_COST)
            if self.left < 0:
                opened.after = -1
                return opened.limit
            if self.spent > SLICE:
                self.spent = 0
                yield

    def _header(
        self, part: Part, stop: int, default: contenttype.ContentType
    ) -> Generator[None, None, bool]:
        """Finds the header's end and keeps its fields; whether all of it was read."""
        if self.spent > SLICE:
            self.spent = 0
            yield
        start = part.start
        if self.near is not None:
            part.body = _near_header_end(self.near, start, stop)
        else:
            part.body = yield from self._header_end(start, stop)
        size = min(part.body - start, self.limits.header)
        self.header_bytes += size
        if self.header_bytes > self.limits.headers:
            part.content = default
            return False
        block = b"\n" + self.data[start : start + size]
        if size < _HEADER_SLICE:
            self._keep(part.fields, _KEPT.finditer(block))
        else:
            yield from self._keep_long(part.fields, block)
        value = part.field(b"content-type")
        part.content = default if value is None else contenttype.parse(value)
        self.spent += _PART_COST + size
        return size == part.body - start

    def _keep(self, fields: dict[bytes, list[bytes]], found: Iterable[re.Match[bytes]]) -> None:
        """Keeps the fields that were found in a header block."""
        limit = self.limits.value
        for field in found:
            name, value = field.groups()
            name = name.lower()
            if name in fields:
                fields[name].append(value[:limit])
            else:
                fields[name] = [value[:limit]]

    def _keep_long(
        self, fields: dict[bytes, list[bytes]], block: bytes
    ) -> Generator[None, None, None]:
        """Finds and keeps the fields of a header block of any length, in slices."""
        start, end = 0, len(block)
        while True:
            stop = start + _HEADER_SLICE
            for field in _KEPT.finditer(block, start, stop):
                if field.end() >= stop - 1 and stop < end:
                    field = _KEPT.match(block, field.start()) or field  # it goes on behind
                self._keep(fields, (field,))
                start = field.end()
            start = max(start, stop - _NAME)
            if start >= end:
                return
            yield

    def _header_end(self, start: int, stop: int) -> Generator[None, None, int]:
        """Behind the first empty line, or `stop`."""
        data = self.data
        if start == 0 and (empty := _NO_HEADER.match(data)) is not None:
            return empty.end()
        at = max(start - 1, 0)
        while True:
            found = _EMPTY_LINE.search(data, at, min(at + SLICE, stop))
            if found is not None:
                return found.end()
            at += SLICE - 2
            if at >= stop:
                return stop
            yield

    def _find(self, needle: bytes, start: int, stop: int) -> Generator[None, None, int]:
        """Like bytes.find, in slices."""
        data = self.data
        window = SLICE if isinstance(data, (bytes, bytearray)) else _FIRST_COPY
        while True:
            end = min(start + window, stop)
            if isinstance(data, (bytes, bytearray)):
                hit = data.find(needle, start, end)
            else:
                hit = bytes(data[start:end]).find(needle)
                hit += start if hit >= 0 else 0
                window = min(window * 4, SLICE)
            self._spend((end if hit < 0 else hit) - start)
            if hit >= 0 or end >= stop:
                return hit
            start = end - len(needle) + 1
            if self.spent > SLICE:
                self.spent = 0
                yield

    def _count_lines(self, start: int, stop: int) -> Generator[None, None, int]:
        """Line ends between two offsets, in slices."""
        data = self.data
        lines = 0
        while start < stop:
            end = min(start + SLICE, stop)
            if isinstance(data, (bytes, bytearray)):
                lines += data.count(b"\n", start, end)
            else:
                lines += bytes(data[start:end]).count(b"\n")
            self._spend(end - start)
            start = end
            if self.spent > SLICE:
                self.spent = 0
                yield
        return lines

    def _near_find(self, data: bytes, needle: bytes, start: int, stop: int) -> int:
        """`_find`, at once."""
        hit = data.find(needle, start, stop)
        self._spend((stop if hit < 0 else hit) - start)
        return hit

    def _near_lines(self, data: bytes, start: int, stop: int) -> int:
        """`_count_lines`, at once."""
        self._spend(stop - start)
        return data.count(b"\n", start, stop)

    def _spend(self, work: int) -> None:
        self.spent += work
        self.left -= work


def _near_header_end(data: bytes, start: int, stop: int) -> int:
    """`_Scanner._header_end`, at once."""
    if start == 0 and (empty := _NO_HEADER.match(data)) is not None:
        return empty.end()
    found = _EMPTY_LINE.search(data, max(start - 1, 0), stop)
    return stop if found is None else found.end()
