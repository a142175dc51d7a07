"""Whether a message was written to an account, by name: else no machine of its answers it.

RFC 3834 section 2 and RFC 5230 section 4.5; shared by automatic replies and scripts.
"""

from __future__ import annotations

from collections.abc import Collection

from mailhub.core.addresses import Addresses
from mailhub.core.personal import Incoming
from mailhub.model.errors import Invalid
from mailhub.wire import addresslist, header

ADDRESSED = (b"to", b"cc", b"resent-to", b"resent-cc")
"""Where an account has to be named to answer (RFC 3834 section 2); Bcc is seen by nobody."""
NAMED = 200
"""Addresses of these fields that are looked at, and of those how many in our own domains."""
LOOKED_UP = 50


class Addressed:
    """Asks whose addresses stand in a message."""

    def __init__(self, addresses: Addresses) -> None:
        self._addresses = addresses

    async def is_own(self, account: int, address: str) -> bool:
        """Whether it is an address of the account's. Aliases that lead there are not."""
        try:
            found = await self._addresses.find(address)
        except Invalid:
            return False
        return found is not None and found.account == account

    async def names(self, incoming: Incoming, others: Collection[str] = ()) -> bool:
        """Whether an address of the account's, or one of `others`, stands in To or Cc, and it did
        not write itself."""
        if await self.is_own(incoming.account, incoming.sender):
            return False
        known = {one.lower() for one in (incoming.recipient, incoming.address, *others)}
        here = 0
        for one in named(incoming.mail.header):
            if one.lower() in known:
                return True
            try:
                local = await self._addresses.is_local_address(one)
            except Invalid:
                continue
            here += local
            if here > LOOKED_UP:
                return False
            if local and await self.is_own(incoming.account, one):
                return True
        return False


def named(block: bytes) -> list[str]:
    """Addresses that a header is for, the first `NAMED` of them."""
    found: list[str] = []
    for name in ADDRESSED:
        for value in header.values(block, name):
            for one in addresslist.parse(value[: 64 * 1024], NAMED - len(found)):
                if one.mailbox and one.host:
                    found.append((one.mailbox + b"@" + one.host).decode("utf-8", "replace"))
            if len(found) >= NAMED:
                return found[:NAMED]
    return found
