"""Administrators' pages that tell how the server does: checks, and certificates."""

from __future__ import annotations

from mailhub.core.administration import Administration
from mailhub.core.rights import Action, Resource, Right
from mailhub.http.call import Answer
from mailhub.http.panel.door import Visitor, kept
from mailhub.http.panel.own import shown
from mailhub.model.acme import Provision
from mailhub.model.checkup import Light
from mailhub.model.errors import MailhubError

LISTS = Right(Resource.SYSTEM, Action.LIST)
ALTERS = Right(Resource.SYSTEM, Action.UPDATE)


class Checks:
    """The pages."""

    def __init__(self, administration: Administration) -> None:
        self._checkup = administration.checkup
        self._aliases = administration.aliases
        self._certificates = administration.certificates
        self._provisioning = administration.provisioning

    @kept("GET", "/status", LISTS)
    async def status(self, visitor: Visitor) -> Answer:
        """What works, what does not, and what mends it."""
        chapters = await self._checkup.all(await self._aliases.domains())
        found = [one.light for chapter in chapters for one in chapter.findings]
        return shown(
            visitor,
            "status.html",
            chapters=chapters,
            wrong=found.count(Light.ERROR),
            doubtful=found.count(Light.WARNING),
        )

    @kept("GET", "/certificates", LISTS)
    async def certificates(self, visitor: Visitor) -> Answer:
        """Of every name that is served here."""
        return await self._shown(visitor)

    @kept("POST", "/certificates", ALTERS)
    async def install(self, visitor: Visitor) -> Answer:
        """One that an authority gave by hand."""
        given = visitor.fields
        name = given.get("domain", "").strip().lower()
        pem, chain = given.get("certificate", ""), given.get("chain", "")
        try:
            await self._certificates.install(name, pem, chain, visitor.caller.actor)
        except MailhubError as error:
            return await self._shown(visitor, error.text)
        return await self._shown(visitor, done=name)

    @kept("POST", "/certificates/request", ALTERS)
    async def request(self, visitor: Visitor) -> Answer:
        """What an authority wants to see for one."""
        given = visitor.fields
        try:
            made = self._certificates.request(given.get("domain", ""), given.get("country", ""))
        except MailhubError as error:
            return await self._shown(visitor, error.text)
        return await self._shown(visitor, request=made)

    @kept("POST", "/certificates/provision", ALTERS)
    async def provision(self, visitor: Visitor) -> Answer:
        """Asks for all that are due."""
        try:
            made = await self._provisioning.provision(visitor.caller.actor)
        except MailhubError as error:
            return await self._shown(visitor, error.text)
        return await self._shown(visitor, provisions=tuple(made))

    async def _shown(
        self,
        visitor: Visitor,
        problem: str = "",
        *,
        done: str = "",
        request: str = "",
        provisions: tuple[Provision, ...] = (),
    ) -> Answer:
        statuses = await self._provisioning.statuses()
        return shown(
            visitor,
            "certificates.html",
            400 if problem else 200,
            rows=statuses,
            can=any(not one.obstacle for one in statuses),
            problem=problem,
            done=done,
            request=request,
            provisions=provisions,
            typed=visitor.fields,
        )
