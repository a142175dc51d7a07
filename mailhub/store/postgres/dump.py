"""A copy of a whole database at one moment in one file, made while everybody works; and a database
made of one. PostgreSQL's own programs do it; nothing of what is in it is known here.

Bodies in S3 are not in it: only the rows that say what they are called (`copying` lists them).
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from psycopg.conninfo import conninfo_to_dict
from psycopg.pq import Conninfo

from mailhub.model.errors import StorageFull, Unavailable

DEBIAN = "/usr/lib/postgresql"
"""Where Debian has the programs of all versions."""
LEFT_OUT = ("node", "lease", "news", "search_build", "search_document")
"""Tables whose rows say what is so just now, and the full-text index, which is made anew."""
SAID = 500
"""Characters of a program's complaint that are passed on."""


def dump(where: str, to: Path, moment: str = "") -> None:
    """Writes the database into the file `to`, which is its owner's alone. Nothing is compressed:
    who keeps many copies finds out what is the same in them. `moment`: a snapshot that somebody
    exported; else it is now. Blocks. Raises StorageFull, Unavailable."""
    words = ["--format=custom", "--compress=0", "--no-owner", "--no-privileges"]
    words += [f"--snapshot={moment}"] if moment else []
    words += [f"--exclude-table-data={name}" for name in LEFT_OUT]
    with os.fdopen(os.open(to, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        _run("pg_dump", where, words, output=file.fileno())
        os.fsync(file.fileno())


def restore(where: str, dumped: Path) -> None:
    """Fills the database, which has to be empty, or leaves it as it was. Blocks. Raises
    Unavailable."""
    name = str(conninfo_to_dict(where).get("dbname") or "")
    words = ["--no-owner", "--no-privileges", "--single-transaction", "--exit-on-error"]
    _run("pg_restore", where, [*words, f"--dbname={name}", str(dumped)])


def _run(name: str, where: str, words: Sequence[str], output: int = subprocess.DEVNULL) -> None:
    try:
        done = subprocess.run(  # noqa: S603  # PostgreSQL's own, with words of ours
            [_program(name), *words],
            env=_environment(where),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.PIPE,
            check=False,
        )
    except OSError as error:
        raise Unavailable(f"{name}: {error.strerror}") from error
    if done.returncode:
        said = done.stderr.decode("utf-8", "replace").strip()[-SAID:]
        if "No space left" in said:
            raise StorageFull("The disk has no room for a copy of the database")
        raise Unavailable(f"{name}: {said or f'status {done.returncode}'}")


def _program(name: str) -> str:
    """The newest one: it reads databases of older servers, and never of newer ones."""
    found = sorted(Path(DEBIAN).glob(f"*/bin/{name}"), key=_version)
    path = str(found[-1]) if found else shutil.which(name)
    if not path:
        raise Unavailable(f"{name} is not installed (Debian: postgresql-client)")
    return path


def _version(path: Path) -> float:
    try:
        return float(path.parts[-3])
    except ValueError:
        return 0.0


def _environment(where: str) -> Mapping[str, str]:
    """The connection for libpq: in the environment, where other users do not see its password."""
    given = conninfo_to_dict(where)
    known = {
        option.keyword.decode(): option.envvar.decode()
        for option in Conninfo.get_defaults()
        if option.envvar
    }
    named = {known[key]: str(value) for key, value in given.items() if key in known and value}
    return {**os.environ, **named}
