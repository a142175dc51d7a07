"""Which bodies a picture of the database refers to, as a file beside it: a line that says whose
bucket they are in, then one for each, in the order of their numbers.

Bodies are called here as in the bucket, and sizes are those of what is kept there.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from mailhub.model.errors import Corrupt
from mailhub.store.s3.names import OBJECT

HEAD = "bucket of "


@dataclass(frozen=True, slots=True)
class Body:
    """An object. `size`: octets, as they are kept."""

    segment: int
    size: int

    @property
    def name(self) -> str:
        """Sixteen hexadecimal digits, in the order of numbers."""
        return f"{self.segment ^ OBJECT:016x}"


def body_of(name: str, size: int) -> Body | None:
    """The body of this name; None for a name that is none's."""
    try:
        low = int(name, 16)
    except ValueError:
        return None
    body = Body(low | OBJECT, size)
    return body if low < OBJECT and body.name == name else None


def write(path: Path, database: str, bodies: Iterable[Body]) -> None:
    """Writes a list, durably."""
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w", encoding="ascii") as file:
        file.write(f"{HEAD}{database}\n")
        file.writelines(f"{body.name} {body.size}\n" for body in bodies)
        file.flush()
        os.fsync(file.fileno())


def bucket(path: Path) -> str:
    """Whose bucket it is. Raises Corrupt."""
    with path.open(encoding="ascii") as file:
        head = file.readline()
    if not head.startswith(HEAD) or not head.endswith("\n"):
        raise Corrupt(f"{path.name} does not say whose bodies they are")
    return head.removeprefix(HEAD).strip()


def read(path: Path) -> Iterator[Body]:
    """The bodies. Raises Corrupt."""
    with path.open(encoding="ascii") as file:
        for line in islice(file, 1, None):
            name, _, size = line.partition(" ")
            body = body_of(name, int(size)) if size.strip().isdigit() else None
            if body is None:
                raise Corrupt(f"{path.name} is damaged")
            yield body
