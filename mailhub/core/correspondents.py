"""To whom somebody wrote lately, for programs that complete addresses.

It is read from the newest messages in the mailbox for sent mail, whichever program put them there.
So nothing has to be kept beside the mail, and who deletes a message deletes this with it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from mailhub.core.listing import Listed, Listings
from mailhub.core.mailboxes import Mailboxes
from mailhub.model.account import Account
from mailhub.model.listing import Showing, Stretch
from mailhub.wire import address as grammar
from mailhub.wire.envelope import EnvelopeAddress

SENT = "\\Sent"
PAGE = 25
"""Messages that are looked at before others have a turn."""
PAGES = 20


class Correspondents:
    """Those of every account."""

    def __init__(self, mailboxes: Mailboxes, listings: Listings) -> None:
        self._mailboxes = mailboxes
        self._listings = listings

    async def find(self, account: Account, query: str, limit: int) -> Sequence[EnvelopeAddress]:
        """Whom the account wrote to and whose address, its domain, or a word of whose name begins
        with `query` in any case: at most `limit`, those of the newest messages first. Each has the
        name that the newest one gives."""
        box = await self._mailboxes.by_special_use(account.number, SENT)
        if box is None:
            return []
        wanted, start = query.casefold(), None
        found: dict[str, EnvelopeAddress] = {}
        for _ in range(PAGES):
            _, page = await self._listings.mailbox(
                account.id, box.id, Stretch(PAGE, start), Showing()
            )
            for one in _addressed(page.listed):
                if _matches(one, wanted):
                    found.setdefault(grammar.fold(f"{one.mailbox}@{one.host}"), one)
            if len(found) >= limit or not page.page.more:
                break
            start = page.page.end
        return list(found.values())[:limit]


def _addressed(listed: Sequence[Listed]) -> Iterator[EnvelopeAddress]:
    for one in listed:
        fields = one.facts.fields
        for person in (*fields.to, *fields.cc, *fields.bcc):
            if person.host:
                yield person


def _matches(one: EnvelopeAddress, wanted: str) -> bool:
    address = grammar.readable(f"{one.mailbox}@{one.host}")
    words = (address, address.rpartition("@")[2], one.name, *one.name.split())
    return any(word.casefold().startswith(wanted) for word in words)
