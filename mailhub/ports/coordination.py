"""What processes share while they run: counters, and the schedule of the queue."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Protocol

from mailhub.model.queue import (
    Lease,
    Slot,
)
from mailhub.model.session import KeptSession


class Counters(Protocol):
    """Counts that fall back to zero after a while: limits on guesses, rates, connections."""

    def hit(self, key: str, window: float, cost: int = 1) -> Awaitable[int]:
        """Adds and returns the count in the current `window` of seconds."""
        ...

    def peek(self, key: str) -> Awaitable[int]: ...
    def remaining(self, key: str) -> Awaitable[tuple[int, float]]:
        """The count, and the seconds until it falls back to zero; (0, 0.0) where none runs."""
        ...

    def clear(self, key: str) -> Awaitable[None]: ...


class Schedule(Protocol):
    """When queue entries are tried, and by whom: rebuilt from the store whenever it is lost.

    Entries wait in lanes, one for each recipient domain. A lease gives some due entries of one
    lane to one runner; no entry is in two leases at once. All methods raise Unavailable.
    """

    def put(self, slots: Sequence[Slot]) -> Awaitable[None]:
        """Adds entries, or moves those that wait already. One that is leased waits anew when its
        lease ends: as put, or as `end` says where that is later."""
        ...

    def add(self, slots: Sequence[Slot]) -> Awaitable[None]:
        """Adds those that are unknown; the others wait, or are leased, as they were."""
        ...

    def drop(self, numbers: Sequence[int]) -> Awaitable[None]:
        """Forgets entries that wait; leased ones are forgotten when their lease ends."""
        ...

    def take(self, leases: int, entries: int, seconds: float) -> Awaitable[Sequence[Lease]]:
        """At most so many leases of at most so many due entries each, for so many seconds. A lane
        that backs off, or has as many leases as it may have, gives none."""
        ...

    def claim(self, numbers: Sequence[int], seconds: float) -> Awaitable[Lease]:
        """A lease of these very entries, for who acts on them by hand: due or not, waiting or
        unknown, of any lane (its own is empty), without regard to limits. `entries` has those
        that no other lease holds. One that runs out leaves them as they waited."""
        ...

    def renew(self, token: int, seconds: float) -> Awaitable[bool]:
        """False where the lease has ended: its holder must not act on it any more."""
        ...

    def end(self, token: int, again: Sequence[Slot]) -> Awaitable[None]:
        """Ends a lease; `again`: the entries of it that stay, with their next due time. One that
        ended by itself changes nothing."""
        ...

    def back_off(self, lane: str, until: int) -> Awaitable[None]:
        """The lane gives no lease before `until`, epoch seconds; in place of what was said
        before, so 0 ends it."""
        ...

    def next_due(self) -> Awaitable[int | None]:
        """When `take` may next give something, epoch seconds, a lease that runs out included;
        None where nothing waits and nothing is leased, or the schedule must be filled first."""
        ...

    def size(self) -> Awaitable[int]:
        """Entries waiting and leased."""
        ...

    def leased(self, numbers: Sequence[int]) -> Awaitable[frozenset[int]]:
        """Those of them that are in a lease now."""
        ...

    def claim_rebuild(self) -> Awaitable[bool]:
        """Whether the schedule is empty of memory (new, or lost) and the caller is the one who
        fills it. Until every lease from before must have ended, none is given out, but for what
        `pause` says.

        Cheap: to be asked at the start, at every wake and every few seconds. A claimer from whom
        neither `put` nor `rebuilt` came for a minute is taken for dead: another may claim.
        """
        ...

    def pause(self, newest: int) -> Awaitable[None]:
        """The caller, whose claim it was, looked at the store since: leases from before can only
        be of entries up to `newest`. Where nobody can have newer ones, later entries need not wait
        for their end."""
        ...

    def rebuilt(self) -> Awaitable[None]:
        """The caller, whose claim it was, has put all slots of the store."""
        ...

    def watch(self, wake: Callable[[], None]) -> Callable[[], None]:
        """`wake` is called soon after something can be taken earlier than `next_due` said, and
        when the schedule came back or may have been lost (ask `claim_rebuild`). It may be called
        without need; it must return at once and not raise. Returns what ends it."""
        ...


class Sessions(Protocol):
    """What API tokens stand for, by a key that is made of the token and does not tell it.

    All methods raise Unavailable.
    """

    def put(self, key: str, record: str, expires: int) -> Awaitable[None]:
        """In place of what was there, unless that was ended. `expires`: epoch seconds."""
        ...

    def get(self, key: str) -> Awaitable[KeptSession | None]:
        """One that was ended, or whose time is over, may be found yet."""
        ...

    def extend(self, key: str, expires: int) -> Awaitable[None]:
        """Nothing happens where there is none."""
        ...

    def drop(self, key: str) -> Awaitable[None]:
        """Ends it for good. Done again it changes nothing."""
        ...


class Seats(Protocol):
    """How many of something are open at all processes together: sessions of an account,
    connections of a network.

    What a process has open counts no more some seconds after it died. While the other side is away
    each process counts its own, and lets in what fits with that. No method raises.
    """

    def take(self, key: str, most: int) -> Awaitable[bool]:
        """One more, unless `most` are open (0: any number, which others need not hear of); whether
        it was taken. Of several that take the last one at the same moment one gets it."""
        ...

    def admit(self, key: str, most: int) -> bool:
        """The same at once, by what was heard of others a moment ago: a little more than `most`
        may be let in. A key belongs to `take` or to this."""
        ...

    def give(self, key: str) -> None:
        """One less, of those that were taken or admitted here."""
        ...

    def count(self, key: str) -> Awaitable[int]:
        """How many are open, as far as they have a limit."""
        ...


class Wakeups(Protocol):
    """A bell between processes, so that one looks at once what another did.

    Nothing may depend on it: rings get lost, and come without need. Who listens looks for itself
    now and then besides.
    """

    def ring(self, channel: str) -> None:
        """Soon calls who listens on the channel in other processes, not in this one. Returns at
        once, whatever becomes of it; many rings at a time may be heard as one, after the last."""
        ...

    def listen(self, channel: str, call: Callable[[], None]) -> Callable[[], None]:
        """`call` is called for rings, and once after a time in which some may have got lost. It
        must return at once and not raise. Returns what ends it. `channel`: a word."""
        ...


class Coordination(Protocol):
    """What processes share and may lose: the schedule and the counters, with their connections.

    `start` ends without an error where the other side is away; it is looked for from then on.
    """

    @property
    def schedule(self) -> Schedule: ...
    @property
    def counters(self) -> Counters: ...
    @property
    def wakeups(self) -> Wakeups: ...
    @property
    def seats(self) -> Seats: ...
    def sessions(self, own: Sessions) -> Sessions:
        """Those that processes share; `own`, the store's, where there is nobody to share with."""
        ...

    def troubles(self) -> Mapping[str, str]:
        """What is wrong at this moment, by what it is with; for administrators alone."""
        ...

    def start(self) -> Awaitable[None]: ...
    def stop(self) -> Awaitable[None]: ...
