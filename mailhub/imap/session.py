"""What a command is given: who is logged in, what is selected, and where its data goes.

A session holds state and no rules; rules are core's. It knows neither transport nor framing:
`server` supplies the `Output`. There is one per connection and they are mostly idle, so what can
be shared is in `Site`, and nothing is made before it is needed.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol

from mailhub.core.allowances import Allowances
from mailhub.core.ids import Ids
from mailhub.core.login import Login
from mailhub.core.mailboxes import Mailboxes
from mailhub.core.messages import Messages
from mailhub.core.selected import SelectedView, Selections
from mailhub.core.sessions import Sessions
from mailhub.core.watch import Watch
from mailhub.imap.grammar.values import Extension
from mailhub.imap.replies import Reply
from mailhub.imap.state import State
from mailhub.model.account import Principal
from mailhub.model.change import Actor
from mailhub.model.envelope import Peer
from mailhub.model.errors import MailhubError, NotPermitted
from mailhub.model.settings import IMAPSettings
from mailhub.ports import Clock, Log, Storage
from mailhub.ports.passage import Crossing


@dataclass(frozen=True, slots=True)
class Site:
    """What all sessions of a server share. `quota`: bytes an account may keep where it has no
    limit of its own, 0 for none."""

    hostname: str
    settings: IMAPSettings
    storage: Storage
    login: Login
    mailboxes: Mailboxes
    messages: Messages
    selections: Selections
    sessions: Sessions
    allowances: Allowances
    watch: Watch
    ids: Ids
    clock: Clock
    log: Log
    quota: int = 0


class Output(Protocol):
    """The way out of a session, as `server` implements it."""

    def write(self, data: bytes) -> None:
        """Queues bytes; they leave in one write at the end of the turn."""
        ...

    def flush(self) -> None:
        """Sends what is queued: only outside of a command, whose end does it anyway."""
        ...

    def drained(self) -> Awaitable[None]:
        """Waits until the peer reads on; raises where it is gone."""
        ...

    def close(self) -> None: ...
    def peer(self) -> Peer: ...
    def start_tls(self) -> None:
        """After what is queued was sent. No octet behind STARTTLS may be waiting."""
        ...

    def start_compression(self) -> None:
        """After what is queued was sent, in both directions (RFC 4978)."""
        ...

    def pass_on(self, crossing: Crossing) -> None:
        """After what is queued was sent: whatever follows is the other server's."""
        ...

    def logged_in(self) -> None:
        """Lifts the deadline for logging in."""
        ...

    @property
    def congested(self) -> bool: ...
    @property
    def closing(self) -> bool: ...
    @property
    def can_start_tls(self) -> bool: ...
    @property
    def has_tls(self) -> bool: ...
    @property
    def is_compressed(self) -> bool: ...
    @property
    def pending(self) -> int:
        """Octets from the peer behind the command that runs."""
        ...


class Dialogue(Protocol):
    """A command that goes on over several lines of the client: AUTHENTICATE, IDLE."""

    async def line(self, session: Session, line: bytes) -> Reply | None:
        """Takes one line. The tagged answer ends it; None waits for the next line. An error
        raised ends it too."""
        ...

    def news(self, session: Session) -> None:
        """The peer reads again after it was too slow; what waited can be sent."""
        ...

    def end(self) -> None:
        """It is over, answered or not. Called once."""
        ...


Enabled = frozenset[Extension]
NOTHING: Enabled = frozenset()


class Session:
    """One client's state. `dialogue`: the command that waits for lines, if any. `tag`: of the
    command that runs, for the answers that repeat it (ESEARCH, INPROGRESS)."""

    __slots__ = (
        "_ended",
        "_leave",
        "_peer",
        "dialogue",
        "enabled",
        "output",
        "principal",
        "selected",
        "site",
        "state",
        "tag",
    )

    def __init__(self, site: Site, output: Output) -> None:
        self.site = site
        self.output = output
        self.state = State.NOT_AUTHENTICATED
        self.principal: Principal | None = None
        self.selected: SelectedView | None = None
        self.enabled: Enabled = NOTHING
        self.dialogue: Dialogue | None = None
        self.tag = b""
        self._peer: Peer | None = None
        self._ended: Callable[[], None] | None = None
        self._leave: Callable[[], None] | None = None

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
    def peer(self) -> Peer:
        """The other end; asked again until the handshake has filled in its TLS facts."""
        peer = self._peer
        if peer is None or (peer.tls is not None and not peer.tls.version):
            peer = self._peer = self.output.peer()
        return peer

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

    def begin(self, principal: Principal, leave: Callable[[], None]) -> None:
        """The client logged in. From now on the session ends when its account says so. `leave`:
        called when it is over. Raises AuthenticationFailed, StillElsewhere where that is so
        already."""
        if self.state is State.LOGOUT:  # the connection went while the password was looked at
            leave()
            return
        try:
            self._ended = self.site.watch.login(principal, self._login_ended)
        except MailhubError:
            leave()
            raise
        self._leave = leave
        self.principal = principal
        self.state = State.AUTHENTICATED
        self.output.logged_in()

    def _login_ended(self, reason: str) -> None:
        self.bye(reason or "The session was ended by the server")

    def restart(self) -> None:
        """TLS began: nothing the client said before counts."""
        self._peer = None

    # -- ending

    def bye(self, text: str) -> None:
        """Says goodbye now, outside of any command, and closes."""
        if not self.output.closing:
            self.output.write(b"* BYE %b\r\n" % text.encode("ascii", "replace"))
            self.output.close()

    def lost(self) -> None:
        """The connection is gone: lets everything go. Safe to repeat."""
        self.state = State.LOGOUT
        self.end_dialogue()
        self.deselect()
        ended, self._ended = self._ended, None
        if ended is not None:
            ended()
        leave, self._leave = self._leave, None
        if leave is not None:
            leave()

    # -- dialogues

    def converse(self, dialogue: Dialogue) -> None:
        """The lines that follow belong to `dialogue`; its command's `run` returns None."""
        self.dialogue = dialogue

    def end_dialogue(self) -> None:
        """What follows are commands again."""
        dialogue, self.dialogue = self.dialogue, None
        if dialogue is not None:
            dialogue.end()

    # -- what is selected

    def select(self, view: SelectedView) -> None:
        """`view` becomes the selected mailbox; `deselect` comes before."""
        self.selected = view
        self.state = State.SELECTED

    def deselect(self) -> None:
        """No mailbox is selected any more."""
        view, self.selected = self.selected, None
        if view is not None:
            view.close()
        if self.state is State.SELECTED:
            self.state = State.AUTHENTICATED

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
        """Switches extensions on. QRESYNC brings CONDSTORE (RFC 7162 3.2.3), and CONDSTORE the
        selected mailbox's HIGHESTMODSEQ (RFC 7162 3.1)."""
        enabled = self.enabled.union(extensions)
        if Extension.QRESYNC in enabled:
            enabled |= {Extension.CONDSTORE}
        begins = Extension.CONDSTORE in enabled and not self.condstore
        self.enabled = shared(enabled)
        if begins and self.selected is not None:
            self.write(b"* OK [HIGHESTMODSEQ %d] Highest\r\n" % self.selected.modseq)

    @property
    def rev2(self) -> bool:
        """Whether answers follow RFC 9051 where it differs from RFC 3501."""
        return Extension.REV2 in self.enabled

    @property
    def utf8(self) -> bool:
        """Whether quoted strings and names travel as UTF-8."""
        return Extension.UTF8 in self.enabled or Extension.REV2 in self.enabled

    @property
    def condstore(self) -> bool:
        """Whether FETCH data about flags carries MODSEQ (RFC 7162 3.1)."""
        return Extension.CONDSTORE in self.enabled

    @property
    def qresync(self) -> bool:
        """Whether VANISHED stands for EXPUNGE (RFC 7162 3.2)."""
        return Extension.QRESYNC in self.enabled


_SHARED: dict[Enabled, Enabled] = {}


def shared(enabled: Enabled) -> Enabled:
    """One object for equal sets: there are sixteen at most, and thousands of sessions."""
    return _SHARED.setdefault(enabled, enabled)
