"""People as a directory of the organisation names them, and what is kept here of each."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass


@dataclass(frozen=True, slots=True)
class Entry:
    """One person. `key`: what stays the same whatever else changes. `place`: where the directory
    keeps them (an LDAP distinguished name), to log in as. `username`: folded. `addresses`: the
    main one first, those that nobody may have left out. `quota`: bytes, 0 for the server's default.
    `locked`: may not log in, and gets no mail."""

    key: str
    place: str
    username: str
    name: str = ""
    addresses: tuple[str, ...] = ()
    quota: int = 0
    admin: bool = False
    locked: bool = False

    @property
    def digest(self) -> str:
        """Tells whether anything of it changed."""
        text = json.dumps(asdict(self), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Mirror:
    """That an account here is an entry there. `digest`: of the entry as it was taken over;
    `addresses`: those it brought. `seen`: epoch seconds when it was last read. `locked`: the
    account is shut because the directory says so, and not by an administrator here."""

    account: int
    key: str
    place: str
    digest: str
    addresses: tuple[str, ...]
    seen: int
    locked: bool


@dataclass(frozen=True, slots=True)
class Comparison:
    """What came of comparing everything. `refused`: entries that cannot be accounts here, with the
    reason."""

    entries: int
    created: int
    changed: int
    locked: int
    refused: tuple[tuple[str, str], ...] = ()
