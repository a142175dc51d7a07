"""The EasyMail dialect as a whole: its routes, who comes in, and how it spells an error."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Protocol

from mailhub import __version__
from mailhub.core.accounts import Accounts
from mailhub.core.addresses import Addresses
from mailhub.core.administration import Administration
from mailhub.core.credential import Visit
from mailhub.core.domains import Domains as CoreDomains
from mailhub.core.exporting import Exporting
from mailhub.core.login import Login
from mailhub.core.rights import Caller, Right, check
from mailhub.core.signed_tokens import SignedTokens
from mailhub.core.signing import Keys
from mailhub.http import openapi
from mailhub.http.about import About
from mailhub.http.call import Answer, Call
from mailhub.http.descriptions import PATH, Aside, Described
from mailhub.http.easymail import replies, shapes
from mailhub.http.easymail.archives import Archives
from mailhub.http.easymail.certificates import Certificates
from mailhub.http.easymail.domains import Domains
from mailhub.http.easymail.replies import Refusal
from mailhub.http.easymail.users import Users
from mailhub.http.routing import Route, Run, as_named, route, routes_of
from mailhub.model.account import Role, Service
from mailhub.model.errors import AuthenticationFailed, MailhubError, NotPermitted
from mailhub.model.settings import HTTPSettings

DESCRIPTION = openapi.Description(
    title="EasyMail",
    version=__version__,
    about="EasyMail's management API, as mailhub speaks it.",
    security=({"type": "apiKey", "in": "header", "name": "Auth-token"},),
    error=shapes.Failure,
    everywhere=(400, 401, 403, 413, 429, 503),
)
WRONG = "Username/password is not correct"


class Parts(Protocol):
    """What the dialect stands on."""

    @property
    def accounts(self) -> Accounts: ...
    @property
    def addresses(self) -> Addresses: ...
    @property
    def domains(self) -> CoreDomains: ...
    @property
    def keys(self) -> Keys: ...
    @property
    def login(self) -> Login: ...
    @property
    def administration(self) -> Administration: ...
    @property
    def exporting(self) -> Exporting: ...
    @property
    def settings(self) -> HTTPSettings: ...
    @property
    def aside(self) -> Aside: ...


class WrongPassword(Refusal):
    """What `/auth` says."""

    def __init__(self, text: str) -> None:
        super().__init__(401, text)


class Own:
    """The calls that need no token."""

    def __init__(self, login: Login, tokens: SignedTokens, described: Described) -> None:
        self._login = login
        self._tokens = tokens
        self._described = described

    @route("POST", "/auth", About(takes=shapes.Login, answers={200: shapes.Token}, secured=False))
    async def auth(self, call: Call) -> Answer:
        """Exchanges an administrator's password for a token that is good for half an hour."""
        given = shapes.read(shapes.Login, call)
        if not given.username and not given.password:
            raise WrongPassword("Username/password is required")
        try:
            visit = Visit(call.peer, Service.HTTP)
            account = await self._login.whose(given.username, given.password, visit)
        except AuthenticationFailed:
            raise WrongPassword(WRONG) from None
        if account.role is not Role.ADMIN:
            raise WrongPassword(WRONG)
        return replies.done(token=self._tokens.issue(account))

    @route("GET", "/ping", About(answers={200: None}, media="text/plain", secured=False))
    async def ping(self, call: Call) -> Answer:
        """Whether the server answers."""
        return Answer(200, b"pong", "text/plain; charset=utf-8")

    @route("GET", PATH)
    async def describe(self, call: Call) -> Answer:
        """This API, for programs."""
        return await self._described.answer(call)


class EasyMail:
    """`routing.Dialect`."""

    name = "easymail"

    def __init__(self, parts: Parts) -> None:
        ours, accounts, domains = parts.administration, parts.accounts, parts.domains
        self._tokens = ours.signed_tokens
        self._legacy = parts.settings.easymail_legacy_status
        self._calls = (
            Own(
                parts.login,
                self._tokens,
                Described(DESCRIPTION, self.routes, parts.aside),
            ),
            Domains(accounts, parts.addresses, domains, ours.clearing, parts.keys),
            Users(accounts, parts.addresses, domains, ours.administrators, legacy=self._legacy),
            Certificates(ours.certificates, ours.provisioning),
            Archives(parts.exporting, accounts, parts.settings.easymail_secrets),
        )

    def routes(self) -> Iterable[Route]:
        """Every call."""
        return self._all()

    def _all(self) -> Iterator[Route]:
        for calls in self._calls:
            yield from routes_of(calls, self._opened)

    def _opened(self, run: Run, right: Right | None) -> Run:
        return _opened(run if right is None else self._kept(run, right))

    def _kept(self, run: Run, right: Right) -> Run:
        """`run` for those with `right` alone."""

        @as_named(run)
        async def kept(call: Call) -> Answer:
            account = await self._tokens.account(call.header("auth-token"))
            if account is None:
                raise Refusal(401, replies.NO_TOKEN)
            if account.role is not Role.ADMIN:
                raise NotPermitted("Only an administrator may do this")
            caller = Caller(call.peer.address, account.number, account.id)
            check(caller, right, None)
            return await run(replace(call, caller=caller))

        return kept

    def failure(self, error: MailhubError | None) -> Answer:
        """See `replies`."""
        answer = replies.failure(error)
        # A wrong password was 401 there, too; a wrong token was not.
        if self._legacy and not isinstance(error, WrongPassword):
            answer = replies.legacy(answer)
        return replies.opened(answer)

    def unknown(self, call: Call, allowed: Sequence[str]) -> Answer:
        """See `routing.Outspoken`."""
        return replies.unknown(call, allowed)


def _opened(run: Run) -> Run:
    """`run`, whose answers every page may read."""

    @as_named(run)
    async def opened(call: Call) -> Answer:
        return replies.opened(await run(call))

    return opened
