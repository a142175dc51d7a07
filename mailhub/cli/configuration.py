"""`mailhub config`: the sample, and what is wrong with a file."""

from __future__ import annotations

from pathlib import Path

import click

from mailhub import config
from mailhub.cli.access import Access, Refused
from mailhub.sample import sample as sample_text


@click.group(name="config")
def configuration() -> None:
    """The configuration file."""


@configuration.command()
@click.argument("file", required=False, type=click.Path(dir_okay=False, path_type=Path))
@click.pass_obj
def check(access: Access, file: Path | None) -> None:
    """Say what is wrong with FILE (or the one in use), each fault with its line."""
    path = file or access.config
    try:
        config.load(path)
    except config.BadConfig as error:
        raise Refused(f"{len(error.problems)} faults\n{error.text}") from None
    click.echo(f"{path or 'the defaults'}: good")


@configuration.command()
def sample() -> None:
    """Print the commented sample: every setting, its unit and its default."""
    click.echo(sample_text(), nl=False)
