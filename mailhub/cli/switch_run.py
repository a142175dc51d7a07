"""How the `mailhub switch` command runs: a source, the book of its move, this server's connection
as `mailhub.switching` sees it, and the lines that are told meanwhile.

The words of the command line are `switch`'s, those of its answers `switch_words`'.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from mailhub.cli import switch_words as words
from mailhub.cli.access import Access, Refused
from mailhub.cli.client import Client, connect
from mailhub.cli.progress import progress
from mailhub.switching import plan as planning
from mailhub.switching import source
from mailhub.switching.faults import Refusal, SwitchFault
from mailhub.switching.house import House
from mailhub.switching.ledger import Book, Made, Post, Stage
from mailhub.switching.moving import Moving, Report, Work
from mailhub.switching.objects import Making
from mailhub.switching.origins import Completed, reader
from mailhub.switching.source import Source


class Connected:
    """`House` over the command's connection."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def ask(self, act: str, data: bytes | None = None, **arguments: Any) -> Any:
        with _refusals():
            return self._client.ask(act, data, **arguments)

    def pour(self, act: str, size: int, pieces: Iterable[bytes], **arguments: Any) -> None:
        with _refusals():
            self._client.pour(act, size, pieces, **arguments)

    def result(self) -> Any:
        with _refusals():
            return self._client.result()

    def items(self, act: str, **arguments: Any) -> Iterator[Mapping[str, Any]]:
        with _refusals():
            for item, _ in self._client.items(act, **arguments):
                yield item


@contextmanager
def _refusals() -> Iterator[None]:
    """What the server refuses is one thing's, what went away is everything's."""
    try:
        yield
    except Refused as error:
        if not error.kind:
            raise SwitchFault(str(error)) from None
        raise Refusal(str(error), error.kind) from None


@contextmanager
def _told() -> Iterator[None]:
    """What nothing can go on with, as every command tells it."""
    try:
        yield
    except (SwitchFault, Refusal, OSError, sqlite3.Error) as error:
        raise Refused(str(error)) from None


class Run:
    """A source, the book of its move, and this server."""

    def __init__(self, access: Access, file: Path) -> None:
        self._access = access
        self.source: Source = source.read(file)
        self.book = Book(access.data / "switch" / self.source.name)
        click.get_current_context().call_on_close(self.book.close)

    @property
    def house(self) -> House:
        """The command's own connection."""
        return Connected(self._access.client)

    def origin(self) -> Completed:
        """What is read."""
        return Completed(reader(self.source), self.source)

    def posts(self, users: Sequence[str]) -> Sequence[Post]:
        """Those of `users`, of all where none is named. Raises SwitchFault."""
        every = {post.user: post for post in self.book.posts()}
        for user in users:
            if user not in every:
                raise SwitchFault(f"{user} is not among the accounts that were made: see `run`")
        return [post for user, post in every.items() if not users or user in users]

    def mail(
        self, posts: Sequence[Post], kind: str, told: Callable[[int], None]
    ) -> Iterator[Report]:
        """Does it for each. `kind`: a method of `Moving`; `told`: counts messages. Raises
        SwitchFault."""
        imap = self.source.imap
        if imap is None:
            raise SwitchFault("the file says not where mail is: a table [imap] is missing")
        self.book.claim()
        alone = self._access.client.alone
        moving = Moving(
            imap,
            self.book,
            self._own if alone else self._another,
            told,
            workers=1 if alone else imap.connections,
        )
        work: Work = getattr(moving, kind)
        return moving.each(posts, work)

    @contextmanager
    def _own(self) -> Iterator[House]:
        """A process that serves this command alone has one connection."""
        yield Connected(self._access.client)

    @contextmanager
    def _another(self) -> Iterator[House]:
        with _refusals():
            client = connect(self._access.data, self._access.config)
        try:
            yield Connected(client)
        finally:
            client.close()


def plan(access: Access, file: Path, *, as_json: bool) -> None:
    """See `switch`."""
    with _told():
        run = Run(access, file)
        origin = run.origin()
        counts: dict[tuple[str, str], int] = {}
        for item in planning.planned(origin, run.house, run.source.passwords):
            counts[item.kind, item.fate.value] = counts.get((item.kind, item.fate.value), 0) + 1
            if as_json:
                click.echo(json.dumps({**asdict(item), "fate": item.fate.value}))
            else:
                click.echo(words.item(item))
        remarks = origin.remarks()
    if not as_json:
        click.echo(words.summary(counts, remarks, mail=run.source.imap is not None))


def make(access: Access, file: Path, accounts: Sequence[str], *, objects: bool, mail: bool) -> None:
    """See `switch`. Raises Refused."""
    with _told():
        run = Run(access, file)
        refused: list[str] = []
        if objects:
            refused = _objects(run, accounts)
        faults = 0
        if mail and run.source.imap is not None:
            faults = _mailed(run, run.posts(accounts), "copy", "copied")
    if refused or faults:
        raise Refused(f"{len(refused)} objects and the mail of {faults} accounts are not here")


def _objects(run: Run, accounts: Sequence[str]) -> list[str]:
    """Those that were refused."""
    refused = []

    def told(kind: str, name: str, made: Made, notes: Sequence[str]) -> None:
        click.echo(words.made(kind, name, made, notes))
        if made is Made.REFUSED:
            refused.append(name)

    run.book.claim()
    making = Making(run.house, run.book, run.source.passwords, run.source.elsewhere, told)
    making.all(run.origin(), only=accounts)
    return refused


def status(access: Access, file: Path, *, as_json: bool) -> None:
    """See `switch`."""
    with _told():
        run = Run(access, file)
        records, posts = run.book.records(), run.book.posts()
    if as_json:
        shown = {
            "objects": [{**asdict(one), "made": one.made.value} for one in records],
            "mail": [{**asdict(one), "stage": one.stage.value} for one in posts],
        }
        click.echo(json.dumps(shown))
    else:
        click.echo(words.status(records, posts))


def verify(access: Access, file: Path, accounts: Sequence[str], *, as_json: bool) -> None:
    """See `switch`. Raises Refused."""
    differ = 0
    with _told():
        run = Run(access, file)
        # Who lives here gets mail here, and is not what is there any more.
        posts = [one for one in run.posts(accounts) if accounts or one.stage is not Stage.HERE]
        for report in run.mail(posts, "verify", lambda count: None):
            differ += bool(report.fault) or not report.same
            for line in words.verdicts(report, as_json=as_json):
                click.echo(line)
    if differ:
        raise Refused(f"{differ} accounts differ")


def cut_over(access: Access, file: Path, accounts: Sequence[str]) -> None:
    """See `switch`. Raises Refused."""
    with _told():
        run = Run(access, file)
        posts = [one for one in run.posts(accounts) if one.stage is not Stage.HERE]
        faults = _mailed(run, posts, "cut_over", "moved")
    if faults:
        raise Refused(f"{faults} accounts are not cut over")


def _mailed(run: Run, posts: Sequence[Post], kind: str, verb: str) -> int:
    """How many failed."""
    faults = 0
    with progress(verb) as shown:
        shown.step_into("mail", None)
        for report in run.mail(posts, kind, lambda count: shown.count(True)):
            faults += bool(report.fault)
            for line in words.report(report, verb):
                click.echo(line)
    return faults
