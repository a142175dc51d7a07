"""The WildDuck dialect as a whole: its routes, and how it spells an error."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import partial
from typing import Protocol

from mailhub import __version__
from mailhub.core.accounts import Accounts
from mailhub.core.addresses import Addresses as CoreAddresses
from mailhub.core.allowances import Allowances
from mailhub.core.correspondents import Correspondents
from mailhub.core.domains import Domains
from mailhub.core.filters import Filters as CoreFilters
from mailhub.core.identity import Identity
from mailhub.core.login import Login
from mailhub.core.mailboxes import Mailboxes as CoreMailboxes
from mailhub.core.mailing import Mailing
from mailhub.core.mailroom import Mailroom
from mailhub.core.queue import Queue
from mailhub.core.rights import Right
from mailhub.core.scripts import Scripts as CoreScripts
from mailhub.core.sessions import Sessions
from mailhub.core.signing import Keys
from mailhub.core.tokens import Tokens
from mailhub.core.uploading import Keys as UploadKeys
from mailhub.core.webhooks import Webhooks as CoreWebhooks
from mailhub.http import openapi
from mailhub.http.call import Answer, Call
from mailhub.http.descriptions import PATH, Aside, Described
from mailhub.http.feeds import Feeds
from mailhub.http.guard import Guard
from mailhub.http.routing import Route, Run, as_named, route, routes_of
from mailhub.http.wildduck import own, replies, shapes
from mailhub.http.wildduck.addresses import Addresses
from mailhub.http.wildduck.app_passwords import AppPasswords
from mailhub.http.wildduck.archive import Archive
from mailhub.http.wildduck.authentication import Authentication
from mailhub.http.wildduck.autoreplies import Autoreplies
from mailhub.http.wildduck.dkim import DkimKeys
from mailhub.http.wildduck.domain_names import DomainNames
from mailhub.http.wildduck.factors import Factors
from mailhub.http.wildduck.files import Files
from mailhub.http.wildduck.filters import Filters
from mailhub.http.wildduck.forwarded import Forwarded
from mailhub.http.wildduck.mailboxes import Mailboxes
from mailhub.http.wildduck.message_content import MessageContent
from mailhub.http.wildduck.messages import Boxes, Messages
from mailhub.http.wildduck.outbound import Outbound
from mailhub.http.wildduck.scripts import Scripts
from mailhub.http.wildduck.search import Search
from mailhub.http.wildduck.security_keys import SecurityKeys
from mailhub.http.wildduck.subject import Subjects
from mailhub.http.wildduck.submission import Submission
from mailhub.http.wildduck.tokens import Tokens as TokenCalls
from mailhub.http.wildduck.updates import Updates
from mailhub.http.wildduck.users import Users
from mailhub.http.wildduck.webhooks import Webhooks
from mailhub.model.errors import MailhubError
from mailhub.ports import Clock, Spools

DESCRIPTION = openapi.Description(
    title="WildDuck",
    version=__version__,
    about="WildDuck's HTTP API, as mailhub speaks it.",
    security=(
        {"type": "http", "scheme": "bearer"},
        {"type": "apiKey", "in": "header", "name": "X-Access-Token"},
        {"type": "apiKey", "in": "query", "name": "accessToken"},
    ),
    error=shapes.Failure,
    everywhere=(400, 403, 404, 413, 414, 415, 431, 503),
)
PLURAL, SINGULAR = "/users/<user>", "/user/<user>"


class Parts(Protocol):
    """What the dialect stands on."""

    @property
    def accounts(self) -> Accounts: ...
    @property
    def addresses(self) -> CoreAddresses: ...
    @property
    def domains(self) -> Domains: ...
    @property
    def mailboxes(self) -> CoreMailboxes: ...
    @property
    def mailroom(self) -> Mailroom: ...
    @property
    def mailing(self) -> Mailing: ...
    @property
    def keys(self) -> Keys: ...
    @property
    def queue(self) -> Queue: ...
    @property
    def allowances(self) -> Allowances: ...
    @property
    def sessions(self) -> Sessions: ...
    @property
    def login(self) -> Login: ...
    @property
    def identity(self) -> Identity: ...
    @property
    def tokens(self) -> Tokens: ...
    @property
    def filters(self) -> CoreFilters: ...
    @property
    def scripts(self) -> CoreScripts: ...
    @property
    def upload_keys(self) -> UploadKeys: ...
    @property
    def spools(self) -> Spools: ...
    @property
    def clock(self) -> Clock: ...
    @property
    def feeds(self) -> Feeds: ...
    @property
    def webhooks(self) -> CoreWebhooks: ...
    @property
    def aside(self) -> Aside: ...
    @property
    def default_domain(self) -> str: ...
    @property
    def quota(self) -> int: ...


class Description:
    """The call that tells what all the others are; whoever reaches this server may know."""

    def __init__(self, described: Described) -> None:
        self._described = described

    @route("GET", PATH)
    async def describe(self, call: Call) -> Answer:
        """This API, for programs."""
        return await self._described.answer(call)


class WildDuck:
    """`routing.Dialect`."""

    name = "wildduck"

    def __init__(self, parts: Parts, guard: Guard) -> None:
        accounts, domains, login = parts.accounts, parts.domains, parts.login
        self._guard = guard
        subjects, room = Subjects(accounts), parts.mailroom
        boxes = Boxes(subjects, parts.mailboxes)
        self._calls = (
            Users(
                accounts,
                subjects,
                domains,
                parts.mailboxes,
                parts.allowances,
                parts.sessions,
                parts.filters,
                login,
                parts.identity,
                parts.default_domain,
                parts.quota,
            ),
            Addresses(
                accounts,
                subjects,
                parts.addresses,
                domains,
                Correspondents(parts.mailboxes, room.listings),
            ),
            DomainNames(domains),
            DkimKeys(parts.keys),
            Forwarded(parts.addresses, domains, parts.allowances),
            Mailboxes(subjects, parts.mailboxes),
            Messages(boxes, room.listings, room.views, room.arranging),
            MessageContent(boxes, room.listings, room.views, room.messages),
            Submission(boxes, parts.mailing, room.listings, parts.spools, parts.clock),
            Files(subjects, parts.mailing.files, parts.clock),
            Outbound(subjects, parts.queue),
            Archive(boxes, room.listings, room.views, room.arranging),
            Search(boxes, room.finds, room.listings, room.views),
            Authentication(accounts, subjects, login, parts.identity.authlog, parts.tokens),
            Factors(subjects, parts.identity, parts.tokens),
            SecurityKeys(subjects, parts.identity, parts.tokens),
            AppPasswords(subjects, parts.identity, parts.addresses),
            Filters(subjects, parts.filters, parts.mailboxes, parts.upload_keys),
            Autoreplies(subjects, parts.filters),
            Scripts(subjects, parts.scripts, parts.filters, parts.mailboxes),
            Updates(subjects, parts.feeds),
            Webhooks(subjects, parts.webhooks),
            TokenCalls(parts.tokens),
            Description(Described(DESCRIPTION, self.routes, parts.aside)),
        )

    def routes(self) -> Iterable[Route]:
        """Every call."""
        return self._all()

    def _all(self) -> Iterator[Route]:
        for calls in self._calls:
            for one in routes_of(calls):
                kept = one
                if one.right is not None:
                    admit = partial(self._guard.expect, right=one.right)
                    kept = replace(one, run=self._kept(one.run, one.right), admit=admit)
                yield kept
                if one.path.startswith(PLURAL):
                    # Headings of WildDuck's document have it so, and who wrote a client by them.
                    yield replace(kept, path=SINGULAR + one.path[len(PLURAL) :], about=None)

    def _kept(self, run: Run, right: Right) -> Run:
        """`run` for those with `right` alone."""

        @as_named(run)
        async def kept(call: Call) -> Answer:
            admitted = await self._guard.admit(call, right)
            own.check(admitted, right)
            return await self._guard.hold(admitted, await run(admitted))

        return kept

    def failure(self, error: MailhubError | None) -> Answer:
        """See `replies`."""
        return replies.failure(error)
