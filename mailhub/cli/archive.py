"""`mailhub archive`: deleted messages of an account, as long as they are kept."""

from __future__ import annotations

import time

import click

from mailhub.cli import show, times
from mailhub.cli.access import Access

COLUMNS = ("number", "deleted", "mailbox", "from", "subject", "size")


@click.group()
def archive() -> None:
    """Deleted messages of an account, as long as they are kept."""


@archive.command(name="list")
@click.argument("user")
@click.option("--limit", type=click.IntRange(1, 250), default=20, show_default=True)
@click.option("--before", type=int, default=0, help="Go on behind this number.")
@show.as_json
@click.pass_obj
def list_(access: Access, user: str, limit: int, before: int, as_json: bool) -> None:
    """What USER deleted, the newest first."""
    rows = access.ask("archive-list", user=user, limit=limit, before=before)["messages"]
    if not as_json:
        for row in rows:
            row["deleted"] = times.moment(row["deleted"])
    show.table(rows, COLUMNS, as_json)


@archive.command()
@click.argument("user")
@click.argument("numbers", type=int, nargs=-1)
@click.option("--since", type=times.span, metavar="TIME", help="All that was deleted since then.")
@click.option("--to", "mailbox", metavar="PATH", help="Where to; else where each of them was.")
@click.pass_obj
def restore(
    access: Access, user: str, numbers: tuple[int, ...], since: int | None, mailbox: str | None
) -> None:
    """Put messages back, by their numbers in the list or by when they were deleted."""
    if bool(numbers) == (since is not None):
        raise click.UsageError("name numbers, or a time with --since")
    if since is not None and mailbox is not None:
        raise click.UsageError("--to goes with numbers")
    if since is not None:
        count = access.ask("archive-restore", user=user, since=int(time.time()) - since)
    else:
        count = access.ask("archive-restore", user=user, numbers=list(numbers), mailbox=mailbox)
    click.echo(f"restored {count}")
