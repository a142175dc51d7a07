"""The configuration as administrators see it: every setting with its words, its value, and where
that comes from. Secrets are never shown, only that there is one.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import MISSING, Field, dataclass, fields, is_dataclass
from enum import Enum
from typing import Any

from mailhub.model.settings import Settings

PREFIX = "MAILHUB_"
"""As `mailhub.config` reads the environment."""
_SECRET = re.compile(r"(?:^|_)(?:password|secret|token|key|credentials|authorization)s?$")
_PATHS = frozenset({("tls", "key"), ("dns", "host_keys"), ("dkim", "keys")})
_USERINFO = re.compile(r"(?<=://)[^/@\s]*:[^/@\s]*@")
HIDDEN = "••••"


class Source(Enum):
    """Where a value comes from."""

    DEFAULT = "default"
    FILE = "file"
    ENVIRONMENT = "environment"


@dataclass(frozen=True, slots=True)
class Setting:
    """One of them. `variable`: that overrides it."""

    name: str
    value: str
    doc: str
    unit: str
    source: Source
    variable: str


@dataclass(frozen=True, slots=True)
class Section:
    """A table of the file, or one of several alike. `doc`: what it is about."""

    name: str
    doc: str
    settings: Sequence[Setting]

    @property
    def changed(self) -> int:
        """How many settings somebody set."""
        return sum(one.source is not Source.DEFAULT for one in self.settings)


class Configured:
    """`file`: where the settings were read from, empty for nowhere. `variables`: the names of the
    environment's."""

    def __init__(self, settings: Settings, file: str, variables: Collection[str]) -> None:
        self._settings = settings
        self.file = file
        self._variables = frozenset(variables)

    def sections(self) -> Sequence[Section]:
        """What is outside of any table first; then as the sample file has them."""
        loose: list[Setting] = []
        tables: list[Section] = []
        for field in fields(self._settings):
            value = getattr(self._settings, field.name)
            if is_dataclass(value):
                tables.append(Section(f"[{field.name}]", _doc(value), self._of(field.name, value)))
            elif value and isinstance(value, (tuple, list)) and is_dataclass(value[0]):
                blocks = [self._of("", one) for one in value]
                tables += [Section(f"[[{field.name}]]", _doc(value[0]), one) for one in blocks]
            else:
                loose.append(self._setting("", field, value))
        return (Section("", "", tuple(loose)), *tables)

    def _of(self, table: str, section: Any) -> Sequence[Setting]:
        return tuple(
            self._setting(table, field, getattr(section, field.name)) for field in fields(section)
        )

    def _setting(self, table: str, field: Field[Any], value: object) -> Setting:
        where = (table, field.name) if table else (field.name,)
        variable = PREFIX + "__".join(where).upper()
        default = field.default_factory() if field.default_factory is not MISSING else field.default
        source = Source.DEFAULT if value == default else Source.FILE
        if variable in self._variables:
            source = Source.ENVIRONMENT
        return Setting(
            field.name,
            _shown(where, value),
            field.metadata.get("doc", ""),
            field.metadata.get("unit", ""),
            source,
            variable,
        )


def _doc(section: object) -> str:
    """The words of a table, without its name and markup."""
    text = " ".join((type(section).__doc__ or "").split(": ", 1)[-1].split())
    return text.replace("`", "")


def _shown(where: Sequence[str], value: object) -> str:
    if _SECRET.search(where[-1]) and tuple(where) not in _PATHS and not isinstance(value, bool):
        return HIDDEN if value else ""
    return _USERINFO.sub(f"{HIDDEN}@", _plain(value))


def _plain(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Mapping):
        return ", ".join(_pairs(value))
    if isinstance(value, (tuple, list, frozenset)):
        return ", ".join(_plain(one) for one in value)
    return str(value)


def _pairs(value: Mapping[Any, Any]) -> Iterator[str]:
    for name, one in value.items():
        yield f"{name} = {HIDDEN if _SECRET.search(str(name).lower()) else _plain(one)}"
