"""Administrators' page of aliases: addresses that lead to others."""

from __future__ import annotations

import re

from mailhub.core.aliases import Alias, Aliases
from mailhub.core.rights import Action, Resource, Right
from mailhub.http.call import Answer
from mailhub.http.panel import pages
from mailhub.http.panel.door import Visitor, kept
from mailhub.http.panel.own import shown
from mailhub.model.errors import Invalid, MailhubError

PAGE = 200
LISTS = Right(Resource.ADDRESSES, Action.LIST)
ALTERS = Right(Resource.ADDRESSES, Action.ADMINISTER)
_BETWEEN = re.compile(r"[\s,;]+")


class AliasPages:
    """The page, and what its forms do."""

    def __init__(self, aliases: Aliases) -> None:
        self._aliases = aliases

    @kept("GET", "/aliases", LISTS)
    async def all(self, visitor: Visitor) -> Answer:
        """All of them; `query` in the address or where it leads."""
        return await self._shown(visitor)

    @kept("POST", "/aliases", ALTERS)
    async def put(self, visitor: Visitor) -> Answer:
        """A new one, or another end for one that is there."""
        given = visitor.fields
        try:
            alias = Alias(
                given.get("address", "").strip().lower(),
                _each(given.get("targets", "")),
                _each(given.get("senders", "")),
            )
            if not alias.targets and not alias.senders:
                raise Invalid("It leads nowhere, and nobody may write as it", "targets")
            update = bool(given.get("update"))
            await self._aliases.put(alias, visitor.caller.actor, update=update)
        except MailhubError as error:
            return await self._shown(visitor, error.text)
        return pages.seen("/aliases")

    @kept("POST", "/aliases/remove", ALTERS)
    async def remove(self, visitor: Visitor) -> Answer:
        """One of them goes."""
        try:
            await self._aliases.remove(visitor.fields.get("address", ""), visitor.caller.actor)
        except MailhubError as error:
            return await self._shown(visitor, error.text)
        return pages.seen("/aliases")

    async def _shown(self, visitor: Visitor, problem: str = "") -> Answer:
        asked = visitor.call.fields()
        query = asked.get("query", "").strip().lower()[:200]
        after = asked.get("after", "")
        start = int(after) if after.isdecimal() and len(after) < 10 else 0
        found = [
            one
            for one in await self._aliases.all()
            if query in one.address or any(query in target for target in one.targets)
        ]
        end = start + PAGE
        return shown(
            visitor,
            "aliases.html",
            400 if problem else 200,
            rows=found[start:end],
            total=len(found),
            query=query,
            more=end if len(found) > end else 0,
            typed=visitor.fields,
            problem=problem,
        )


def _each(text: str) -> tuple[str, ...]:
    return tuple(word for word in _BETWEEN.split(text) if word)
