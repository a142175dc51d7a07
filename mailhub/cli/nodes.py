"""`mailhub nodes` and `mailhub drain`: the processes that share a store, and taking one out."""

from __future__ import annotations

import time
from typing import Any

import click

from mailhub.cli import show
from mailhub.cli.access import Access

COLUMNS = ("name", "state", "version", "up", "seen", "holds", "addresses")


@click.command()
@show.as_json
@click.pass_obj
def nodes(access: Access, as_json: bool) -> None:
    """The servers that share this database: since when each is up, seconds since it was heard of,
    what it does for all of them. One that is gone without a word is shown as dead for some
    minutes."""
    rows = access.ask("nodes")
    show.table(rows if as_json else [_row(row) for row in rows], COLUMNS, as_json)


@click.command()
@click.option(
    "--within",
    type=click.IntRange(0, 3600),
    default=60,
    show_default=True,
    help="Seconds that sessions have for what is under way.",
)
@click.option("--stop", is_flag=True, help="End the server then.")
@click.pass_obj
def drain(access: Access, within: int, stop: bool) -> None:
    """Take no new work here, end every session when it is at an end, and give back what other
    nodes can do. Ends when nothing is left; the server goes on to say that it is not ready."""
    done = access.ask("drain", seconds=within, stop=stop)
    cut = done["cut"]
    click.echo("drained" if not cut else f"drained; {cut} sessions were cut off")


def _row(row: dict[str, Any]) -> dict[str, Any]:
    now = time.time()
    return {
        **row,
        "state": row["state"] if row["live"] else "dead",
        "up": time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(row["started"] / 1000)),
        "seen": max(0, round(now - row["seen"] / 1000)),
    }
