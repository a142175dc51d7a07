"""`mailhub switch`: moving here from WildDuck, Mail-in-a-Box, tmail or EasyMail.

Only the words of the command line stand here; what runs is imported when it is asked for.
"""

from __future__ import annotations

from pathlib import Path

import click

from mailhub.cli.access import Access

FILE = click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
ACCOUNTS = click.option(
    "--account", "accounts", multiple=True, help="Only this one; may be given again."
)
JSON = click.option("--json", "as_json", is_flag=True, help="For programs.")
KINDS = ("wildduck", "mailinabox", "tmail", "easymail")


@click.group()
def switch() -> None:
    """Move here from WildDuck, Mail-in-a-Box, tmail or EasyMail, while it goes on running.

    `sample` writes a file that says where from. `plan` tells what would be done, `run` does it and
    copies the mail, as often as it is called; `verify` compares. With [elsewhere] in the file,
    users and mail are handed through to the old server until `cutover`.
    """


@switch.command()
@click.argument("kind", type=click.Choice(KINDS))
def sample(kind: str) -> None:
    """Write a source file for a product, to be filled in."""
    from mailhub.cli import switch_words

    click.echo(switch_words.sample(kind), nl=False)


@switch.command()
@FILE
@JSON
@click.pass_obj
def plan(access: Access, file: Path, as_json: bool) -> None:
    """Tell what FILE's server has, what is here already, and what cannot be carried over."""
    from mailhub.cli import switch_run

    switch_run.plan(access, file, as_json=as_json)


@switch.command()
@FILE
@ACCOUNTS
@click.option("--no-mail", is_flag=True, help="Accounts and aliases without their mail.")
@click.option("--only-mail", is_flag=True, help="Mail of accounts that were made before.")
@click.pass_obj
def run(
    access: Access, file: Path, accounts: tuple[str, ...], no_mail: bool, only_mail: bool
) -> None:
    """Make what FILE's server has, and copy its mail; called again, follow what changed there."""
    from mailhub.cli import switch_run

    switch_run.make(access, file, accounts, objects=not only_mail, mail=not no_mail)


@switch.command()
@FILE
@JSON
@click.pass_obj
def status(access: Access, file: Path, as_json: bool) -> None:
    """Tell how far the move is, without asking the other server anything."""
    from mailhub.cli import switch_run

    switch_run.status(access, file, as_json=as_json)


@switch.command()
@FILE
@ACCOUNTS
@JSON
@click.pass_obj
def verify(access: Access, file: Path, accounts: tuple[str, ...], as_json: bool) -> None:
    """Compare UIDs, sizes and flags of all messages here with those there."""
    from mailhub.cli import switch_run

    switch_run.verify(access, file, accounts, as_json=as_json)


@switch.command()
@FILE
@click.argument("accounts", nargs=-1)
@click.option("--all", "every", is_flag=True, help="All accounts that are not here yet.")
@click.pass_obj
def cutover(access: Access, file: Path, accounts: tuple[str, ...], every: bool) -> None:
    """Fetch the last mail of ACCOUNTS and let them live here from then on.

    While the rest is fetched nobody gets in and mail waits; where that fails the account goes on
    there as before.
    """
    from mailhub.cli import switch_run

    if bool(accounts) == every:
        raise click.UsageError("name accounts, or say --all")
    switch_run.cut_over(access, file, accounts)
