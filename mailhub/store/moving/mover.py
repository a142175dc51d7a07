"""Moving a whole store in rounds: what belongs to nobody, then account by account; then again what
changed meanwhile, until the source is at rest and a last pass finds the two alike.

A round needs nothing of the source but to be read. What it did is committed as it goes: one that
was ended is gone on with by the next. Who stops the source, and what marks it, is not known here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

from mailhub.model.errors import Corrupt
from mailhub.store.moving import state
from mailhub.store.moving.bodies import BodyMover, Tally
from mailhub.store.moving.compare import Compared, compare, differing
from mailhub.store.moving.ends import Source, Target
from mailhub.store.moving.rows import Difference, Window, apply, make_alike
from mailhub.store.moving.standing import Contents, Standing
from mailhub.store.moving.tables import MAIL, Table, tables
from mailhub.store.sql import number

Write = Callable[[Window, Difference], None]
PAGE = 1000
"""Accounts that are asked for at a time."""
TRIES = 3
"""How often what a comparison found is mended: the source is at rest, so once is enough."""
_OWNERS = """
    SELECT owner FROM (SELECT number AS owner FROM account UNION
        SELECT number FROM removed_account UNION SELECT account FROM sweep) AS owners
    WHERE owner > :after ORDER BY owner LIMIT :limit
"""


class Told(Protocol):
    """Who is told how it goes."""

    def step(self, what: str, done: int, total: int) -> None:
        """`what`: kind of thing that is gone through. `total`: 0 where it is not known."""
        ...


class Mover:
    """Makes `target` what `source` is. `tally`: of what was written."""

    def __init__(self, source: Source, target: Target, told: Told) -> None:
        self._source = source
        self._target = target
        self._told = told
        self.tally = Tally()
        bodies = BodyMover(source, target, self.tally)
        self._contents = Contents(source, target, bodies)
        self._queued = Standing(source, target, bodies, tables()["queue_message"])

    # -- while servers work on the source

    def round(self) -> int:
        """Takes along what changed since the last one; how many rows were written or deleted."""
        before = self.tally.rows
        newest = self._newest()
        self._common(whole=False)
        for account in self._due():
            self._account(account)
        state.all_noted(self._target, newest)
        return self.tally.rows - before

    def _newest(self) -> int:
        return number(self._source.connection, "SELECT max(number) FROM journal", {})

    def _common(self, *, whole: bool) -> None:
        """What belongs to no account. The journal only grows; what was forgotten of it is seen when
        it is gone through as a whole."""
        chosen = [one for one in tables().values() if not one.of_account and one.name != "content"]
        for done, table in enumerate(chosen):
            self._told.step("tables", done, len(chosen))
            after = None
            if table.name == "journal" and not whole:
                after = (number(self._target.connection, "SELECT max(number) FROM journal", {}),)
            write = self._queued.write if table.bodies else None
            self.tally.rows += make_alike(
                self._source, self._target, table, write=write, after=after
            )

    def _due(self) -> Iterator[int]:
        """Accounts that were not gone through yet, or changed since."""
        reader = self._source.connection
        low = state.lowest(self._target.connection)
        changed = dict(state.changed_since(reader, low))
        oldest = number(reader, "SELECT min(number) FROM journal", {})
        total = number(reader, "SELECT count(*) FROM account", {})
        after = done = 0
        while page := self._page(after):
            noted = state.noted(self._target.connection, page[0], page[-1])
            for account in page:
                known = noted.get(account)
                # Where the journal was cut off, nobody knows what it said.
                if known is None or changed.get(account, 0) > known or oldest > known + 1 > 1:
                    yield account
                done += 1
                self._told.step("accounts", min(done, total), total)
            after = page[-1]

    def _page(self, after: int) -> list[int]:
        rows = self._source.connection.execute(_OWNERS, {"after": after, "limit": PAGE})
        return [int(owner) for (owner,) in rows.fetchall()]

    def _account(self, account: int) -> None:
        """One account, whole."""
        newest = self._newest()
        for table in tables().values():
            if table.of_account:
                self._alike(table, account)
        state.note(self._target, account, newest)

    def _alike(self, table: Table, account: int | None) -> None:
        write = self._following(table) if table.name in MAIL else None
        self.tally.rows += make_alike(self._source, self._target, table, account, write)

    def _following(self, table: Table) -> Write:
        def write(window: Window, found: Difference) -> None:
            self.tally.rows += self._contents.follow(table, window)
            if found:
                apply(self._target, table, found)

        return write

    # -- when nothing changes any more

    def finish(self, *, quick: bool) -> Sequence[Compared]:
        """Takes along the rest and holds all of both stores against each other; `quick`: only what
        changed since it was last gone through. What was found the same, table by table. Raises
        Corrupt where the two cannot be made alike."""
        self.round()
        self._common(whole=True)
        light = [one for one in tables().values() if one.of_account and not one.heavy]
        owners: set[int] = set()
        for table in light:
            owners |= differing(self._source, self._target, table)
            self._alike(table, None)
        for account in sorted(owners):
            self._account(account)
        self.tally.rows += self._contents.sweep()
        if quick:
            light = [one for one in tables().values() if not one.heavy and one.name != "content"]
            return self._held_together(light)
        return self._held_together(list(tables().values()))

    def _held_together(self, chosen: Sequence[Table]) -> Sequence[Compared]:
        found: list[Compared] = []
        for table in chosen:
            for left in reversed(range(TRIES)):
                one = compare(self._source, self._target, table, self._told)
                if not one.differing:
                    found.append(one)
                    break
                if not left:
                    raise Corrupt(f"The rows of {table.name} cannot be made alike")
                self._mend(table)
        return found

    def _mend(self, table: Table) -> None:
        if table.name == "content":
            self.tally.rows += self._contents.sweep()
        elif table.bodies:
            self.tally.rows += make_alike(
                self._source, self._target, table, write=self._queued.write
            )
        else:
            self._alike(table, None)
