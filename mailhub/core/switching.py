"""What a move from another server asks of this one besides `core.importing`: what of it is here
already, and that mail which was taken in goes the way that it goes there.

Nothing here knows the other server, nor how far a move came; that is kept by who moves.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from enum import Enum

from mailhub.core.accounts import Accounts
from mailhub.core.addresses import Addresses
from mailhub.core.domains import Domains
from mailhub.core.mailboxes import Mailboxes
from mailhub.core.mailroom import Mailroom
from mailhub.core.transfer import Listed
from mailhub.core.turns import Turns
from mailhub.model.change import Actor
from mailhub.model.errors import Invalid, NotFound
from mailhub.model.flags import SYSTEM_BITS, FlagMode, Flags
from mailhub.model.mailbox import Mailbox
from mailhub.model.uids import UidSet
from mailhub.ports import Clock, Storage

STEP = 500
"""Messages listed between two rests."""


class Standing(Enum):
    """What a name is here."""

    FREE = ""
    DOMAIN = "domain"
    OTHER_NAME = "other name of a domain"
    RELAYED = "relayed domain"
    ACCOUNT = "account"
    FURTHER = "further address of an account"
    ALIAS = "alias"


@dataclass(frozen=True, slots=True)
class Stands:
    """`whose`: the account's username, or the domain that it is another name of."""

    standing: Standing
    whose: str = ""


FREE = Stands(Standing.FREE)


class Switching:
    """For the whole process."""

    def __init__(
        self,
        storage: Storage,
        domains: Domains,
        accounts: Accounts,
        addresses: Addresses,
        mailboxes: Mailboxes,
        mailroom: Mailroom,
        clock: Clock,
    ) -> None:
        self._storage = storage
        self._domains = domains
        self._accounts = accounts
        self._addresses = addresses
        self._mailboxes = mailboxes
        self._mailroom = mailroom
        self._clock = clock

    # -- what is here

    async def domain(self, name: str) -> Stands:
        """What a domain is here. Raises Unavailable."""
        try:
            found = await self._domains.get(name)
        except (NotFound, Invalid):
            return FREE
        if found.relay:
            return Stands(Standing.RELAYED)
        if found.alias_of:
            return Stands(Standing.OTHER_NAME, found.alias_of)
        return Stands(Standing.DOMAIN)

    async def address(self, address: str) -> Stands:
        """What exactly this address is here; where its domain is not, it is free. Raises
        Unavailable."""
        try:
            found = await self._addresses.get(address)
        except (NotFound, Invalid):
            return FREE
        if found.account is None:
            return Stands(Standing.ALIAS)
        owner = (await self._accounts.get(found.account)).username
        return Stands(Standing.ACCOUNT if found.main else Standing.FURTHER, owner)

    async def login(self, username: str) -> Stands:
        """Whether somebody logs in with this name. Raises Unavailable."""
        try:
            found = await self._accounts.by_username(username)
        except NotFound:
            return FREE
        return Stands(Standing.ACCOUNT, found.username)

    # -- mail that was taken in

    async def flag(
        self, user: str, mailbox: str, uids: UidSet, add: Flags, remove: Flags, actor: Actor
    ) -> None:
        """Gives and takes flags; others that the messages have stay. Raises NotFound, LimitReached,
        Unavailable."""
        box = await self._box(user, mailbox)
        for mode, flags in ((FlagMode.ADD, add), (FlagMode.REMOVE, remove)):
            if flags != Flags():
                await self._mailroom.messages.store_flags(
                    box.account, box.number, uids, mode, flags, actor
                )

    async def drop(self, user: str, mailbox: str, uids: UidSet, actor: Actor) -> int:
        """Takes messages out that were deleted there; they can be had back from the archive. How
        many. Raises NotFound, StorageFull, Unavailable."""
        box = await self._box(user, mailbox)
        return await self._mailroom.arranging.delete(box, uids, actor)

    async def listing(self, user: str, mailbox: str) -> AsyncIterator[Sequence[Listed]]:
        """Every message of a mailbox, some at a time. Raises NotFound."""
        box = await self._box(user, mailbox)
        index = await self._storage.messages.index(box.account, box.number)
        turns = Turns(self._clock)
        for at in range(0, len(index.uids), STEP):
            part = slice(at, at + STEP)
            yield [
                Listed(
                    uid,
                    Flags(code & SYSTEM_BITS, index.keyword_sets.get(code >> 8, ())).names(),
                    date,
                    size,
                )
                for uid, code, date, size in zip(
                    index.uids[part],
                    index.flags[part],
                    index.dates[part],
                    index.sizes[part],
                    strict=True,
                )
            ]
            await turns.rest()

    async def _box(self, user: str, mailbox: str) -> Mailbox:
        account = await self._accounts.by_name(user)
        return await self._mailboxes.get(account.number, mailbox)
