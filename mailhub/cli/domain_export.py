"""`mailhub export DOMAIN FILE`: a whole domain in one file."""

from __future__ import annotations

import os
from pathlib import Path

import click

from mailhub.cli.access import Access, Refused


@click.command()
@click.argument("name", metavar="DOMAIN")
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--without-secrets", is_flag=True, help="Leave out hashes of passwords and private keys."
)
@click.pass_obj
def domain(access: Access, name: str, file: Path, without_secrets: bool) -> None:
    """Write DOMAIN with its accounts, their mail and all that is set into FILE, a tar.gz.

    FILE may be a folder: then it gets a name of its own there. `mailhub import FILE` and a plain
    Dovecot read it.
    """
    items = access.client.items("export-domain", name=name, secrets=not without_secrets)
    about, _ = next(items)
    target = file / about["name"] if file.is_dir() else file
    scratch = target.with_name(f".{target.name}.part")
    size = 0
    try:
        # Hashes and keys are in it: nobody else may read it, not even while it is written.
        descriptor = os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with open(descriptor, "wb") as output:
            for _, data in items:
                output.write(data)
                size += len(data)
            output.flush()
            os.fsync(output.fileno())
        scratch.replace(target)
    except OSError as error:
        raise Refused(f"{target}: {error.strerror}") from None
    finally:
        scratch.unlink(missing_ok=True)
    click.echo(f"wrote {target}, {size} bytes")
