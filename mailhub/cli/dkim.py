"""`mailhub dkim`: the keys that sign domains' mail; `mailhub domain dns`: what a zone should say.

`getprivkey`, `getpubkey` and `getdnsrecord` are tmail's names, for its administrators' scripts.
"""

from __future__ import annotations

import sys
import time
from typing import Any

import click

from mailhub.cli import show
from mailhub.cli.access import Access, Refused
from mailhub.cli.domain import domain

COLUMNS = ("domain", "selector", "algorithm", "state", "since")


@click.group()
def dkim() -> None:
    """Keys that sign mail: pending, then active, then retiring, then retired.

    A pending key becomes active by itself once the DNS has its record, an hour after it was made
    where it takes another's place; the replaced one stays in the DNS for a week.
    """


@dkim.command(name="list")
@click.argument("domain_name", metavar="[DOMAIN]", default="")
@show.as_json
@click.pass_obj
def list_(access: Access, domain_name: str, as_json: bool) -> None:
    """The keys of DOMAIN, or of all."""
    _table(access.ask("dkim-list", domain=domain_name), as_json)


@dkim.command(name="show")
@click.argument("domain_name", metavar="DOMAIN")
@click.argument("selector")
@show.as_json
@click.pass_obj
def show_(access: Access, domain_name: str, selector: str, as_json: bool) -> None:
    """One key, and its record as a zone file has it."""
    show.record(access.ask("dkim-show", domain=domain_name, selector=selector), as_json)


@dkim.command()
@click.argument("domain_name", metavar="DOMAIN")
@click.option("--selector", default="", help="The name of the RSA key; the other gets an e more.")
@click.pass_obj
def rotate(access: Access, domain_name: str, selector: str) -> None:
    """Make new keys for DOMAIN, and print the records to publish."""
    for key in access.ask("dkim-rotate", domain=domain_name, selector=selector):
        click.echo(_line(access, key))


@dkim.command()
@click.argument("domain_name", metavar="DOMAIN")
@click.argument("selector")
@click.argument("file", type=click.File())
@click.pass_obj
def add(access: Access, domain_name: str, selector: str, file: Any) -> None:
    """Take the private key in FILE (PEM; - for standard input), and print its record."""
    private = file.read()
    key = access.ask("dkim-add", domain=domain_name, selector=selector, private=private)
    click.echo(_line(access, key))


@dkim.command()
@click.argument("domain_name", metavar="DOMAIN")
@click.argument("selectors", nargs=-1)
@click.pass_obj
def activate(access: Access, domain_name: str, selectors: tuple[str, ...]) -> None:
    """Sign with the pending keys of DOMAIN, or with these, whatever the DNS says."""
    rows = access.ask("dkim-activate", domain=domain_name, selectors=list(selectors))
    _table(rows, False)


@dkim.command()
@click.argument("domain_name", metavar="DOMAIN")
@click.argument("selector")
@click.pass_obj
def remove(access: Access, domain_name: str, selector: str) -> None:
    """Forget a key that does not sign."""
    access.ask("dkim-remove", domain=domain_name, selector=selector)
    click.echo(f"removed {selector}")


@dkim.command()
@click.argument("domain_name", metavar="DOMAIN")
@click.pass_obj
def enable(access: Access, domain_name: str) -> None:
    """Sign the mail of DOMAIN; makes keys where there are none."""
    _table(access.ask("dkim-enable", domain=domain_name), False)


@dkim.command()
@click.argument("domain_name", metavar="DOMAIN")
@click.pass_obj
def disable(access: Access, domain_name: str) -> None:
    """Sign the mail of DOMAIN no more; its keys stay."""
    access.ask("dkim-disable", domain=domain_name)
    click.echo(f"disabled {domain_name}")


def _selected(access: Access, domain_name: str, selector: str, algorithm: str) -> Any:
    """The key that is meant: the named one, else the one that signs or will."""
    rows = access.ask("dkim-list", domain=domain_name)
    rows = [row for row in rows if row["algorithm"] == algorithm]
    for state in ("active", "paused", "pending"):
        for row in rows:
            if row["selector"] == selector or (not selector and row["state"] == state):
                return row
    raise Refused(f"{domain_name} has no such key")


def _one(command: Any) -> Any:
    for option in (
        click.option("--algorithm", type=click.Choice(["rsa", "ed25519"]), default="rsa"),
        click.argument("selector", default=""),
        click.argument("domain_name", metavar="DOMAIN"),
    ):
        command = option(command)
    return command


@dkim.command()
@_one
@click.pass_obj
def getprivkey(access: Access, domain_name: str, selector: str, algorithm: str) -> None:
    """Print the private key that signs for DOMAIN, as PEM."""
    row = _selected(access, domain_name, selector, algorithm)
    key = access.ask("dkim-show", domain=row["domain"], selector=row["selector"], private=True)
    sys.stdout.write(key["private"])


@dkim.command()
@_one
@click.pass_obj
def getpubkey(access: Access, domain_name: str, selector: str, algorithm: str) -> None:
    """Print the public key of DOMAIN, as in its record."""
    click.echo(_selected(access, domain_name, selector, algorithm)["public"])


@dkim.command()
@_one
@click.pass_obj
def getdnsrecord(access: Access, domain_name: str, selector: str, algorithm: str) -> None:
    """Print the record of DOMAIN's key as a zone file has it."""
    click.echo(_line(access, _selected(access, domain_name, selector, algorithm)))


@domain.command()
@click.argument("name")
@click.option("--check", is_flag=True, help="Ask the DNS which of them it has.")
@show.as_json
@click.pass_obj
def dns(access: Access, name: str, check: bool, as_json: bool) -> None:
    """The records that NAME's zone should have, as a zone file has them."""
    rows = access.ask("domain-dns", name=name, check=check)
    if as_json:
        show.table(rows, (), True)
        return
    for row in rows:
        state = f" ({row['state']})" if check else ""
        click.echo(f"; {row['why']}{state}\n{row['line']}")


def _line(access: Access, key: Any) -> str:
    shown = access.ask("dkim-show", domain=key["domain"], selector=key["selector"])
    return str(shown["record"])


def _table(rows: list[Any], as_json: bool) -> None:
    for row in rows:
        row["since"] = time.strftime("%Y-%m-%d %H:%M", time.gmtime(row["changed"]))
    show.table(rows, COLUMNS, as_json)
