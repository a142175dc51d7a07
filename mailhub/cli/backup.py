"""`mailhub backup`: encrypted copies of everything, and a server made of one."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import click

from mailhub.cli import show, times
from mailhub.cli.access import Access, Refused
from mailhub.cli.kept import Kept, fill_bucket
from mailhub.cli.progress import reading
from mailhub.model.backup import BackupTarget
from mailhub.model.errors import MailhubError

COLUMNS = ("id", "made", "size", "added")


@click.group()
def backup() -> None:
    """Encrypted copies of everything, made by restic while mail goes on."""


@backup.command()
@show.as_json
@click.pass_obj
def run(access: Access, as_json: bool) -> None:
    """Make one now."""
    made = access.ask("backup-run")
    made["made"] = times.moment(made.pop("time"))
    show.record(made, as_json)


@backup.command()
@show.as_json
@click.pass_obj
def status(access: Access, as_json: bool) -> None:
    """Where they go, how the last went, and what there is."""
    found = access.ask("backup-status")
    if not as_json:
        found["keep"] = times.words(found["keep"])
        for name in ("last_good", "last_tried", "verified"):
            found[name] = times.moment(found[name]) if found[name] else "never"
        found["backups"] = [
            {"id": one["id"], "made": times.moment(one["time"])} | _sizes(one)
            for one in found["backups"]
        ]
    show.record(found, as_json)


def _sizes(one: dict[str, int]) -> dict[str, object]:
    return {name: one[name] or "?" for name in ("size", "added")}


@backup.command()
@click.option("--all", "everything", is_flag=True, help="Fetch and check every byte of it.")
@click.pass_obj
def verify(access: Access, everything: bool) -> None:
    """Check that what was kept can be read again."""
    access.ask("backup-verify", whole=everything)
    click.echo("good")


@backup.command()
@click.argument("address")
@click.option("--key", help="The key's id, of s3 and b2.")
@click.option("--keep", type=times.span, metavar="TIME", help="How long a backup is kept.")
@click.pass_obj
def target(access: Access, address: str, key: str | None, keep: int | None) -> None:
    """Let backups go to ADDRESS from now on: off, local, a folder, sftp://user@host[:port]/path,
    s3://[region@]host/bucket[/path] or b2://bucket[/path].

    The secret of a key is read from MAILHUB_BACKUP__SECRET, or asked for.
    """
    secret = os.environ.get("MAILHUB_BACKUP__SECRET")
    if key and secret is None:
        secret = click.prompt("Secret of the key", hide_input=True)
    public = access.ask("backup-target", address=address, key=key, secret=secret, keep=keep)
    if public:
        click.echo(f"let this key in there:\n{public}")
    if address != "off":
        click.echo(f"keep what `mailhub backup key` prints: nobody reads {address} without it")


@backup.command()
@click.pass_obj
def key(access: Access) -> None:
    """Print what backups are encrypted with. Without it they are lost."""
    path = access.data / "backup" / "key"
    try:
        click.echo(path.read_text().strip())
    except OSError as error:
        raise Refused(f"{path}: {error.strerror}; it is made with the first backup") from None


@backup.command()
@click.option("--from", "address", help="The target; else the one that the configuration names.")
@click.option("--key", help="The key's id, of s3 and b2.")
@click.option(
    "--key-file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="What `mailhub backup key` printed, in a file; else the data folder's own.",
)
@click.option("--snapshot", default="latest", show_default=True, help="Which one, by its id.")
@click.option(
    "--bodies-only",
    is_flag=True,
    help="Put larger messages back into the bucket, and nothing else; servers may go on.",
)
@click.pass_obj
def restore(
    access: Access,
    address: str | None,
    key: str | None,
    key_file: Path | None,
    snapshot: str,
    bodies_only: bool,
) -> None:
    """Make the data folder of a backup, on a machine that has none, and verify it; with the
    database and the bucket, where there were such.

    Mail that was waiting to be sent is on hold afterwards: whether it was sent since, only you
    know (`mailhub queue list`, then `release` or `drop`).
    """
    from mailhub.net import privileges
    from mailhub.net.folder import DataFolder
    from mailhub.store import picture

    settings = access.settings.backup
    wanted = BackupTarget(
        address=address or settings.target,
        user=key or settings.user,
        secret=settings.secret,
        keep=settings.keep,
    )
    folder = DataFolder(access.data)
    if bodies_only:
        _bucket(access, wanted, key_file, snapshot)
        return
    try:
        folder.make()
        privileges.become_owner(folder.path)
        folder.lock()
        if (folder.path / picture.STORE).exists():
            raise Refused(f"{folder.path} holds a store already; restore into an empty folder")
        kept = Kept(folder.path / "backup", wanted, key_file, settings.program)
        chosen = kept.chosen(snapshot)
        fetched = kept.picture(chosen)
        click.echo(f"fetched {snapshot}")
        if (fetched / picture.STORE / picture.DUMP).is_file():
            restored, report = _database(access, fetched, partial(kept.bodies, chosen))
        else:
            restored, report = _folder(access, fetched)
        kept.clear()
    except MailhubError as error:
        raise Refused(error.text) from None
    finally:
        folder.unlock()
    for finding in report.findings:
        click.echo(f"{finding.kind}: {finding.where}: {finding.text}")
    click.echo(f"restored {restored.mailboxes} mailboxes, {report.messages} messages")
    if restored.held:
        click.echo(f"on hold in the queue: {restored.held}")
    sys.exit(0 if report.clean else 1)


def _bucket(access: Access, wanted: BackupTarget, key_file: Path | None, snapshot: str) -> None:
    """The bucket alone, of a database that is well."""
    from mailhub.net import privileges

    try:
        privileges.become_owner(access.data)
        kept = Kept(access.data / "backup", wanted, key_file, access.settings.backup.program)
        chosen = kept.chosen(snapshot)
        listed = kept.listed(chosen)
        fill_bucket(access.settings, listed, partial(kept.bodies, chosen))
        kept.clear()
    except MailhubError as error:
        raise Refused(error.text) from None


def _folder(access: Access, fetched: Path) -> tuple[Any, Any]:
    """A store of a data folder's own."""
    from mailhub.store import picture
    from mailhub.store import verify as store

    if access.settings.store.database:
        raise Refused(
            "this backup is of a server without a database: restore it with a configuration"
            " that names none, then move it there with `mailhub migrate`"
        )
    restored = picture.place(fetched, access.data)
    with reading() as advance:
        return restored, store.verify(access.data / picture.STORE, False, advance)


def _database(
    access: Access, fetched: Path, bodies: Callable[[Sequence[str]], Path]
) -> tuple[Any, Any]:
    """A store that was in a database, into the empty one that the settings name, and what was in
    its bucket into the one of the settings."""
    from mailhub.store import picture
    from mailhub.store.moving import opening
    from mailhub.store.postgres import copying, restoring, verify

    settings, store = access.settings, fetched / picture.STORE
    where = settings.store.database
    if not where:
        raise Refused(
            "this backup is of a server on PostgreSQL: name an empty database in [store] of the"
            " configuration"
        )
    restoring.require_empty(where)
    # First what rows refer to: who is stopped meanwhile begins again with an empty database.
    if (store / copying.LIST).is_file():
        fill_bucket(settings, store / copying.LIST, bodies)
        (store / copying.LIST).unlink()
    restored = restoring.restore(where, store / picture.DUMP)
    (store / picture.DUMP).unlink()
    picture.place_files(fetched, access.data)
    with closing(opening.place(settings).source()) as source, reading() as advance:
        return restored, verify.verify(source.connection, source.read, False, advance)
