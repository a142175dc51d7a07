"""Stored messages that their owner passes on, as they came and when it pleases."""

from __future__ import annotations

import re
from collections.abc import Sequence

from mailhub.core import trace
from mailhub.core.addresses import Addresses
from mailhub.core.allowances import Allowances
from mailhub.core.intake import Intake
from mailhub.core.octets import content_of, has_eight, stored
from mailhub.core.reading import Reading
from mailhub.core.rendered import rendered
from mailhub.model.account import Account, Sending
from mailhub.model.change import Actor
from mailhub.model.errors import AllowanceUsed, Invalid, NotPermitted
from mailhub.model.mailbox import Mailbox
from mailhub.model.queue import Onward, QueueSender
from mailhub.ports import Clock, Storage
from mailhub.wire import header

_RETURN = re.compile(rb"\s*<([^<>\s]*)>\s*")


class PassingOn:
    """For the whole process."""

    def __init__(
        self,
        storage: Storage,
        reading: Reading,
        intake: Intake,
        allowances: Allowances,
        addresses: Addresses,
        clock: Clock,
    ) -> None:
        self._storage = storage
        self._reading = reading
        self._intake = intake
        self._allowances = allowances
        self._addresses = addresses
        self._clock = clock

    async def forward(
        self, account: Account, box: Mailbox, uid: int, addresses: Sequence[str], actor: Actor
    ) -> str:
        """Passes a stored message on as it came, its sender rewritten; the transaction's id.

        Raises NotFound, Invalid, NotPermitted, AllowanceUsed, StorageFull, Unavailable.
        """
        if not addresses:
            raise Invalid("There is nobody to forward it to", "addresses")
        content = await content_of(self._storage, box, uid)
        await self._intake.check_open(account.number)
        for address in addresses:
            here = await self._addresses.is_local_address(address)
            if account.sending is Sending.LOCAL and not here:
                raise NotPermitted("This user's mail goes to addresses of this server only")
        for _ in addresses:
            if not await self._allowances.pass_on(account.number):
                raise AllowanceUsed("The daily limit of forwarded messages is reached")
        found = _RETURN.fullmatch((header.values(content.prefix, b"return-path") or [b""])[0])
        original = found[1].decode("utf-8", "replace") if found else ""
        rewritten = await self._intake.forwarder(original)
        sender = original if rewritten is None else rewritten
        begin = trace.delivered_to(account.address) if account.address else b""
        body = await stored(self._storage, self._reading, content, begin, len(content.prefix))
        try:
            shown = await rendered(body, self._clock)
            token = self._intake.transaction()
            now = int(self._clock.now())
            queued = QueueSender(
                sender,
                body="8BITMIME" if await has_eight(body, self._clock) else "7BIT",
                utf8=not all(one.isascii() for one in (sender, *addresses)),
                account=account.number,
                transaction=token,
                message_id=shown.message_id,
            )
            onward = [Onward(one, due=now) for one in addresses]
            await self._storage.messages.deliver(token, body, shown, [], queued, onward, actor)
        finally:
            body.close()
        return token
