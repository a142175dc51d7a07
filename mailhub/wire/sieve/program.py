"""A checked script: every name known, every argument of its type. What `policy.sieve` runs.

Values only; they hold nothing that depends on a message or an account, so one program serves all
deliveries until its script changes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from mailhub.wire.sieve.tree import Place


@dataclass(frozen=True, slots=True)
class Variable:
    """`${name}` or `${global.name}` in a string; the name is folded."""

    name: str


@dataclass(frozen=True, slots=True)
class Matched:
    """`${3}` in a string: what the third wildcard of the last match took."""

    number: int


@dataclass(frozen=True, slots=True)
class Text:
    """A string: constant text where `parts` is one str or nothing, else put together at run time
    (RFC 5229 section 3)."""

    parts: tuple[str | Variable | Matched, ...]
    place: Place

    @property
    def constant(self) -> str | None:
        """Its text where that is known now."""
        if not self.parts:
            return ""
        first = self.parts[0]
        return first if len(self.parts) == 1 and isinstance(first, str) else None


Value = Text | tuple[Text, ...] | int | str | bool


@dataclass(frozen=True, slots=True)
class Test:
    """A test. `tags`: tagged arguments under the names of `vocabulary`; `arguments`: the others,
    in order."""

    name: str
    place: Place
    tags: Mapping[str, Value]
    arguments: tuple[Value, ...]
    tests: tuple[Test, ...] = ()


@dataclass(frozen=True, slots=True)
class Action:
    """A command that is no `if`, in the same form."""

    name: str
    place: Place
    tags: Mapping[str, Value]
    arguments: tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class Choice:
    """`if` with its `elsif`s and `else`; the last has no test there."""

    place: Place
    branches: tuple[tuple[Test | None, Block], ...]


Block = tuple[Action | Choice, ...]


@dataclass(frozen=True, slots=True)
class Include:
    """A script that another one runs (RFC 6609). `shared`: the server's, not the account's."""

    name: str
    shared: bool


@dataclass(frozen=True, slots=True)
class Program:
    """A whole script. `extensions`: required, or asked for with ihave. `includes`: every script
    that it names; `warnings`: what is allowed, and hardly meant."""

    block: Block
    extensions: frozenset[str]
    includes: tuple[Include, ...] = ()
    warnings: tuple[str, ...] = ()
