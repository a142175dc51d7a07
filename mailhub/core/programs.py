"""Accounts' active scripts, read and checked, kept ready for mail that comes.

Asked at every delivery, so accounts without a script are told apart without a look-up. What is kept
goes with the store's changes. What a script decides is `core.scripting`'s.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from mailhub.core.concerned import Concerned
from mailhub.core.turns import Turns, run
from mailhub.model.change import AccountChanged, Change, Missed, RulesChanged
from mailhub.ports import Clock, Storage
from mailhub.wire.sieve.checks import compiling
from mailhub.wire.sieve.program import Include, Program
from mailhub.wire.sieve.tree import BadScript

ROOM = 4 << 20
"""Characters of source whose programs are kept; past it the oldest go."""
INCLUDED = 32
"""Scripts that one may reach by including."""


@dataclass(slots=True)
class Loaded:
    """An active script. `program` None: it has `fault`s now. `includable`: what it includes, as far
    as that is there and has no faults. `noted`: the failure that the owner was told of last.
    `keywords`: the sets of them that runs have put on messages since it was read."""

    name: str
    size: int
    program: Program | None
    fault: str = ""
    includable: dict[Include, Program] = field(default_factory=dict)
    noted: str = ""
    keywords: set[tuple[str, ...]] = field(default_factory=set)


class Programs:
    """Programs by account. `shared`: sources of the server's own scripts, by name."""

    def __init__(self, storage: Storage, clock: Clock, shared: Mapping[str, str]) -> None:
        self._storage = storage
        self._clock = clock
        self._shared = shared
        self._scripted = Concerned(storage.scripts.scripted)
        self._known: dict[int, Loaded] = {}
        self._size = 0
        self._changes = 0
        storage.watch(self._heard)

    async def begin(self) -> None:
        """Learns which accounts have an active script. Raises Unavailable."""
        await self._scripted.begin()

    def concern(self, account: int) -> bool:
        """Whether the account may have an active script."""
        return account in self._scripted

    async def of(self, account: int) -> Loaded | None:
        """The account's script; None where none is active. Raises Unavailable."""
        known = self._known.get(account)
        if known is not None:
            return known
        changes = self._changes
        script = await self._storage.scripts.active(account)
        if script is None:
            if changes == self._changes:
                self._scripted.discard(account)
            return None
        loaded = Loaded(script.name, len(script.source), None, noted=script.failure)
        try:
            loaded.program = await self._compiled(script.source)
        except BadScript as error:
            loaded.fault = error.text.partition("\n")[0]
        else:
            await self._include(account, loaded, loaded.program.includes)
        if changes == self._changes:
            self._keep(account, loaded)
        return loaded

    async def _compiled(self, source: str) -> Program:
        return await run(compiling(source), Turns(self._clock))

    async def _include(self, account: int, loaded: Loaded, wanted: Sequence[Include]) -> None:
        """Reads what the script includes, and what that does. What is missing or faulty is left
        out: only a run that gets there fails (RFC 6609 section 3.2)."""
        waiting = list(wanted)
        seen: set[Include] = set()
        while waiting and len(seen) < INCLUDED:
            one = waiting.pop(0)
            if one in seen:
                continue
            seen.add(one)
            source = self._shared.get(one.name)
            if not one.shared:
                script = await self._storage.scripts.get(account, one.name)
                source = script.source if script is not None else None
            if source is None:
                continue
            loaded.size += len(source)
            try:
                program = await self._compiled(source)
            except BadScript:
                continue
            loaded.includable[one] = program
            waiting.extend(program.includes)

    def _keep(self, account: int, loaded: Loaded) -> None:
        self._known[account] = loaded
        self._size += loaded.size
        while self._size > ROOM and len(self._known) > 1:
            self._drop(next(iter(self._known)))

    def _drop(self, account: int) -> None:
        gone = self._known.pop(account, None)
        if gone is not None:
            self._size -= gone.size

    def _heard(self, changes: Sequence[Change]) -> None:
        for change in changes:
            if isinstance(change, Missed):
                self._changes += 1
                self._scripted.miss()
                self._known.clear()
                self._size = 0
            elif isinstance(change, RulesChanged | AccountChanged):
                if isinstance(change, RulesChanged) and change.what != "script":
                    continue
                self._changes += 1
                self._drop(change.account)
                self._scripted.add(change.account)
