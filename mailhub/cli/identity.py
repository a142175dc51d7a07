"""`mailhub asp`, `mailhub totp` and `mailhub authlog`: what proves a login beside the password."""

from __future__ import annotations

from typing import Any

import click

from mailhub.cli import show
from mailhub.cli.access import Access
from mailhub.cli.queue_show import printable
from mailhub.cli.times import moment

DAY = 86400


@click.group()
def asp() -> None:
    """App passwords: each for one application, which can be ended alone."""


@asp.command()
@click.argument("user")
@click.argument("description")
@click.option(
    "--scope",
    "scopes",
    multiple=True,
    type=click.Choice(["imap", "pop3", "smtp", "*"]),
    help="What it opens; may stand again. [default: all of it]",
)
@click.option("--days", type=click.IntRange(0), default=0, help="End it after so long unused.")
@show.as_json
@click.pass_obj
def add(
    access: Access,
    user: str,
    description: str,
    scopes: tuple[str, ...],
    days: int,
    as_json: bool,
) -> None:
    """A new app password for USER; it is shown this once."""
    made = access.ask(
        "asp-add", user=user, description=description, scopes=list(scopes), ttl=days * DAY
    )
    if as_json:
        show.record(made, True)
        return
    click.echo(f"added {made['id']}")
    click.echo(f"password {made['password']}")


@asp.command(name="list")
@click.argument("user")
@show.as_json
@click.pass_obj
def list_(access: Access, user: str, as_json: bool) -> None:
    """The app passwords of USER, and when each was last used."""
    rows = access.ask("asp-list", user=user)
    if not as_json:
        rows = [{**row, "last_used": _time(row["last_used"])} for row in rows]
        rows = [{**row, "expires": _time(row["expires"])} for row in rows]
    columns = ("id", "description", "scopes", "last_used", "last_address", "expires")
    show.table(rows, columns, as_json)


@asp.command()
@click.argument("user")
@click.argument("id")
@click.pass_obj
def remove(access: Access, user: str, id: str) -> None:
    """End the app password ID of USER, and USER's sessions."""
    access.ask("asp-remove", user=user, id=id)
    click.echo(f"removed {id}")


asp.add_command(remove, "del")


@click.group()
def totp() -> None:
    """One-time codes as a second factor.

    With a second factor on, the account's own password opens neither IMAP, POP3 nor submission:
    mail programs need app passwords (`mailhub asp`).
    """


@totp.command()
@click.argument("user")
@click.option("--issuer", default="mailhub", help="Who the telephone says the code is for.")
@click.option("--fresh", is_flag=True, help="A new seed, though one waits already.")
@click.option("--no-picture", is_flag=True, help="Only the text, no QR code.")
@click.pass_obj
def setup(access: Access, user: str, issuer: str, fresh: bool, no_picture: bool) -> None:
    """Make a seed for USER, to be scanned with an authenticator application.

    It is on when `enable` was given a code.
    """
    made = access.ask("totp-setup", user=user, issuer=issuer, fresh=fresh)
    if not no_picture:
        import segno

        segno.make(made["link"], error="m", micro=False).terminal(compact=True)
    click.echo(f"seed {made['seed']}")
    click.echo(made["link"])


@totp.command()
@click.argument("user")
@click.argument("code")
@click.pass_obj
def enable(access: Access, user: str, code: str) -> None:
    """Turn one-time codes on for USER, with the first CODE."""
    access.ask("totp-enable", user=user, code=code)
    click.echo(f"one-time codes are on for {user}")


@totp.command(name="show")
@click.argument("user")
@show.as_json
@click.pass_obj
def show_(access: Access, user: str, as_json: bool) -> None:
    """Which second factors USER has."""
    show.record(access.ask("totp-show", user=user), as_json)


@totp.command()
@click.argument("user")
@click.option("--all", "every", is_flag=True, help="Security keys too.")
@click.pass_obj
def disable(access: Access, user: str, every: bool) -> None:
    """Turn one-time codes off for USER, who lost the telephone, say."""
    access.ask("totp-disable", user=user, all=every)
    click.echo(f"{'second factors' if every else 'one-time codes'} are off for {user}")


@click.command()
@click.argument("user")
@click.option("--action", default="", help="Only these, such as authentication.")
@click.option("--ip", default="", help="Only from this address.")
@show.as_json
@click.pass_obj
def authlog(access: Access, user: str, action: str, ip: str, as_json: bool) -> None:
    """What happened to USER's logins in the last thirty days, newest first."""
    rows: list[dict[str, Any]] = []
    while True:
        before = rows[-1]["number"] if rows else 0
        page = access.ask("authlog-list", user=user, action=action, ip=ip, before=before)
        rows += page["entries"]
        if not page["entries"] or len(rows) >= page["total"]:
            break
    if not as_json:
        rows = [
            {
                **{name: printable(str(value)) for name, value in row.items()},
                "last": _time(row["last"]),
            }
            for row in rows
        ]
    columns = ("last", "action", "result", "protocol", "ip", "events", "about")
    show.table(rows, columns, as_json)


def _time(seconds: int) -> str:
    return moment(seconds) if seconds else "never"
