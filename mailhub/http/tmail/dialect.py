"""The tmail dialect as a whole: its routes, and how it spells an error."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Protocol

from pydantic import BaseModel

from mailhub import __version__
from mailhub.core.accounts import Accounts
from mailhub.core.addresses import Addresses
from mailhub.core.domains import Domains
from mailhub.core.login import Login
from mailhub.core.queue import Queue
from mailhub.core.relays import Relays
from mailhub.core.routes import Routes
from mailhub.core.signing import Keys
from mailhub.http import openapi
from mailhub.http.about import About
from mailhub.http.basic import BasicGuard, Operator
from mailhub.http.call import Answer, Call
from mailhub.http.descriptions import PATH, Aside, Described
from mailhub.http.routing import Route, route, routes_of
from mailhub.http.tmail import replies, shapes
from mailhub.http.tmail.aliases import Aliases
from mailhub.http.tmail.hosts import Hosts
from mailhub.http.tmail.keys import KeyCalls
from mailhub.http.tmail.queue import Queued
from mailhub.http.tmail.routes import RouteCalls
from mailhub.http.tmail.users import Users
from mailhub.model.errors import MailhubError
from mailhub.model.settings import HTTPSettings

DESCRIPTION = openapi.Description(
    title="tmail",
    version=__version__,
    about="The REST API of tmail, as mailhub speaks it.",
    security=({"type": "http", "scheme": "basic"},),
    error=shapes.Failure,
    everywhere=(401, 403, 413, 429, 503),
)


class Parts(Protocol):
    """What the dialect stands on."""

    @property
    def accounts(self) -> Accounts: ...
    @property
    def domains(self) -> Domains: ...
    @property
    def addresses(self) -> Addresses: ...
    @property
    def queue(self) -> Queue: ...
    @property
    def routes(self) -> Routes: ...
    @property
    def relays(self) -> Relays: ...
    @property
    def keys(self) -> Keys: ...
    @property
    def login(self) -> Login: ...
    @property
    def settings(self) -> HTTPSettings: ...
    @property
    def aside(self) -> Aside: ...


class Pong(BaseModel):
    """GET /ping."""

    msg: str = "pong"


class Own:
    """The calls that are about the server itself; nobody has to log in for them."""

    def __init__(self, described: Described) -> None:
        self._described = described

    @route("GET", "/ping", About(answers={200: Pong}, secured=False))
    async def ping(self, call: Call) -> Answer:
        """Whether the server answers."""
        return replies.raw_json(Pong().model_dump_json().encode())

    @route("GET", PATH)
    async def describe(self, call: Call) -> Answer:
        """This API, for programs."""
        return await self._described.answer(call)


class TMail:
    """`routing.Dialect`."""

    name = "tmail"

    def __init__(self, parts: Parts) -> None:
        settings = parts.settings
        guard = BasicGuard(parts.login, Operator(settings.tmail_login, settings.tmail_password))
        self._calls = (
            Own(Described(DESCRIPTION, self.routes, parts.aside)),
            Users(parts.accounts, parts.domains, guard, hashes=settings.tmail_hashes),
            Queued(parts.queue, parts.accounts, guard),
            Aliases(parts.addresses, parts.accounts, guard),
            RouteCalls(parts.routes, parts.accounts, guard),
            Hosts(parts.domains, parts.relays, guard),
            KeyCalls(parts.keys, guard),
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
