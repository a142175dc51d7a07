"""Sends messages: byte for byte, byte-stuffed, in slices that wait for the peer.

The status line goes out only after the first bytes were read, so that an error can still be
answered; after it, a message that cannot be read to its end ends the connection without its
terminator, and no client can take it for whole.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Protocol

from mailhub.core.maildrop import Maildrop
from mailhub.model.errors import MailhubError
from mailhub.pop3.grammar import Stuffing, first_lines


class Outlet(Protocol):
    """Where the bytes go."""

    def write(self, data: bytes) -> None: ...
    async def drained(self) -> None: ...
    def close(self) -> None: ...


class CutOff(Exception):
    """A message could not be sent to its end; the connection is closed already."""


async def whole(outlet: Outlet, drop: Maildrop, number: int) -> int:
    """RETR (RFC 1939 section 5). Returns the message's size. Raises NotFound, Unavailable,
    Corrupt while nothing was sent, CutOff after that."""
    size = drop.size(number)
    data = await drop.read(number)
    stuffing = Stuffing()
    outlet.write(b"+OK %d octets\r\n" % size)
    outlet.write(stuffing.feed(data))
    if len(data) < size:
        async for more in _rest(outlet, drop, number, len(data)):
            outlet.write(stuffing.feed(more))
    outlet.write(stuffing.end())
    return size


async def top(outlet: Outlet, drop: Maildrop, number: int, lines: int) -> None:
    """TOP (RFC 1939 section 7): the header, the empty line, and so many lines of the body."""
    header_left = (await drop.place(number)).header_length
    data = await drop.read(number)
    stuffing = Stuffing()
    outlet.write(b"+OK The top follows\r\n")
    rest = _rest(outlet, drop, number, len(data))
    while True:
        head, body = data[:header_left], data[header_left:]
        header_left -= len(head)
        body, lines = first_lines(body, lines)
        outlet.write(stuffing.feed(head + body))
        if not (header_left or lines):
            break
        data = await anext(rest, b"")
        if not data:
            break
    outlet.write(stuffing.end())


async def _rest(outlet: Outlet, drop: Maildrop, number: int, at: int) -> AsyncIterator[bytes]:
    """The slices of a message from `at` to its end."""
    size = drop.size(number)
    while at < size:
        await outlet.drained()
        try:
            data = await drop.read(number, at)
        except MailhubError as error:
            outlet.close()
            raise CutOff(error.text) from error
        if not data:
            outlet.close()
            raise CutOff("the message is shorter than its row says")
        at += len(data)
        yield data
