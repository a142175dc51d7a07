"""What an index keeps of a message, and what it says when it is asked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mailhub.model.listing import Heads


@dataclass(frozen=True, slots=True)
class Document:
    """A message as an index takes it in: words with spaces between, each once.

    `words`: tagged words, as `Term`s of kind WORD name them. `pieces`: what stands between white
    space, folded. `complete`: nothing was left out. For phrases, words in order, without
    diacritics, a space before and behind each, and a line for what stands together: `fields` has
    tagged ones, `text` those of the text.
    """

    words: str
    pieces: str
    complete: bool
    fields: str = ""
    text: str = ""


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """Where a message is. `content`: grows with the time at which it came into the account, and
    stays when it is moved or copied."""

    content: int
    mailbox: int
    uid: int


@dataclass(frozen=True, slots=True)
class Looked:
    """What an index knows of one key in one mailbox: UIDs that match, and those that may."""

    surely: Sequence[int]
    maybe: Sequence[int]


@dataclass(frozen=True, slots=True)
class Span:
    """A part of an account's matches in order. `after`: behind that place, where one is given.
    `heads`: which of the matches of a thread there are."""

    limit: int
    ascending: bool = False
    after: Place | None = None
    heads: Heads = Heads.ALL


@dataclass(frozen=True, slots=True)
class IndexPage:
    """`total`: how many surely match. `places`: those of the span. `maybe`: all that may."""

    total: int
    places: Sequence[Place]
    maybe: Sequence[Place]


@dataclass(frozen=True, slots=True)
class IndexStatus:
    """`documents`: messages in the index, `waiting`: those that are not yet, `removed`: those that
    are in it and nowhere else. `size`: bytes on disk. `state`: following, building, off."""

    state: str
    documents: int = 0
    waiting: int = 0
    removed: int = 0
    size: int = 0
