"""The process that keeps the full-text index: started, told of news, started again when it ends.

What it does stands in `mailhub.indexing`. Mail and searches do without it: a search then looks at
what the index does not know.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.error import ProcessDone
from twisted.internet.protocol import ProcessProtocol
from twisted.python.failure import Failure

from mailhub.model.change import Arrived, Change, Missed
from mailhub.model.errors import Corrupt, MailhubError
from mailhub.model.message import BlobRef
from mailhub.model.settings import SearchSettings
from mailhub.ports import Log

GATHER = 0.5
"""Seconds between the first news and the word about it: many messages make one batch."""
AGAIN = (1.0, 60.0)
"""Seconds until it is started again: at first, and at most."""
GOODBYE = 1.5
"""Seconds that it has to end by itself. A kill costs it nothing but what it was at, and a server's
stop has three seconds for all that is behind its sessions."""
SAID = 1000


ASKED = "bodies "
BEHIND = "behind "
AWAY = b"away\n"
TOLD = "-"
"""Words between it and us; see `mailhub.indexing`."""


@dataclass(frozen=True, slots=True)
class SharedStore:
    """A store that several servers share. `database`: where its index is. `read`: see
    `ports.Blobs.read`; the process asks for what it cannot read itself."""

    database: str
    read: Callable[[Sequence[BlobRef]], Awaitable[Sequence[bytes]]]


class IndexProcess:
    """Looks after the process. `heard` watches the store, which is in a folder or shared. Can be
    started again after it was stopped, where another server has the index in between."""

    def __init__(
        self, settings: SearchSettings, store: Path | SharedStore, reactor: Any, log: Log
    ) -> None:
        self._settings = settings
        self._store = store
        self._reactor = reactor
        self._log = log
        self._process: _Process | None = None
        self._timer: Any = None
        self._delay = AGAIN[0]
        self._stopped = True
        self._state = "off"
        self.behind = 0
        """Messages that it has not taken in yet, as it said last; 0 where another server has it."""

    def start(self) -> None:
        """Starts it, where the settings ask for an index."""
        self._stopped = False
        if self._settings.index:
            self._spawn()

    def stop(self) -> Deferred[None] | None:
        """Ends it; fires when it is gone."""
        self._stopped = True
        self.behind = 0
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        return self._process.end() if self._process is not None else None

    def state(self) -> str:
        """What it said last; of a shared store, that another server has the index."""
        away = self._stopped and self._settings.index and isinstance(self._store, SharedStore)
        return "elsewhere" if away else self._state

    def heard(self, changes: Sequence[Change]) -> None:
        """A watcher: there may be new mail."""
        if self._process is not None and any(isinstance(one, (Arrived, Missed)) for one in changes):
            self.wake()

    def wake(self) -> None:
        """Tells it soon that there is something to do."""
        if self._process is not None and (self._timer is None or not self._timer.active()):
            self._timer = self._reactor.callLater(GATHER, self._tell)

    def _tell(self) -> None:
        if self._process is not None:
            self._process.tell()

    def _spawn(self) -> None:
        settings, store = self._settings, self._store
        shared = store if isinstance(store, SharedStore) else None
        process = self._process = _Process(self._reactor, self._said, self._ended, shared)
        words = [
            *(sys.executable, "-m", "mailhub.indexing", TOLD if shared else str(store)),
            str(settings.niceness),
            "read" if settings.documents else "plain",
            str(settings.review),
        ]
        environment = {
            "PATH": "/usr/bin:/bin",
            "LANG": "C.UTF-8",
            "PYTHONPATH": os.pathsep.join(one for one in sys.path if one),
        }
        try:
            self._reactor.spawnProcess(
                process,
                sys.executable,
                [os.fsencode(word) for word in words],
                env=environment,
                childFDs={0: "w", 1: "r", 2: "r"},
            )
        except OSError as error:
            self._ended(f"it cannot be started: {error.strerror}")

    def _said(self, line: str) -> None:
        if line.startswith(BEHIND):
            self.behind = 0 if self._stopped else int(line.removeprefix(BEHIND))
            return
        self._state, _, why = line.partition(": ")
        self._delay = AGAIN[0]
        self._log.event(
            "search-index", state=self._state, reason=why, level="warn" if why else "debug"
        )

    def _ended(self, why: str) -> None:
        self._process = None
        self._state = "off"
        if self._stopped:
            return
        self._log.event("search-index", state="ended", reason=why, level="warn")
        self._timer = self._reactor.callLater(self._delay, self._spawn)
        self._delay = min(self._delay * 2, AGAIN[1])


class _Process(ProcessProtocol):
    """One run."""

    def __init__(self, reactor: Any, said: Any, ended: Any, shared: SharedStore | None) -> None:
        self._reactor = reactor
        self._said = said
        self._ended = ended
        self._shared = shared
        self._line = b""
        self._complaint = b""
        self._spoke = False
        self._gone: Deferred[None] | None = None

    def connectionMade(self) -> None:
        """Says what nobody else may read: others see the words of its command."""
        if self._shared is not None:
            told = json.dumps({"database": self._shared.database})
            self._write(told.encode("ascii") + b"\n")

    def tell(self) -> None:
        """There is something to do."""
        self._write(b"\n")

    def _write(self, data: bytes) -> None:
        transport: Any = self.transport
        transport.write(data)

    def end(self) -> Deferred[None]:
        """Ends it: by itself, or else by force. One that has not said a word yet is still being
        loaded, for many seconds on a busy machine, and has nothing to finish."""
        self._gone = Deferred()
        transport: Any = self.transport
        transport.closeStdin()
        if not self._spoke:
            self._kill()
        limit = self._reactor.callLater(GOODBYE, self._kill)
        return self._gone.addCallback(lambda _: limit.active() and limit.cancel())

    def _kill(self) -> None:
        transport: Any = self.transport
        if transport.pid:
            transport.signalProcess("KILL")

    def outReceived(self, data: bytes) -> None:
        self._spoke = True
        *lines, self._line = (self._line + data).split(b"\n")
        for line in lines:
            said = line.decode("utf-8", "replace")
            if self._shared is not None and said.startswith(ASKED):
                refs = [BlobRef(*ref) for ref in json.loads(said.removeprefix(ASKED))]
                Deferred.fromCoroutine(self._answer(self._shared, refs))
            else:
                self._said(said)

    async def _answer(self, shared: SharedStore, refs: Sequence[BlobRef]) -> None:
        """With the octets of bodies; see `mailhub.indexing.line`."""
        try:
            found = await _found(shared, refs)
        except MailhubError:
            self._write(AWAY)
            return
        sizes = " ".join("-1" if octets is None else str(len(octets)) for octets in found)
        self._write(sizes.encode("ascii") + b"\n" + b"".join(filter(None, found)))

    def errReceived(self, data: bytes) -> None:
        self._complaint = (self._complaint + data)[-SAID:]

    def processEnded(self, reason: Failure) -> None:
        last = self._complaint.decode("utf-8", "replace").strip().rpartition("\n")[2]
        self._ended(
            last or ("it ended" if isinstance(reason.value, ProcessDone) else str(reason.value))
        )
        if self._gone is not None:
            self._gone.callback(None)


async def _found(shared: SharedStore, refs: Sequence[BlobRef]) -> Sequence[bytes | None]:
    """All of them, None for one that is missing. Raises MailhubError where they cannot be had."""
    try:
        return await shared.read(refs)
    except Corrupt:
        if len(refs) == 1:
            return [None]
        return [(await _found(shared, [ref]))[0] for ref in refs]
