"""Tells every session what others changed in its account.

The store speaks once per commit about everything; here that is sorted by account, so that a
session hears of its own account only. What a listener does with a change is its own affair: one
that fails is logged and hurts no other.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from mailhub.model.change import (
    AddressesChanged,
    Change,
    Dequeued,
    Queued,
    RoutesChanged,
    RulesChanged,
    WebhooksChanged,
)
from mailhub.ports import Log, Storage

OTHERS = (
    Queued,
    Dequeued,
    AddressesChanged,
    RoutesChanged,
    RulesChanged,
    WebhooksChanged,
)
"""What no session is told of."""
Listener = Callable[[Sequence[Change]], None]


class Watch:
    """Fans the store's changes out to listeners by account number."""

    def __init__(self, storage: Storage, log: Log | None = None) -> None:
        self._listeners: dict[int, dict[object, Listener]] = {}
        self._log = log
        self._end = storage.watch(self._heard)

    def subscribe(self, account: int, listener: Listener) -> Callable[[], None]:
        """`listener` hears all changes of `account` in commit order. Returns what ends it; that
        may be called more than once, and by the listener itself."""
        token = object()
        self._listeners.setdefault(account, {})[token] = listener

        def end() -> None:
            mine = self._listeners.get(account)
            if mine is not None and mine.pop(token, None) is not None and not mine:
                del self._listeners[account]

        return end

    def listening(self, account: int) -> int:
        """How many listeners `account` has."""
        return len(self._listeners.get(account, ()))

    def close(self) -> None:
        """Hears no more."""
        self._end()

    def _heard(self, changes: Sequence[Change]) -> None:
        listeners = self._listeners
        if not listeners:
            return
        batches: dict[int, list[Change]] = {}
        for change in changes:
            if isinstance(change, OTHERS):
                continue
            if change.account in listeners:
                batches.setdefault(change.account, []).append(change)
        for account, batch in batches.items():
            for token, listener in tuple(listeners.get(account, {}).items()):
                if token in listeners.get(account, ()):
                    self._tell(listener, batch)

    def _tell(self, listener: Listener, batch: Sequence[Change]) -> None:
        try:
            listener(batch)
        except Exception as error:  # one session's fault must not silence the others
            if self._log is not None:
                self._log.event("watch-failed", error=type(error).__name__, reason=str(error))
