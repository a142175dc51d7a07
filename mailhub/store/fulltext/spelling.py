"""How an engine's index is asked, as `lookup` needs to know it. No engine here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

from mailhub.model.search import Phrase, Terms
from mailhub.store.sql import Cursor


class Spelling(Protocol):
    """How an engine's index is asked. Its statements may name `:account` and what `parameters`
    has."""

    @property
    def incomplete(self) -> str:
        """SELECTs the account's contents that the index has looked at and does not wholly know."""
        ...

    @property
    def plus(self) -> str:
        """Stands before a column by which rows are not to be looked up; empty where the engine's
        planner finds that out by itself."""
        ...

    def known(self, cursor: Cursor, select: str, parameters: Mapping[str, object]) -> str | None:
        """What a statement SELECTs, as what `=` compares with: read first where the engine's
        planner cannot know how many they are. Empty for nothing; None: it is a part of the
        statement that asks."""
        ...

    def position(self, cursor: Cursor, account: int) -> int | None:
        """The newest content that was looked at; None where the index cannot be asked about the
        account."""
        ...

    def parameters(self, account: int) -> Mapping[str, object]: ...

    def hits(
        self, account: int, terms: Terms, phrase: Phrase | None, name: Callable[[object], str]
    ) -> str:
        """SELECTs the account's contents that have these terms, as `content`; of these with a
        phrase those that have it. `name` makes a parameter of a value."""
        ...


def prefix(account: int) -> str:
    """What all terms of an account begin with, and nobody else's."""
    return f"{account:x}."


def side_by_side(place: str, row: str, phrase: Phrase, name: Callable[[object], str]) -> str:
    """The condition that a row has a phrase. `place`: the engine's function that says where a text
    stands in another, 0 for nowhere."""
    wanted = [(phrase.text, "text")] if phrase.text else []
    wanted += [(one, "fields") for one in phrase.fields]
    found = [f"{place}({row}.{column}, {name(text)}) > 0" for text, column in wanted]
    return f"({' OR '.join(found)})"
