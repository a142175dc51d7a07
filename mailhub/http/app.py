"""Joins the frame and the dialects into what one HTTP listener serves."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from prometheus_client import CollectorRegistry
from twisted.internet.interfaces import IReactorTime
from twisted.web.resource import IResource

from mailhub.core.accounts import Accounts
from mailhub.core.addresses import Addresses
from mailhub.core.administration import Administration
from mailhub.core.allowances import Allowances
from mailhub.core.backup import Backups
from mailhub.core.certificates import Certificates
from mailhub.core.desk import Desk
from mailhub.core.domains import Domains
from mailhub.core.elsewhere import Elsewheres
from mailhub.core.exporting import Exporting
from mailhub.core.filters import Filters
from mailhub.core.identity import Identity
from mailhub.core.login import Login
from mailhub.core.mailboxes import Mailboxes
from mailhub.core.mailing import Mailing
from mailhub.core.mailroom import Mailroom
from mailhub.core.open_logins import OpenLogins
from mailhub.core.oversight import Oversight
from mailhub.core.profiles import Profiles
from mailhub.core.queue import Queue
from mailhub.core.relays import Relays
from mailhub.core.routes import Routes
from mailhub.core.scripts import Scripts
from mailhub.core.sessions import Sessions
from mailhub.core.sign_ins import SignIns
from mailhub.core.signing import Keys
from mailhub.core.tokens import Tokens
from mailhub.core.uploading import Keys as UploadKeys
from mailhub.core.webhooks import Webhooks
from mailhub.core.websites import Websites
from mailhub.http.descriptions import Aside, at_once
from mailhub.http.easymail.dialect import EasyMail
from mailhub.http.feeds import Feeds
from mailhub.http.frame import Frame
from mailhub.http.guard import Guard
from mailhub.http.inflow import Bounds
from mailhub.http.mailinabox.dialect import MailInABox
from mailhub.http.panel.dialect import Panel
from mailhub.http.routing import Dialect, Served, large_routes, overflows, resource, served
from mailhub.http.server import BoundedSite
from mailhub.http.tmail.dialect import TMail
from mailhub.http.web.behind import Behind
from mailhub.http.web.doors import ROOT, Doors
from mailhub.http.web.found import Found
from mailhub.http.web.pages import Pages
from mailhub.http.web.sites import Sites
from mailhub.http.web.sockets import Sockets
from mailhub.http.webmail.dialect import Webmail
from mailhub.http.wildduck.dialect import WildDuck
from mailhub.model.errors import Invalid
from mailhub.model.settings import HTTPSettings
from mailhub.model.settings_sites import SitesSettings
from mailhub.net.sitefiles import SiteFiles, on_threads
from mailhub.ports import Clock, Log, Spools

DIALECTS = ("easymail", "mailinabox", "tmail", "wildduck")


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What the HTTP faces stand on.

    `default_domain`: completes a user name that is no address. `quota`: bytes that an account
    without an own quota may keep, 0 without limit. `ready`: whether the server takes work.
    """

    accounts: Accounts
    addresses: Addresses
    mailboxes: Mailboxes
    mailroom: Mailroom
    mailing: Mailing
    desk: Desk
    allowances: Allowances
    sessions: Sessions
    domains: Domains
    queue: Queue
    routes: Routes
    relays: Relays
    keys: Keys
    login: Login
    tokens: Tokens
    sign_ins: SignIns
    elsewheres: Elsewheres
    logins: OpenLogins
    identity: Identity
    spools: Spools
    filters: Filters
    scripts: Scripts
    upload_keys: UploadKeys
    feeds: Feeds
    webhooks: Webhooks
    settings: HTTPSettings
    default_domain: str
    quota: int
    registry: CollectorRegistry
    ready: Callable[[], bool]
    reactor: IReactorTime
    clock: Clock
    log: Log
    administration: Administration
    hostname: str
    panel_secret: bytes
    backups: Backups
    exporting: Exporting
    certificates: Certificates
    websites: Websites
    profiles: Profiles
    sites: SitesSettings
    oversight: Oversight
    aside: Aside = at_once
    """Does what takes long where nobody is held up by it."""


def application(parts: Parts, root: str = "") -> BoundedSite:
    """The site of one listener: every dialect under its prefix, and `root` without one too. Where
    that is ROOT, web sites are in front of them.

    Raises Invalid for a root that is no dialect.
    """
    mounted = mounts(parts, "" if root == ROOT else root)
    found = served(mounted)
    inside = resource(mounted, found)
    return BoundedSite(
        _doors(parts, inside, found) if root == ROOT else inside,
        bounds=Bounds(
            parts.settings.body,
            parts.settings.upload,
            large_routes(found),
            parts.spools,
            overflows(mounted),
        ),
        timeout=parts.settings.idle_timeout,
        reactor=parts.reactor,
        clock=parts.clock,
        log=parts.log,
    )


def _doors(parts: Parts, inside: IResource, served: Sequence[Served]) -> Doors:
    found = Found(parts.certificates, parts.websites, parts.profiles)
    pages, behind = Pages(SiteFiles(on_threads(parts.reactor))), Behind(parts.reactor)
    sites = Sites(parts.websites, found, pages, behind, https=parts.sites.https)
    sockets = Sockets(parts.reactor)
    https = parts.sites.https
    return Doors(sites, sockets, parts.websites, parts.hostname, inside, served, https=https)


def mounts(parts: Parts, root: str = "") -> Sequence[tuple[str, Dialect]]:
    """Every dialect with its prefix, the frame last. Raises Invalid for a root that is none."""
    if root and root not in DIALECTS:
        known = ", ".join((*DIALECTS, ROOT))
        raise Invalid(f"{root} is none of {known}", field="root")
    guard = Guard(parts.settings.access_token, parts.tokens, parts.elsewheres)
    dialects: Sequence[Dialect] = (
        TMail(parts),
        WildDuck(parts, guard),
        MailInABox(parts),
        EasyMail(parts),
        Panel(parts),
        Webmail(parts),
    )
    return [
        *((getattr(dialect, "prefix", f"/{dialect.name}"), dialect) for dialect in dialects),
        *(("", dialect) for dialect in dialects if dialect.name == root),
        ("", Frame(guard, parts.registry, parts.ready)),
        ("", Found(parts.certificates, parts.websites, parts.profiles)),
    ]
