"""What a server keeps beside its store: secrets, certificates, settings made in the panel. Taken
along where the server will have another data folder."""

from __future__ import annotations

import shutil
from pathlib import Path

from mailhub.model.errors import Unavailable
from mailhub.store.picture import LEFT_OUT

BACKUP = "backup"
"""The backups' folder: their keys are taken along, what is kept there for a while is not."""


def take_along(data: Path, to: Path) -> None:
    """Everything in `data` but for the store, and what is true for one process only. What is
    there already is replaced; its mode and owner come along. Raises Unavailable."""
    if data.resolve() == to.resolve():
        return
    try:
        to.mkdir(mode=0o700, parents=True, exist_ok=True)
        for path in sorted(data.iterdir()):
            if path.name in LEFT_OUT or path.name.startswith("."):
                continue
            if path.is_dir() and not path.is_symlink():
                shutil.copytree(path, to / path.name, symlinks=True, dirs_exist_ok=True)
            elif path.is_file():
                shutil.copy2(path, to / path.name, follow_symlinks=False)
        for path in sorted((data / BACKUP).glob("*key")):
            (to / BACKUP).mkdir(mode=0o700, exist_ok=True)
            shutil.copy2(path, to / BACKUP / path.name, follow_symlinks=False)
    except (OSError, shutil.Error) as error:
        raise Unavailable(f"The data folder's files cannot be taken along: {error}") from error
