"""`mailhub alias`: addresses that lead elsewhere, and further addresses of accounts."""

from __future__ import annotations

from typing import Any

import click

from mailhub.cli import show
from mailhub.cli.access import Access

COLUMNS = ("address", "targets", "user", "main")


@click.group()
def alias() -> None:
    """Aliases: info@, *@ for a whole domain, sales*@ for what begins so."""


@alias.command()
@click.argument("address")
@click.argument("targets", nargs=-1)
@click.option("--user", help="Make it a further address of this account.")
@click.pass_obj
def add(access: Access, address: str, targets: tuple[str, ...], user: str | None) -> None:
    """ADDRESS leads to every one of TARGETS."""
    made = access.ask("alias-add", address=address, targets=list(targets), user=user)
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
@click.argument("targets", nargs=-1, required=True)
@click.pass_obj
def set_(access: Access, address: str, targets: tuple[str, ...]) -> None:
    """ADDRESS leads to TARGETS and nowhere else."""
    show.record(access.ask("alias-set", address=address, targets=list(targets)), False)


@alias.command()
@click.argument("address")
@click.pass_obj
def remove(access: Access, address: str) -> None:
    """ADDRESS is no more."""
    access.ask("alias-remove", address=address)
    click.echo(f"removed {address}")
