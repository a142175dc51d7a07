"""`mailhub migrate`: the whole store to another place, while the server goes on.

What is moved, and how, is `store.moving`'s; here is only in which order it is asked for, what the
person is told, and when the server has to be at rest.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import click

from mailhub import config
from mailhub.cli import show
from mailhub.cli.access import Access, Refused
from mailhub.cli.progress import steps
from mailhub.model.errors import InUse, MailhubError
from mailhub.model.settings import Settings

LITTLE = 500
"""Rows of a round from which on another one is worth it while the server runs."""
ROUNDS = 20
"""Most rounds while the server runs: mail may come faster than it is moved."""
PAUSE = 1.0
"""Seconds between two looks at whether the server has ended."""
DRAIN = 30
"""Seconds that sessions have for what is under way."""
TRIES = 20
AGAIN = 3.0
"""How often it is begun again after a database was away, and seconds in between."""


@click.command()
@click.argument("destination", required=False)
@click.option("--ahead", is_flag=True, help="Copy what there is now, and leave the rest for later.")
@click.option(
    "--quick", is_flag=True, help="At the end, compare only what changed since it was copied."
)
@click.option("--stop", is_flag=True, help="Drain and stop this machine's server at the end.")
@click.option("--check", is_flag=True, help="Compare the two stores and every body; move nothing.")
@click.option(
    "--reopen", is_flag=True, help="Take a store into use again whose mail was moved elsewhere."
)
@show.as_json
@click.pass_obj
def migrate(
    access: Access,
    destination: str | None,
    ahead: bool,
    quick: bool,
    stop: bool,
    check: bool,
    reopen: bool,
    as_json: bool,
) -> None:
    """Move all mail, accounts and settings of the store to DESTINATION: a configuration file that
    describes the server as it is to be, `postgresql://…`, or `sqlite` for the data folder.

    The server goes on meanwhile. When next to nothing is left it has to be stopped; the command
    waits for that, takes the rest along, compares everything, and marks both stores. It may be
    ended at any time: the next run goes on where it was.
    """
    from mailhub.net import privileges

    privileges.become_owner(access.data)
    try:
        if reopen:
            _reopen(access)
            return
        if not destination:
            raise Refused("say where to: a configuration file, postgresql://… or sqlite")
        move = _Move(access, _settings(access.settings, destination))
        if check:
            _tell(move.checked(), as_json)
        else:
            _tell(move.carried_out(ahead=ahead, quick=quick, stop=stop), as_json)
    except MailhubError as error:
        raise Refused(error.text) from None
    except KeyboardInterrupt:
        raise Refused("interrupted; the next run goes on here") from None


def _settings(here: Settings, destination: str) -> Settings:
    """The server as it is to be."""
    if destination.startswith(("postgresql:", "postgres:")):
        return replace(here, store=replace(here.store, database=destination))
    if destination == "sqlite":
        return replace(here, store=replace(here.store, database=""))
    path = Path(destination)
    if not path.is_file():
        raise Refused(f"{destination}: no such configuration file")
    try:
        return config.load(path)
    except config.BadConfig as error:
        raise Refused(f"{destination} has faults:\n{error.text}") from None


def _reopen(access: Access) -> None:
    from mailhub.store.moving import opening, places

    place = opening.place(access.settings)
    to = places.reopen(place)
    click.echo(f"{place.name} is in use again, as it was when its mail was moved to {to}")


class _Move:
    """From the store that `access` speaks of to that of other settings."""

    def __init__(self, access: Access, there: Settings) -> None:
        from mailhub.store.moving import opening

        here = access.settings
        self._access = access
        self._settings = here, there
        self._here = opening.place(here)
        self._there = opening.place(there)
        if self._here.name == self._there.name:
            raise Refused(f"the store is in {self._here.name} already")

    def checked(self) -> Sequence[Any]:
        """Both held together, with every body."""
        from mailhub.store.moving.compare import compare_all

        with (
            closing(self._here.source()) as source,
            closing(self._there.source()) as target,
            steps() as told,
        ):
            return compare_all(source, target, told)

    def carried_out(self, *, ahead: bool, quick: bool, stop: bool) -> Sequence[Any]:
        """Moved, or copied as far as can be while the server runs."""
        from mailhub.store.faults import DRIVER, kind_of

        lost: Exception | None = None
        for _ in range(TRIES):
            try:
                return self._once(ahead=ahead, quick=quick, stop=stop)
            except DRIVER as error:
                lost = error
            except InUse:
                if lost is None:
                    raise  # else it may be our own connection of before, which nobody ended yet
            click.echo(f"a store does not answer ({lost}); trying again", err=True)
            time.sleep(AGAIN)
        assert lost is not None
        raise kind_of(lost) from lost

    def _once(self, *, ahead: bool, quick: bool, stop: bool) -> Sequence[Any]:
        from mailhub.cli import migratefiles
        from mailhub.store.moving import places, state
        from mailhub.store.moving.mover import Mover

        lineage = places.lineage_of(self._here)
        with closing(self._here.source()) as source, closing(self._there.target()) as target:
            if state.moved_before(source.connection, target.connection):
                click.echo(f"was moved to {self._there.name} before; start the server on that")
                return ()
            state.begin(source, target, lineage)
            with steps() as told:
                mover = Mover(source, target, told)
                told.counting(lambda: mover.tally.octets)
                self._catch_up(mover)
                if ahead:
                    click.echo("copied what there was; run it again to move what is new")
                    return ()
                with self._stopped(mover, stop=stop):
                    found = mover.finish(quick=quick)
                    migratefiles.take_along(*self._settings, source, target)
                    places.mark_moved(self._here, lineage, self._there.name)
                    self._there.complete(source, target)
        if mover.tally.damaged:
            click.echo(f"damaged as they were before: {mover.tally.damaged} bodies", err=True)
        click.echo(f"moved to {self._there.name}; start the server with that in its configuration")
        return found

    def _catch_up(self, mover: Any) -> None:
        for serial in range(1, ROUNDS + 1):
            began = time.monotonic()
            before = asdict(mover.tally)
            rows = mover.round()
            _said(serial, rows, before, asdict(mover.tally), time.monotonic() - began)
            if rows < LITTLE:
                return

    @contextmanager
    def _stopped(self, mover: Any, *, stop: bool) -> Iterator[None]:
        """While nobody else has the source; until then it is followed."""
        asked = False
        again = 0.0
        with ExitStack() as stack:
            while True:
                try:
                    stack.enter_context(self._here.at_rest())
                    break
                except InUse as error:
                    if not asked:
                        self._ask(error.text, stop=stop)
                        asked = True
                time.sleep(PAUSE)
                began = time.monotonic()
                if began >= again:
                    mover.round()
                    # The server needs the machine more than this does.
                    again = 2 * time.monotonic() - began
            yield

    def _ask(self, why: str, *, stop: bool) -> None:
        """Has the server stopped: by itself where that was wished for, else by the person."""
        click.echo(f"next to nothing is left: stop the server now ({why})", err=True)
        if stop:
            self._access.ask("drain", seconds=DRAIN, stop=True)


def _said(
    serial: int, rows: int, before: dict[str, int], after: dict[str, int], seconds: float
) -> None:
    bodies, octets = (after[name] - before[name] for name in ("bodies", "octets"))
    rate = octets / max(seconds, 0.001) / 1e6
    click.echo(
        f"round {serial}: {rows} rows, {bodies} bodies, {octets / 1e6:.1f} MB"
        f" in {seconds:.1f} s ({rate:.1f} MB/s)",
        err=True,
    )


def _tell(found: Sequence[Any], as_json: bool) -> None:
    """What was compared. Ends with status 1 where the two are not alike."""
    rows = [asdict(one) for one in found]
    shown = rows if as_json else [row for row in rows if row["rows"] or row["differing"]]
    if shown:
        show.table(shown, ("table", "rows", "differing", "bodies", "octets"), as_json)
    for one in found:
        if one.accounts:
            click.echo(f"{one.table}: accounts {', '.join(map(str, one.accounts))}", err=True)
    if any(one.differing for one in found):
        sys.exit(1)
