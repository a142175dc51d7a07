"""What WildDuck's search takes and shows, and which search its parameters ask for."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

from pydantic import AliasChoices, Field

from mailhub.http.wildduck.message_answers import ListedMessage, Listing
from mailhub.http.wildduck.message_shapes import Date, MessagePage
from mailhub.http.wildduck.shapes import Boolean, FieldErrors, HexId, Number
from mailhub.model.errors import Invalid
from mailhub.model.flags import FLAGGED, SEEN
from mailhub.model.search import (
    Arrived,
    HasAttachments,
    HasFlag,
    HeaderHas,
    InMailbox,
    Larger,
    Not,
    Or,
    SearchKey,
    Smaller,
    ThreadIdIs,
)
from mailhub.wire import searchquery

Words = Annotated[str, Field(max_length=255)]


def _alternative(name: str) -> Words:
    """A field of `or`, as `or.from` and as `or[from]`."""
    return Field(default="", validation_alias=AliasChoices(f"or.{name}", f"or[{name}]"))


class Search(MessagePage):
    """GET /users/{user}/search. All that is given must hold; of `or`'s fields one."""

    q: Annotated[str, Field(max_length=searchquery.LENGTH)] = ""
    query: Words = ""
    mailbox: HexId | None = None
    thread: HexId | None = None
    from_: Annotated[Words, Field(alias="from")] = ""
    to: Words = ""
    subject: Words = ""
    datestart: Date | None = None
    dateend: Date | None = None
    min_size: Number | None = None
    max_size: Number | None = None
    attachments: Boolean | None = None
    flagged: Boolean | None = None
    unseen: Boolean | None = None
    seen: Boolean | None = None
    searchable: Boolean | None = None
    use_and_search: Boolean = True
    collapse_threads: Boolean = False
    or_query: Words = _alternative("query")
    or_from: Words = _alternative("from")
    or_to: Words = _alternative("to")
    or_subject: Words = _alternative("subject")

    def key(self, now: int) -> SearchKey:
        """What is searched for. `now`: epoch seconds. Raises FieldErrors."""
        wanted = [*self._texts(now), *self._facts()]
        either = [
            *self._query("or.query", self.or_query),
            *_fields(self.or_from, self.or_to, self.or_subject),
        ]
        if either:
            wanted.append(searchquery.either(either))
        return searchquery.both(wanted)

    def _texts(self, now: int) -> Iterator[SearchKey]:
        if self.q:
            try:
                yield searchquery.parse(self.q, now)
            except Invalid as error:
                raise FieldErrors({"q": str(error)}) from None
        yield from self._query("query", self.query)
        yield from _fields(self.from_, self.to, self.subject)

    def _query(self, name: str, text: str) -> Iterator[SearchKey]:
        if not text:
            return
        try:
            yield searchquery.parse_words(text, any_word=not self.use_and_search)
        except Invalid as error:
            raise FieldErrors({name: str(error)}) from None

    def _facts(self) -> Iterator[SearchKey]:
        if self.mailbox is not None:
            yield InMailbox(self.mailbox)
        if self.thread is not None:
            yield ThreadIdIs(self.thread)
        if self.datestart is not None:
            yield Arrived(since=self.datestart)
        if self.dateend is not None:
            yield Arrived(until=self.dateend + 1)
        if self.min_size is not None:
            yield Larger(self.min_size - 1)
        if self.max_size is not None:
            yield Smaller(self.max_size + 1)
        yield from _whether(HasAttachments(), self.attachments)
        yield from _whether(HasFlag(FLAGGED), self.flagged)
        yield from _whether(HasFlag(SEEN), self.seen)
        yield from _whether(Not(HasFlag(SEEN)), self.unseen)
        if self.searchable:
            yield Not(searchquery.UNSEARCHED)


def _fields(author: str, to: str, subject: str) -> Iterator[SearchKey]:
    """Parts of fields, wherever they stand in them; `to` looks into Cc, too."""
    if author:
        yield HeaderHas("from", author)
    if to:
        yield Or(HeaderHas("to", to), HeaderHas("cc", to))
    if subject:
        yield HeaderHas("subject", subject)


def _whether(key: SearchKey, wanted: bool | None) -> Iterator[SearchKey]:
    if wanted is not None:
        yield key if wanted else Not(key)


class SearchListing(Listing):
    """What was found. `query`: what was searched for."""

    query: str
    results: list[ListedMessage]
