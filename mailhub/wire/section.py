"""What a section specification of FETCH names, as a byte range (RFC 9051 6.4.5.1).

Numbers count the parts of a multipart; a message that is none has itself as part 1, and the
numbers below a message/rfc822 part are those of the message inside it. HEADER.FIELDS is the
HEADER range through `wire.header.select_fields`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from enum import Enum

from mailhub.model.errors import Unsupported
from mailhub.wire import transfer
from mailhub.wire.mime import Part
from mailhub.wire.slices import Buffer


class Piece(Enum):
    """Which piece of a part: `WHOLE` is the message at the top, a part's content below."""

    WHOLE = b""
    HEADER = b"HEADER"
    TEXT = b"TEXT"
    MIME = b"MIME"


def part_at(root: Part, path: Sequence[int]) -> Part | None:
    """The part that `path` numbers, the message itself for an empty one; None: no such part."""
    part = root
    container: Part | None = root
    for number in path:
        if container is None:
            return None
        if not container.multipart:
            if number != 1:
                return None
            part, container = container, container.message
            continue
        if not container.children and number == 1:
            # BODYSTRUCTURE shows an empty part 1 where a multipart has none at all.
            part, container = Part(container.end), None
            continue
        if not 1 <= number <= len(container.children):
            return None
        part = container.children[number - 1]
        container = part.message or (part if part.multipart else None)
    return part


def span(root: Part, path: Sequence[int], piece: Piece) -> tuple[int, int] | None:
    """[start, stop) of a section in the message's bytes; None where the message has no such."""
    part = part_at(root, path)
    if part is None:
        return None
    if piece is Piece.MIME:
        return (part.start, part.body) if path else None
    if not path:
        message: Part | None = root
        if piece is Piece.WHOLE:
            return part.start, part.end
    else:
        message = part.message
        if piece is Piece.WHOLE:
            return part.body, part.end
    if message is None:
        return None
    return (message.start, message.body) if piece is Piece.HEADER else (message.body, message.end)


def binary(data: Buffer, root: Part, path: Sequence[int]) -> Iterator[bytes] | None:
    """BINARY: a part's content without its transfer encoding, in pieces (RFC 9051 6.4.5.1).

    The message as it is for an empty path; None where there is no such part. Raises Unsupported
    for an encoding that nobody can decode (answered as UNKNOWN-CTE).
    """
    part = part_at(root, path)
    if part is None:
        return None
    if not path:
        return transfer.decoding(data, part.start, part.end, b"binary")
    if not transfer.known(part.encoding):
        raise Unsupported("The part has an unknown transfer encoding")
    return transfer.decoding(data, part.body, part.end, part.encoding)
