"""What a run holds: variables, flags, what was decided so far, and how much it may still use."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from mailhub.policy.sieve.bodies import Body
from mailhub.policy.sieve.fields import Fields
from mailhub.policy.sieve.outcome import (
    Bounds,
    Filing,
    Forwarding,
    Rejection,
    Seen,
    Surroundings,
    Vacation,
)
from mailhub.wire.sieve.program import Include, Matched, Program, Text, Variable
from mailhub.wire.sieve.tree import Place

GLOBAL = "global."
MAKING = 8
"""What a character that is made costs, in characters that are looked at."""


class ScriptError(Exception):
    """The script cannot go on; its owner is told. `place`: where; None: of the whole script."""

    def __init__(self, text: str, place: Place | None = None) -> None:
        super().__init__(text)
        self.text = text
        self.place = place


class Stop(Exception):
    """`stop`: all scripts end."""


class Return(Exception):
    """`return`: this script ends."""


@dataclass(slots=True)
class Mail:
    """The message. `size`: octets of it as it came."""

    fields: Fields
    body: Body
    size: int


@dataclass(slots=True)
class Scope:
    """What belongs to one running script: its variables, and what the last match took."""

    program: Program
    name: str = ""
    variables: dict[str, str] = field(default_factory=dict)
    shared: set[str] = field(default_factory=set)
    matched: tuple[str, ...] = ()


@dataclass(slots=True)
class State:
    """One run."""

    mail: Mail
    around: Surroundings
    bounds: Bounds
    includable: Mapping[Include, Program]
    scopes: list[Scope]
    shared: dict[str, str] = field(default_factory=dict)
    flags: tuple[str, ...] = ()
    filings: list[Filing] = field(default_factory=list)
    forwardings: list[Forwarding] = field(default_factory=list)
    rejection: Rejection | None = None
    vacation: Vacation | None = None
    seen: dict[str, Seen] = field(default_factory=dict)
    known: dict[str, bool] = field(default_factory=dict)
    chosen: bool = False
    included: set[Include] = field(default_factory=set)
    includes: int = 0
    steps: int = 0
    work: int = 0
    held: int = 0

    @property
    def scope(self) -> Scope:
        """The script that runs."""
        return self.scopes[-1]

    # -- limits

    def step(self, place: Place) -> bool:
        """Counts a command or test; whether it is time to let others run. Raises ScriptError."""
        self.steps += 1
        if self.steps > self.bounds.steps:
            raise ScriptError("The script takes too many steps", place)
        return not self.steps & 63

    def spend(self, work: int, place: Place) -> None:
        """Counts work before it is done. Raises ScriptError."""
        self.work += work
        if self.work > self.bounds.work:
            raise ScriptError("The script takes too much time", place)

    # -- strings

    def text(self, text: Text) -> str:
        """A string with its variables filled in (RFC 5229 section 3)."""
        constant = text.constant
        if constant is not None:
            return constant
        made = "".join(self._part(part) for part in text.parts)
        self.spend(len(made) * MAKING, text.place)
        return made[: self.bounds.value]

    def texts(self, texts: object) -> list[str]:
        """A list of strings."""
        if isinstance(texts, Text):
            return [self.text(texts)]
        if not isinstance(texts, tuple):
            return []
        return [self.text(one) for one in texts if isinstance(one, Text)]

    def _part(self, part: str | Variable | Matched) -> str:
        if isinstance(part, str):
            return part
        if isinstance(part, Matched):
            matched = self.scope.matched
            return matched[part.number] if part.number < len(matched) else ""
        return self.variable(part.name)

    def variable(self, name: str) -> str:
        """A variable's value, empty where it has none."""
        if name.startswith(GLOBAL):
            return self.shared.get(name[len(GLOBAL) :], "")
        if name in self.scope.shared:
            return self.shared.get(name, "")
        return self.scope.variables.get(name, "")

    def is_set(self, name: str) -> bool:
        """Whether a variable was ever set."""
        bare = name.removeprefix(GLOBAL)
        return bare in self.shared if bare != name else name in self.scope.variables

    def assign(self, name: str, value: str, place: Place) -> None:
        """Sets a variable. Raises ScriptError past the number of them, or past what all hold."""
        bare = name.removeprefix(GLOBAL)
        is_global = bare != name or name in self.scope.shared
        variables = self.shared if is_global else self.scope.variables
        key = bare if is_global else name
        if key not in variables and len(variables) >= self.bounds.variables:
            raise ScriptError("The script has too many variables", place)
        value = value[: self.bounds.value]
        self.held += len(value) - len(variables.get(key, ""))
        if self.held > self.bounds.held:
            raise ScriptError("The script's variables hold too much", place)
        variables[key] = value
