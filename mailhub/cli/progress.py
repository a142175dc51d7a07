"""A progress bar on a terminal, and a line at the end anywhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import click


class Progress:
    """Counts what was moved. `bar`: rich's, or None without a terminal."""

    def __init__(self, bar: Any) -> None:
        self._bar = bar
        self._task: Any = None
        self.moved = 0
        self.known = 0

    def step_into(self, name: str, total: int | None) -> None:
        """A new mailbox begins. `total`: its messages, None when not known."""
        if self._bar is not None:
            self._task = self._bar.add_task(name, total=total)

    def count(self, new: bool) -> None:
        """One message is done; `new`: it was not there before."""
        if new:
            self.moved += 1
        else:
            self.known += 1
        if self._bar is not None and self._task is not None:
            self._bar.advance(self._task)


@contextmanager
def progress(verb: str) -> Iterator[Progress]:
    """Shows what goes on inside; tells the sums at the end, also when it was cut off."""
    bar = _bar() if sys.stderr.isatty() else None
    shown = Progress(bar)
    try:
        if bar is None:
            yield shown
        else:
            with bar:
                yield shown
    finally:
        click.echo(f"{verb} {shown.moved} messages, {shown.known} were there already")


@contextmanager
def reading() -> Iterator[Callable[[int, int], None] | None]:
    """A bar for work that tells (done, of how many); None without a terminal."""
    if not sys.stderr.isatty():
        yield None
        return
    bar = _bar()
    with bar:
        task = bar.add_task("reading", total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


class Steps:
    """Shows how far each of several things is; nothing without a terminal."""

    def __init__(self, bar: Any) -> None:
        self._bar = bar
        self._tasks: dict[str, Any] = {}
        self._octets: Callable[[], int] = lambda: 0
        self._began = time.monotonic()

    def counting(self, octets: Callable[[], int]) -> None:
        """Shows at which rate this grows as well."""
        self._octets = octets

    def step(self, what: str, done: int, total: int) -> None:
        """`done` of `total` are behind us."""
        if self._bar is None:
            return
        if what not in self._tasks:
            self._tasks[what] = self._bar.add_task(what, total=None)
        rate = self._octets() / max(time.monotonic() - self._began, 0.001) / 1e6
        words = f"{what} ({rate:.1f} MB/s)" if rate else what
        self._bar.update(self._tasks[what], completed=done, total=total or None, description=words)


@contextmanager
def steps() -> Iterator[Steps]:
    """Bars for work of several kinds; see `store.moving.mover.Told`."""
    if not sys.stderr.isatty():
        yield Steps(None)
        return
    bar = _bar()
    with bar:
        yield Steps(bar)


def _bar() -> Any:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as RichProgress

    return RichProgress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
    )
