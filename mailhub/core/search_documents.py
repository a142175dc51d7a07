"""What an index keeps of a message: its words, all that stands between white space, and its words
in order. What these are is in `search_words`. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable

from mailhub.core.collation import fold
from mailhub.core.search_text import header_texts
from mailhub.core.search_words import (
    HEADER,
    HEADER_LIMIT,
    LOST,
    PLAIN,
    SIZE,
    TAGS,
    in_order,
    line,
    pairs,
    plain,
    runs,
    texts,
)
from mailhub.model.indexed import Document
from mailhub.model.search import Where
from mailhub.wire import mime
from mailhub.wire.slices import Buffer

TEXT = 4 << 20
"""Characters of a message that go into an index, and of its words in order."""
WORDS = 400_000
PIECES = 1 << 20
"""Characters of a document's words and pieces; what is more leaves it incomplete."""


class _Collected:
    """A document in the making."""

    def __init__(self) -> None:
        self.words: set[str] = set()
        self.pieces: set[str] = set()
        self.fields: list[str] = []
        self.text: list[str] = []
        self.room = self.room_in_order = TEXT
        self.complete = True

    def take(self, folded: str, tag: str) -> Iterable[tuple[str, str]]:
        """The words of a folded text, with and without their diacritics; the latter in order."""
        read = bare = list(runs(folded))
        found = set(read)
        self._put(found, tag)
        if not folded.isascii():
            bare = list(runs(plain(folded)))
            self._put(set(bare) - found, tag + PLAIN)
        return bare

    def say(self, found: Iterable[tuple[str, str]], tag: str) -> None:
        """Words that follow each other."""
        listed = in_order(found)
        if len(listed) < 2:
            return
        made = line(listed, tag)
        self.room_in_order -= len(made)
        if self.room_in_order < 0:
            self.complete = False
            return
        (self.fields if tag else self.text).append(made)

    def _put(self, found: set[tuple[str, str]], tag: str) -> None:
        for unspaced, word in found:
            if unspaced:
                self.words.update(tag + letter for letter in unspaced)
                self.words.update(tag + pair for pair in pairs(unspaced))
            else:
                self.words.add(tag + word)

    def cut(self, folded: str) -> None:
        """The pieces of a folded text."""
        if LOST.search(folded):
            folded = LOST.sub(" ", folded)
        self.pieces.update(folded.split())

    def fits(self, piece: str) -> bool:
        """Whether there is room for a text; what comes later is left out where not."""
        self.room -= len(piece)
        if self.room < 0:
            self.complete = False
        return self.room >= 0

    def document(self) -> Document:
        return Document(
            self._joined(sorted(self.words), WORDS),
            self._joined(sorted(piece for piece in self.pieces if len(piece) >= SIZE), PIECES),
            self.complete,
            "\n".join(self.fields),
            "\n".join(self.text),
        )

    def _joined(self, listed: list[str], limit: int) -> str:
        joined = LOST.sub(" ", " ".join(listed))
        if len(joined) > limit:
            self.complete = False
            joined = joined[: joined.rfind(" ", 0, limit)]
        return joined


def document(data: Buffer, header_length: int, papers: Iterable[str] = ()) -> Document:
    """What an index keeps of a message. `papers`: the text of documents among its attachments."""
    collected = _Collected()
    root = mime.scan(data)
    _take_header(collected, bytes(data[: min(header_length, HEADER_LIMIT)]))
    for where, found in texts(data, root):
        if not collected.fits(found):
            break
        folded = fold(found)
        collected.say(collected.take(folded, TAGS[where]), TAGS[where])
        if where is not Where.ATTACHMENT:
            collected.cut(folded)
    for paper in papers:
        collected.take(fold(paper[:TEXT]), TAGS[Where.ATTACHMENT])
    return collected.document()


_FOLD = re.compile(rb"\r?\n(?=[ \t])")


def _take_header(collected: _Collected, block: bytes) -> None:
    """All fields as they are read, and as they are written: search looks at both."""
    for field in header_texts(block):
        folded = fold(field)
        collected.cut(folded)
        if not folded.isascii():
            for unspaced, _ in runs(folded):
                if unspaced:
                    collected.words.update(HEADER + letter for letter in unspaced)
                    collected.words.update(HEADER + pair for pair in pairs(unspaced))
    collected.cut(_FOLD.sub(b"", block.lower()).decode("ascii", "replace"))
