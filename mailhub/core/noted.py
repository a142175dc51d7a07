"""Writes logins into the journal and the log without making anybody wait.

A journal line is a commit, and a client that polls every second would fill the journal: one line
a minute for the same account, service and address, and a bounded number under way.
"""

from __future__ import annotations

import json
from itertools import islice

from mailhub.core.background import spawn
from mailhub.model.account import Account, Service
from mailhub.model.change import Actor
from mailhub.model.envelope import Peer
from mailhub.ports import Clock, Log, Storage

INTERVAL = 60.0
"""Seconds for which the same login is not written again."""
CAPACITY = 10_000
PENDING = 100
"""Journal lines under way past which more are left out; the log has them all."""


class Noted:
    """The record of who came in and who did not."""

    def __init__(self, storage: Storage, clock: Clock, log: Log) -> None:
        self._storage = storage
        self._clock = clock
        self._log = log
        self._last: dict[tuple[int, str, str, str], float] = {}
        self._pending = 0

    def admitted(self, account: Account, peer: Peer, service: Service) -> None:
        """A login that was let in."""
        self._log.event(
            "login", outcome="ok", account=account.id, service=service.value, peer=peer.address
        )
        self._note("login", account, peer, service)

    def refused(self, account: Account | None, peer: Peer, service: Service, why: str) -> None:
        """A login that was not: names that belong to nobody are not written down anywhere, as
        people type passwords into the wrong field."""
        self._log.event(
            "login",
            outcome=why,
            account=account.id if account is not None else None,
            service=service.value,
            peer=peer.address,
        )
        if account is not None:
            self._note("login-refused", account, peer, service)

    def held(self, account: Account | None, peer: Peer) -> None:
        """A guess that a limit stopped; only the log has it, as it may come in thousands."""
        self._log.event(
            "login",
            outcome="limited",
            account=account.id if account is not None else None,
            peer=peer.address,
        )

    def _note(self, kind: str, account: Account, peer: Peer, service: Service) -> None:
        now = self._clock.seconds()
        key = (account.number, kind, service.value, peer.address)
        if self._last.get(key, 0.0) > now or self._pending >= PENDING:
            return
        if len(self._last) >= CAPACITY:
            for old in list(islice(self._last, CAPACITY // 4)):
                del self._last[old]
        self._last[key] = now + INTERVAL
        spawn(self._write(kind, account.number, peer, service), self._log, "journal")

    async def _write(self, kind: str, account: int, peer: Peer, service: Service) -> None:
        self._pending += 1
        try:
            detail = json.dumps({"service": service.value, "address": peer.address})
            actor = Actor(account, f"{service.value} {peer.address}")
            await self._storage.journal.note(account, kind, detail, actor)
        finally:
            self._pending -= 1
