"""`mailhub keys`: the master keys that encrypted mail is closed with."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

import click

from mailhub.cli import show
from mailhub.cli.access import Access, Refused
from mailhub.model.errors import MailhubError

_NAME = re.compile(r"[A-Za-z0-9_.-]{1,64}")


@click.group()
def keys() -> None:
    """The master keys of encrypted mail, in the file that encryption.file names."""


@keys.command()
@click.argument("name")
def new(name: str) -> None:
    """Make a key called NAME: a line for the file of master keys, as its first."""
    from mailhub.store.postgres import masterkeys  # its library costs who does without it nothing

    if not _NAME.fullmatch(name):
        raise click.UsageError("a name has letters, digits, - _ and .")
    click.echo(masterkeys.fresh(name))


@keys.command("list")
@show.as_json
@click.pass_obj
def list_(access: Access, as_json: bool) -> None:
    """Which master keys there are, and how many accounts' keys each of them closes."""
    from mailhub.store.postgres import masterkeys

    with _told():
        found = masterkeys.in_use(access.settings)
    rows = [{"name": name, "accounts": count} for name, count in found.items()]
    show.table(rows, ("name", "accounts"), as_json)


@keys.command()
@click.pass_obj
def rotate(access: Access) -> None:
    """Close all accounts' keys with the first key of the file. Mail itself stays as it is, and
    servers go on; they must have read the new file before. May be ended and begun again."""
    from mailhub.store.postgres import masterkeys

    with _told():
        for left in masterkeys.rotate(access.settings):
            if left:
                click.echo(f"{left} left", err=True)
    click.echo("all accounts' keys are closed with the first key of the file")


@contextmanager
def _told() -> Iterator[None]:
    """What fails is one line."""
    from mailhub.store.faults import DriverError

    try:
        yield
    except MailhubError as error:
        raise Refused(error.text) from None
    except DriverError as error:
        raise Refused(f"the database cannot be used: {error.__cause__ or error}") from None
