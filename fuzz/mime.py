"""Any bytes as a message: found, shown and searched, in one piece and in small slices."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice
from unittest import mock

from fuzz import seeds as known
from mailhub.model.errors import Unsupported
from mailhub.model.message import Rendered
from mailhub.wire import (
    addresslist,
    bodystructure,
    envelope,
    header,
    mime,
    rendering,
    section,
    subject,
    text,
    transfer,
)
from mailhub.wire.mime import Part
from mailhub.wire.section import Piece
from tests.wire import strict

WORDS = (
    *(b"Content-Type: ", b"multipart/mixed", b"multipart/digest", b"message/rfc822", b"text/plain"),
    *(b"text/html", b"; boundary=", b"; charset=", b"; name*0*=utf-8''", b"boundary*=", b"--b--"),
    *(b"\r\n--b\r\n", b"Content-Transfer-Encoding: ", b"base64", b"quoted-printable", b"8bit"),
    *(b"Content-Disposition: attachment", b"Content-ID: <", b"Content-Language: ", b"x-uuencode"),
    *(b"From: ", b"To: ", b"Subject: Re: ", b"Date: ", b"Message-ID: <", b"References: <a@b> "),
    *(b"=?utf-8?Q?", b"=?iso-2022-jp?B?", b"?=", b"undisclosed:;", b'"a b" <c@d>', b"(comment)"),
    *(b"Mon, 7 Feb 1994 21:52:25 -0800", b"\r\n\r\n", b"\r\n ", b"\n", b"\r", b"\0", b"\xff"),
    *(b"utf-7", b"iso-2022-jp", b"gb18030", b"=C3=B6", b"=\r\n", b"<style>", b"<!--", b"&amp;"),
)
SLICE = 1010
"""Bytes of the smallest slices: the longest delimiter fits."""
CODED = 40
"""Bytes of encoded content in one piece."""
UNCUT = re.compile(rb"[ \t\r=]{%d}" % (CODED - 4))
"""So much that may belong together is cut nevertheless, and reads otherwise then."""
PARTS = 40
"""Parts of a message that are looked at one by one."""
ODD = ((1,), (2,), (1, 1), (1, 1, 1), (9,), (0,), (4294967295,))
NAMES = (b"subject", b"To", b"content-type", b"x")
NEVER = tuple(b"never-%d" % number for number in range(100))
"""With so many other names fields are picked another way."""


def seeds() -> Iterator[bytes]:
    """The corpus."""
    return known.messages()


def one(data: bytes) -> None:
    """The input is the message."""
    root = mime.scan(data)
    _check_offsets(root, len(data))
    view = memoryview(b"x" + data)[1:]
    shown = _check_rendered(data, root)
    assert rendering.render(view) == shown
    assert _trace(mime.scan(view)) == _trace(root)
    _check_slices(data, root, shown)
    for path in (*islice(_paths(root), PARTS), *ODD):
        _check_section(data, root, path)
    for part in text.searchable(data, root):
        part.encode("utf-8", "surrogatepass")
    _check_header(data[: root.body])
    subject.base(shown.subject).encode("utf-8")


def _trace(root: Part) -> list[object]:
    return [
        (part.start, part.body, part.end, part.lines, part.multipart, part.content, part.fields)
        for part in root.walk()
    ]


def _check_offsets(root: Part, size: int) -> None:
    assert (root.start, root.end) == (0, size)
    for part in root.walk():
        assert 0 <= part.start <= part.body <= part.end <= size
        at = part.body
        for child in part.children if part.message is None else [part.message]:
            assert at <= child.start <= child.end <= part.end
            at = child.end


def _check_rendered(data: bytes, root: Part) -> Rendered:
    found = rendering.render(data)
    strict.check_envelope(strict.read(found.envelope))
    strict.check_body(strict.read(found.bodystructure), extended=True)
    strict.check_body(strict.read(bodystructure.body(root)), extended=False)
    envelope.parse(found.envelope)
    assert found.header_length == root.body
    assert len(found.preview) <= text.PREVIEW_LENGTH
    assert len(found.subject) <= rendering.SUBJECT
    assert len(found.references) <= rendering.REFERENCES
    line = "".join((found.subject, found.preview, found.message_id, *found.references))
    line.encode("utf-8")
    assert "\r" not in line
    assert "\n" not in line
    return found


def _check_slices(data: bytes, root: Part, shown: Rendered) -> None:
    """Wherever work is interrupted, it finds the same."""
    whole = _contents(data, root)
    with (
        mock.patch.multiple(mime, SLICE=SLICE, _FIRST_COPY=SLICE),
        mock.patch.object(transfer, "SLICE", CODED),
        mock.patch.object(addresslist, "_SLICE", 1),
    ):
        assert rendering.render(data) == shown
        assert _trace(mime.scan(memoryview(b"x" + data)[1:])) == _trace(root)
        assert _contents(data, root) == whole or UNCUT.search(data) is not None


def _contents(data: bytes, root: Part) -> list[bytes]:
    return [
        b"".join(transfer.decoding(data, part.body, part.end, part.encoding))
        for part in islice(root.walk(), PARTS)
    ]


def _paths(root: Part) -> Iterator[tuple[int, ...]]:
    """The section numbers of all parts, as a client counts them in a BODYSTRUCTURE."""
    waiting: list[tuple[tuple[int, ...], Part]] = [((), root)]
    while waiting:
        path, part = waiting.pop()
        yield path
        inner = part if part.message is None else part.message
        if inner.multipart:
            waiting += [((*path, at), child) for at, child in enumerate(inner.children, 1)]
        elif part.message is not None:
            waiting.append(((*path, 1), inner))


def _check_section(data: bytes, root: Part, path: tuple[int, ...]) -> None:
    for piece in Piece:
        found = section.span(root, path, piece)
        if found is not None:
            assert 0 <= found[0] <= found[1] <= len(data)
    try:
        content = section.binary(data, root, path)
    except Unsupported:
        return
    assert (content is None) == (section.part_at(root, path) is None)
    if content is not None:
        decoded = b"".join(content)
        assert len(decoded) <= len(data)


def _check_header(block: bytes) -> None:
    """Picking fields finds the same in both ways, and what is picked is part of the header."""
    list(header.fields(block))
    for names in (NAMES, NAMES[:1]):
        picked = header.select_fields(block, names)
        assert picked == header.select_fields(block, (*names, *NEVER)), names
        others = header.select_fields(block, names, negate=True)
        assert len(block) <= len(picked) + len(others) <= len(block) + 2
