"""A JSON file that outlives a restart: `ports.Shelf`.

Written in a thread, some seconds after the first of many changes; read once, at the start. For
what can be found out again: a file that is damaged or gone is an empty one.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred, succeed
from twisted.internet.threads import deferToThreadPool
from twisted.python.failure import Failure

from mailhub.net.folder import write_json
from mailhub.ports import Log

DELAY = 10.0
"""Seconds from a change to its writing."""
LARGEST = 64 << 20


class FileShelf:
    """`path`: the file; its folder is made where it is missing."""

    def __init__(self, path: Path, reactor: Any, log: Log) -> None:
        self._path = path
        self._reactor = reactor
        self._log = log
        self._value: Callable[[], Any] | None = None
        self._call: Any = None
        self._writing: Deferred[Any] = succeed(None)

    def read(self) -> Any:
        """See `ports.Shelf`."""
        try:
            with self._path.open(encoding="utf-8") as file:
                return json.loads(file.read(LARGEST))
        except (OSError, ValueError, RecursionError):
            return None

    def keep(self, value: Callable[[], Any]) -> None:
        """See `ports.Shelf`."""
        self._value = value
        if self._call is None:
            self._call = self._reactor.callLater(DELAY, self._write)

    def stop(self) -> Deferred[None]:
        """Writes what waits; fires when all is written."""
        if self._call is not None:
            self._call.cancel()
            self._write()
        done: Deferred[None] = Deferred()
        self._writing.addCallback(lambda _: done.callback(None))
        return done

    def _write(self) -> None:
        self._call = None
        value, self._value = self._value, None
        if value is None:
            return
        made = value()
        pool = self._reactor.getThreadPool()
        # One at a time: a stop may come while the last one is being written.
        self._writing.addCallback(
            lambda _: deferToThreadPool(self._reactor, pool, self._put, made)
        ).addErrback(self._failed)

    def _failed(self, failure: Failure) -> None:
        reason = str(failure.value)
        self._log.event("shelf", file=self._path.name, error=reason, level="error")

    def _put(self, value: Any) -> None:
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_json(self._path, value, 0o600)
