"""`mailhub init`, `serve` and `verify`: the server as a whole."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import secrets
import sys
from pathlib import Path
from typing import Any

import click

from mailhub.cli.access import Access, Refused
from mailhub.cli.progress import reading
from mailhub.model.errors import MailhubError
from mailhub.net.folder import DataFolder
from mailhub.sample import sample


@click.command()
@click.option("--domain", prompt="First domain", help="The first domain to take mail for.")
@click.option("--admin", default="admin", show_default=True, help="The administrator's name in it.")
@click.option("--password-stdin", is_flag=True, help="Read the password; else one is made.")
@click.pass_obj
def init(access: Access, domain: str, admin: str, password_stdin: bool) -> None:
    """Write a configuration file, make the data folder and the first account.

    What is there already stays as it is.
    """
    path = access.given or Path("mailhub.toml")
    if access.config is None or not path.exists():
        path.write_text(sample())
        access.given = path
        click.echo(f"wrote {path}: every setting, commented out")
    made_up = secrets.token_urlsafe(15)
    password = sys.stdin.readline().rstrip("\r\n") if password_stdin else made_up
    folder = DataFolder(access.data)
    made = access.ask("found", domain=domain, name=admin, password=password)
    if made is None:
        click.echo(f"{access.data} has accounts already; nothing was changed")
        return
    click.echo(f"made {made['username']}, an administrator")
    if not password_stdin:
        folder.keep_admin(made["username"], password)
        click.echo(
            f"password {password}\nkept in {folder.path / 'initial-admin.json'} until changed"
        )
    click.echo("start it with: mailhub serve")


@click.command()
@click.option("--logfile", type=click.Path(dir_okay=False), help="[default: standard output]")
@click.pass_obj
def serve(access: Access, logfile: str | None) -> None:
    """Run the server in the foreground: what `twistd -n mailhub` does."""
    words = [sys.executable, "-m", "twisted.scripts.twistd", "--nodaemon", "--pidfile="]
    words[1:3] = ["-c", "import sys; from twisted.scripts.twistd import run; sys.exit(run())"]
    if logfile:
        words.append(f"--logfile={logfile}")
    words += ["mailhub", "--data", str(access.data)]
    if access.config is not None:
        words += ["--config", str(access.config)]
    os.execv(sys.executable, words)  # noqa: S606


@click.command()
@click.option("--repair", is_flag=True, help="Mend what can be mended; no server may run.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def verify(access: Access, repair: bool, as_json: bool) -> None:
    """Read the whole store and check every checksum, row, counter and reference.

    Ends with status 1 when something is wrong.
    """
    try:
        check = _verify_database if access.settings.store.database else _verify_folder
        report = check(access, repair)
    except MailhubError as error:
        raise Refused(error.text) from None
    _tell(report, as_json)
    sys.exit(0 if report.clean else 1)


def _verify_folder(access: Access, repair: bool) -> Any:
    from mailhub.net import privileges
    from mailhub.store import verify as store

    folder = access.data / "store"
    if not folder.is_dir():
        raise Refused(f"{access.data} holds no store")
    privileges.become_owner(folder)
    lock = DataFolder(access.data)
    try:
        if repair:
            lock.lock()
        with reading() as advance:
            return store.verify(folder, repair, advance)
    finally:
        lock.unlock()


def _verify_database(access: Access, repair: bool) -> Any:
    """Beside its servers; for a repair, only where there are none."""
    from mailhub.store.moving import opening, state
    from mailhub.store.postgres import verify as store

    place = opening.place(access.settings)
    with contextlib.ExitStack() as stack:
        if repair:
            stack.enter_context(place.at_rest())
        source = stack.enter_context(contextlib.closing(place.source()))
        state.require_served(source.connection)
        advance = stack.enter_context(reading())
        return store.verify(source.connection, source.read, repair, advance)


def _tell(report: Any, as_json: bool) -> None:
    about = dataclasses.asdict(report)
    if as_json:
        click.echo(json.dumps({**about, "clean": report.clean}, indent=2))
        return
    for finding in report.findings:
        mended = " (repaired)" if finding.repaired else ""
        click.echo(f"{finding.kind}: {finding.where}: {finding.text}{mended}")
    counts = ", ".join(
        f"{about[name]} {name}" for name in ("accounts", "mailboxes", "messages", "blobs", "bytes")
    )
    click.echo(f"{'good' if report.clean else 'WRONG'}: {counts}")
