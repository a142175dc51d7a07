"""The WildDuck dialect as a whole: its routes, and how it spells an error."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Iterator
from dataclasses import replace
from typing import Protocol

from mailhub.core.accounts import Accounts
from mailhub.core.addresses import Addresses as CoreAddresses
from mailhub.core.domains import Domains
from mailhub.core.identity import Identity
from mailhub.core.login import Login
from mailhub.core.rights import Right
from mailhub.http.call import Answer, Call
from mailhub.http.feeds import Feeds
from mailhub.http.guard import Guard
from mailhub.http.routing import Route, routes_of
from mailhub.http.wildduck import replies
from mailhub.http.wildduck.addresses import Addresses
from mailhub.http.wildduck.app_passwords import AppPasswords
from mailhub.http.wildduck.authentication import Authentication
from mailhub.http.wildduck.factors import Factors
from mailhub.http.wildduck.subject import Subjects
from mailhub.http.wildduck.updates import Updates
from mailhub.http.wildduck.users import Users
from mailhub.model.errors import MailhubError


class Parts(Protocol):
    """What the dialect stands on."""

    @property
    def accounts(self) -> Accounts: ...
    @property
    def addresses(self) -> CoreAddresses: ...
    @property
    def domains(self) -> Domains: ...
    @property
    def login(self) -> Login: ...
    @property
    def identity(self) -> Identity: ...
    @property
    def feeds(self) -> Feeds: ...
    @property
    def default_domain(self) -> str: ...
    @property
    def quota(self) -> int: ...


class WildDuck:
    """`routing.Dialect`."""

    name = "wildduck"

    def __init__(self, parts: Parts, guard: Guard) -> None:
        accounts, domains, login = parts.accounts, parts.domains, parts.login
        self._guard = guard
        subjects = Subjects(accounts)
        self._calls = (
            Users(accounts, subjects, domains, login, parts.default_domain, parts.quota),
            Addresses(accounts, subjects, parts.addresses, domains),
            Authentication(accounts, subjects, login, parts.identity.authlog),
            Factors(subjects, parts.identity),
            AppPasswords(subjects, parts.identity),
            Updates(subjects, parts.feeds),
        )

    def routes(self) -> Iterable[Route]:
        """Every call."""
        return self._all()

    def _all(self) -> Iterator[Route]:
        for calls in self._calls:
            for one in routes_of(calls):
                yield one if one.right is None else replace(one, run=self._kept(one.run, one.right))

    def _kept(
        self, run: Callable[[Call], Awaitable[Answer]], right: Right
    ) -> Callable[[Call], Awaitable[Answer]]:
        """`run` for those with `right` alone."""

        async def kept(call: Call) -> Answer:
            admitted = await self._guard.admit(call, right)
            return await self._guard.hold(admitted, await run(admitted))

        return kept

    def failure(self, error: MailhubError | None) -> Answer:
        """See `replies`."""
        return replies.failure(error)
