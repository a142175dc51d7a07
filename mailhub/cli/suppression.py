"""`mailhub suppression`: recipients that nothing is sent to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import click

from mailhub.cli import show
from mailhub.cli.access import Access
from mailhub.cli.queue_show import as_json_array, printable
from mailhub.cli.times import moment


@click.group()
def suppression() -> None:
    """Recipients that nothing is sent to: their servers refused them for good, or you did.

    Mail to them comes back at once. Those that were refused leave the list after [queue]
    suppress_time, or with `remove`; those that you add stay.
    """


@suppression.command(name="list")
@show.as_json
@click.pass_obj
def list_(access: Access, as_json: bool) -> None:
    """Everybody on the list: address, since when, until when, why."""
    if as_json:
        as_json_array(_pages(access))
        return
    empty = True
    for one in _pages(access):
        empty = False
        until = moment(one["until"]) if one["until"] else "for ever"
        words = (one["address"], moment(one["created"]), until, one["status"], one["reply"])
        click.echo("\t".join(map(printable, words)))
    if empty:
        click.echo("none")


def _pages(access: Access) -> Iterator[Mapping[str, Any]]:
    after = ""
    while page := access.ask("suppression-list", after=after)["suppressions"]:
        yield from page
        after = page[-1]["address"]


@suppression.command()
@click.argument("address")
@click.option("--reason", default="", help="What senders are told.")
@click.pass_obj
def add(access: Access, address: str, reason: str) -> None:
    """Send nothing to ADDRESS any more."""
    made = access.ask("suppression-add", address=address, reason=reason)
    click.echo(f"added {made['address']}")


@suppression.command()
@click.argument("address")
@click.pass_obj
def remove(access: Access, address: str) -> None:
    """Send to ADDRESS again."""
    access.ask("suppression-remove", address=address)
    click.echo(f"removed {address}")


suppression.add_command(remove, "del")
