"""`mailhub alias`: addresses that lead elsewhere, and further addresses of accounts."""

from __future__ import annotations

import shlex
from typing import Any

import click

from mailhub.cli import show
from mailhub.cli.access import Access, Refused

COLUMNS = ("address", "targets", "user", "main", "program", "minilist")


@click.group()
def alias() -> None:
    """Aliases: info@, *@ for a whole domain, sales*@ for what begins so."""


def _options(command: Any) -> Any:
    for option in (
        click.option("--program", help="A command that gets the mail too; quoted as for a shell."),
        click.option(
            "--minilist/--no-minilist",
            default=None,
            help="What goes on has this address as its sender.",
        ),
    ):
        command = option(command)
    return command


def _words(options: dict[str, Any]) -> dict[str, Any]:
    """The command as words: there is no shell where it runs."""
    if options["program"] is not None:
        try:
            options["program"] = shlex.split(options["program"])
        except ValueError as error:
            raise Refused(f"the program cannot be read: {error}") from None
    return options


@alias.command()
@click.argument("address")
@click.argument("targets", nargs=-1)
@click.option("--user", help="Make it a further address of this account.")
@_options
@click.pass_obj
def add(
    access: Access, /, address: str, targets: tuple[str, ...], user: str | None, **options: Any
) -> None:
    """ADDRESS leads to every one of TARGETS."""
    made = access.ask(
        "alias-add", address=address, targets=list(targets), user=user, **_words(options)
    )
    click.echo(f"added {made['address']}")


@alias.command(name="list")
@click.argument("query", default="")
@click.option("--domain", default="", help="Only of this domain.")
@show.as_json
@click.pass_obj
def list_(access: Access, query: str, domain: str, as_json: bool) -> None:
    """Every address, or those that hold QUERY."""
    rows: list[Any] = []
    while True:
        after = rows[-1]["number"] if rows else 0
        page = access.ask("alias-list", query=query, domain=domain, after=after)
        rows += page["aliases"]
        if not page["aliases"] or len(rows) >= page["total"]:
            break
    show.table(rows, COLUMNS, as_json)


@alias.command(name="show")
@click.argument("address")
@show.as_json
@click.pass_obj
def show_(access: Access, address: str, as_json: bool) -> None:
    """One address."""
    show.record(access.ask("alias-show", address=address), as_json)


@alias.command(name="set")
@click.argument("address")
@click.argument("targets", nargs=-1)
@_options
@click.pass_obj
def set_(access: Access, /, address: str, targets: tuple[str, ...], **options: Any) -> None:
    """ADDRESS leads to TARGETS and nowhere else; where none are given they stay."""
    given = list(targets) or None
    changed = access.ask("alias-set", address=address, targets=given, **_words(options))
    show.record(changed, False)


@alias.command()
@click.argument("address")
@click.pass_obj
def remove(access: Access, address: str) -> None:
    """ADDRESS is no more."""
    access.ask("alias-remove", address=address)
    click.echo(f"removed {address}")


alias.add_command(remove, "del")
