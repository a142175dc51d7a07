"""`mailhub mailbox`: the mailboxes of an account."""

from __future__ import annotations

from typing import Any

import click

from mailhub.cli import paging, show, times
from mailhub.cli.access import Access

COLUMNS = ("name", "special_use", "messages", "unseen", "size", "retention", "subscribed", "hidden")
USES = click.Choice(["\\Archive", "\\Drafts", "\\Flagged", "\\Junk", "\\Sent", "\\Trash"])


@click.group()
def mailbox() -> None:
    """The mailboxes of an account: USER is its name, PATH the mailbox's, with slashes."""


def _options(command: Any) -> Any:
    for option in (
        click.option(
            "--retention",
            type=times.span,
            metavar="TIME",
            help="How long mail that comes in stays, such as 90d; 0: for ever.",
        ),
        click.option("--hidden/--shown", default=None, help="Whether clients see it."),
    ):
        command = option(command)
    return command


def _spelled(options: dict[str, Any]) -> dict[str, Any]:
    if options["retention"] is not None:
        options["retention"] *= 1000
    return options


@mailbox.command()
@click.argument("user")
@click.argument("path")
@click.option("--special-use", type=USES, help="What clients use it for.")
@_options
@click.pass_obj
def add(access: Access, /, user: str, path: str, **options: Any) -> None:
    """A new mailbox, with the parents that it lacks."""
    made = access.ask("mailbox-add", user=user, name=path, **_spelled(options))
    click.echo(f"added {made['name']}")


@mailbox.command(name="list")
@click.argument("user")
@show.as_json
@click.pass_obj
def list_(access: Access, user: str, as_json: bool) -> None:
    """Every mailbox of USER, hidden ones too."""
    rows = access.ask("mailbox-list", user=user)
    if not as_json:
        for row in rows:
            row["retention"] = times.words(row["retention"] // 1000) if row["retention"] else ""
    show.table(rows, COLUMNS, as_json)


@mailbox.command(name="set")
@click.argument("user")
@click.argument("path")
@click.option("--rename", "new_name", metavar="PATH", help="What is below goes with it.")
@click.option("--subscribed/--unsubscribed", default=None, help="Whether it is subscribed.")
@_options
@click.pass_obj
def set_(access: Access, /, user: str, path: str, **options: Any) -> None:
    """Change a mailbox; what is not given stays."""
    changed = access.ask("mailbox-set", user=user, name=path, **_spelled(options))
    click.echo(f"changed {changed['name']}")


@mailbox.command()
@click.argument("user")
@click.argument("path")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.pass_obj
def remove(access: Access, user: str, path: str, yes: bool) -> None:
    """Remove a mailbox with its mail; those with a special use stay."""
    if not yes:
        click.confirm(f"Remove {path} of {user} with its mail?", abort=True)
    access.ask("mailbox-remove", user=user, name=path)
    click.echo(f"removed {path}")


@mailbox.command()
@click.argument("user", required=False)
@click.option("--all", "everybody", is_flag=True, help="The mailboxes of all users.")
@click.pass_obj
def renumber(access: Access, user: str | None, everybody: bool) -> None:
    """Give the mailboxes of USER, or of all, another UIDVALIDITY: mail programs read them anew.

    For a database that lost its last moments: UIDs of messages that were lost would be given out
    again, and mail programs take the new messages for the old ones.
    """
    if bool(user) == everybody:
        raise click.UsageError("Name a user, or --all.")
    names = [one["username"] for one in paging.users(access)] if everybody else [user]
    boxes = sum(access.ask("mailbox-renumber", user=name) for name in names)
    click.echo(f"renumbered {boxes} mailboxes of {len(names)} users")
