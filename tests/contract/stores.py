"""Stores to hold against the storage contract, and a reactor of the tests' own for threads."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import cache
from hashlib import sha256
from pathlib import Path
from queue import Empty, SimpleQueue
from tempfile import TemporaryDirectory
from typing import Any, Protocol, TypeVar

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock as TwistedClock

from mailhub.model.account import Account, Limits, NewAccount, Secrets
from mailhub.model.change import Actor, Change
from mailhub.model.flags import Flags
from mailhub.model.mailbox import NewMailbox
from mailhub.model.message import Rendered
from mailhub.model.settings import StoreSettings
from mailhub.model.uids import MAX_UID, UidSet
from mailhub.store import database
from mailhub.store.memory import MemoryStore
from mailhub.store.sqlite import open_store
from mailhub.store.storage import ServedStorage
from tests.fakes import FakeClock

T = TypeVar("T")
ACTOR = Actor(None, "test")
ALL = UidSet(((1, MAX_UID),))
PATIENCE = 20.0
"""Seconds that a test waits for a thread."""


class FakeReactor(TwistedClock):
    """What a store asks of a reactor; the test's thread is the reactor's, and turns it."""

    def __init__(self) -> None:
        super().__init__()
        self._calls: SimpleQueue[Callable[[], object]] = SimpleQueue()
        self.wakes = 0

    def callFromThread(self, call: Callable[..., object], *args: object) -> None:
        self.wakes += 1
        self._calls.put(lambda: call(*args))

    def turn(self, timeout: float = 0.0) -> None:
        """Makes one call that a thread asked for; waits for it up to `timeout` seconds."""
        try:
            call = self._calls.get(timeout=timeout) if timeout else self._calls.get_nowait()
        except Empty:
            return
        call()

    def until(self, done: Callable[[], bool]) -> None:
        """Turns until `done`."""
        deadline = time.monotonic() + PATIENCE
        while not done():
            assert time.monotonic() < deadline, "the store did not answer in time"
            self.turn(0.05)

    def result(self, awaitable: Awaitable[T]) -> T:
        """What it yields; what it raises is raised here."""
        outcome: list[Any] = []
        done = Deferred.fromCoroutine(_awaiting(awaitable))
        done.addBoth(outcome.append)
        self.until(lambda: bool(outcome))
        if hasattr(outcome[0], "raiseException"):
            outcome[0].raiseException()
        result: T = outcome[0]
        return result


async def _awaiting(awaitable: Awaitable[T]) -> T:
    return await awaitable


class TextBody:
    """`ports.Body` of given bytes."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self.size = len(data)
        self.digest = self.hashed = sha256(data).digest()
        self.plain = False

    def view(self) -> memoryview:
        return memoryview(self._data)

    def close(self) -> None:
        self._data = b""


def rendered(
    message_id: str = "",
    references: tuple[str, ...] = (),
    *,
    mark: bytes = b"",
    header_length: int = 14,
    subject: str = "subject",
) -> Rendered:
    """What a message might have been rendered to; `mark` tells envelopes apart."""
    return Rendered(
        envelope=b'(NIL "' + mark + b'" NIL NIL NIL NIL NIL NIL NIL NIL)',
        bodystructure=b'("text" "plain" NIL NIL NIL "7bit" 7 1 "' + mark + b'")',
        header_length=header_length,
        sent_at=1_600_000_000,
        subject=subject,
        message_id=message_id,
        references=references,
        preview="a preview",
        attachments=False,
    )


MESSAGE = b"Subject: s\r\n\r\nbody\r\n"


class Threaded(Protocol):
    """A store with threads."""

    def stop(self) -> Awaitable[None]: ...


@dataclass(slots=True)
class House:
    """A store with a reactor, a clock and a record of what it told its watchers."""

    store: ServedStorage
    reactor: FakeReactor
    clock: FakeClock
    changes: list[Change] = field(default_factory=list)
    threads: Threaded | None = None
    _accounts: int = 0
    _tokens: int = 0

    @property
    def blobs(self) -> Any:
        """The store's blobs, whichever store it is."""
        return self.store.blobs  # type: ignore[attr-defined]

    def ask(self, awaitable: Awaitable[T]) -> T:
        """The answer."""
        return self.reactor.result(awaitable)

    def account(self, *names: str, limits: Limits | None = None) -> tuple[Account, dict[str, int]]:
        """A fresh account with INBOX and these mailboxes; their numbers by name."""
        self._accounts += 1
        serial = self._accounts
        boxes = [
            NewMailbox(f"{serial:012x}{place:012x}", name, 1)
            for place, name in enumerate(("INBOX", *names))
        ]
        order = NewAccount(f"{serial:024x}", f"user{serial}", 1, limits=limits or Limits())
        account = self.ask(self.store.accounts.create(order, Secrets("hash"), boxes, (), ACTOR))
        known = self.ask(self.store.mailboxes.all(account.number))
        return account, {box.name: box.number for box in known}

    def token(self) -> str:
        """A hand-over's name, not used before and after all before it."""
        self._tokens += 1
        return f"{self._tokens:020d}"

    def fill(self, account: int, mailbox: int, count: int, data: bytes = MESSAGE) -> None:
        """Appends `count` messages, each alike."""
        messages = [
            (TextBody(data), rendered(mark=b"%d" % place), Flags(), 1_700_000_000 + place)
            for place in range(count)
        ]
        self.ask(self.store.messages.append(account, mailbox, messages, ACTOR))

    def uids(self, account: int, mailbox: int) -> list[int]:
        """What is in a mailbox now."""
        return list(self.ask(self.store.messages.index(account, mailbox)).uids)

    def stop(self) -> None:
        """Ends the store's threads, if it has any."""
        if self.threads is not None:
            self.ask(self.threads.stop())


def memory_house(folder: Path, quota: int = 0) -> House:
    """A house on the memory store."""
    clock = FakeClock()
    house = House(MemoryStore(clock=clock, quota=quota), FakeReactor(), clock)
    house.store.watch(house.changes.extend)
    return house


@cache
def _empty() -> bytes:
    """A database without anything, as a store makes it."""
    with TemporaryDirectory() as folder:
        database.prepare(Path(folder))
        return (Path(folder) / database.NAME).read_bytes()


def make_empty(folder: Path) -> None:
    """A store's folder with an empty database, where there is none: to make the tables is half of
    what opening it takes."""
    path = folder / database.NAME
    if not path.exists():
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.write_bytes(_empty())
        path.chmod(0o600)


def sqlite_house(folder: Path, quota: int = 0, **settings: int) -> House:
    """A house on SQLite and segments in `folder`, with threads."""
    clock, reactor = FakeClock(), FakeReactor()
    make_empty(folder / "store")
    store = open_store(StoreSettings(quota=quota, **settings), folder / "store", reactor, clock)
    house = House(store, reactor, clock, threads=store)
    store.watch(house.changes.extend)
    store.start()
    return house


MAKERS: dict[str, Callable[..., House]] = {"memory": memory_house, "sqlite": sqlite_house}
