"""`mailhub directory`: accounts that an LDAP directory keeps."""

from __future__ import annotations

import click

from mailhub.cli import show
from mailhub.cli.access import Access


@click.group()
def directory() -> None:
    """Accounts that an LDAP directory keeps (section [ldap] of the configuration).

    They appear here when somebody logs in, when mail for them comes, or by `sync`.
    """


@directory.command()
@click.option("--force", is_flag=True, help="Shut accounts though very many are gone there.")
@show.as_json
@click.pass_obj
def sync(access: Access, force: bool, as_json: bool) -> None:
    """Bring all accounts to what the directory says now. Those that are gone there are shut, and
    keep their mail."""
    show.record(access.ask("directory-sync", force=force), as_json)


@directory.command("show")
@click.argument("name")
@show.as_json
@click.pass_obj
def show_one(access: Access, name: str, as_json: bool) -> None:
    """What is known of one account."""
    show.record(access.ask("directory-show", name=name), as_json)


@directory.command("list")
@show.as_json
@click.pass_obj
def show_all(access: Access, as_json: bool) -> None:
    """Every account that is the directory's."""
    show.table(access.ask("directory-list"), ("user", "entry", "seen", "locked"), as_json)
