"""What a command is given: who is logged in, what is selected, and where its data goes.

A session holds state and no rules; rules are core's. It knows neither transport nor framing:
`server` supplies the `Output`. One object per connection, so everything that can be shared is in
`Site`, and everything else is made when it is first needed.
"""

from __future__ import annotations

from collections.abc import Awaitable
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from mailhub.core.ids import Ids
from mailhub.core.login import Login
from mailhub.core.mailboxes import Mailboxes
from mailhub.core.messages import Messages
from mailhub.core.selected import SelectedView, Selections
from mailhub.core.watch import Watch
from mailhub.imap.grammar.values import Extension
from mailhub.model.account import Principal
from mailhub.model.change import Actor
from mailhub.model.envelope import Peer
from mailhub.model.errors import NotPermitted
from mailhub.model.settings import IMAPSettings
from mailhub.ports import Clock, Log, Storage


class State(Enum):
    """RFC 9051 section 3."""

    NOT_AUTHENTICATED = "not authenticated"
    AUTHENTICATED = "authenticated"
    SELECTED = "selected"
    LOGOUT = "logout"


@dataclass(frozen=True, slots=True)
class Site:
    """What all sessions of a server share."""

    hostname: str
    settings: IMAPSettings
    storage: Storage
    login: Login
    mailboxes: Mailboxes
    messages: Messages
    selections: Selections
    watch: Watch
    ids: Ids
    clock: Clock
    log: Log


class Output(Protocol):
    """The way out of a session, as `server` implements it."""

    def write(self, data: bytes) -> None:
        """Queues bytes; they leave in one write at the end of the turn."""
        ...

    def flush(self) -> None: ...
    @property
    def congested(self) -> bool: ...
    def drained(self) -> Awaitable[None]: ...
    def close(self) -> None: ...


Enabled = frozenset[Extension]
NOTHING: Enabled = frozenset()


class Session:
    """One client's state. Commands change `selected` and `enabled` through the methods only."""

    __slots__ = ("enabled", "output", "peer", "principal", "selected", "site", "state")

    def __init__(self, site: Site, peer: Peer, output: Output) -> None:
        self.site = site
        self.peer = peer
        self.output = output
        self.state = State.NOT_AUTHENTICATED
        self.principal: Principal | None = None
        self.selected: SelectedView | None = None
        self.enabled: Enabled = NOTHING

    # -- sending

    def write(self, data: bytes) -> None:
        """Untagged data, complete lines; for the few bytes of a short answer."""
        self.output.write(data)

    async def send(self, data: bytes) -> None:
        """Untagged data with back-pressure: waits while the peer does not read."""
        self.output.write(data)
        if self.output.congested:
            await self.output.drained()

    # -- who

    @property
    def account(self) -> int:
        """The account's number. Raises NotPermitted before login."""
        if self.principal is None:
            raise NotPermitted("Log in first")
        return self.principal.account

    @property
    def actor(self) -> Actor:
        """Whom the journal names for what this session changes."""
        return Actor(self.account, f"imap {self.peer.address}")

    # -- what is selected

    @property
    def view(self) -> SelectedView:
        """The selected mailbox. Raises NotPermitted where there is none."""
        if self.selected is None:
            raise NotPermitted("Select a mailbox first")
        return self.selected

    @property
    def writable_view(self) -> SelectedView:
        """The same, for commands that change it. Raises NotPermitted after EXAMINE."""
        view = self.view
        if view.read_only:
            raise NotPermitted("The mailbox is selected read-only")
        return view

    # -- what is enabled

    def enable(self, *extensions: Extension) -> None:
        """Switches extensions on; QRESYNC brings CONDSTORE, IMAP4rev2 brings UTF-8 names."""
        self.enabled = self.enabled.union(extensions)
        if Extension.QRESYNC in self.enabled:
            self.enabled |= {Extension.CONDSTORE}

    @property
    def rev2(self) -> bool:
        return Extension.REV2 in self.enabled

    @property
    def utf8(self) -> bool:
        """Whether quoted strings and names travel as UTF-8."""
        return Extension.UTF8 in self.enabled or Extension.REV2 in self.enabled

    @property
    def condstore(self) -> bool:
        return Extension.CONDSTORE in self.enabled

    @property
    def qresync(self) -> bool:
        return Extension.QRESYNC in self.enabled
