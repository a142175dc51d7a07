"""`mailhub token`: tokens that applications call the APIs with."""

from __future__ import annotations

from typing import TextIO

import click

from mailhub.cli import show
from mailhub.cli.access import Access
from mailhub.cli.times import moment
from mailhub.core.rights import Role

TOKEN = click.argument("token", type=click.File(), required=False, default="-")


@click.group()
def token() -> None:
    """Tokens that applications call the WildDuck API with.

    A token has a role, which says what it opens, and may belong to one user. It ends when it is not
    used for a while; one of a user ends with the user's sessions, too.
    """


@token.command()
@click.option("--role", type=click.Choice([role.value for role in Role]), default="user")
@click.option("--user", help="Whose it is: needed for the roles user, reader and sender.")
@click.option("--life", type=click.IntRange(60), help="Seconds without use. [14 days]")
@show.as_json
@click.pass_obj
def add(access: Access, role: str, user: str | None, life: int | None, as_json: bool) -> None:
    """Make a token and print it: it is not shown again."""
    more = {"user": user} if user else {}
    made = access.ask("token-add", role=role, life=life or 0, **more)
    if as_json:
        show.record(made, as_json)
    else:
        click.echo(made["token"])


@token.command(name="show")
@TOKEN
@click.pass_obj
def show_(access: Access, token: TextIO) -> None:
    """Print what a token is for. It is read from a file or standard input, never from the command
    line, which other people of this machine can see."""
    found = access.ask("token-show", token=token.read().strip())
    show.record({**found, "expires": moment(found["expires"])}, False)


@token.command()
@TOKEN
@click.pass_obj
def revoke(access: Access, token: TextIO) -> None:
    """End a token, read from a file or standard input."""
    access.ask("token-revoke", token=token.read().strip())
    click.echo("revoked")
