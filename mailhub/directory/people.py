"""What an LDAP entry says of a person: attributes to values, by the settings. No network here."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

from mailhub.model.directory import Entry
from mailhub.model.settings_directory import LDAPSettings

GROUP = ("member", "uniqueMember", "memberUid")
"""How groups name their members (RFC 4519, RFC 2307)."""
Row = Mapping[str, Any]


class People:
    """`attributes`: of persons, `group`: of groups; those that are asked for."""

    def __init__(self, settings: LDAPSettings) -> None:
        self._settings = settings
        names = (
            settings.key,
            settings.username,
            settings.name,
            settings.mail,
            settings.aliases,
            settings.quota,
        )
        self.attributes = [name for name in dict.fromkeys(names) if name]
        self.group = list(GROUP)

    def entry(self, row: Row, *, locked: bool, members: frozenset[str]) -> Entry | None:
        """The person; None for an entry without key or login name, which is nobody. `members`: of
        the administrators' group."""
        settings = self._settings
        keys = _raw(row, settings.key)
        names = _texts(row, settings.username)
        if not keys or not names:
            return None
        place = str(row["dn"])
        username = _folded(names[0])
        addresses = [*_texts(row, settings.mail), *_texts(row, settings.aliases)]
        quota = _texts(row, settings.quota)
        return Entry(
            key=_key(keys[0]),
            place=place,
            username=username,
            name=_line(next(iter(_texts(row, settings.name)), "")),
            addresses=tuple(dict.fromkeys(addresses)),
            quota=int(quota[0]) * settings.quota_unit if quota and quota[0].isdecimal() else 0,
            admin=_folded(place) in members or username in members,
            locked=locked,
        )

    def members(self, rows: Iterable[Row]) -> frozenset[str]:
        """Distinguished names and login names, folded."""
        return frozenset(
            _folded(text) for row in rows for name in GROUP for text in _texts(row, name)
        )


def _raw(row: Row, name: str) -> Sequence[bytes]:
    """Values of an attribute, whatever the case of its name (RFC 4512 2.5)."""
    attributes = row.get("raw_attributes") or {}
    wanted = name.lower()
    return next((found for key, found in attributes.items() if key.lower() == wanted), ())


def _texts(row: Row, name: str) -> list[str]:
    """Those of them that are text."""
    found = []
    for value in _raw(row, name) if name else ():
        try:
            found.append(value.decode().strip())
        except UnicodeDecodeError:
            continue
    return [text for text in found if text]


def _key(value: bytes) -> str:
    """As text; a binary identifier (objectGUID) in hexadecimal."""
    try:
        return str(UUID(value.decode()))
    except ValueError:
        pass
    text = value.decode("ascii", "replace")
    return text if text.isprintable() and "\ufffd" not in text else f"hex:{value.hex()}"


def _folded(text: str) -> str:
    return unicodedata.normalize("NFKC", text).casefold()


def _line(text: str) -> str:
    """A name for people: control characters have no place in headers that it may stand in."""
    return "".join(mark for mark in text if unicodedata.category(mark)[0] != "C")[:256]
