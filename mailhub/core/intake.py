"""The one door in: every message enters the store here, whatever protocol brought it.

Envelope and bytes become findings, resolved recipients, and one commit; only then may a face
say that the message was taken. Trace fields are written here (RFC 5321 4.4). What a message's
bytes mean is `wire`'s; who may do what is decided here and nowhere in a face.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mailhub.core import submission, trace
from mailhub.core.addresses import Addresses
from mailhub.core.ids import Ids
from mailhub.model.account import Account, Principal
from mailhub.model.address import Resolution
from mailhub.model.change import AccountChanged, Actor, Change
from mailhub.model.envelope import Envelope, ForwardPath, ReversePath
from mailhub.model.errors import (
    MailhubError,
    MailLoop,
    NotFound,
    NotPermitted,
    OverQuota,
    Unavailable,
)
from mailhub.model.message import Arrival, Copy, Onward, QueueSender, Rendered
from mailhub.model.settings import SMTPSettings
from mailhub.ports import Body, Clock, Spool, Storage
from mailhub.wire import address as grammar
from mailhub.wire import rendering

DIRECT = 64 * 1024
"""Bytes up to which a message is rendered in one go."""
SLICE = 0.002
"""Seconds of rendering after which other sessions get their turn."""
STANDING = 5.0
"""Seconds for which what is known of a limited account's quota is believed at RCPT."""


@dataclass(frozen=True, slots=True)
class Recipient:
    """An accepted RCPT: its path, and where it leads."""

    path: ForwardPath
    resolution: Resolution


Outcome = Arrival | MailhubError | None
"""Of one LMTP recipient: where it went, why not, or None: queued for another server."""


class Intake:
    """Takes messages in. `quota`: bytes an account may keep where it has no limit of its own."""

    def __init__(
        self,
        storage: Storage,
        addresses: Addresses,
        clock: Clock,
        ids: Ids,
        hostname: str,
        settings: SMTPSettings,
        *,
        quota: int = 0,
    ) -> None:
        self._storage = storage
        self._addresses = addresses
        self._clock = clock
        self._ids = ids
        self._hostname = hostname
        self._settings = settings
        self._quota = quota
        self._trace = trace.Trace(hostname, clock)

    # -- the steps of a transaction, in order

    def transaction(self) -> str:
        """A new transaction's id."""
        return self._ids.transaction()

    async def sender(self, path: ReversePath, principal: Principal | None) -> None:
        """Whether this sender may be used. Raises NotPermitted, Invalid."""
        raise NotImplementedError

    async def recipient(
        self, path: ForwardPath, principal: Principal | None, relay: bool, *, size: int = 0
    ) -> Recipient:
        """Resolves a recipient. `relay`: a trusted client; `size`: as MAIL announced, or 0.

        Raises NotFound (unknown here), NotPermitted (elsewhere, and the client may not relay),
        OverQuota, Invalid, LimitReached.
        """
        raise NotImplementedError

    def spool(self, envelope: Envelope) -> Spool:
        """Where the message's bytes go; it begins with this server's trace fields already."""
        raise NotImplementedError

    async def accept(
        self, envelope: Envelope, recipients: Sequence[Recipient], spool: Spool
    ) -> Sequence[Arrival]:
        """Commits the message for all recipients or for none; the spool is finished or aborted.

        Raises MailLoop, NotPermitted (an author that is not the principal's), OverQuota,
        StorageFull, Unavailable, Invalid.
        """
        raise NotImplementedError

    async def accept_each(
        self, envelope: Envelope, recipients: Sequence[Recipient], spool: Spool
    ) -> Sequence[Outcome]:
        """LMTP's form (RFC 2033 4.2): one outcome per recipient, in order."""
        raise NotImplementedError
