"""Who may send what to whom: asked at MAIL and RCPT, and once more when the message is there.

Nothing is written here, and no message is known; what becomes of one is `core.intake`'s.
"""

from __future__ import annotations

from dataclasses import replace

from mailhub.core.addresses import Addresses
from mailhub.core.allowances import Allowances
from mailhub.core.elsewhere import Elsewheres
from mailhub.core.plan import Recipient
from mailhub.core.srs import SRS
from mailhub.core.standing import Standing, Standings
from mailhub.model.account import Principal, Sending
from mailhub.model.address import Resolution
from mailhub.model.envelope import ForwardPath, ReversePath
from mailhub.model.errors import Invalid, NotFound, NotPermitted, OverQuota
from mailhub.ports import Clock
from mailhub.wire import address as grammar


class Admission:
    """`srs`, `allowances`, `elsewheres`: as of `Intake`."""

    def __init__(
        self,
        addresses: Addresses,
        standings: Standings,
        srs: SRS | None,
        allowances: Allowances | None,
        clock: Clock,
        elsewheres: Elsewheres | None = None,
    ) -> None:
        self._elsewheres = elsewheres
        self._addresses = addresses
        self._standings = standings
        self._srs = srs
        self._allowances = allowances
        self._clock = clock

    async def sender(self, path: ReversePath, principal: Principal | None) -> None:
        """Whether this sender may be used; a user may use the null sender (notifications).

        Raises NotPermitted.
        """
        if principal is None:
            return
        await self.check_login(principal)
        if path.address and not await self.may_write_as(principal, path.address):
            raise NotPermitted("This sender address is not yours")

    async def may_write_as(self, principal: Principal, address: str) -> bool:
        """Whether the principal may use this address as a sender or author."""
        if await self._standings.sending(principal) is Sending.ANY:
            return True
        return await self._addresses.owns(principal, address)

    async def check_login(self, principal: Principal) -> None:
        """Raises NotPermitted where the login does not hold any more: a password was changed, or
        the account was disabled, since."""
        if not await self._standings.holds(principal):
            raise NotPermitted("The login has ended")

    async def recipient(
        self, path: ForwardPath, principal: Principal | None, relay: bool, *, size: int = 0
    ) -> Recipient:
        """Resolves a recipient. `relay`: a trusted client; `size`: as MAIL announced, or 0.

        Raises NotFound (unknown here), NotPermitted (elsewhere, and the client may not relay),
        OverQuota, Invalid, LimitReached, AllowanceUsed.
        """
        recipient = await self._resolved(path, principal, relay, size)
        if self._allowances is None:
            return recipient
        if principal is not None:
            await self._allowances.send(principal.account)
            return recipient
        resolution = recipient.resolution
        for account, _ in resolution.accounts:
            await self._allowances.receive(account)
        for alias, limit in resolution.limited:
            await self._allowances.pass_alias(alias, limit)
        if resolution.remote and resolution.accounts:
            return await self._allowances.forward(recipient)
        return recipient

    async def _resolved(
        self, path: ForwardPath, principal: Principal | None, relay: bool, size: int
    ) -> Recipient:
        address = path.address
        if self._srs is not None and self._srs.claims(address):
            try:
                address = self._srs.reverse(address, self._clock.now())
            except Invalid:
                raise NotFound("This rewritten address leads nowhere") from None
            relay = True
        if not await self._addresses.is_local_address(address):
            await self._check_relay(address, principal, relay)
            elsewhere = grammar.join(*grammar.split(address))
            return Recipient(path, Resolution(remote=(elsewhere,)), direct=True)
        resolution = await self._addresses.resolve(address)
        return Recipient(path, await self._open(resolution, size))

    async def check_open(self, account: int) -> None:
        """Raises NotFound where the account is disabled or gone."""
        if await self._standings.of(account, 0) is Standing.SHUT:
            raise NotFound("This mailbox is disabled")

    async def _check_relay(self, address: str, principal: Principal | None, relay: bool) -> None:
        """Whether mail may go on to another server: of a relay domain, by a user with that right,
        by a trusted client; in this order. Raises NotPermitted."""
        if await self._addresses.is_relayed(address):
            return
        allowed = principal is not None and (
            await self._standings.sending(principal) is not Sending.LOCAL
        )
        if not allowed and not relay:
            raise NotPermitted("Relaying is not permitted")

    async def _is_away(self, account: int) -> bool:
        """Whether the room that counts is another server's."""
        return self._elsewheres is not None and await self._elsewheres.of(account) is not None

    async def _open(self, resolution: Resolution, size: int) -> Resolution:
        """The resolution without disabled accounts.

        Raises NotFound where nobody is left, OverQuota where nobody has room; one full mailbox
        among several is no reason to refuse the others.
        """
        left = []
        full = 0
        for entry in resolution.accounts:
            standing = await self._standings.of(entry[0], size)
            if standing is not Standing.SHUT:
                left.append(entry)
                full += standing is Standing.FULL and not await self._is_away(entry[0])
        if not resolution.elsewhere:
            if not left:
                raise NotFound("This mailbox is disabled")
            if full == len(left):
                raise OverQuota
        if len(left) == len(resolution.accounts):
            return resolution
        return replace(resolution, accounts=tuple(left))
