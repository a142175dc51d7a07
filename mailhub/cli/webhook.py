"""`mailhub webhook`: applications that are told of changes by HTTP."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

from mailhub.cli import show
from mailhub.cli.access import Access
from mailhub.cli.queue_show import printable
from mailhub.cli.times import moment


@click.group()
def webhook() -> None:
    """Applications that are told of changes by signed HTTP requests.

    Each event is told at least once, and those of one account in their order. The address has to
    be public, or in [web] allowed_networks.
    """


@webhook.command()
@click.argument("url")
@click.option("--type", "types", multiple=True, help="Type of events, such as message.*; all.")
@click.option("--user", default="", help="Only events of this account.")
@click.pass_obj
def add(access: Access, url: str, types: tuple[str, ...], user: str) -> None:
    """Tell URL of what happens from now on. Prints the secret that requests are signed with: it is
    not shown again."""
    made = access.ask("webhook-add", url=url, types=list(types), user=user)
    click.echo(f"added {made['id']}")
    click.echo(f"secret {made['secret']}")


@webhook.command(name="list")
@show.as_json
@click.pass_obj
def list_(access: Access, as_json: bool) -> None:
    """Every webhook: id, URL, types, user, and what goes wrong."""
    rows = access.ask("webhook-list")
    if not as_json:
        rows = [{**one, "state": _state(one), "user": one["user"] or "everybody"} for one in rows]
    show.table(rows, ("id", "url", "types", "user", "state"), as_json)


def _state(one: Mapping[str, Any]) -> str:
    """How it fares, in words; what a server answered is not trusted on a terminal."""
    if not one["failure"]:
        return "well"
    return printable(f"{one['failure']}, since {moment(one['failing'])}")


@webhook.command()
@click.argument("id")
@click.pass_obj
def remove(access: Access, id: str) -> None:
    """Tell it no more."""
    access.ask("webhook-remove", id=id)
    click.echo(f"removed {id}")


@webhook.command()
@click.argument("id")
@click.option("--behind", default="", help="Id of the last event it needs not be told again.")
@click.pass_obj
def replay(access: Access, id: str, behind: str) -> None:
    """Tell it again what came behind an event, or all that is still known."""
    access.ask("webhook-replay", id=id, behind=behind)
    click.echo(f"replaying {id}")


webhook.add_command(remove, "del")
