"""`mailhub index`: the full-text index by which mail is searched."""

from __future__ import annotations

import click

from mailhub.cli import show
from mailhub.cli.access import Access


@click.group()
def index() -> None:
    """The full-text index, which the server keeps by itself.

    Searches find the same without it, and take longer.
    """


@index.command()
@show.as_json
@click.pass_obj
def status(access: Access, as_json: bool) -> None:
    """What is being done to it, how many messages it has, how many wait to come into it, how many
    it has that are gone, and its size in bytes."""
    show.record(access.ask("index-status"), as_json)


@index.command()
@show.as_json
@click.pass_obj
def rebuild(access: Access, as_json: bool) -> None:
    """Make it anew, in the background. The present one serves until then; without a running
    server it is made when the next one starts."""
    show.record(access.ask("index-rebuild"), as_json)
