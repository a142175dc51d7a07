"""The pages of an account's Sieve scripts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from mailhub.core.rights import Resource, deletes, reads, updates
from mailhub.core.scripts import Scripts as CoreScripts
from mailhub.http.call import Answer
from mailhub.http.panel import pages
from mailhub.http.panel.door import Visitor, kept
from mailhub.http.panel.own import shown
from mailhub.model.errors import AlreadyExists, MailhubError, NotFound
from mailhub.wire.sieve.tree import BadScript, Fault

PAGE = "/filters/scripts"
BEGUN = 'require ["fileinto"];\n\n'
"""What a new script begins with."""


class Scripts:
    """The pages. A script's name may be anything, so it is a field, and never part of a path."""

    def __init__(self, scripts: CoreScripts) -> None:
        self._scripts = scripts

    @kept("GET", PAGE, reads(Resource.SCRIPTS))
    async def all(self, visitor: Visitor) -> Answer:
        """By name."""
        return await self._listed(visitor)

    @kept("GET", f"{PAGE}/edit", reads(Resource.SCRIPTS))
    async def show(self, visitor: Visitor) -> Answer:
        """The one that `name` says, or a new one."""
        name = visitor.call.fields().get("name", "")
        if not name:
            return _form(visitor, {"source": BEGUN})
        found = await self._scripts.get(visitor.account.number, name)
        fields = {"old": name, "name": name, "source": found.source}
        return _form(visitor, fields, failure=found.failure)

    @kept("POST", f"{PAGE}/edit", updates(Resource.SCRIPTS))
    async def put(self, visitor: Visitor) -> Answer:
        """Keeps it, under another name where that changed. What is active stays so."""
        given, number, actor = visitor.fields, visitor.account.number, visitor.caller.actor
        old, name = given.get("old", ""), given.get("name", "").strip()
        try:
            await self._scripts.check(given.get("source", ""))
            if old and name != old:
                await self._scripts.rename(number, old, name, actor)
            elif not old:
                await self._require_new(number, name)
            warnings = await self._scripts.put(number, name, given.get("source", ""), actor)
        except BadScript as error:
            return _form(visitor, given, faults=error.faults)
        except MailhubError as error:
            return _form(visitor, given, problem=error.text)
        if warnings:
            return _form(visitor, {**given, "old": name}, warnings=warnings)
        return pages.seen(PAGE)

    @kept("POST", f"{PAGE}/activate", updates(Resource.SCRIPTS))
    async def activate(self, visitor: Visitor) -> Answer:
        """Runs this one from now on; without a `name`, none."""
        name = visitor.fields.get("name", "")
        try:
            await self._scripts.activate(visitor.account.number, name, visitor.caller.actor)
        except MailhubError as error:
            return await self._listed(visitor, error.text)
        return pages.seen(PAGE)

    @kept("POST", f"{PAGE}/remove", deletes(Resource.SCRIPTS))
    async def remove(self, visitor: Visitor) -> Answer:
        """Removes one that does not run."""
        name = visitor.fields.get("name", "")
        try:
            await self._scripts.remove(visitor.account.number, name, visitor.caller.actor)
        except MailhubError as error:
            return await self._listed(visitor, error.text)
        return pages.seen(PAGE)

    async def _require_new(self, number: int, name: str) -> None:
        try:
            await self._scripts.get(number, name)
        except NotFound:
            return
        raise AlreadyExists("There is a script of this name already", "name")

    async def _listed(self, visitor: Visitor, problem: str = "") -> Answer:
        rows = await self._scripts.all(visitor.account.number)
        return shown(
            visitor,
            "scripts.html",
            400 if problem else 200,
            rows=rows,
            possible=self._scripts.settings.scripts > 0,
            problem=problem,
        )


def _form(
    visitor: Visitor,
    fields: Mapping[str, str],
    *,
    problem: str = "",
    faults: Sequence[Fault] = (),
    warnings: Sequence[str] = (),
    failure: str = "",
) -> Answer:
    source = fields.get("source", "")
    lines = source.splitlines()
    return shown(
        visitor,
        "script.html",
        400 if problem or faults else 200,
        old=fields.get("old", ""),
        name=fields.get("name", ""),
        source=source,
        problem=problem,
        faults=[
            (one, lines[one.place.line - 1][:200] if one.place.line <= len(lines) else "")
            for one in faults
        ],
        warnings=warnings,
        failure=failure,
    )
