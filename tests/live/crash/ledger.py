"""What the server was told and what it acknowledged: the outside oracle of the crash tests.

Every message carries an id of its own. An operation is written down before it is sent; when its
answer arrives the expected state moves on; when none arrives, both the state before and the state
after are legal, and nothing else is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

Place = tuple[str, str]
"""(mailbox, message id): the tests never make two copies of one message in one mailbox."""


@dataclass(frozen=True)
class Copy:
    """One message in one mailbox, as it must be: its flags and its SHA-256."""

    flags: frozenset[str]
    digest: str


@dataclass
class Seen:
    """What one inspection found in a mailbox."""

    uidvalidity: int
    uidnext: int
    highestmodseq: int
    uids: dict[int, str]


@dataclass
class Ledger:
    """One account's expected state. `doubtful`: changes sent and not answered, each atomic.

    A change maps places to their copy after it, None for gone.
    """

    account: str
    state: dict[Place, Copy] = field(default_factory=dict)
    doubtful: list[Mapping[Place, Copy | None]] = field(default_factory=list)
    history: dict[tuple[str, int, int], str] = field(default_factory=dict)
    counters: dict[str, Seen] = field(default_factory=dict)
    acknowledged: int = 0
    frozen: bool = False
    """Set just before a power cut: what is answered from then on proves nothing."""

    def begin(self, change: Mapping[Place, Copy | None]) -> None:
        """Call before the operation is sent."""
        self.doubtful.append(change)

    def done(self, change: Mapping[Place, Copy | None]) -> None:
        """Call when the server acknowledged it. Raises EOFError when the power was cut before."""
        if self.frozen:
            raise EOFError
        self.doubtful.remove(change)
        self._apply(change)
        self.acknowledged += 1

    def refused(self, change: Mapping[Place, Copy | None]) -> None:
        """Call when the server said that it did not do it. Raises EOFError as `done`."""
        if self.frozen:
            raise EOFError
        self.doubtful.remove(change)

    def _apply(self, change: Mapping[Place, Copy | None]) -> None:
        for place, copy in change.items():
            if copy is None:
                self.state.pop(place, None)
            else:
                self.state[place] = copy

    def settle(self, found: Mapping[Place, Copy], repeated: list[Place]) -> list[str]:
        """Compares with what is really there, takes that as the new state, and returns every
        violation in words."""
        problems = [f"{self.account}: {place} is there more than once" for place in repeated]
        for change in self.doubtful:
            problems += self._settle_change(change, found)
        self.doubtful.clear()
        self.frozen = False
        for place, copy in self.state.items():
            actual = found.get(place)
            if actual is None:
                problems.append(f"{self.account}: {place} is lost")
            elif actual.digest != copy.digest:
                problems.append(f"{self.account}: {place} has other bytes")
            elif actual.flags != copy.flags:
                problems.append(
                    f"{self.account}: {place} has {sorted(actual.flags)}, not {sorted(copy.flags)}"
                )
        problems += [
            f"{self.account}: {place} is there and should not be"
            for place in found.keys() - self.state.keys()
        ]
        self.state = dict(found)
        return problems

    def _settle_change(
        self, change: Mapping[Place, Copy | None], found: Mapping[Place, Copy]
    ) -> list[str]:
        """An unanswered change happened wholly or not at all."""
        after = all(found.get(place) == copy for place, copy in change.items())
        before = all(found.get(place) == self.state.get(place) for place in change)
        if after:
            self._apply(change)
            return []
        if before:
            return []
        return [f"{self.account}: half done: {sorted(change)[:4]}"]

    def observe(self, mailbox: str, seen: Seen) -> list[str]:
        """Checks UIDVALIDITY, UIDNEXT, MODSEQ and UIDs against everything seen earlier."""
        problems = []
        last = self.counters.get(mailbox)
        where = f"{self.account}: {mailbox}"
        if last is not None:
            if seen.uidvalidity != last.uidvalidity:
                problems.append(f"{where}: UIDVALIDITY changed")
            if seen.uidnext < last.uidnext:
                problems.append(f"{where}: UIDNEXT fell from {last.uidnext} to {seen.uidnext}")
            if seen.highestmodseq < last.highestmodseq:
                problems.append(f"{where}: MODSEQ fell")
        for uid, message in seen.uids.items():
            if uid >= seen.uidnext:
                problems.append(f"{where}: UID {uid} is not below UIDNEXT {seen.uidnext}")
            known = self.history.setdefault((mailbox, seen.uidvalidity, uid), message)
            if known != message:
                problems.append(f"{where}: UID {uid} was {known} and is {message}")
        self.counters[mailbox] = seen
        return problems
