"""`mailhub user`: accounts."""

from __future__ import annotations

import secrets
import sys
from typing import Any

import click

from mailhub.cli import paging, show, times
from mailhub.cli.access import Access, Refused

LIMITS = {
    "recipients": "Recipients a day of what they send; 0: default.",
    "forwards": "Messages a day that are forwarded; 0: default.",
    "received": "Messages a minute from other servers; 0: default.",
    "filters": "Filters they may have; 0: default.",
    "imap_connections": "IMAP sessions at a time; 0: default.",
    "imap_upload": "Bytes a day over IMAP, up; 0: default.",
    "imap_download": "Bytes a day over IMAP, down; 0: default.",
    "pop3_download": "Bytes a day over POP3; 0: default.",
    "pop3_messages": "Newest messages that POP3 shows; 0: all.",
}
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
        click.option("--disabled/--enabled", default=None, help="Whether it is shut."),
        click.option("--language", help="Of the names of a new account's mailboxes: et, pt_BR."),
        click.option(
            "--retention",
            type=times.span,
            metavar="TIME",
            help="How long mail stays in new mailboxes, such as 90d; 0: for ever.",
        ),
        click.option("--tag", "tags", multiple=True, help="A label; may be given several times."),
        click.option("--target", "targets", multiple=True, help="All mail goes on to there too."),
        click.option(
            "--spam-level", type=click.IntRange(0, 100), help="0: all is spam; 100: nothing is."
        ),
        click.option(
            "--key", "key", type=click.File("r"), help="A file with their OpenPGP public key."
        ),
        click.option("--encrypt-stored/--plain-stored", default=None, help="With that key."),
        click.option("--encrypt-forwarded/--plain-forwarded", default=None, help="Likewise."),
        *(
            click.option(f"--{name.replace('_', '-')}", name, type=int, metavar="COUNT", help=words)
            for name, words in LIMITS.items()
        ),
    ):
        command = option(command)
    return command


def _spell(options: dict[str, Any]) -> None:
    """Options as the acts take them; what is not given is left out."""
    if options["retention"] is not None:
        options["retention"] *= 1000
    if options["key"] is not None:
        options["key"] = options["key"].read()
    for name in ("tags", "targets"):
        given = [word for word in options[name] if word]
        options[name] = given if options[name] else None


def _password(options: dict[str, Any], ask: bool) -> tuple[dict[str, Any], str | None]:
    """The arguments with the password that was meant, and the one to print."""
    _spell(options)
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
@click.option("--no-password", is_flag=True, help="None is known yet: see `mailhub elsewhere`.")
@_options
@click.pass_obj
def add(
    access: Access,
    /,
    address: str,
    username: str | None,
    login_only: bool,
    no_password: bool,
    **options: Any,
) -> None:
    """A new account for ADDRESS; its domain has to be here.

    A printer, say, needs no mailbox: with --login-only there is none, and no address; such a login
    may send as anybody.
    """
    arguments, shown = _password(options, not no_password)
    if no_password and (arguments["password"] or arguments["hashed"]):
        raise Refused("there is no password with --no-password")
    if login_only and arguments["sending"] is None:
        arguments["sending"] = "any"
    main = "" if login_only else address
    made = access.ask("user-add", name=username or address, address=main, **arguments)
    click.echo(f"added {made['username']}")
    if shown:
        click.echo(f"password {shown}")


@user.command(name="list")
@click.argument("query", default="")
@click.option("--tag", "tags", multiple=True, help="Only those with one of these labels.")
@show.as_json
@click.pass_obj
def list_(access: Access, query: str, tags: tuple[str, ...], as_json: bool) -> None:
    """Every account, or those whose name or address holds QUERY."""
    show.table(list(paging.users(access, query, tags)), COLUMNS, as_json)


@user.command(name="show")
@click.argument("name")
@show.as_json
@click.pass_obj
def show_(access: Access, name: str, as_json: bool) -> None:
    """One account, its addresses and mailboxes."""
    show.record(access.ask("user-show", name=name), as_json)


@user.command(name="set")
@click.argument("name")
@click.option("--suspended/--active", default=None, help="Mail comes, but they may not log in.")
@_options
@click.pass_obj
def set_(access: Access, /, name: str, **options: Any) -> None:
    """Change NAME; a new password ends its sessions, what is not given stays.

    --tag and --target replace all there were; an empty one takes them away.
    """
    arguments, shown = _password(options, False)
    changed = access.ask("user-set", name=name, **arguments)
    click.echo(f"changed {changed['username']}")
    if shown:
        click.echo(f"password {shown}")


@user.command()
@click.argument("name")
@click.option("--reason", default="", help="What IMAP clients are told.")
@click.pass_obj
def logout(access: Access, name: str, reason: str) -> None:
    """End every session of NAME."""
    access.ask("user-logout", name=name, reason=reason)
    click.echo(f"logged out {name}")


@user.command()
@click.argument("name", required=False)
@click.option("--all", "every", is_flag=True, help="Of everybody, one after the other.")
@click.pass_obj
def count(access: Access, name: str | None, every: bool) -> None:
    """Count again what lies in the mailboxes of NAME."""
    if every == bool(name):
        raise click.UsageError("Give a NAME, or --all.")
    used = access.ask("user-count", name=name) if name else access.ask("user-count")
    click.echo(f"{used['used']} bytes (was {used['before']})")


@user.command()
@click.argument("name")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--now", is_flag=True, help="For good, at once.")
@click.option("--keep", type=times.span, metavar="TIME", help="Until it cannot be restored: 30d.")
@click.pass_obj
def remove(access: Access, name: str, yes: bool, now: bool, keep: int | None) -> None:
    """Remove NAME. For a while `mailhub user restore` brings it back with its mail."""
    about = access.ask("user-show", name=name)
    if not yes:
        click.confirm(
            f"Remove {about['username']} and its {about['messages']} messages?", abort=True
        )
    gone = access.ask("user-remove", name=name, keep=0 if now else keep)
    rest = "" if now else f", its mail goes at {times.moment(gone['due'])}"
    click.echo(f"removed {about['username']}{rest}")


@user.command()
@show.as_json
@click.pass_obj
def removed(access: Access, as_json: bool) -> None:
    """Removed accounts that can be restored."""
    rows = access.ask("user-removed")
    if not as_json:
        for row in rows:
            row |= {"removed": times.moment(row["removed"]), "due": times.moment(row["due"])}
    show.table(rows, ("username", "id", "removed", "due", "used", "addresses"), as_json)


@user.command()
@click.argument("name")
@click.pass_obj
def restore(access: Access, name: str) -> None:
    """Bring back the removed account NAME (or with this id), with those of its addresses that
    nobody took."""
    back = access.ask("user-restore", name=name)
    click.echo(f"restored {back['username']} with {back['addresses']} addresses")


@user.command()
@click.argument("name")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.pass_obj
def reset(access: Access, name: str, yes: bool) -> None:
    """Give NAME, who cannot log in any more, a new password that has to be replaced.

    Second factors are turned off and sessions end.
    """
    if not yes:
        click.confirm(f"Replace the password of {name}?", abort=True)
    click.echo(f"password {access.ask('user-reset', user=name)['password']}")


user.add_command(set_, "update")
user.add_command(remove, "del")
