"""Administrators' pages that tell how the server does: checks, and certificates."""

from __future__ import annotations

from mailhub.core.administration import Administration
from mailhub.core.rights import Action, Resource, Right
from mailhub.http.call import Answer
from mailhub.http.panel import pages
from mailhub.http.panel.door import Visitor, kept
from mailhub.http.panel.own import shown
from mailhub.model.acme import Provision
from mailhub.model.checkup import Light
from mailhub.model.errors import MailhubError, NotFound

LISTS = Right(Resource.SYSTEM, Action.LIST)
ALTERS = Right(Resource.SYSTEM, Action.UPDATE)


PAGE = 20
"""Domains of one page."""
PATIENCE = 4.0
"""Seconds that the page waits for looks; what comes later, it fetches itself."""


class Checks:
    """The pages."""

    def __init__(self, administration: Administration) -> None:
        self._checkup = administration.checkup
        self._aliases = administration.aliases
        self._certificates = administration.certificates
        self._provisioning = administration.provisioning
        self._system = administration.system

    @kept("GET", "/status", LISTS)
    async def status(self, visitor: Visitor) -> Answer:
        """What works, what does not, and what mends it. `wrong`: only domains that are not well;
        `after`: those that follow this one."""
        return await self._looked(visitor)

    @kept("POST", "/status", ALTERS)
    async def look(self, visitor: Visitor) -> Answer:
        """Looks at one chapter anew."""
        title = visitor.fields.get("title", "")
        titles = [title] if title else list(self._checkup.own)
        known = {*self._checkup.own, *await self._aliases.domains()}
        await self._checkup.some([one for one in titles if one in known], patience=15.0, anew=True)
        return pages.seen(f"/status#{title}" if title in known else "/status")

    @kept("POST", "/status/machine", ALTERS)
    async def act(self, visitor: Visitor) -> Answer:
        """Upgrades packages, reboots, or has new versions looked for, as the button says."""
        act, said = visitor.fields.get("act", ""), ""
        try:
            if act == "upgrade":
                said = await self._system.upgrade()
            elif act == "reboot":
                await self._system.reboot()
            elif act in ("private", "asked"):
                self._system.keep_private(act == "private")
            else:
                raise NotFound("There is no such act")
        except NotFound:
            raise
        except MailhubError as error:
            return await self._looked(visitor, error.text)
        if act == "upgrade":
            return await self._looked(visitor, said=said or " ")
        return pages.seen("/status")

    async def _looked(self, visitor: Visitor, problem: str = "", said: str = "") -> Answer:
        checkup, asked = self._checkup, visitor.call.fields()
        after, wrong = asked.get("after", "").lower(), bool(asked.get("wrong"))
        own = checkup.own
        domains = sorted(set(await self._aliases.domains()) - set(own))
        known = [checkup.known(title) for title in (*own, *domains)]
        shown_ = [
            name
            for name in domains
            if name > after and (not wrong or checkup.known(name).light is not Light.OK)
        ]
        titles = [*(() if after else own), *shown_[:PAGE]]
        chapters = await checkup.some(titles, patience=0.0 if asked.get("again") else PATIENCE)
        lights = [one.light for chapter in known for one in chapter.findings]
        return shown(
            visitor,
            "status.html",
            400 if problem else 200,
            chapters=chapters,
            looking={title for title in titles if checkup.is_looking(title)},
            unseen=sum(1 for one in known if not one.at),
            wrong=lights.count(Light.ERROR),
            doubtful=lights.count(Light.WARNING),
            news=checkup.news(known),
            only=wrong,
            after=after,
            more=shown_[PAGE - 1] if len(shown_) > PAGE else "",
            private=self._system.private,
            may=self._system.may,
            reboot=self._system.wants_reboot(),
            problem=problem,
            said=said,
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
