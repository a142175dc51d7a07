"""`mailhub init`, `serve` and `verify`: the server as a whole."""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
from pathlib import Path

import click

from mailhub.cli.access import Access
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
@click.option("--repair", is_flag=True, help="Mend what can be mended; the server must not run.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def verify(access: Access, repair: bool, as_json: bool) -> None:
    """Read the whole store and check every checksum, row, counter and reference.

    Ends with status 1 when something is wrong.
    """
    words = [sys.executable, "-m", "mailhub.inspect", str(access.data)]
    if access.config is not None:
        words += ["--config", str(access.config)]
    words += ["--repair"] * repair + ["--json"] * as_json
    sys.exit(subprocess.run(words, check=False).returncode)  # noqa: S603
