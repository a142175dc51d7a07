"""`mailhub elsewhere`: accounts whose mail still lives on another server."""

from __future__ import annotations

from typing import Any

import click

from mailhub.cli import show
from mailhub.cli.access import Access

COLUMNS = ("user", "phase", "name", "imap", "pop3", "mail", "since")


@click.group()
def elsewhere() -> None:
    """Accounts whose mail still lives on another server.

    Their users log in here all the same and are handed through, and mail that comes for them goes
    on there, until they are moved: elsewhere, then moving, then here.
    """


@elsewhere.command("set")
@click.argument("user")
@click.option("--imap", default="", help="imaps://host, imap://host (STARTTLS); port as :number.")
@click.option("--pop3", default="", help="pop3s://host or pop3://host (STARTTLS).")
@click.option("--mail", default="", help="Where mail goes: smtp://, smtps:// or lmtp://host.")
@click.option("--name", default="", help="The login name there; empty: the main address.")
@click.pass_obj
def set_(access: Access, /, user: str, **options: str) -> None:
    """The mail of USER is at another server: every session and all mail goes on there.

    Append +clear to a scheme (imap+clear://) for a server without TLS on this machine.
    """
    made = access.ask("elsewhere-set", user=user, **options)
    click.echo(f"{made['user']} is {made['phase']}")


@elsewhere.command("phase")
@click.argument("user")
@click.argument("phase", type=click.Choice(["elsewhere", "moving", "here"]))
@click.pass_obj
def phase_(access: Access, user: str, phase: str) -> None:
    """Move USER on, or back. Open sessions end, and clients come back by themselves.

    moving: mail waits in the queue and nobody gets in, while the rest is fetched. here: all is
    here, and what waited is delivered.
    """
    made = access.ask("elsewhere-phase", user=user, phase=phase)
    click.echo(f"{made['user']} is {made['phase']}")


@elsewhere.command("show")
@click.argument("user")
@show.as_json
@click.pass_obj
def show_one(access: Access, user: str, as_json: bool) -> None:
    """What is known of the other server of USER."""
    show.record(access.ask("elsewhere-show", user=user), as_json)


@elsewhere.command("list")
@show.as_json
@click.pass_obj
def show_all(access: Access, as_json: bool) -> None:
    """Every account of whom another server is known."""
    rows: list[dict[str, Any]] = []
    while page := access.ask("elsewhere-list", after=rows[-1]["number"] if rows else 0):
        rows += page
    show.table(rows, COLUMNS, as_json)


@elsewhere.command("clear")
@click.argument("user")
@click.pass_obj
def clear(access: Access, user: str) -> None:
    """USER is here, and nothing is known of another server any more."""
    access.ask("elsewhere-clear", user=user)
    click.echo(f"{user} is here")
