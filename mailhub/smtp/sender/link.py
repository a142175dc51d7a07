"""What the client's coroutines need of a connection, and how a session can end early.

The connection itself is `transport`'s; tests have one of their own. No grammar, no decisions.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol

from mailhub.model.outbound import Answer
from mailhub.model.route import Hop
from mailhub.model.tlsreport import TLSResult
from mailhub.smtp.sender.grammar import Reply
from mailhub.smtp.sender.machine import Machine


class Lost(Exception):
    """The connection is gone, or was ended by us: no reply can come any more. `status`: enhanced
    code, `text`: why, for people."""

    def __init__(self, status: str, text: str) -> None:
        super().__init__(text)
        self.status = status
        self.text = text


class TLSFailed(Lost):
    """The handshake failed, or the certificate is not good enough. The connection is gone."""

    def __init__(self, result: TLSResult, text: str) -> None:
        super().__init__("4.7.5", text)
        self.result = result


class Closing(Exception):
    """The other side ends the session with this reply: 421, or a refusal amid the message."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(reply.text)
        self.reply = reply


class HopFailed(Exception):
    """One address of a server cannot be used for this message. `host`: nor can its others.
    `onward`: another server may be tried."""

    def __init__(self, answer: Answer, *, host: bool = False, onward: bool = True) -> None:
        super().__init__(answer.text)
        self.answer = answer
        self.host = host
        self.onward = onward


@dataclass(frozen=True, slots=True)
class Layer:
    """A TLS layer. `version`: such as `TLSv1.3`. `result`, `reason`: what the certificate proved,
    where it was looked at; SUCCESS where nothing was asked of it."""

    version: str
    result: TLSResult
    reason: str = ""


class Link(Protocol):
    """One connection. Everything that waits raises Lost, at the latest when its time is over.

    `machine`: its grammar's half. `address`: the other side, `source`: ours. `until`: monotonic
    time at which it is cut, whatever is under way.
    """

    machine: Machine
    address: str
    until: float

    @property
    def source(self) -> str: ...
    @property
    def alive(self) -> bool:
        """Whether it is open, as far as is known."""
        ...

    def write(self, data: bytes) -> None:
        """Sends at once what the system takes, the rest when it does."""
        ...

    @property
    def congested(self) -> bool:
        """Whether the other side has not taken what was written before."""
        ...

    def drained(self, seconds: float) -> Awaitable[None]:
        """Ends when all was taken."""
        ...

    def reply(self, seconds: float) -> Awaitable[Reply]:
        """The next reply; within `seconds` from now, however slowly it comes."""
        ...

    def early(self) -> Reply | None:
        """A reply that came already. Raises Lost."""
        ...

    def start_tls(self, hop: Hop, seconds: float) -> Awaitable[Layer]:
        """Puts TLS in between and proves what `hop.security` asks for. Raises TLSFailed, and
        Lost where something came in the clear behind the answer to STARTTLS."""
        ...

    def rest(self, seconds: float, gone: Callable[[], None]) -> None:
        """Nothing is under way. `gone` is called once, when the link ended meanwhile: it was
        lost, the other side spoke unasked, or `seconds` passed."""
        ...

    def resume(self) -> None:
        """Ends `rest`."""
        ...

    def close(self) -> None:
        """Says QUIT where that is possible, and closes; does not wait."""
        ...

    def abort(self) -> None:
        """Drops it at once; what is still unsent never leaves."""
        ...


class Dialer(Protocol):
    """Makes connections, within the limits there are."""

    def connect(self, hop: Hop, address: str, until: float) -> Awaitable[Link]:
        """A new link to one address of `hop`, cut at `until` (monotonic). Raises Lost."""
        ...


@dataclass(slots=True, kw_only=True)
class Session:
    """An open session, ready for transactions. `hop`, `hello`: with whom, and what it calls
    itself. `tls`: version, or empty. `authenticated`: AUTH succeeded. `began`: monotonic seconds.
    `messages`: transactions so far. `limit`: most of them. `rested`: since when it was idle."""

    link: Link
    hop: Hop
    began: float
    tls: str = ""
    authenticated: bool = False
    messages: int = 0
    limit: int = 100
    rested: float = 0.0
