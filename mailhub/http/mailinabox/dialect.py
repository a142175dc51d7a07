"""The Mail-in-a-Box dialect as a whole: its routes, who comes in, and how it spells an error."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Protocol

from mailhub import __version__
from mailhub.core.accounts import Accounts
from mailhub.core.administration import Administration
from mailhub.core.backup import Backups
from mailhub.core.identity import Identity
from mailhub.core.login import Login
from mailhub.core.rights import Right
from mailhub.core.websites import Websites
from mailhub.http import openapi
from mailhub.http.call import JSON, Answer, Call
from mailhub.http.descriptions import Aside, Described
from mailhub.http.mailinabox import replies
from mailhub.http.mailinabox.aliases import AliasCalls
from mailhub.http.mailinabox.backups import BackupCalls
from mailhub.http.mailinabox.certificates import CertificateCalls
from mailhub.http.mailinabox.dns import DNSCalls
from mailhub.http.mailinabox.effects import Effects
from mailhub.http.mailinabox.guard import BoxGuard
from mailhub.http.mailinabox.mfa import FactorCalls
from mailhub.http.mailinabox.own import Own
from mailhub.http.mailinabox.system import SystemCalls
from mailhub.http.mailinabox.users import Users
from mailhub.http.mailinabox.websites import WebCalls
from mailhub.http.routing import Route, Run, as_named, routes_of
from mailhub.model.errors import AuthenticationFailed, MailhubError
from mailhub.ports import Clock

DESCRIPTION = openapi.Description(
    title="Mail-in-a-Box",
    version=__version__,
    about="Mail-in-a-Box's administration API, as mailhub speaks it.",
    security=({"type": "http", "scheme": "basic"},),
    error=None,
    everywhere=(400, 401, 403, 413, 429, 503),
    words=(replies.TEXT, replies.PLAIN, JSON),
)


class Parts(Protocol):
    """What the dialect stands on."""

    @property
    def accounts(self) -> Accounts: ...
    @property
    def administration(self) -> Administration: ...
    @property
    def backups(self) -> Backups: ...
    @property
    def websites(self) -> Websites: ...
    @property
    def clock(self) -> Clock: ...
    @property
    def login(self) -> Login: ...
    @property
    def aside(self) -> Aside: ...
    @property
    def identity(self) -> Identity: ...


class MailInABox:
    """`routing.Dialect`."""

    name = "mailinabox"
    prefix = "/admin"

    def __init__(self, parts: Parts) -> None:
        accounts, ours = parts.accounts, parts.administration
        keys, codes = ours.session_keys, parts.identity.codes
        self._guard = BoxGuard(parts.login, keys, codes, ours.system_key())
        effects = Effects(ours.zones)
        self._calls = (
            Own(self._guard, keys, accounts, Described(DESCRIPTION, self.routes, parts.aside)),
            Users(accounts, ours.administrators, ours.leaving, effects, ours.hostname, parts.clock),
            AliasCalls(
                ours.aliases, accounts, ours.administrators, effects, ours.hostname, parts.clock
            ),
            FactorCalls(accounts, codes, ours.hostname),
            DNSCalls(ours.zones, ours.secondaries),
            WebCalls(parts.websites, ours.certificates),
            SystemCalls(ours.system, ours.checkup, ours.aliases),
            BackupCalls(parts.backups, parts.clock),
            CertificateCalls(ours.certificates, ours.hosted, ours.provisioning, effects),
        )

    def routes(self) -> Iterable[Route]:
        """Every call."""
        return self._all()

    def _all(self) -> Iterator[Route]:
        for calls in self._calls:
            yield from routes_of(calls, self._kept)

    def _kept(self, run: Run, right: Right | None) -> Run:
        """`run` for those with `right` alone; what is refused for want of credentials is told as
        its caller likes it."""

        @as_named(run)
        async def kept(call: Call) -> Answer:
            try:
                if right is not None:
                    call = await self._guard.admit(call, right)
                return await run(call)
            except AuthenticationFailed as error:
                return replies.unauthorized(call, error)

        return kept

    def failure(self, error: MailhubError | None) -> Answer:
        """See `replies`."""
        return replies.failure(error)
