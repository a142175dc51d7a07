"""Administrators' pages of the whole server, joined in one place."""

from __future__ import annotations

from typing import Protocol

from mailhub.core.accounts import Accounts
from mailhub.core.addresses import Addresses
from mailhub.core.administration import Administration
from mailhub.core.backup import Backups
from mailhub.core.domains import Domains
from mailhub.core.identity import Identity
from mailhub.core.oversight import Oversight
from mailhub.core.queue import Queue
from mailhub.core.routes import Routes
from mailhub.core.signing import Keys
from mailhub.core.websites import Websites
from mailhub.http.panel.aliases import AliasPages
from mailhub.http.panel.backing import Backing
from mailhub.http.panel.checks import Checks
from mailhub.http.panel.configured import ConfiguredPages
from mailhub.http.panel.domains import DomainPages
from mailhub.http.panel.graphs import GraphPages
from mailhub.http.panel.helping import Helping
from mailhub.http.panel.logins import LoginPages
from mailhub.http.panel.names import Names
from mailhub.http.panel.queueing import Queueing
from mailhub.http.panel.reports import ReportPages
from mailhub.http.panel.sites import SitePages
from mailhub.http.panel.stories import StoryPages
from mailhub.http.panel.users import Users


class Parts(Protocol):
    """What they stand on."""

    @property
    def accounts(self) -> Accounts: ...
    @property
    def addresses(self) -> Addresses: ...
    @property
    def domains(self) -> Domains: ...
    @property
    def keys(self) -> Keys: ...
    @property
    def routes(self) -> Routes: ...
    @property
    def websites(self) -> Websites: ...
    @property
    def administration(self) -> Administration: ...
    @property
    def oversight(self) -> Oversight: ...
    @property
    def queue(self) -> Queue: ...
    @property
    def backups(self) -> Backups: ...
    @property
    def identity(self) -> Identity: ...
    @property
    def quota(self) -> int: ...


def pages_of(parts: Parts) -> tuple[object, ...]:
    """Each with its routes."""
    administration, oversight = parts.administration, parts.oversight
    return (
        Users(parts.accounts, parts.addresses, administration, parts.quota),
        Helping(parts.accounts, parts.identity, administration),
        Checks(administration),
        AliasPages(administration.aliases),
        Names(administration.zones, administration.zone_keys),
        Queueing(parts.queue, parts.routes, oversight.suppressions),
        Backing(parts.backups),
        DomainPages(parts.domains, parts.addresses, parts.keys, administration, oversight),
        StoryPages(oversight.stories),
        LoginPages(oversight.logins, parts.accounts),
        GraphPages(oversight.graphs),
        ReportPages(oversight.summaries),
        SitePages(parts.websites, administration),
        ConfiguredPages(oversight.configured),
    )
