"""`mailhub filter` and `mailhub autoreply`: what accounts want done with mail that comes."""

from __future__ import annotations

import sys
from base64 import b64encode
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from mailhub.cli import show
from mailhub.cli.access import Access, Refused

TRIED = 600_000
"""Octets of a message that fit into a question."""
COLUMNS = ("id", "name", "when", "then", "disabled")
FLAGS = ("seen", "flag", "delete", "spam")
TEXTS = ("from", "to", "subject", "list", "text")
WORDS = {
    "seen": ("seen", "unseen"),
    "flag": ("flag", "no flag"),
    "delete": ("delete", "keep"),
    "spam": ("spam", "no spam"),
}


@click.group()
def filter() -> None:
    """Filters of an account: the oldest first, all of them; of each action the first one wins."""


def _options(command: Any) -> Any:
    for option in (
        click.option("--name", help="What people call it."),
        click.option("--from", "from_", metavar="TEXT", help="In From or Sender."),
        click.option("--to", metavar="TEXT", help="In To, Cc or Delivered-To."),
        click.option("--subject", metavar="TEXT", help="In the subject."),
        click.option("--list", "list_", metavar="TEXT", help="In List-ID."),
        click.option("--text", metavar="TEXT", help="In the text of the message."),
        click.option("--attachments", type=click.Choice(["with", "without", "any"])),
        click.option("--larger", type=int, metavar="BYTES", help="Messages larger than this."),
        click.option("--smaller", type=int, metavar="BYTES", help="Messages smaller than this."),
        click.option("--seen/--unseen", default=None, help="Mark it as read, or not."),
        click.option("--flag/--no-flag", default=None, help="Flag it, or not."),
        click.option("--delete/--keep", default=None, help="Drop it silently, or not."),
        click.option("--spam/--no-spam", default=None, help="Into the mailbox for junk, or not."),
        click.option("--mailbox", metavar="PATH", help="Where it goes; empty: the INBOX."),
        click.option("--forward", "forwards", multiple=True, metavar="ADDRESS"),
        click.option("--upload", "uploads", multiple=True, metavar="URL", help="Posted there."),
        click.option("--disabled/--enabled", default=None, help="Whether it rests."),
    ):
        command = option(command)
    return command


def _arguments(options: dict[str, Any]) -> dict[str, Any]:
    """What was given, as the server takes it."""
    larger, smaller = options.pop("larger"), options.pop("smaller")
    if larger is not None and smaller is not None:
        raise Refused("give one of --larger and --smaller")
    given = {name.rstrip("_"): value for name, value in options.items() if value is not None}
    if larger is not None or smaller is not None:
        given["size"] = larger if larger is not None else -smaller
    for name in ("forwards", "uploads"):
        words = [one for one in given.pop(name, ()) if one]
        if words or options[name]:
            given[name] = words
    return given


@filter.command()
@click.argument("user")
@_options
@click.pass_obj
def add(access: Access, /, user: str, **options: Any) -> None:
    """Adds a filter to USER's; without a condition it is for all mail."""
    made = access.ask("filter-add", user=user, **_arguments(options))
    click.echo(f"{made['id']} {_then(made) or 'does nothing'}")


@filter.command(name="list")
@click.argument("user")
@show.as_json
@click.pass_obj
def list_(access: Access, user: str, as_json: bool) -> None:
    """Lists USER's filters in the order in which they run."""
    rows = access.ask("filter-list", user=user)
    if not as_json:
        rows = [{**row, "when": _when(row) or "all mail", "then": _then(row)} for row in rows]
    show.table(rows, COLUMNS, as_json)


@filter.command(name="show")
@click.argument("user")
@click.argument("id", required=False)
@click.option("--sieve", is_flag=True, help="As a Sieve script; without ID all of them.")
@show.as_json
@click.pass_obj
def show_(access: Access, user: str, id: str | None, sieve: bool, as_json: bool) -> None:
    """Shows one of them."""
    if sieve:
        click.echo(access.ask("filter-sieve", user=user, id=id)["source"], nl=False)
        return
    if id is None:
        raise Refused("name the filter, or ask for all of them with --sieve")
    show.record(access.ask("filter-show", user=user, id=id), as_json)


@filter.command(name="set")
@click.argument("user")
@click.argument("id")
@click.option("--unset", multiple=True, type=click.Choice(FLAGS), help="Leave it to the others.")
@_options
@click.pass_obj
def set_(access: Access, /, user: str, id: str, unset: tuple[str, ...], **options: Any) -> None:
    """Changes what is given; an empty text clears."""
    changed = access.ask("filter-set", user=user, id=id, unset=list(unset), **_arguments(options))
    click.echo(f"{changed['id']} {_then(changed) or 'does nothing'}")


@filter.command()
@click.argument("user")
@click.argument("id")
@click.pass_obj
def remove(access: Access, user: str, id: str) -> None:
    """Removes one of them."""
    access.ask("filter-remove", user=user, id=id)
    click.echo(f"{id} removed")


@filter.command()
@click.argument("user")
@click.argument("message", type=click.File("rb"))
@show.as_json
@click.pass_obj
def test(access: Access, user: str, message: Any, as_json: bool) -> None:
    """Says what USER's filters would do with the message in a file; nothing is done."""
    data: bytes = message.read()
    if b"\r\n" not in data:
        data = data.replace(b"\n", b"\r\n")
    if len(data) > TRIED:
        raise Refused(f"only messages up to {TRIED} octets are tried")
    found = access.ask("filter-test", user=user, message=b64encode(data).decode())
    if as_json:
        show.record(found, as_json)
        return
    for id in found["filters"]:
        click.echo(f"{id} holds")
    click.echo(_then(found) or "nothing is done")


@filter.command()
@click.argument("user")
@click.pass_obj
def key(access: Access, user: str) -> None:
    """Prints what messages are signed with that USER's filters post to URLs."""
    click.echo(access.ask("filter-key", user=user)["key"])


def _when(row: dict[str, Any]) -> str:
    found = [f"{name} {row[name]}" for name in TEXTS if row[name]]
    if row["attachments"] is not None:
        found.append("with attachments" if row["attachments"] else "without attachments")
    if row["size"]:
        found.append(f"{'larger' if row['size'] > 0 else 'smaller'} {abs(row['size'])}")
    return ", ".join(found)


def _then(row: dict[str, Any]) -> str:
    found = [WORDS[name][not row[name]] for name in FLAGS if row[name] is not None]
    if row["mailbox"]:
        found.append(f"into {row['mailbox']}")
    found += [f"to {target}" for target in (*row["forwards"], *row["uploads"])]
    return ", ".join(found)


# -- automatic replies


@click.group()
def autoreply() -> None:
    """What an account answers whoever writes to it, once in four hours each."""


@autoreply.command(name="show")
@click.argument("user")
@show.as_json
@click.pass_obj
def show_reply(access: Access, user: str, as_json: bool) -> None:
    """Shows what USER answers."""
    show.record(access.ask("autoreply-show", user=user), as_json)


@autoreply.command(name="set")
@click.argument("user")
@click.option("--on/--off", "status", default=None, help="Whether it answers.")
@click.option("--name", help="Of the answer's From; empty: the account's.")
@click.option("--subject", help="Empty: that of the message.")
@click.option("--text", help="The answer; - for standard input.")
@click.option("--html", type=click.Path(exists=True, dir_okay=False), help="A file with it.")
@click.option("--from", "starts", metavar="TIME", help="ISO 8601; empty: at once.")
@click.option("--until", "ends", metavar="TIME", help="ISO 8601; empty: for ever.")
@click.pass_obj
def set_reply(access: Access, /, user: str, **options: Any) -> None:
    """Changes what is given."""
    given = {name: value for name, value in options.items() if value is not None}
    if given.get("text") == "-":
        given["text"] = sys.stdin.read()
    if "html" in given:
        given["html"] = Path(given["html"]).read_text()
    for name in ("starts", "ends"):
        if name in given:
            given[name] = _time(given[name])
    changed = access.ask("autoreply-set", user=user, **given)
    click.echo(f"{user} {'answers' if changed['status'] else 'answers nothing'}")


@autoreply.command(name="remove")
@click.argument("user")
@click.pass_obj
def remove_reply(access: Access, user: str) -> None:
    """Forgets what USER answers."""
    access.ask("autoreply-remove", user=user)
    click.echo(f"{user} answers nothing")


def _time(text: str) -> int:
    """Epoch seconds; -1 for none."""
    if not text:
        return -1
    try:
        return int(datetime.fromisoformat(text).astimezone().timestamp())
    except (ValueError, OverflowError):
        raise Refused(f"{text} is no time") from None
