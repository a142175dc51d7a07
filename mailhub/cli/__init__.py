"""The `mailhub` command: one module a group, the process that owns the store asked over `client`.

Nothing here touches the store's files; what a command may do is decided in core.
"""

from __future__ import annotations

import sys
from pathlib import Path

import click

from mailhub import __version__
from mailhub.cli.access import Access, Refused
from mailhub.cli.address import address
from mailhub.cli.alias import alias
from mailhub.cli.archive import archive
from mailhub.cli.backup import backup
from mailhub.cli.configuration import configuration
from mailhub.cli.directory import directory
from mailhub.cli.dkim import dkim
from mailhub.cli.dns import dns
from mailhub.cli.domain import domain
from mailhub.cli.elsewhere import elsewhere
from mailhub.cli.exports import export
from mailhub.cli.filter import autoreply, filter
from mailhub.cli.identity import asp, authlog, totp
from mailhub.cli.imports import import_
from mailhub.cli.index import index
from mailhub.cli.keys import keys
from mailhub.cli.mailbox import mailbox
from mailhub.cli.migrate import migrate
from mailhub.cli.nodes import drain, nodes
from mailhub.cli.queue import queue
from mailhub.cli.report import report
from mailhub.cli.routes import rcpthost, relayip, routes
from mailhub.cli.server import init, serve, verify
from mailhub.cli.sieve import sieve
from mailhub.cli.status import status
from mailhub.cli.suppression import suppression
from mailhub.cli.switch import switch
from mailhub.cli.tls import tls
from mailhub.cli.token import token
from mailhub.cli.user import user
from mailhub.cli.webhook import webhook

__all__ = ["main"]


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.option(
    "-c",
    "--config",
    type=click.Path(dir_okay=False, path_type=Path),
    envvar="MAILHUB_CONFIG",
    help="The TOML file. [default: ./mailhub.toml, then /etc/mailhub/mailhub.toml]",
)
@click.option(
    "-d",
    "--data",
    type=click.Path(file_okay=False, path_type=Path),
    envvar="MAILHUB_DATA",
    help="The data folder, instead of the one that the file names.",
)
@click.version_option(__version__, prog_name="mailhub")
@click.pass_context
def group(context: click.Context, config: Path | None, data: Path | None) -> None:
    """Run and administer a mailhub mail server.

    Every command works while the server runs, and without it: then it opens the store itself.
    Begin with `mailhub init`, then `mailhub serve`.
    """
    context.obj = Access(config, data)


for command in (
    init,
    serve,
    domain,
    user,
    address,
    mailbox,
    archive,
    alias,
    filter,
    autoreply,
    sieve,
    asp,
    totp,
    authlog,
    token,
    tls,
    queue,
    suppression,
    routes,
    rcpthost,
    relayip,
    dkim,
    dns,
    report,
    directory,
    elsewhere,
    index,
    backup,
    import_,
    export,
    switch,
    status,
    verify,
    migrate,
    keys,
    nodes,
    drain,
    webhook,
    configuration,
):
    group.add_command(command)


def main() -> None:
    """The entry point: errors are one line on standard error, never a traceback."""
    try:
        group()
    except Refused as error:
        click.echo(f"mailhub: {error}", err=True)
        sys.exit(1)
    except BrokenPipeError:
        sys.exit(1)


if __name__ == "__main__":
    main()
