"""Which web site is shown under which name, by the domains and the settings.

Files are read, and answers made, by who serves HTTP; nothing here looks into a site's files.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from mailhub.core.hosted import Hosted, HostedName, Reason
from mailhub.model.settings_sites import SiteSettings, SitesSettings
from mailhub.model.website import SiteKind, Website
from mailhub.ports import Clock, SiteFolders
from mailhub.wire import address as grammar
from mailhub.wire.siterules import HSTS, Rules, rules

DEFAULT = "default"
"""The folder of sites that have none."""
FRESH = 2.0
"""Seconds for which the table of sites is not made again."""


class Websites:
    """`own`: what is different, by domain. Raises Invalid at birth for one that cannot be."""

    def __init__(
        self,
        hosted: Hosted,
        folders: SiteFolders,
        clock: Clock,
        settings: SitesSettings,
        own: Sequence[SiteSettings] = (),
    ) -> None:
        self._hosted = hosted
        self._folders = folders
        self._clock = clock
        self._hsts = HSTS[settings.hsts]
        self._own = {grammar.domain(one.domain): rules(one) for one in own}
        self._table: Mapping[str, Website] = {}
        self._until = -1.0

    async def all(self) -> Sequence[Website]:
        """Every site, the server's own first. Those whose visitors are led elsewhere are left out.
        Raises Unavailable."""
        return tuple((await self._sites()).values())

    async def get(self, name: str) -> Website | None:
        """The site of a name (lower-case), None where it has none. Raises Unavailable."""
        return (await self._sites()).get(name)

    def fallback(self) -> Website | None:
        """What is shown under a name that is none of ours: the default site, where there is one."""
        root = self._folders.find(DEFAULT)
        return Website("", "", SiteKind.STATIC, root, root) if root else None

    async def _sites(self) -> Mapping[str, Website]:
        now = self._clock.seconds()
        if now >= self._until:
            names = await self._hosted.all()
            self._table = {
                one.name: self._site(one)
                for one in names
                if not one.elsewhere and not one.name.startswith("*")
            }
            self._until = now + FRESH
        return self._table

    def _site(self, one: HostedName) -> Website:
        own = self._own.get(one.name, Rules())
        hsts = own.hsts if own.hsts is not None else self._hsts
        if one.reason is Reason.WWW and one.name not in self._own:
            return Website(one.name, one.domain, SiteKind.MOVED, target=one.domain, hsts=hsts)
        if one.reason in (Reason.AUTOCONFIG, Reason.AUTODISCOVER, Reason.MTA_STS):
            return Website(one.name, one.domain, SiteKind.SERVICE, hsts=hsts)
        return Website(
            one.name,
            one.domain,
            SiteKind.STATIC,
            root=self._folders.find(one.name) or self._folders.find(DEFAULT),
            custom_root=self._folders.place(one.name),
            hsts=hsts,
            redirects=own.redirects,
            proxies=own.proxies,
            aliases=own.aliases,
        )
