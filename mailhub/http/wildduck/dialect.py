"""The WildDuck dialect as a whole: its routes, and how it spells an error."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Protocol

from mailhub.core.accounts import Accounts
from mailhub.core.addresses import Addresses as CoreAddresses
from mailhub.core.domains import Domains
from mailhub.core.login import Login
from mailhub.http.call import Answer
from mailhub.http.guard import Guard
from mailhub.http.routing import Route, routes_of
from mailhub.http.wildduck import replies
from mailhub.http.wildduck.addresses import Addresses
from mailhub.http.wildduck.authentication import Authentication
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
    def default_domain(self) -> str: ...
    @property
    def quota(self) -> int: ...


class WildDuck:
    """`routing.Dialect`."""

    name = "wildduck"

    def __init__(self, parts: Parts, guard: Guard) -> None:
        accounts, domains, login = parts.accounts, parts.domains, parts.login
        self._calls = (
            Users(accounts, domains, login, guard, parts.default_domain, parts.quota),
            Addresses(accounts, parts.addresses, domains, guard),
            Authentication(accounts, login, guard),
        )

    def routes(self) -> Iterable[Route]:
        """Every call."""
        return self._all()

    def _all(self) -> Iterator[Route]:
        for calls in self._calls:
            yield from routes_of(calls)

    def failure(self, error: MailhubError | None) -> Answer:
        """See `replies`."""
        return replies.failure(error)
