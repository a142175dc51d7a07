"""`mailhub domain`: the domains this server answers for."""

from __future__ import annotations

from typing import Any

import click

from mailhub.cli import show
from mailhub.cli.access import Access

COLUMNS = ("name", "alias_of", "delimiter", "ignore_dots", "catch_all", "relay")


@click.group()
def domain() -> None:
    """The domains this server takes mail for."""


def _options(command: Any) -> Any:
    for option in (
        click.option("--alias-of", help="Another domain here whose addresses stand in this too."),
        click.option("--delimiter", help="Characters that begin a subaddress; empty for none."),
        click.option("--ignore-dots/--count-dots", default=None, help="a.b@ and ab@ are one."),
        click.option("--relay/--local", default=None, help="Its mail goes on to another server."),
        click.option("--catch-all", help="The address that takes unknown local parts."),
    ):
        command = option(command)
    return command


@domain.command()
@click.argument("name")
@_options
@click.pass_obj
def add(access: Access, /, name: str, **options: Any) -> None:
    """Take mail for NAME."""
    made = access.ask("domain-add", name=name, **options)
    click.echo(f"added {made['name']}")


@domain.command(name="list")
@show.as_json
@click.pass_obj
def list_(access: Access, as_json: bool) -> None:
    """Every domain."""
    show.table(access.ask("domain-list"), COLUMNS, as_json)


@domain.command(name="show")
@click.argument("name")
@show.as_json
@click.pass_obj
def show_(access: Access, name: str, as_json: bool) -> None:
    """One domain."""
    show.record(access.ask("domain-show", name=name), as_json)


@domain.command(name="set")
@click.argument("name")
@_options
@click.pass_obj
def set_(access: Access, /, name: str, **options: Any) -> None:
    """Change NAME; what is not given stays."""
    show.record(access.ask("domain-set", name=name, **options), False)


@domain.command()
@click.argument("name")
@click.argument("new")
@click.pass_obj
def rename(access: Access, name: str, new: str) -> None:
    """Give NAME the name NEW, with its addresses, logins, aliases and keys. Mail for both is taken
    until it is done; broken off, it goes on when it is asked for again."""
    done = access.ask("domain-rename", name=name, new=new)
    click.echo(f"renamed {name} to {new}: {done['addresses']} addresses, {done['users']} users")


@domain.command()
@click.argument("name")
@click.pass_obj
def remove(access: Access, name: str) -> None:
    """Stop taking mail for NAME; no address may stand in it any more."""
    access.ask("domain-remove", name=name)
    click.echo(f"removed {name}")


domain.add_command(remove, "del")
