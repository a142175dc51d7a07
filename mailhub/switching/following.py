"""What has to happen here so that a mailbox is as it is there: pure, so that it can be tried on
every history.

Flags follow by their difference: what was given or taken there since the last time is given or
taken here, and what happened here besides stays. A message that went there goes here. One that was
taken in once is never taken in again, whatever became of it here.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from mailhub.model.flags import Flags

FlagNames = tuple[str, ...]
"""As `folded` makes them."""


@dataclass(frozen=True, slots=True)
class Noted:
    """A message that was taken in. `here`: its UID here; `flags`: what it had there, and so here,
    when it was looked at last; `size`: octets; `digest`: of them."""

    here: int
    flags: FlagNames
    size: int
    digest: bytes = b""


@dataclass(frozen=True, slots=True)
class Reflag:
    """`uids`: here, sorted; `add`, `remove`: flags."""

    uids: tuple[int, ...]
    add: FlagNames
    remove: FlagNames


@dataclass(frozen=True, slots=True)
class Steps:
    """`take`: UIDs there, sorted. `reflag`: changes here. `flags`: by UID there, what is to be
    noted once they are made. `drop`: UIDs there of what goes here."""

    take: tuple[int, ...] = ()
    reflag: tuple[Reflag, ...] = ()
    flags: Mapping[int, FlagNames] | None = None
    drop: tuple[int, ...] = ()


def folded(names: Iterable[str]) -> FlagNames:
    """Flags in the one spelling and order that is compared, without those that mean nothing
    here."""
    return tuple(sorted({name.lower(): name for name in Flags.of(list(names)).names()}))


def steps(uids: Sequence[int], flags: Mapping[int, FlagNames], noted: Mapping[int, Noted]) -> Steps:
    """`uids`: all that are there. `flags`: of those that are noted and may have changed; who is not
    among them did not. `noted`: by UID there."""
    there = set(uids)
    take = tuple(sorted(uid for uid in there if uid not in noted))
    drop = tuple(sorted(uid for uid in noted if uid not in there))
    fresh: dict[int, FlagNames] = {}
    changes: dict[tuple[FlagNames, FlagNames], list[int]] = {}
    for uid in sorted(flags):
        known = noted.get(uid)
        if known is None or uid not in there or known.flags == flags[uid]:
            continue
        fresh[uid] = flags[uid]
        before, after = set(known.flags), set(flags[uid])
        change = tuple(sorted(after - before)), tuple(sorted(before - after))
        changes.setdefault(change, []).append(known.here)
    reflag = tuple(
        Reflag(tuple(sorted(here)), add, remove) for (add, remove), here in sorted(changes.items())
    )
    return Steps(take, reflag, fresh, drop)


# -- whether it is the same in the end


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a comparison found. `there`, `here`: how many messages; `missing`: UIDs there of what is
    not here; `extra`: UIDs here of what never was there; `sizes`, `flags`: UIDs there of what
    differs in them. `digest`: over UID, size and flags of all that are there."""

    there: int
    here: int
    missing: tuple[int, ...]
    extra: tuple[int, ...]
    sizes: tuple[int, ...]
    flags: tuple[int, ...]
    digest: str
    digest_here: str

    @property
    def same(self) -> bool:
        """Whether all that is there is here, as it is there."""
        return self.digest == self.digest_here


Message = tuple[int, FlagNames]
"""Size and flags."""


def compared(
    there: Mapping[int, Message], here: Mapping[int, Message], noted: Mapping[int, int]
) -> Verdict:
    """Both by their own UIDs; `noted`: UIDs here by those there. What came to be here besides is
    told, and makes no difference."""
    mapped = {uid: here[ours] for uid, ours in noted.items() if ours in here}
    known = set(noted.values())
    return Verdict(
        there=len(there),
        here=len(here),
        missing=tuple(sorted(uid for uid in there if uid not in mapped)),
        extra=tuple(sorted(uid for uid in here if uid not in known)),
        sizes=tuple(
            sorted(u for u, one in there.items() if u in mapped and mapped[u][0] != one[0])
        ),
        flags=tuple(
            sorted(u for u, one in there.items() if u in mapped and mapped[u][1] != one[1])
        ),
        digest=digest(there),
        digest_here=digest(mapped),
    )


def digest(messages: Mapping[int, Message]) -> str:
    """SHA-256, hex, of a line each, in the order of UIDs: UID, size, flags."""
    total = hashlib.sha256()
    for uid in sorted(messages):
        size, flags = messages[uid]
        total.update(f"{uid} {size} {' '.join(flags)}\n".encode())
    return total.hexdigest()
