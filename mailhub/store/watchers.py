"""Who hears of every commit. Not for threads: the reactor's alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from twisted.logger import Logger

from mailhub.model.change import Change

Watcher = Callable[[Sequence[Change]], None]


class Watchers:
    """The listeners of a store, told in the order they came."""

    _log = Logger()

    def __init__(self) -> None:
        self._watchers: dict[int, Watcher] = {}
        self._next = 0

    def add(self, watcher: Watcher) -> Callable[[], None]:
        """Begins telling `watcher`; what is returned ends it."""
        self._next += 1
        key = self._next
        self._watchers[key] = watcher
        return lambda: self._watchers.pop(key, None) and None

    def tell(self, changes: Sequence[Change]) -> None:
        """One that fails does not keep the others from hearing."""
        if not changes:
            return
        for watcher in list(self._watchers.values()):
            try:
                watcher(changes)
            except Exception:
                self._log.failure("A watcher of the store failed")
