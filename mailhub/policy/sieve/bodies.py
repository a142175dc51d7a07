"""The body of a message as the body test sees it (RFC 5173): no more of it than the budget allows.

Nothing is decoded before a test asks for it. What the structure of a message is, `wire.mime` says.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import TypeVar

from mailhub.wire import charsets, mime, text, transfer
from mailhub.wire.mime import Part
from mailhub.wire.slices import Buffer

PARTS = 200
"""Parts of one message that are looked at."""
PIECE = 32 * 1024
"""Characters of HTML that are read in one step."""
WAYS = 4
"""Ways to look at the body that are kept; a script may ask in thousands of them."""
_LEAVES = 2

Structure = Callable[[], Generator[None, None, Part]]
Result = TypeVar("Result")


class Body:
    """`data`: the whole message. `limit`: octets that are looked at, over all tests of a run that
    see the body in the same way."""

    def __init__(self, data: Buffer, limit: int, structure: Structure | None = None) -> None:
        self._data = data
        self._limit = limit
        self._structure = structure or (lambda: mime.scanning(data))
        self._root: Part | None = None
        self._known: dict[tuple[str, ...], list[str]] = {}

    def root(self) -> Generator[None, None, Part]:
        """The structure, found once."""
        if self._root is None:
            self._root = yield from self._structure()
        return self._root

    def raw(self) -> Generator[None, None, list[str]]:
        """The undecoded body, as one value."""
        known = self._known.get(("raw",))
        if known is None:
            root = yield from self.root()
            end = min(root.end, root.body + self._limit)
            known = [bytes(self._data[root.body : end]).decode("utf-8", "replace")]
            self._known["raw",] = known
        return known

    def text(self) -> Generator[None, None, list[str]]:
        """The text parts, decoded; HTML without its markup."""
        return (yield from self._values(("text",), self._text))

    def content(self, types: tuple[str, ...]) -> Generator[None, None, list[str]]:
        """The parts of these types, decoded (RFC 5173 section 5.2)."""
        wanted = tuple(sorted({one.lower() for one in types}))
        return (yield from self._values(("content", *wanted), self._content))

    def _values(
        self,
        key: tuple[str, ...],
        of_part: Callable[[Part, tuple[str, ...], int], Generator[None, None, str | None]],
    ) -> Generator[None, None, list[str]]:
        known = self._known.get(key)
        if known is not None:
            return known
        root = yield from self.root()
        values: list[str] = []
        left = self._limit
        for count, part in enumerate(root.walk()):
            if left <= 0 or count >= PARTS:
                break
            value = yield from of_part(part, key[1:], left)
            if value is not None:
                values.append(value)
                left -= len(value)
                yield
        if len(self._known) >= WAYS:
            self._known.clear()
        self._known[key] = values
        return values

    def _text(
        self, part: Part, types: tuple[str, ...], left: int
    ) -> Generator[None, None, str | None]:
        if not part.content.media.startswith(b"text/") or part.multipart:
            return None
        value = yield from self._decoded(part, left)
        if part.content.media != b"text/html":
            return value
        return (yield from _from_html(value))

    def _content(
        self, part: Part, types: tuple[str, ...], left: int
    ) -> Generator[None, None, str | None]:
        media = part.content.media.decode("ascii", "replace")
        if not any(_fits(media, one) for one in types):
            return None
        if part.message is not None:
            inner = part.message
            stop = min(inner.body, inner.start + left)
            return bytes(self._data[inner.start : stop]).decode("utf-8", "replace")
        if part.multipart:
            return self._around(part, left)
        return (yield from self._decoded(part, left))

    def _around(self, part: Part, left: int) -> str:
        """What stands before the first part of a multipart and behind the last."""
        data = self._data
        if not part.children:
            return bytes(data[part.body : min(part.end, part.body + left)]).decode(
                "utf-8", "replace"
            )
        before = bytes(data[part.body : min(part.children[0].start, part.body + left)])
        last = part.children[-1].end
        behind = bytes(data[last : min(part.end, last + left)])
        before = before[: before.rstrip(b"\r\n").rfind(b"\n") + 1]
        closing = behind.lstrip(b"\r\n").find(b"\n")
        behind = behind.lstrip(b"\r\n")[closing + 1 :] if closing >= 0 else b""
        return (before + behind).decode("utf-8", "replace")

    def _decoded(self, part: Part, left: int) -> Generator[None, None, str]:
        """A leaf's content without its transfer encoding, text in Unicode."""
        stop = min(part.end, part.body + left * _LEAVES)
        held: list[bytes] = []
        size = 0
        for piece in transfer.decoding(self._data, part.body, stop, part.encoding):
            held.append(piece)
            size += len(piece)
            if size >= left:
                break
            yield
        content = b"".join(held)[:left]
        if not part.content.media.startswith(b"text/"):
            return content.decode("utf-8", "replace")
        charset = part.content.parameter(b"charset").decode("ascii", "replace")
        return charsets.decode(content, charset if charsets.codec_of(charset) else "utf-8")


def _from_html(source: str) -> Generator[None, None, str]:
    """The text of HTML, piece by piece; none is cut within a tag, as far as tags are short."""
    pieces: list[str] = []
    start = 0
    while start < len(source):
        end = start + PIECE
        cut = source.rfind("<", start, end) if end < len(source) else -1
        if cut > start and cut > source.rfind(">", start, end):
            end = cut
        pieces.append(text.from_html(source[start:end]))
        start = end
        yield
    return "".join(pieces)


def _fits(media: str, wanted: str) -> bool:
    """RFC 5173 section 5.2: empty matches all, a type without `/` all of its subtypes; what has
    more than one `/`, or one at an end, matches nothing."""
    if not wanted:
        return True
    if wanted.count("/") > 1 or wanted.startswith("/") or wanted.endswith("/"):
        return False
    return media == wanted if "/" in wanted else media.partition("/")[0] == wanted
