"""The SMTP client as the rest of the server sees it: `ports.Outbound`.

Joins the parts; every way out of an attempt is an answer for each recipient.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable, Sequence
from typing import Any

from mailhub.model.outbound import Answer, Sent, Stage
from mailhub.model.queue import QueueEntry, QueueSender
from mailhub.model.route import Hop
from mailhub.model.settings import SenderSettings
from mailhub.ports import Clock, Log, Message, Randomness
from mailhub.smtp.sender.delivery import Client, Delivery, Order
from mailhub.smtp.sender.dialer import TCPDialer, pause
from mailhub.smtp.sender.pool import Pool

STOPPED = Answer(0, "4.3.2", "this server stops", Stage.CONNECT)
DEFECT = Answer(0, "4.3.0", "internal error", Stage.CONNECT)
GOODBYE = 1.0
"""Seconds that servers have to take QUIT at a stop."""


class Sender:
    """`ports.Outbound`. `hostname`: what it calls itself, unless the settings say. `reactor`: with
    monotonic `seconds`, as `clock` has them. `stop` closes every connection; what is under way then
    ends as lost, so whoever sends lets it finish before."""

    def __init__(
        self,
        settings: SenderSettings,
        hostname: str,
        reactor: Any,
        clock: Clock,
        randomness: Randomness,
        log: Log,
    ) -> None:
        pool = Pool(settings, clock, pause)
        self._dialer = TCPDialer(reactor, settings, pool.make_room)
        self._client = Client(
            settings.hello or hostname, settings, self._dialer, pool, clock, randomness, log
        )
        self._stopped = False

    async def send(
        self,
        hops: Sequence[Hop],
        sender: QueueSender,
        recipients: Sequence[QueueEntry],
        message: Message,
        holds: Callable[[], bool],
    ) -> Sent:
        """See Outbound."""
        if self._stopped:
            return Sent((STOPPED,) * len(recipients))
        delivery = Delivery(self._client, Order(hops, sender, recipients, message, holds))
        try:
            return await delivery.run()
        except Exception:
            self._client.log.event(
                "outbound", outcome="defect", level="error", traceback=traceback.format_exc()
            )
            return delivery.sent(DEFECT)

    async def stop(self) -> None:
        """Ends all connections."""
        self._stopped = True
        self._client.pool.close()
        await self._dialer.stop(GOODBYE)
