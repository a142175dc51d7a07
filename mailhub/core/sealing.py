"""Mail encrypted with its owner's public key before it is stored or goes on.

What rules, checks and hooks look at is the message as it came; what is kept of it is this. A
message that is encrypted already stays as it is. A key that has become unusable never costs a
message: it is kept in the clear, and the log says so, as does the journal of what was delivered.
"""

from __future__ import annotations

from collections.abc import Iterator

from mailhub.core import submission
from mailhub.core.rulings import Rulings
from mailhub.model.account import CLEAR, Encryption
from mailhub.model.errors import Invalid, TooLarge, Unsupported
from mailhub.model.flags import DRAFT, Flags
from mailhub.ports import Body, Encrypting, Log, Spool, Spools
from mailhub.wire import pgp, pgpmime

DIRECT = 64 * 1024
"""Octets up to which a message is encrypted at once: one or two milliseconds."""
PIECE = 64 * 1024
"""Octets of a larger one that are handed on at once."""
HEADER = 1024 * 1024
"""Octets of a header up to which a message is encrypted."""


class Sealing:
    """For the whole process. `encrypting`: for what is larger than `DIRECT`."""

    def __init__(self, rulings: Rulings, spools: Spools, encrypting: Encrypting, log: Log) -> None:
        self._rulings = rulings
        self._spools = spools
        self._encrypting = encrypting
        self._log = log

    async def of(self, account: int) -> Encryption:
        """What the account wants. From memory, but for those that want anything. Raises
        Unavailable."""
        await self._rulings.begin()
        if not self._rulings.concern(account):
            return CLEAR
        return (await self._rulings.of(account)).encryption

    async def kept(self, account: int, body: Body, flags: Flags) -> Body:
        """A message that the account's owner stores, as it is to be stored: `body` itself, or
        another one, which the caller closes. A draft stays as it is, as it is written on.

        Raises StorageFull, Unavailable.
        """
        key = (await self.of(account)).storing
        if not key or flags.system & DRAFT:
            return body
        try:
            block = submission.header_of(body, HEADER)
            return await self.sealed(key, body, len(block), block) or body
        except (Invalid, Unsupported, TooLarge) as error:
            self.note(account, error.text)
            return body

    async def sealed(
        self, key: str, body: Body, begin: int, block: bytes, head: bytes = b""
    ) -> Body | None:
        """The message, encrypted; None where it is so already. `begin`: where its content begins
        in `body`; `block`: its header, not always that of `body`; `head`: fields put before it.

        The caller closes it. Raises Invalid (the key cannot be used any more), Unsupported,
        StorageFull, Unavailable.
        """
        if pgpmime.is_encrypted(block):
            return None
        frame = pgpmime.frame(block)
        spool = self._spools.open(head + frame.outer)
        try:
            size = len(frame.inner) + body.size - begin
            if size <= DIRECT:
                data = frame.inner + bytes(body.view()[begin:])
                spool.write(pgp.encrypted(data, key))
            else:
                await self._encrypt(pgp.certificate(key), frame.inner, body, begin, spool)
            spool.write(frame.close)
            spool.plain = body.plain
            return spool.finish()
        except BaseException:
            spool.abort()
            raise

    async def _encrypt(
        self, key: bytes, inner: bytes, body: Body, begin: int, spool: Spool
    ) -> None:
        def pieces() -> Iterator[bytes]:
            view = body.view()
            yield inner
            for at in range(begin, len(view), PIECE):
                yield bytes(view[at : at + PIECE])

        await self._encrypting.encrypt(key, pieces(), spool.write)

    def note(self, account: int, why: str, transaction: str = "") -> None:
        """Writes down that a message stayed in the clear."""
        self._log.event(
            "not-encrypted", level="warn", account=account, transaction=transaction, reason=why
        )
