"""Whom the server asks and tells over the network."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

from mailhub.model.account import Account
from mailhub.model.dns import DNSAnswer
from mailhub.model.hook import HookAnswer, HookFacts, HookStage
from mailhub.model.outbound import Sent
from mailhub.model.queue import (
    QueueEntry,
    QueueSender,
)
from mailhub.model.route import Hop
from mailhub.model.web import WebAnswer, WebRequest
from mailhub.ports.bodies import Buffer, Message


class Outbound(Protocol):
    """The SMTP client."""

    def send(
        self,
        hops: Sequence[Hop],
        sender: QueueSender,
        recipients: Sequence[QueueEntry],
        message: Message,
        holds: Callable[[], bool],
    ) -> Awaitable[Sent]:
        """One message to recipients that share a destination, over the first hop that answers.

        A hop that cannot be reached, or that refuses before MAIL for now, is followed by the
        next. `holds` is asked before the last octet leaves: False ends the attempt without it.
        Never raises: what went wrong is in the answers, one for each recipient.
        """
        ...


class Hooks(Protocol):
    """Code of others that looks into what this server does."""

    def has(self, stage: HookStage) -> bool:
        """Whether anybody is asked: callers ask this before they collect facts."""
        ...

    def ask(self, facts: HookFacts) -> Awaitable[HookAnswer]:
        """The first answer that does not accept. Never raises; bounds its own time."""
        ...

    def tell(self, facts: HookFacts) -> None:
        """As `ask`, for stages whose answers change nothing; returns at once."""
        ...


class Directory(Protocol):
    """Where accounts come from."""

    def find(self, name: str) -> Awaitable[Account | None]:
        """By login name: a username or any address of the account. Raises Unavailable."""
        ...

    def verify(self, account: Account, password: str) -> Awaitable[bool]:
        """Whether `password` is the account's master password. Raises Unavailable."""
        ...


class Resolver(Protocol):
    """The DNS."""

    def query(self, name: str, kind: str) -> Awaitable[DNSAnswer]:
        """Raises NotFound (NXDOMAIN), Unavailable (SERVFAIL, no answer in time, no resolver)."""
        ...


class Fetch(Protocol):
    """Documents from other people's web servers, fetched with care: HTTPS with a verified
    certificate, never from a private address, no redirects."""

    def get(self, url: str, *, kind: str, size: int, seconds: float) -> Awaitable[bytes]:
        """The body of a 200 answer whose media type is `kind`, at most `size` octets long.

        Raises Untrusted (the certificate), Unavailable (everything else that went wrong).
        """
        ...


class Posting(Protocol):
    """Hands documents to other people's web servers, with the care of `Fetch`, but whatever their
    certificates prove: for reports that tell of just that (RFC 8460 3)."""

    def post(self, url: str, data: bytes, *, kind: str, seconds: float) -> Awaitable[None]:
        """`kind`: its media type. Ends where the server took it. Raises Unavailable."""
        ...


class Web(Protocol):
    """Web servers that users and applications name: public ones, and what the configuration allows
    beside them. What is connected to is what was checked, at each redirect again."""

    def check(self, url: str, field: str = "url") -> None:
        """Raises Invalid (naming `field`) for what `ask` would never ask. A name is not looked up:
        where it leads may change until it is asked."""
        ...

    def ask(self, request: WebRequest, message: Message | None = None) -> Awaitable[WebAnswer]:
        """The answer, whatever its status. `message`: the request's body, read piece by piece.

        Raises Invalid (as `check`), NotPermitted (all its addresses are private), Untrusted (its
        certificate), TooLarge (the answer), Corrupt (the message), Unavailable (everything else
        that went wrong, also too many questions already).
        """
        ...


class Dialogue(Protocol):
    """A connection to one of the administrator's own programs. The caller closes it."""

    def send(self, data: Buffer) -> Awaitable[bool]:
        """Waits while the other side does not keep up. False where it has closed: what it said
        before may still be received. Raises Unavailable (its time is over)."""
        ...

    def receive(self) -> Awaitable[bytes]:
        """What came next; nothing: it has closed. Raises Unavailable (its time is over)."""
        ...

    def expire_in(self, seconds: float | None) -> None:
        """Its time is over then, whatever it does meanwhile; None: as long as it lasts."""
        ...

    def close(self, last: bytes = b"") -> None:
        """Ends it; `last`: said before that, where the other side still listens."""
        ...


class Dial(Protocol):
    """Where such a program listens."""

    def open(self, seconds: float) -> Awaitable[Dialogue]:
        """A new connection, for so many seconds; waits while there are as many as there may be.
        Raises Unavailable."""
        ...


class Post(Protocol):
    """Such a program that speaks HTTP."""

    def post(
        self, path: str, headers: Sequence[tuple[str, str]], pieces: Sequence[Buffer]
    ) -> Awaitable[bytes]:
        """The body of a 200 answer to a POST of `pieces`. Raises Unavailable (everything that
        went wrong)."""
        ...


class Reach(Protocol):
    """Whether somebody listens somewhere."""

    def reach(self, endpoint: str, *, greeted: bool = False) -> Awaitable[bytes]:
        """Connects to a Twisted endpoint string and hangs up; `greeted`: after the first line that
        the other side says, which is returned. Raises Unavailable (nobody there, in words)."""
        ...
