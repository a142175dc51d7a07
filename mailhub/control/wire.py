"""The control protocol's framing, pure: a JSON object a line, some followed by raw bytes.

A request is `{"act": name, …}`, with `"bytes": n` where n raw bytes follow the line. An answer
is any number of `{"item": …}` lines, each perhaps with bytes, then `{"done": …}` or
`{"error": kind, "text": …, "field": …}`. Requests are answered in order and may be pipelined.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mailhub.model.errors import Invalid

LONGEST_LINE = 1 << 20
"""Bytes; an alias with a thousand targets fits."""
MOST_BYTES = 1 << 30
"""Bytes that may follow one request."""


@dataclass(frozen=True, slots=True)
class Request:
    """A line was read; `size` raw bytes follow it as Chunk events."""

    act: str
    arguments: Mapping[str, Any]
    size: int = 0


@dataclass(frozen=True, slots=True)
class Chunk:
    """Some of the raw bytes; `last` closes the request they belong to."""

    data: bytes
    last: bool


@dataclass(frozen=True, slots=True)
class Malformed:
    """What cannot be read on from: answered once, then the connection ends."""

    text: str


class Machine:
    """The server's side: bytes in, events out. After Malformed nothing more comes."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._left = 0
        self._over = False

    @property
    def pending(self) -> int:
        """Bytes not yet turned into events."""
        return len(self._buffer)

    def receive(self, data: bytes) -> None:
        """Takes what arrived."""
        if not self._over:
            self._buffer += data

    def next_event(self) -> Request | Chunk | Malformed | None:
        """The next event; None until more arrives."""
        if self._over:
            return None
        if self._left:
            return self._chunk()
        end = self._buffer.find(b"\n")
        if end < 0:
            if len(self._buffer) > LONGEST_LINE:
                return self._fault("the request is too long")
            return None
        line = bytes(self._buffer[:end])
        del self._buffer[: end + 1]
        try:
            request = parse_request(line)
        except Invalid as error:
            return self._fault(error.text)
        self._left = request.size
        return request

    def _chunk(self) -> Chunk | None:
        if not self._buffer:
            return None
        data = bytes(self._buffer[: self._left])
        del self._buffer[: len(data)]
        self._left -= len(data)
        return Chunk(data, self._left == 0)

    def _fault(self, text: str) -> Malformed:
        self._over = True
        self._buffer.clear()
        return Malformed(text)


def parse_request(line: bytes) -> Request:
    """Raises Invalid."""
    if len(line) > LONGEST_LINE:
        raise Invalid("the request is too long")
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        raise Invalid("the request is not JSON") from None
    if not isinstance(value, dict) or not isinstance(value.get("act"), str):
        raise Invalid("the request names no act")
    size = value.pop("bytes", 0)
    if not isinstance(size, int) or isinstance(size, bool) or not 0 <= size <= MOST_BYTES:
        raise Invalid("bytes is not a size")
    return Request(value.pop("act"), value, size)


def line(value: Mapping[str, Any]) -> bytes:
    """One line of either side."""
    return json.dumps(value, separators=(",", ":")).encode("ascii") + b"\n"


def item(value: Mapping[str, Any], data: bytes | None = None) -> bytes:
    """One of several results, with its bytes."""
    if data is None:
        return line({"item": value})
    return line({"item": value, "bytes": len(data)}) + data


def done(value: Any) -> bytes:
    """The end of an answer that worked."""
    return line({"done": value})


def failed(kind: str, text: str, field: str = "") -> bytes:
    """The end of one that did not."""
    return line({"error": kind, "text": text, "field": field})
