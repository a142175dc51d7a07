"""`mailhub user`: accounts."""

from __future__ import annotations

import secrets
import sys
from typing import Any

import click

from mailhub.cli import show
from mailhub.cli.access import Access, Refused

COLUMNS = ("username", "address", "name", "role", "disabled", "used", "messages")


@click.group()
def user() -> None:
    """The accounts that people log in to."""


def _options(command: Any) -> Any:
    for option in (
        click.option("--password", help="The password; seen by who lists processes."),
        click.option("--password-stdin", is_flag=True, help="Read the password from a line."),
        click.option("--generate", is_flag=True, help="Make a password and print it."),
        click.option("--hash", "hashed", help="A password hash of another server."),
        click.option("--name", "full_name", help="The person's name."),
        click.option("--role", type=click.Choice(["user", "admin"]), help="What they may do."),
        click.option(
            "--sending",
            type=click.Choice(["local", "own", "any"]),
            help="To people here only; to anybody (default); to anybody, as any sender.",
        ),
        click.option("--quota", type=int, metavar="BYTES", help="Most bytes of mail; 0: default."),
        click.option("--disabled/--enabled", default=None, help="Whether they may log in."),
    ):
        command = option(command)
    return command


def _password(options: dict[str, Any], ask: bool) -> tuple[dict[str, Any], str | None]:
    """The arguments with the password that was meant, and the one to print."""
    from_input, generate = options.pop("password_stdin"), options.pop("generate")
    given = [word for word in ("password", "hashed") if options[word]] + [
        word for word in (from_input, generate) if word
    ]
    if len(given) > 1:
        raise Refused("give one of --password, --password-stdin, --generate and --hash")
    if generate:
        options["password"] = secrets.token_urlsafe(15)
        return options, options["password"]
    if from_input:
        options["password"] = sys.stdin.readline().rstrip("\r\n")
    elif ask and not given:
        if not sys.stdin.isatty():
            raise Refused("a password is needed: --password-stdin, --generate or --hash")
        options["password"] = click.prompt("Password", hide_input=True, confirmation_prompt=True)
    return options, None


@user.command()
@click.argument("address")
@click.option("--username", help="A login name other than the address.")
@click.option("--login-only", is_flag=True, help="ADDRESS is a name alone, which may only send.")
@_options
@click.pass_obj
def add(
    access: Access, /, address: str, username: str | None, login_only: bool, **options: Any
) -> None:
    """A new account for ADDRESS; its domain has to be here.

    A printer, say, needs no mailbox: with --login-only there is none, and no address; such a login
    may send as anybody.
    """
    arguments, shown = _password(options, True)
    if login_only and arguments["sending"] is None:
        arguments["sending"] = "any"
    main = "" if login_only else address
    made = access.ask("user-add", name=username or address, address=main, **arguments)
    click.echo(f"added {made['username']}")
    if shown:
        click.echo(f"password {shown}")


@user.command(name="list")
@click.argument("query", default="")
@show.as_json
@click.pass_obj
def list_(access: Access, query: str, as_json: bool) -> None:
    """Every account, or those whose name or address holds QUERY."""
    rows: list[Any] = []
    while True:
        page = access.ask("user-list", query=query, after=rows[-1]["number"] if rows else 0)
        rows += page["users"]
        if not page["users"] or len(rows) >= page["total"]:
            break
    show.table(rows, COLUMNS, as_json)


@user.command(name="show")
@click.argument("name")
@show.as_json
@click.pass_obj
def show_(access: Access, name: str, as_json: bool) -> None:
    """One account, its addresses and mailboxes."""
    show.record(access.ask("user-show", name=name), as_json)


@user.command(name="set")
@click.argument("name")
@_options
@click.pass_obj
def set_(access: Access, /, name: str, **options: Any) -> None:
    """Change NAME; a new password ends its sessions, what is not given stays."""
    arguments, shown = _password(options, False)
    changed = access.ask("user-set", name=name, **arguments)
    click.echo(f"changed {changed['username']}")
    if shown:
        click.echo(f"password {shown}")


@user.command()
@click.argument("name")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.pass_obj
def remove(access: Access, name: str, yes: bool) -> None:
    """Remove NAME with all its mail, for good."""
    about = access.ask("user-show", name=name)
    if not yes:
        click.confirm(
            f"Remove {about['username']} and its {about['messages']} messages?", abort=True
        )
    access.ask("user-remove", name=name)
    click.echo(f"removed {about['username']}")


user.add_command(set_, "update")
user.add_command(remove, "del")
