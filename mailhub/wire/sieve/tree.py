"""What every stage of reading a Sieve script shares: places, faults, limits, and the raw tree.

The tree is RFC 5228 section 8.2's generic grammar: names and arguments, no meaning. Meaning comes
with `checks`, which makes `program` values of it.
"""

from __future__ import annotations

from dataclasses import dataclass

from mailhub.model.errors import Invalid

SCRIPT = 1 << 20
"""Characters of the longest script that is read at all; accounts are given less."""
NESTING = 32
"""Blocks, tests and parentheses inside one another (RFC 5228 section 2.10.5 asks for 15)."""
STRING = 64 * 1024
"""Characters of one string constant."""
LIST = 2000
"""Strings of one list."""
COMMANDS = 5000
"""Commands and tests of one script."""
FAULTS = 20
"""Faults of one script that are told; a person mends no more at once."""


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """Where something stands in a script; both count from 1."""

    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.line}:{self.column}"


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with a script, and where."""

    place: Place
    text: str

    def __str__(self) -> str:
        return f"{self.place}: {self.text}"


class BadScript(Invalid):
    """A script that is no Sieve, or not such as this server runs. `faults`: at least one."""

    def __init__(self, faults: tuple[Fault, ...]) -> None:
        super().__init__("\n".join(map(str, faults)))
        self.faults = faults


@dataclass(frozen=True, slots=True)
class Tag:
    """A tagged argument's name, folded, without its colon."""

    name: str
    place: Place


@dataclass(frozen=True, slots=True)
class Number:
    """A number, its quantifier multiplied in."""

    value: int
    place: Place


@dataclass(frozen=True, slots=True)
class String:
    """A string constant without its quoting; line ends are CRLF."""

    text: str
    place: Place


@dataclass(frozen=True, slots=True)
class Strings:
    """A bracketed list."""

    items: tuple[String, ...]
    place: Place


Argument = Tag | Number | String | Strings


@dataclass(frozen=True, slots=True)
class Test:
    """A test as written: name folded, arguments, and tests inside it."""

    name: str
    arguments: tuple[Argument, ...]
    tests: tuple[Test, ...]
    place: Place


@dataclass(frozen=True, slots=True)
class Command:
    """A command as written. `block`: None where it ends with a semicolon."""

    name: str
    arguments: tuple[Argument, ...]
    tests: tuple[Test, ...]
    block: tuple[Command, ...] | None
    place: Place
