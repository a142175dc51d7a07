"""The words of a message: what people search by, and what an index is asked for. Pure.

A word is a run of letters, digits and marks, folded as `collation` does and then without the
diacritics of Latin, Greek and Cyrillic. Scripts that write no spaces (Chinese, Japanese, Thai …)
have every letter and every pair of neighbours as a word. An index also keeps each word as it is
folded, diacritics and all, since IMAP compares those, and all text cut at white space, from which
any part of a word can be looked up by three letters at a time.

The index and the search of a message that is in none share every function here, so that both
give the same answer.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from functools import lru_cache
from itertools import pairwise

from mailhub.core.collation import fold
from mailhub.core.search_text import shown
from mailhub.model.errors import Invalid
from mailhub.model.search import Phrase, Says, Term, TermKind, Terms, Where
from mailhub.wire import contenttype, envelope, mime, text, words
from mailhub.wire.slices import Buffer

HEADER_LIMIT = 1024 * 1024
"""Octets of a header that are searched."""
LONGEST = 64
"""Characters of a word that count."""
CLAUSES = 24
"""Terms that one needle is looked up by; more of them would not find fewer messages."""
SIZE = 3
"""Letters of a piece."""

TAGS = {
    Where.FROM: "f:",
    Where.TO: "t:",
    Where.CC: "c:",
    Where.BCC: "b:",
    Where.SUBJECT: "s:",
    Where.BODY: "",
    Where.ATTACHMENT: "a:",
}
HEADER = "h:"
PLAIN = "~"
"""Stands before a word whose diacritics were taken off."""
_ACCENTS = re.compile("[\u0300-\u036f]+")
_UNSPACED = (
    "\u0e00-\u0eff\u0f00-\u0fff\u1000-\u109f\u1780-\u17ff\u3005-\u3007\u3040-\u30ff\u3400-\u4dbf"
    "\u4e00-\u9fff\U00020000-\U0003ffff"
)
"""Thai, Lao, Tibetan, Burmese, Khmer, kana, ideographs."""
_UNSPACED_ONLY = re.compile(f"[{_UNSPACED}]+")
LOST = re.compile("[\x00\ud800-\udfff]+")
"""What an index cannot take in."""


@lru_cache(maxsize=1)
def _pattern() -> re.Pattern[str]:
    """Runs of unspaced letters, or of others with their marks. Made when first used: going through
    the marks of Unicode takes some milliseconds."""
    marks = "".join(
        letter
        for letter in map(chr, range(0x0300, 0x10000))
        if unicodedata.category(letter) in ("Mn", "Mc")
    )
    letters = rf"[\w{marks}]"
    return re.compile(rf"([{_UNSPACED}]+)|((?:(?![{_UNSPACED}]){letters})+)")


# -- words


def plain(folded: str) -> str:
    """A folded text without diacritics."""
    return folded if folded.isascii() else _ACCENTS.sub("", folded)


def runs(folded: str) -> Iterator[tuple[str, str]]:
    """(unspaced run, "") or ("", word) of folded text, in order."""
    if folded.isascii():
        for word in _ASCII_WORD.findall(folded):
            yield "", word[:LONGEST]
        return
    for unspaced, word in _pattern().findall(folded):
        yield unspaced, word[:LONGEST]


_ASCII_WORD = re.compile(r"\w+")


def pairs(run: str) -> list[str]:
    """An unspaced run as words that follow each other."""
    return [left + right for left, right in pairwise(run)] or [run]


def sequence(found: str) -> list[str]:
    """The words of a text in order, as a phrase compares them."""
    return in_order(runs(plain(fold(found))))


def in_order(found: Iterable[tuple[str, str]]) -> list[str]:
    """The words of `runs`, pairs of unspaced letters in the place of each run."""
    listed: list[str] = []
    for unspaced, word in found:
        if unspaced:
            listed += pairs(unspaced)
        else:
            listed.append(word)
    return listed


def bag(found: str) -> set[str]:
    """All words of a text."""
    listed: set[str] = set()
    for unspaced, word in runs(plain(fold(found))):
        if unspaced:
            listed.update(unspaced)
            listed.update(pairs(unspaced))
        else:
            listed.add(word)
    return listed


# -- the texts of a message


def texts(data: Buffer, root: mime.Part) -> Iterator[tuple[Where, str]]:
    """What people look for in a message, by where it stands."""
    yield from envelope_texts(envelope.envelope(root.fields))
    for part in root.walk():
        name = attachment_name(part)
        if name:
            yield Where.ATTACHMENT, name
    for piece in text.searchable(data, root):
        yield Where.BODY, piece


def envelope_texts(rendered: bytes) -> Iterator[tuple[Where, str]]:
    """The same of an ENVELOPE alone."""
    try:
        fields = envelope.parse(rendered)
    except Invalid:  # a row of an older rendering: nothing can be said of it
        return
    yield Where.SUBJECT, fields.subject
    for where, addresses in (
        (Where.FROM, fields.from_),
        (Where.TO, fields.to),
        (Where.CC, fields.cc),
        (Where.BCC, fields.bcc),
    ):
        for address in addresses:
            yield where, shown(address)


def attachment_name(part: mime.Part) -> str:
    """The file name of a part, empty where it has none."""
    value = part.field(b"content-disposition")
    found = contenttype.disposition(value) if value is not None else None
    name = contenttype.parameter(found[1], b"filename") if found is not None else b""
    return words.decode(name or part.content.parameter(b"name"))


# -- what a search wants


class Wanted:
    """A `Says` as it is compared."""

    __slots__ = ("needed", "phrase", "telling", "where")

    def __init__(self, key: Says) -> None:
        self.where = frozenset(key.where)
        listed = sequence(key.text) if key.phrase else []
        self.phrase = listed if len(listed) > 1 else []
        self.needed = _needed(key)
        # Raw bytes without it tell that a message does not match: words if not a phrase.
        longest = max((term.text for term in self.needed), key=len, default="")
        self.telling = self.phrase or [longest]

    @property
    def nothing(self) -> bool:
        """Whether it has no word in it: then every message matches."""
        return not self.needed

    def reading(self) -> Read:
        """For one message's texts."""
        return Read(self)

    def within(self, found: Iterable[tuple[Where, str]]) -> bool:
        """Whether a message with these texts matches."""
        reading = self.reading()
        for where, one in found:
            reading.take(where, one)
        return reading.matches


class Read:
    """What was read of one message, by one who looks for something."""

    __slots__ = ("_missing", "_phrase", "_wanted", "matches")

    def __init__(self, wanted: Wanted) -> None:
        self._wanted = wanted
        self._missing = set(wanted.needed)
        self._phrase = wanted.phrase
        self.matches = wanted.nothing

    def take(self, where: Where, found: str) -> None:
        """One more text of it."""
        if self.matches or where not in self._wanted.where:
            return
        if self._phrase:
            self.matches = _stands_in(self._phrase, sequence(found))
            return
        there = bag(found)
        self._missing = {term for term in self._missing if not _among(term, there)}
        self.matches = not self._missing


def _among(term: Term, there: set[str]) -> bool:
    if term.text in there:
        return True
    return term.prefix and any(word.startswith(term.text) for word in there)


def _needed(key: Says) -> list[Term]:
    """Every word that a message must have. Short ones stand for themselves alone: nearly every
    message has words that begin with two given letters."""
    needed: dict[Term, None] = {}
    for unspaced, word in runs(plain(fold(key.text))):
        if unspaced:
            needed.update((Term(pair), None) for pair in pairs(unspaced))
        else:
            needed[Term(word, not key.phrase and len(word) >= SIZE)] = None
    return list(needed)[:CLAUSES]


def _stands_in(phrase: list[str], listed: list[str]) -> bool:
    length = len(phrase)
    first, start = phrase[0], 0
    while True:
        try:
            start = listed.index(first, start)
        except ValueError:
            return False
        if listed[start : start + length] == phrase:
            return True
        start += 1


def terms_of(key: Says) -> Terms:
    """What an index is asked for: the whole answer but for a phrase."""
    where = [TAGS[one] for one in key.where]
    return Terms(
        TermKind.WORD,
        tuple(
            tuple(
                Term(tag + mark + term.text, term.prefix) for tag in where for mark in ("", PLAIN)
            )
            for term in _needed(key)
        ),
    )


def phrase_of(key: Says) -> Phrase | None:
    """What stands side by side in a document of a message that matches; None where a key is about
    words alone."""
    listed = Wanted(key).phrase
    if not listed:
        return None
    fields = [where for where in key.where if where is not Where.BODY]
    return Phrase(
        tuple(line(listed, TAGS[where]) for where in fields),
        line(listed, TAGS[Where.BODY]) if Where.BODY in key.where else "",
    )


def line(listed: list[str], tag: str) -> str:
    """Words as a document has them for phrases."""
    return f" {tag}{f' {tag}'.join(listed)} "


# -- parts of words, as IMAP compares


def pieces_of(folded: str) -> Terms | None:
    """What a message must have that contains `folded`; None where that cannot be looked up."""
    if LOST.search(folded):
        return None
    if _is_pair(folded):
        return _pair_in(folded, *TAGS.values(), HEADER)
    found: dict[str, None] = {}
    for token in folded.split():
        found.update((token[at : at + SIZE], None) for at in range(len(token) - SIZE + 1))
    if not found:
        return None
    listed = list(found)
    step = -(-len(listed) // CLAUSES)
    return Terms(TermKind.PIECE, tuple((Term(piece),) for piece in listed[::step]))


def surely_has(folded: str, *tags: str) -> Terms | None:
    """Terms with which a text surely contains `folded`; None where none are known."""
    if _is_pair(folded):
        return _pair_in(folded, *tags)
    if SIZE <= len(folded) <= LONGEST and list(runs(folded)) == [("", folded)]:
        return Terms(TermKind.WORD, (tuple(Term(tag + folded, True) for tag in tags),))
    return None


def _is_pair(folded: str) -> bool:
    """Whether it is a word of an unspaced script, which is no piece."""
    return 0 < len(folded) < SIZE and _UNSPACED_ONLY.fullmatch(folded) is not None


def _pair_in(folded: str, *tags: str) -> Terms:
    return Terms(TermKind.WORD, (tuple(Term(tag + folded) for tag in tags),))
