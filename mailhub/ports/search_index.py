"""What core asks of an index of the text of all messages.

An index may be behind, incomplete, or not there: then it says `maybe` of messages, or nothing at
all, and core looks at those itself. What it says `surely` of is true. No words of any engine here.
"""

from __future__ import annotations

from collections.abc import Awaitable, Sequence
from typing import Protocol

from mailhub.model.indexed import IndexPage, IndexStatus, Looked, Place, Span
from mailhub.model.search import Indexed, SearchKey


class SearchIndex(Protocol):
    """The index of the whole store."""

    def look(self, account: int, mailbox: int, key: Indexed) -> Awaitable[Looked | None]:
        """What it knows of one key in one mailbox; None where there is no index to be asked."""
        ...

    def page(
        self,
        account: int,
        mailboxes: Sequence[int],
        key: SearchKey,
        span: Span,
        also: Sequence[Place] = (),
    ) -> Awaitable[IndexPage]:
        """What matches `key` in these mailboxes of the account, in the order of `Place`s, the
        newest first unless the span says so; `also` match as was found otherwise. Without an
        index, all may match that the rows of messages do not rule out."""
        ...

    def status(self) -> Awaitable[IndexStatus]:
        """How it stands."""
        ...

    def rebuild(self) -> Awaitable[None]:
        """Makes it anew, beside the old one, which serves until then."""
        ...
