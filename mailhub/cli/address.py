"""`mailhub address`: the addresses that accounts have; what leads elsewhere is `mailhub alias`."""

from __future__ import annotations

from typing import Any

import click

from mailhub.cli import show
from mailhub.cli.access import Access

COLUMNS = ("address", "main", "name", "tags", "targets")


@click.group()
def address() -> None:
    """The addresses of accounts, and where an address leads."""


def _options(command: Any) -> Any:
    for option in (
        click.option("--main", is_flag=True, default=None, help="Make it the main address."),
        click.option("--name", help="The name that stands before it."),
        click.option("--tag", "tags", multiple=True, help="A label; may be given several times."),
    ):
        command = option(command)
    return command


def _spelled(options: dict[str, Any]) -> dict[str, Any]:
    given = [word for word in options["tags"] if word]
    options["tags"] = given if options["tags"] else None
    return options


@address.command()
@click.argument("user")
@click.argument("address")
@_options
@click.pass_obj
def add(access: Access, /, user: str, address: str, **options: Any) -> None:
    """A further ADDRESS of USER: also sales*@, *sales@, *@ of a domain, and info@* of all."""
    made = access.ask("alias-add", user=user, address=address, **_spelled(options))
    click.echo(f"added {made['address']}")


@address.command(name="list")
@click.argument("user")
@show.as_json
@click.pass_obj
def list_(access: Access, user: str, as_json: bool) -> None:
    """The addresses of USER."""
    show.table(access.ask("address-list", user=user), COLUMNS, as_json)


@address.command(name="set")
@click.argument("address")
@click.option("--forwards", type=int, help="Messages a day that an alias passes on; 0: any.")
@_options
@click.pass_obj
def set_(access: Access, /, address: str, **options: Any) -> None:
    """Change ADDRESS; what is not given stays, and --tag replaces all there were."""
    changed = access.ask("alias-set", address=address, **_spelled(options))
    click.echo(f"changed {changed['address']}")


@address.command()
@click.argument("address")
@click.pass_obj
def remove(access: Access, address: str) -> None:
    """Free ADDRESS; the main one of an account stays."""
    access.ask("alias-remove", address=address)
    click.echo(f"removed {address}")


@address.command()
@click.argument("address")
@show.as_json
@click.pass_obj
def resolve(access: Access, address: str, as_json: bool) -> None:
    """Where mail for ADDRESS goes."""
    show.record(access.ask("address-resolve", address=address), as_json)
