"""The panel as a whole: its pages, who may see them, and how it shows an error."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from mailhub.core.accounts import Accounts
from mailhub.core.addresses import Addresses
from mailhub.core.administration import Administration
from mailhub.core.backup import Backups
from mailhub.core.exporting import Exporting
from mailhub.core.filters import Filters
from mailhub.core.identity import Identity
from mailhub.core.login import Login
from mailhub.core.mailboxes import Mailboxes
from mailhub.core.open_logins import OpenLogins
from mailhub.core.queue import Queue
from mailhub.core.scripts import Scripts as CoreScripts
from mailhub.core.sign_ins import SignIns
from mailhub.core.tokens import Tokens
from mailhub.http.call import Answer, Call
from mailhub.http.panel import administering, pages
from mailhub.http.panel.door import Door, language
from mailhub.http.panel.factors import Factors
from mailhub.http.panel.history import History
from mailhub.http.panel.keeping import failed, routes_behind
from mailhub.http.panel.own import Own
from mailhub.http.panel.passwords import Passwords
from mailhub.http.panel.programs import Programs
from mailhub.http.panel.replying import Replying
from mailhub.http.panel.rules import Rules
from mailhub.http.panel.scripts import Scripts
from mailhub.http.panel.sessions import Sessions
from mailhub.http.panel.settled import Settled
from mailhub.http.panel.signing import SignIn
from mailhub.http.routing import Route, route, routes_of
from mailhub.model.errors import MailhubError, NotFound


class Parts(administering.Parts, Protocol):
    """What the panel stands on."""

    @property
    def accounts(self) -> Accounts: ...
    @property
    def addresses(self) -> Addresses: ...
    @property
    def administration(self) -> Administration: ...
    @property
    def queue(self) -> Queue: ...
    @property
    def backups(self) -> Backups: ...
    @property
    def login(self) -> Login: ...
    @property
    def identity(self) -> Identity: ...
    @property
    def tokens(self) -> Tokens: ...
    @property
    def sign_ins(self) -> SignIns: ...
    @property
    def exporting(self) -> Exporting: ...
    @property
    def logins(self) -> OpenLogins: ...
    @property
    def filters(self) -> Filters: ...
    @property
    def scripts(self) -> CoreScripts: ...
    @property
    def mailboxes(self) -> Mailboxes: ...
    @property
    def hostname(self) -> str: ...
    @property
    def quota(self) -> int: ...
    @property
    def panel_secret(self) -> bytes: ...


class Panel:
    """`routing.Dialect`."""

    name = "panel"
    prefix = pages.PREFIX

    def __init__(self, parts: Parts) -> None:
        accounts, identity = parts.accounts, parts.identity
        self._door = Door(parts.tokens, parts.sign_ins, accounts, parts.panel_secret)
        self._open = (SignIn(self._door, parts.login, identity), Files())
        self._kept = (
            Own(parts.addresses, identity, parts.exporting, parts.quota),
            Programs(identity, parts.hostname),
            Sessions(self._door, accounts, parts.sign_ins, parts.logins),
            History(identity),
            Rules(parts.filters, parts.mailboxes, parts.scripts),
            Scripts(parts.scripts),
            Replying(parts.filters),
            Settled(accounts, parts.addresses),
            Passwords(self._door, accounts, parts.login, identity),
            Factors(self._door, identity),
            *administering.pages_of(parts),
        )

    def routes(self) -> Iterable[Route]:
        """Every page."""
        for part in self._open:
            yield from routes_of(part)
        yield from routes_behind(self._door, self._kept, f"{self.prefix}/")

    def failure(self, error: MailhubError | None) -> Answer:
        """An error where nobody's language is known."""
        return failed(error, "en")


class Files:
    """Styles and scripts."""

    @route("GET", "/static/<name>")
    async def file(self, call: Call) -> Answer:
        """One of them."""
        answer = pages.static_answer(call.arguments["name"])
        return answer or failed(NotFound("There is no such file"), language(call))
