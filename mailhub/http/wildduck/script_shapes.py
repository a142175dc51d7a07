"""Sieve scripts as the WildDuck dialect shows them; WildDuck itself has none."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from mailhub.core.telling import moment
from mailhub.http.wildduck.shapes import Boolean, Result, Shown, UserCall
from mailhub.model.script import Script

Name = Annotated[str, Field(min_length=1, max_length=128)]


class ScriptCall(UserCall):
    """A call on one script."""

    script: Name


class ScriptOrder(ScriptCall):
    """What PUT takes. `active`: whether it runs from now on; not given: as before."""

    clearable = frozenset({"source"})

    source: Annotated[str, Field(max_length=1 << 20)]
    active: Boolean | None = None


class ScriptRow(Shown):
    """One script in a list. `failure`: what its last run that failed said, with line and column."""

    name: str
    active: bool
    size: int
    created: str
    updated: str
    failure: str
    failed: str | None


class ScriptList(Result):
    """All of a user's."""

    results: list[ScriptRow]


class ScriptShown(Result):
    """One of them, whole."""

    name: str
    active: bool
    size: int
    created: str
    updated: str
    failure: str
    failed: str | None
    source: str


class ScriptKept(Result):
    """What is allowed in the script and hardly meant."""

    warnings: list[str]


class Written(Result):
    """Filters written as a script."""

    source: str


def row(one: Script) -> ScriptRow:
    """In a list."""
    return ScriptRow(
        name=one.name,
        active=one.active,
        size=one.size,
        created=moment(one.created),
        updated=moment(one.modified),
        failure=one.failure,
        failed=moment(one.failed) if one.failed else None,
    )


def shown(one: Script) -> ScriptShown:
    """Whole."""
    return ScriptShown(**row(one).model_dump(), source=one.source)
