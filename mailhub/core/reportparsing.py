"""Finds the reports that others sent in a message: attachments, expanded and read within bounds.

Only says what a report says; whether it is believed, and what is kept, is `core.reportreading`'s.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain

from mailhub.core.turns import Turns, run
from mailhub.model.dmarcreport import Aggregate
from mailhub.model.errors import Invalid
from mailhub.model.tlsreport import TLSAggregate
from mailhub.ports import Clock
from mailhub.wire import compressed, contenttype, dmarcxml, mime, tlsrpt, transfer
from mailhub.wire.mime import Part

PARTS = 100
"""Parts of a message that are looked at."""
REPORTS = 5
"""Reports of one message that are read."""
XML = 24 << 20
"""Octets of a DMARC report, expanded; a hundred thousand sources would fit."""
JSON = 512 << 10
"""Octets of a TLS report, expanded: it is read in one go."""
_MEDIA = frozenset(
    b"application/gzip application/x-gzip application/zip application/x-zip text/xml"
    b" application/x-zip-compressed application/xml application/tlsrpt+gzip"
    b" application/tlsrpt+json".split()
)
_BLANK = b"\xef\xbb\xbf \t\r\n"
_ENDINGS = (b".gz", b".zip", b".xml", b".json")

Report = Aggregate | TLSAggregate


async def reports(data: bytes, clock: Clock) -> Sequence[Report]:
    """The reports in a message, none where it has no attachment that could be one. Raises Invalid:
    it has, and one cannot be read."""
    turns = Turns(clock)
    root = await run(mime.scanning(data), turns)
    found: list[Report] = []
    for number, part in enumerate(root.walk()):
        if number >= PARTS or len(found) >= REPORTS:
            break
        if _may_be_one(part):
            attached = bytearray()
            for piece in transfer.decoding(data, part.body, part.end, part.encoding):
                attached += piece
                await turns.rest()
            found.append(await _read(bytes(attached), turns))
    return found


def _may_be_one(part: Part) -> bool:
    """By its type; many say only that it is octets, and what the file is called (RFC 9990 3.5.2
    asks for the right one)."""
    if part.multipart or part.message is not None:
        return False
    if part.content.media in _MEDIA:
        return True
    if part.content.media != b"application/octet-stream":
        return False
    said = contenttype.disposition(part.field(b"content-disposition") or b"")
    name = contenttype.parameter(said[1], b"filename") if said is not None else b""
    return (name or part.content.parameter(b"name")).lower().endswith(_ENDINGS)


async def _read(attached: bytes, turns: Turns) -> Report:
    pieces = compressed.expand(attached, XML)
    # What it is shows in its first octets. Some put a line before the XML declaration, which XML
    # does not allow, or a byte order mark before JSON, which JSON does not.
    begin = next((piece for piece in pieces if piece), b"")
    if begin.lstrip(_BLANK).startswith(b"{"):
        return await _read_json(begin.lstrip(_BLANK), pieces, turns)
    reader = dmarcxml.Reader()
    for piece in chain((begin.lstrip(_BLANK[3:]),), pieces):
        for at in range(0, len(piece), 8192):
            reader.feed(piece[at : at + 8192])
            await turns.rest()
    return reader.finish()


async def _read_json(begin: bytes, pieces: Iterator[bytes], turns: Turns) -> Report:
    data = bytearray(begin)
    for piece in pieces:
        data += piece
        if len(data) > JSON:
            raise Invalid("It is too long for a TLS report")
        await turns.rest()
    return tlsrpt.read(bytes(data))
