"""Administrators' pages of domains: all of them, a new one, one with its keys and records."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from mailhub.core.addresses import Addresses
from mailhub.core.administration import Administration
from mailhub.core.domains import Domains
from mailhub.core.oversight import Oversight
from mailhub.core.records import Wanted
from mailhub.core.rights import Action, Resource, Right
from mailhub.core.signing import Keys
from mailhub.http.call import Answer
from mailhub.http.panel import pages
from mailhub.http.panel.door import Visitor, kept
from mailhub.http.panel.own import shown
from mailhub.model.address import Domain
from mailhub.model.certificate import Status
from mailhub.model.dkim import DkimKey, KeyState
from mailhub.model.errors import Invalid, MailhubError, NotFound

PAGE = 50
DAYS = 7
LISTS = Right(Resource.DOMAINS, Action.LIST)
ALTERS = Right(Resource.DOMAINS, Action.ADMINISTER)
LIVE = frozenset({KeyState.ACTIVE, KeyState.PENDING, KeyState.PAUSED})


@dataclasses.dataclass(frozen=True, slots=True)
class Row:
    """A domain in the list. `keys`: the states of its signing keys. `passed`, `failed`: messages
    in its name that others reported."""

    domain: Domain
    addresses: int
    aliases: Sequence[str]
    keys: Sequence[str]
    status: Status | None
    passed: int
    failed: int


class DomainPages:
    """The pages."""

    def __init__(
        self,
        domains: Domains,
        addresses: Addresses,
        keys: Keys,
        administration: Administration,
        oversight: Oversight,
    ) -> None:
        self._domains = domains
        self._addresses = addresses
        self._keys = keys
        self._provisioning = administration.provisioning
        self._records = oversight.records
        self._summaries = oversight.summaries

    @kept("GET", "/domains", LISTS)
    async def all(self, visitor: Visitor) -> Answer:
        """By their names; `query` in the name."""
        return await self._listed(visitor)

    @kept("POST", "/domains", ALTERS)
    async def add(self, visitor: Visitor) -> Answer:
        """A new one, with keys where domains get them."""
        given = visitor.fields
        try:
            made = await self._domains.add(
                given.get("name", "").strip(),
                visitor.caller.actor,
                alias_of=given.get("alias_of", "").strip(),
            )
        except MailhubError as error:
            return await self._listed(visitor, error.text)
        return pages.seen(f"/domains/{made.name}")

    @kept("GET", "/domains/<domain>", LISTS)
    async def one(self, visitor: Visitor) -> Answer:
        """One of them; with `check`, whether the world sees its records."""
        return await self._shown(visitor)

    @kept("POST", "/domains/<domain>", ALTERS)
    async def change(self, visitor: Visitor) -> Answer:
        """Where addresses lead that nobody has, and how they are read."""
        given = visitor.fields
        try:
            domain = await self._meant(visitor)
            changed = dataclasses.replace(
                domain,
                alias_of=given.get("alias_of", "").strip(),
                catch_all=given.get("catch_all", "").strip(),
                delimiter=given.get("delimiter", "").strip(),
                ignore_dots=bool(given.get("ignore_dots")),
                relay=bool(given.get("relay")),
            )
            await self._domains.update(changed, visitor.caller.actor)
        except NotFound:
            raise
        except MailhubError as error:
            return await self._shown(visitor, error.text)
        return pages.seen(f"/domains/{domain.name}")

    @kept("POST", "/domains/<domain>/rename", ALTERS)
    async def rename(self, visitor: Visitor) -> Answer:
        """Another name, with all that stands in it."""
        domain, new = await self._meant(visitor), visitor.fields.get("new", "").strip()
        try:
            await self._domains.renaming.rename(domain.name, new, visitor.caller.actor)
        except MailhubError as error:
            return await self._shown(visitor, error.text)
        return pages.seen("/domains")

    @kept("POST", "/domains/<domain>/remove", ALTERS)
    async def remove(self, visitor: Visitor) -> Answer:
        """An empty one goes."""
        domain = await self._meant(visitor)
        try:
            if visitor.fields.get("name", "").strip().lower() != domain.name:
                raise Invalid("Type the name, to be sure", "name")
            await self._domains.remove(domain.name, visitor.caller.actor)
        except MailhubError as error:
            return await self._shown(visitor, error.text)
        return pages.seen("/domains")

    @kept("POST", "/domains/<domain>/keys", ALTERS)
    async def sign(self, visitor: Visitor) -> Answer:
        """What the button says: new keys, use them, sign or stop it."""
        name, actor = (await self._meant(visitor)).name, visitor.caller.actor
        try:
            match visitor.fields.get("act", ""):
                case "rotate":
                    await self._keys.rotate(name, actor)
                case "activate":
                    await self._keys.activate(name, actor)
                case "enable":
                    await self._keys.enable(name, actor)
                case "disable":
                    await self._keys.disable(name, actor)
                case _:
                    raise NotFound("There is no such act")
        except MailhubError as error:
            return await self._shown(visitor, error.text)
        return pages.seen(f"/domains/{name}")

    @kept("POST", "/domains/<domain>/keys/forget", ALTERS)
    async def forget(self, visitor: Visitor) -> Answer:
        """A key that does not sign goes."""
        name, selector = (await self._meant(visitor)).name, visitor.fields.get("selector", "")
        try:
            await self._keys.remove(name, selector, visitor.caller.actor)
        except MailhubError as error:
            return await self._shown(visitor, error.text)
        return pages.seen(f"/domains/{name}")

    async def _meant(self, visitor: Visitor) -> Domain:
        return await self._domains.get(visitor.call.arguments["domain"])

    async def _listed(self, visitor: Visitor, problem: str = "") -> Answer:
        asked = visitor.call.fields()
        query, after = asked.get("query", "").strip().lower()[:200], asked.get("after", "")
        every = sorted(await self._domains.all(), key=lambda one: one.name)
        found = [one for one in every if query in one.name]
        rest = [one for one in found if one.name > after]
        rows = await self._rows(rest[:PAGE], every)
        return shown(
            visitor,
            "domains.html",
            400 if problem else 200,
            rows=rows,
            total=len(found),
            query=query,
            more=rest[PAGE - 1].name if len(rest) > PAGE else "",
            typed=visitor.fields,
            problem=problem,
        )

    async def _rows(self, some: Sequence[Domain], every: Sequence[Domain]) -> list[Row]:
        keys: dict[str, list[DkimKey]] = {}
        for key in await self._keys.all():
            keys.setdefault(key.domain, []).append(key)
        statuses = {one.name: one for one in await self._provisioning.statuses()}
        sums: dict[str, list[int]] = {}
        for told in await self._summaries.reports(DAYS):
            if told.kind == "dmarc":
                counts = sums.setdefault(told.domain, [0, 0])
                counts[0] += told.passed
                counts[1] += told.failed
        rows = []
        for one in some:
            _, count = await self._addresses.page(domain=one.name, limit=1)
            passed, failed = sums.get(one.name, (0, 0))
            states = {key.state.value for key in keys.get(one.name, ()) if key.state in LIVE}
            leading = [other.name for other in every if other.alias_of == one.name]
            status = statuses.get(one.name)
            rows.append(Row(one, count, leading, sorted(states), status, passed, failed))
        return rows

    async def _shown(self, visitor: Visitor, problem: str = "") -> Answer:
        domain = await self._meant(visitor)
        wanted = await self._records.of(domain.name)
        checks = bool(visitor.call.fields().get("check"))
        statuses = await self._provisioning.statuses()
        return shown(
            visitor,
            "domain.html",
            400 if problem else 200,
            domain=domain,
            keys=await self._keys.all(domain.name),
            records=[(one, await self._state(one) if checks else "") for one in wanted],
            checked=checks,
            certificates=[one for one in statuses if _belongs(one.name, domain.name)],
            reports=await self._summaries.of(domain.name, DAYS),
            addresses=(await self._addresses.page(domain=domain.name, limit=1))[1],
            typed=visitor.fields if problem else {},
            problem=problem,
        )

    async def _state(self, one: Wanted) -> str:
        return await self._records.state(one)


def _belongs(name: str, domain: str) -> bool:
    return name == domain or name.endswith(f".{domain}")
