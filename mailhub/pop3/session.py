"""What a POP3 talk is given: its connection, and what of core it uses. No verb is here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from mailhub.core.allowances import Allowances
from mailhub.core.login import Login
from mailhub.core.maildrop import Maildrops
from mailhub.core.watch import Watch
from mailhub.model.envelope import Peer
from mailhub.model.settings import POP3Settings
from mailhub.pop3.machine import Machine
from mailhub.ports import Clock, Log
from mailhub.ports.passage import Crossing


class Wire(Protocol):
    """The connection as a talk sees it."""

    machine: Machine
    hostname: str

    def write(self, data: bytes) -> None: ...
    @property
    def congested(self) -> bool: ...
    async def drained(self) -> None: ...
    def close(self) -> None: ...
    def expire_in(self, seconds: float | None) -> None: ...
    def peer(self) -> Peer: ...
    @property
    def offers_tls(self) -> bool:
        """Whether STLS can be answered: a certificate is there, and no TLS yet."""
        ...

    def pass_on(self, crossing: Crossing) -> None:
        """After what is queued was sent: whatever follows is the other server's."""
        ...

    def begin_tls(self) -> None:
        """After the answer: TLS, and a new machine; closes if input was there already."""
        ...


@dataclass(frozen=True, slots=True)
class Services:
    """What of core a session uses."""

    login: Login
    maildrops: Maildrops
    allowances: Allowances
    watch: Watch
    settings: POP3Settings
    clock: Clock
    log: Log
