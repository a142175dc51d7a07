"""Composes what a server keeps in small files: secrets, settings that somebody made, certificates.

Where several processes have one store, they have these in common, too. A part of the composition
root, apart from it for its size.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from mailhub.model.change import Change, KeptChanged, Missed
from mailhub.model.errors import MailhubError
from mailhub.net.folder import DataFolder, FreshKey, write_text
from mailhub.net.keptfile import KeptFile
from mailhub.net.keptfolder import KeptFolder
from mailhub.net.stirred import Stirred
from mailhub.ports import Log
from mailhub.service import Step
from mailhub.store.storage import ServedStorage

AGAIN = 5.0
"""Seconds between looks at the files when nobody says that one changed."""
KEY = 32
"""Hex digits of a key that is shown in a file."""


class Keeping:
    """`data`: the data folder. Made as a process starts, it waits until it agrees with the
    others."""

    def __init__(self, data: Path, store: ServedStorage, reactor: Any, log: Log) -> None:
        self._folder = DataFolder(data)
        self._kept: KeptFolder | None = None
        self._looking: Stirred | None = None
        if store.kept_files is not None:
            self._kept = KeptFolder(data, store.kept_files, log)
            self._kept.begin()
            self._looking = Stirred(self._kept.look, AGAIN, reactor, log, "kept files")
            store.watch(self._heard)

    def secret(self, name: str) -> bytes:
        """A secret of this server's own, kept in a file of this name."""
        file = f"{name}.json"
        mine = self._folder.secret(file)
        if self._kept is None:
            return mine
        self._kept.settle(file)
        return self._folder.secret(file)

    def file(self, name: str) -> KeptFile:
        """A small file of settings."""
        return KeptFile(self._folder.path / name, self.stir)

    def key(self, name: str) -> Callable[[], str]:
        """A key for programs on this machine, in a file of this name: new at every start, but for
        several processes, which all have to know it."""
        if self._kept is None:
            return FreshKey(self._folder, name)
        key = self.secret(Path(name).stem).hex()[:KEY]

        def written() -> str:
            path = self._folder.path / name
            try:
                write_text(path, f"{key}\n", 0o600)
            except OSError as error:
                raise MailhubError(f"{path}: {error.strerror}") from error
            return key

        return written

    def stir(self) -> None:
        """Files were changed here."""
        if self._looking is not None:
            self._looking.stir()

    def watch(self, changed: Callable[[], object]) -> None:
        """`changed` is called when files came from others; and at once, for those that came
        before."""
        if self._kept is not None:
            self._kept.watch(changed)
            changed()

    def _heard(self, changes: Sequence[Change]) -> None:
        if any(isinstance(change, (KeptChanged, Missed)) for change in changes):
            self.stir()

    @property
    def steps(self) -> Sequence[Step]:
        """What has to run for it."""
        kept, looking = self._kept, self._looking
        if kept is None or looking is None:
            return ()

        async def stop() -> None:
            looking.stop()
            await kept.look()  # a command may have changed something as its last act

        return (Step("kept files", looking.start, stop),)
