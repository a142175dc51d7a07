"""A search key as an index can answer it: what looks into text becomes what the index has of it."""

from __future__ import annotations

from mailhub.core.collation import fold
from mailhub.core.search_text import in_envelope
from mailhub.core.search_words import HEADER, TAGS, phrase_of, pieces_of, surely_has, terms_of
from mailhub.model.search import (
    And,
    BodyHas,
    HeaderHas,
    Indexed,
    Not,
    Or,
    Says,
    SearchKey,
    TermKind,
    Terms,
    TextHas,
    Where,
)

_EVERY = Terms(TermKind.WORD, ())


def plan(key: SearchKey) -> SearchKey:
    """`key` with an `Indexed` in the place of every key about text."""
    match key:
        case And(keys):
            return And(tuple(map(plan, keys)))
        case Or(left, right):
            return Or(plan(left), plan(right))
        case Not(inner):
            return Not(plan(inner))
    return indexed(key) or key


def indexed(key: SearchKey) -> Indexed | None:
    """What an index says of a key about text; None for others, and where it says nothing."""
    match key:
        case TextHas(text) if folded := fold(text):
            return _told(surely_has(folded, TAGS[Where.BODY], HEADER), pieces_of(folded))
        case BodyHas(text) if folded := fold(text):
            return _told(surely_has(folded, TAGS[Where.BODY]), pieces_of(folded))
        case HeaderHas(name, text) if folded := fold(text):
            surely = surely_has(folded, TAGS[Where(name)]) if in_envelope(name) else None
            return _told(surely, pieces_of(folded))
        case Says():
            terms, phrase = terms_of(key), phrase_of(key)
            if not terms.clauses:
                return Indexed(_EVERY, None)
            return Indexed(None if phrase else terms, terms, phrase)
    return None


def _told(surely: Terms | None, possibly: Terms | None) -> Indexed | None:
    if surely is None and possibly is None:
        return None
    return Indexed(surely, possibly)
