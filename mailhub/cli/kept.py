"""What a repository of backups holds, for who makes a server of it: fetched by restic, the bodies
of a bucket a batch at a time, so that they need not all lie here."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from itertools import groupby
from pathlib import Path
from typing import Any

import click

from mailhub.cli.access import Refused
from mailhub.cli.progress import reading
from mailhub.model.backup import BackupTarget
from mailhub.model.settings import Settings

FOLDERS = 500
"""Folders of bodies that are fetched at a time, at most."""


class Kept:
    """`folder`: ours, for backups. `key_file`: what they are encrypted with; None: our own. Raises
    Refused."""

    def __init__(
        self, folder: Path, target: BackupTarget, key_file: Path | None, program: str
    ) -> None:
        from mailhub.net import restic as keeping
        from mailhub.wire import restic

        if key_file is not None:
            keeping.keep_key(folder, key_file.read_text().strip())
        elif not (folder / "key").exists():
            raise Refused(
                "the key is missing: give what `mailhub backup key` printed by --key-file"
            )
        self._restic = restic
        self._where = restic.place(target, str(folder))
        self._folder = folder
        self._program = program

    def chosen(self, snapshot: str) -> str:
        """The id of a backup, the newest one's for `latest`. Raises Refused."""
        if snapshot != "latest":
            return snapshot
        found = self._restic.listed(self._run(self._restic.snapshots(self._restic.TAG)))
        if not found:
            raise Refused("there is no backup")
        return found[-1].id

    def picture(self, id: str) -> Path:
        """The picture that a backup holds, in a folder of ours. Raises Refused."""
        into = self._folder / "restoring"
        shutil.rmtree(into, ignore_errors=True)
        self._run(self._restic.fetch(id, str(into), self._restic.PICTURE))
        found = into / self._restic.PICTURE
        if not found.is_dir():
            raise Refused("this backup holds no store")
        return found

    def listed(self, id: str) -> Path:
        """The list of the bodies that a backup holds. Raises Refused."""
        into = self._folder / "restoring"
        shutil.rmtree(into, ignore_errors=True)
        name = f"{self._restic.PICTURE}/store/bodies"
        self._run(self._restic.fetch(id, str(into), name))
        if not (into / name).is_file():
            raise Refused("there are no messages of a bucket in this backup")
        return into / name

    def bodies(self, id: str, folders: Sequence[str]) -> Path:
        """A folder with these folders of a backup's bodies, as far as they are in it, and nothing
        else. Raises Refused."""
        into = self._folder / "restoring-bodies"
        shutil.rmtree(into, ignore_errors=True)
        only = [f"{self._restic.BODIES}/{name}" for name in folders]
        self._run(self._restic.fetch(id, str(into), *only))
        return into / self._restic.BODIES

    def clear(self) -> None:
        """Takes away what was fetched."""
        for name in ("restoring", "restoring-bodies"):
            shutil.rmtree(self._folder / name, ignore_errors=True)

    def _run(self, command: Sequence[str]) -> bytes:
        try:
            done = subprocess.run(  # noqa: S603  # restic itself, with words of ours
                [self._program, *self._restic.words(self._where, *command)],
                env=self._restic.environment(self._where, str(self._folder)),
                capture_output=True,
                check=False,
            )
        except OSError as error:
            raise Refused(f"{self._program}: {error.strerror}") from None
        if done.returncode:
            raise Refused(self._restic.complaint(done.stderr, f"status {done.returncode}"))
        return done.stdout


def fill_bucket(settings: Settings, wanted: Path, fetch: Callable[[Sequence[str]], Path]) -> None:
    """Puts the bodies of the list `wanted` into the bucket of the settings, where there are any.
    `fetch`: see `Kept.bodies`. Raises Refused, StorageFull, Unavailable."""
    from mailhub.store.carrying import lists
    from mailhub.store.carrying.husks import BodyFolder

    count = size = lacking = done = 0
    for body in lists.read(wanted):
        count, size = count + 1, size + body.size
    if not count:
        return
    if not settings.s3.endpoint:
        raise Refused(
            f"{count} messages of this backup were in a bucket: name one in [s3] of the"
            " configuration; `mailhub migrate` moves them elsewhere afterwards"
        )
    from mailhub.store.moving.bucket import Filling

    with closing(Filling(settings.s3)) as filling, reading() as advance:
        filling.claim(lists.bucket(wanted))
        for folders, bodies in _batches(lists.read(wanted), settings.backup.room):
            files = BodyFolder(fetch(folders))
            there = [body for body in bodies if files.path(body).is_file()]
            for body in there:
                files.path(body).chmod(0o600)  # in a backup it is what nobody may read
            filling.put([(body.segment, files.path(body)) for body in there])
            lacking += len(bodies) - len(there)
            done += sum(body.size for body in bodies)
            if advance is not None:
                advance(done, size)
    click.echo(f"put {count - lacking} messages into the bucket")
    if lacking:
        click.echo(f"not in this backup, since the bucket had lost them: {lacking}")


def _batches(bodies: Iterator[Any], room: int) -> Iterator[tuple[list[str], list[Any]]]:
    """Whole folders of bodies, as many as there is room for: their names, and what is in them."""
    from mailhub.store.carrying.husks import leaf

    names: list[str] = []
    batch: list[Any] = []
    size = 0
    for name, found in groupby(bodies, leaf):
        inside = list(found)
        more = sum(body.size for body in inside)
        if names and (size + more > room or len(names) == FOLDERS):
            yield names, batch
            names, batch, size = [], [], 0
        names.append(name)
        batch += inside
        size += more
    if names:
        yield names, batch
