"""The store alone: durable deliveries a second, bytes written, and reading a large mailbox.

`python -m bench.store [folder]`. No protocol and no client takes part: what is measured is spool,
hand-over, commit and answer, on this machine's disk. Best of several for reads.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from twisted.internet import reactor
from twisted.internet.defer import Deferred, ensureDeferred
from twisted.python.failure import Failure

from mailhub.model.account import NewAccount, Secrets
from mailhub.model.change import Actor
from mailhub.model.flags import FlagMode, Flags
from mailhub.model.mailbox import NewMailbox
from mailhub.model.message import Copy, Rendered
from mailhub.model.settings import StoreSettings
from mailhub.model.uids import MAX_UID, UidSet
from mailhub.store.sqlite import SQLiteStore, open_store

ACTOR = Actor(None, "bench")
ALL = UidSet(((1, MAX_UID),))
ODD = UidSet(tuple((uid, uid) for uid in range(1, 10_000, 2)))
MESSAGE = b"Subject: bench\r\n\r\n" + b"x" * 10_000
PREFIX = b"Return-Path: <ann@far.example>\r\nDelivered-To: bob@bench.example\r\n"
PERSON = b'(("Fred Foobar" NIL "foobar" "bench.example"))'
ENVELOPE = (
    b'("Mon, 7 Feb 2022 21:52:25 -0800" "a subject of usual length" '
    + b" ".join([PERSON] * 4)
    + b' NIL NIL NIL "<B27397-0100000@bench.example>")'
)
STRUCTURE = (
    b'(("text" "plain" ("charset" "utf-8") NIL NIL "7bit" 1152 23 NIL NIL NIL NIL)'
    b'("text" "html" ("charset" "utf-8") NIL NIL "quoted-printable" 4554 73 NIL NIL NIL NIL)'
    b' "alternative" ("boundary" "----=_bench") NIL NIL NIL)'
)


class SystemClock:
    """The machine's clocks."""

    def now(self) -> float:
        return time.time()

    def seconds(self) -> float:
        return time.monotonic()


def rendered(number: int) -> Rendered:
    """What a usual message is rendered to."""
    return Rendered(
        ENVELOPE,
        STRUCTURE,
        18,
        1_644_299_545,
        "a subject of usual length",
        f"<{number}.{time.monotonic_ns()}@bench.example>",
        (),
        "A preview of two hundred characters. " * 5,
        False,
    )


def written() -> int:
    """Bytes that this process caused to be written to disks."""
    for line in Path("/proc/self/io").read_text().splitlines():
        if line.startswith("write_bytes"):
            return int(line.split()[1])
    return 0


class Bench:
    """One store with some accounts."""

    def __init__(self, store: SQLiteStore) -> None:
        self.store = store
        self.accounts: list[int] = []
        self.sent = 0

    async def run(self) -> None:
        """All measures, printed as they come."""
        for place in range(10):
            order = NewAccount(f"{place:024x}", f"user{place}", 1)
            names = ("INBOX", "Sent", "Drafts", "Trash", "Junk", "Archive")
            boxes = [NewMailbox(f"{place:012x}{n:012x}", name, 1) for n, name in enumerate(names)]
            made = await self.store.accounts.create(order, Secrets("x"), boxes, (), ACTOR)
            self.accounts.append(made.number)
        for sessions, count in ((1, 1000), (10, 5000), (50, 10_000), (200, 10_000)):
            await self.deliveries(sessions, count // sessions)
        await self.reads()

    async def session(self, count: int) -> None:
        """Delivers one after the other."""
        for _ in range(count):
            self.sent += 1
            spool = self.store.spools.open(b"")
            spool.write(MESSAGE)
            body = spool.finish()
            now = int(time.time())
            copy = Copy(self.accounts[self.sent % 10], None, PREFIX, Flags(), now)
            await self.store.messages.deliver(
                f"{self.sent:020d}", body, rendered(self.sent), [copy], None, (), ACTOR
            )
            body.close()

    async def deliveries(self, sessions: int, count: int) -> None:
        """So many at a time."""
        bytes_before, processor, start = written(), time.process_time(), time.perf_counter()
        for one in [ensureDeferred(self.session(count)) for _ in range(sessions)]:
            await one
        seconds = time.perf_counter() - start
        total = sessions * count
        print(
            f"{sessions:4} outstanding: {total / seconds:7.0f} a second,"
            f" {1e6 * (time.process_time() - processor) / total:4.0f} us of processor,"
            f" {(written() - bytes_before) / total / len(MESSAGE):.2f} bytes written per byte"
        )

    async def reads(self) -> None:
        """A mailbox of 10,000."""
        account, store = self.accounts[0], self.store
        [box] = await store.mailboxes.create(account, [NewMailbox("f" * 24, "Big", 1)], ACTOR)
        for _ in range(10):
            bodies = []
            for number in range(1000):
                spool = store.spools.open(MESSAGE)
                bodies.append((spool.finish(), rendered(number), Flags(number % 2), 5))
            await store.messages.append(account, box.number, bodies, ACTOR)
        messages, number = store.messages, box.number
        modes = [FlagMode.ADD, FlagMode.REMOVE] * 10

        async def envelopes() -> None:
            for _ in await messages.envelopes(account, number, ALL):
                continue

        def flags(uids: UidSet) -> Awaitable[object]:
            given = Flags(4, ("$Bench",))
            return messages.store_flags(account, number, uids, modes.pop(), given, ACTOR)

        await self.best("index of 10,000", lambda: messages.index(account, number))
        await self.best("10,000 envelopes", envelopes)
        await self.best("10,000 places", lambda: messages.contents(account, number, ALL))
        await self.best("STORE 1:* on 10,000", lambda: flags(ALL))
        await self.best("STORE on every other", lambda: flags(ODD))
        target = (await store.mailboxes.all(account))[0].number
        await self.best("COPY 1:*", lambda: messages.copy(account, number, ALL, target, ACTOR), 1)
        await self.best(
            "EXPUNGE 10,000",
            lambda: messages.expunge(account, number, ALL, ACTOR, only_deleted=False),
            1,
        )

    async def best(self, name: str, call: Callable[[], Awaitable[object]], times: int = 5) -> None:
        """The fastest of `times`."""
        seconds = []
        for _ in range(times):
            start = time.perf_counter()
            await call()
            seconds.append(time.perf_counter() - start)
        print(f"{name:21}: {min(seconds) * 1000:6.1f} ms")


def main() -> None:
    """Runs on a fresh store in the folder that is named, or one of its own."""
    base = sys.argv[1] if len(sys.argv) > 1 else None
    folder = Path(tempfile.mkdtemp(prefix="mailhub-store-", dir=base))
    store = open_store(StoreSettings(), folder, reactor, SystemClock())  # type: ignore[arg-type]
    store.start()

    async def whole() -> None:
        await Bench(store).run()
        await store.stop()

    def ended(result: object) -> None:
        if isinstance(result, Failure):
            result.printTraceback()  # type: ignore[no-untyped-call]
        reactor.stop()

    def begin() -> Deferred[None]:
        return ensureDeferred(whole()).addBoth(ended)

    reactor.callWhenRunning(begin)
    reactor.run()
    shutil.rmtree(folder)


if __name__ == "__main__":
    main()
