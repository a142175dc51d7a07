"""`mailhub sieve`: the scripts that accounts have for mail that comes, and a place to try them."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import click

from mailhub.cli import show
from mailhub.cli.access import Access, Refused
from mailhub.cli.times import moment
from mailhub.policy.sieve.bodies import Body
from mailhub.policy.sieve.fields import Fields
from mailhub.policy.sieve.outcome import Bounds, Outcome, Seen, Surroundings
from mailhub.policy.sieve.run import running
from mailhub.policy.sieve.state import Mail, Scope, State
from mailhub.wire import mime
from mailhub.wire.sieve.checks import compiled
from mailhub.wire.sieve.program import Include, Program
from mailhub.wire.sieve.tree import BadScript

COLUMNS = ("name", "active", "size", "modified", "failure")
FILE = click.Path(exists=True, dir_okay=False, allow_dash=True, path_type=Path)


@click.group()
def sieve() -> None:
    """Sieve scripts: what is done with mail that comes for an account. One of them is active."""


@sieve.command(name="list")
@click.argument("user")
@show.as_json
@click.pass_obj
def list_(access: Access, user: str, as_json: bool) -> None:
    """Lists USER's scripts, with what the last run that failed said."""
    rows = access.ask("sieve-list", user=user)
    if not as_json:
        rows = [{**row, "modified": moment(row["modified"])} for row in rows]
    show.table(rows, COLUMNS, as_json)


@sieve.command()
@click.argument("user")
@click.argument("name")
@click.pass_obj
def get(access: Access, user: str, name: str) -> None:
    """Prints the script NAME."""
    source = access.ask("sieve-get", user=user, name=name)["source"]
    click.echo(source, nl=not source.endswith("\n"))


@sieve.command()
@click.argument("user")
@click.argument("name")
@click.argument("file", type=FILE)
@click.option("--activate", is_flag=True, help="Run it on mail from now on.")
@click.pass_obj
def put(access: Access, user: str, name: str, file: Path, activate: bool) -> None:
    """Keeps FILE (- for standard input) as USER's script NAME."""
    answer = access.ask("sieve-put", user=user, name=name, source=_read(file), activate=activate)
    for warning in answer["warnings"]:
        click.echo(f"warning: {warning}", err=True)
    click.echo(f"{name} {'is active' if activate else 'kept'}")


@sieve.command()
@click.argument("user")
@click.argument("name", default="")
@click.pass_obj
def activate(access: Access, user: str, name: str) -> None:
    """Runs the script NAME on USER's mail from now on; without NAME none."""
    access.ask("sieve-activate", user=user, name=name)
    click.echo(f"{name} is active" if name else "no script is active")


@sieve.command()
@click.argument("user")
@click.argument("name")
@click.argument("new-name")
@click.pass_obj
def rename(access: Access, user: str, name: str, new_name: str) -> None:
    """Gives the script NAME another one."""
    access.ask("sieve-rename", user=user, name=name, new_name=new_name)
    click.echo(f"{name} is {new_name} now")


@sieve.command()
@click.argument("user")
@click.argument("name")
@click.pass_obj
def remove(access: Access, user: str, name: str) -> None:
    """Removes a script; the active one has to be deactivated first."""
    access.ask("sieve-remove", user=user, name=name)
    click.echo(f"{name} removed")


@sieve.command()
@click.argument("file", type=FILE)
def check(file: Path) -> None:
    """Says what is wrong with the script in FILE, each fault with its line and column."""
    for warning in _program(file).warnings:
        click.echo(f"{file}:{warning} (warning)")
    click.echo(f"{file}: no faults")


@sieve.command()
@click.argument("script", type=FILE)
@click.argument("message", type=FILE)
@click.option("--from", "sender", default="sender@example.org", help="Envelope sender.")
@click.option("--to", "recipient", default="user@example.com", help="Envelope recipient.")
@click.option("--mailbox", "mailboxes", multiple=True, help="A mailbox that there is.")
@click.option(
    "--include",
    "folder",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Folder of NAME.sieve files that the script may include.",
)
def test(
    script: Path,
    message: Path,
    sender: str,
    recipient: str,
    mailboxes: tuple[str, ...],
    folder: Path | None,
) -> None:
    """Says what SCRIPT would do with the message in the file MESSAGE; nothing is done."""
    program = _program(script)
    data = message.read_bytes() if str(message) != "-" else sys.stdin.buffer.read()
    if b"\r\n" not in data:
        data = data.replace(b"\n", b"\r\n")
    around = Surroundings(
        sender=sender,
        recipient=recipient,
        now=int(time.time()),
        mailboxes=frozenset({"INBOX", *mailboxes}),
        items={"name": "mailhub"},
    )
    outcome = _played(program, data, around, _library(program, folder))
    for line in _told(outcome):
        click.echo(line)
    if outcome.error:
        sys.exit(1)


def _read(file: Path) -> str:
    try:
        return sys.stdin.read() if str(file) == "-" else file.read_text(encoding="utf-8")
    except ValueError:
        raise Refused(f"{file} is not UTF-8") from None


def _program(file: Path) -> Program:
    try:
        return compiled(_read(file))
    except BadScript as error:
        raise Refused("\n".join(f"{file}:{fault}" for fault in error.faults)) from None


def _library(program: Program, folder: Path | None) -> dict[Include, Program]:
    found: dict[Include, Program] = {}
    waiting = list(program.includes) if folder is not None else []
    while waiting and folder is not None:
        one = waiting.pop()
        path = folder / f"{one.name}.sieve"
        if one not in found and path.is_file():
            found[one] = _program(path)
            waiting.extend(found[one].includes)
    return found


def _played(
    program: Program, data: bytes, around: Surroundings, includable: dict[Include, Program]
) -> Outcome:
    root = mime.scan(data)
    bounds = Bounds()
    mail = Mail(Fields(data[: root.body]), Body(data, bounds.body), len(data))
    work = running(State(mail, around, bounds, includable, [Scope(program)]))
    answer: bool | None = None
    while True:
        try:
            question = work.send(answer)
        except StopIteration as done:
            outcome: Outcome = done.value
            return outcome
        answer = False if isinstance(question, Seen) else None


def _told(outcome: Outcome) -> list[str]:
    """What would be done, a line each."""
    lines = [f"error at {outcome.error}"] if outcome.error else []
    for one in outcome.filings:
        place = one.mailbox or "INBOX"
        details = [f"flags {' '.join(one.flags)}"] if one.flags else []
        details += ["made if it is missing"] if one.create else []
        details += [f"or where {one.special_use} is"] if one.special_use else []
        details += ["with an edited header"] if one.header is not None else []
        details += ["as nothing else was said"] if one.implicit else []
        lines.append(f"keep in {place}" + (f" ({', '.join(details)})" if details else ""))
    lines += [f"redirect to {one.address}" for one in outcome.forwardings]
    if outcome.rejection is not None:
        lines.append(f"reject: {' '.join(outcome.rejection.text.split())}")
    if outcome.vacation is not None:
        away = outcome.vacation
        lines.append(f"answer once in {away.seconds} seconds: {' '.join(away.text.split())[:200]}")
    if not (outcome.filings or outcome.forwardings or outcome.rejection):
        lines.append("discard")
    return lines
