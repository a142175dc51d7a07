"""What a check of incoming mail is: it is told facts, and says what it found.

A step never speaks SMTP, never decides what becomes of a message, and never changes it: what a
finding leads to is `policy.consequences`', who runs the steps is `policy.pipeline`'s.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from mailhub.model.account import Principal, Service
from mailhub.model.dmarcreport import DMARCSeen
from mailhub.model.envelope import Peer
from mailhub.policy.authres import Result


class Stage(Enum):
    """When a step runs: each stage knows what the ones before it knew, and more."""

    CONNECT = "connect"
    """The peer's address."""
    HELLO = "hello"
    """What it calls itself."""
    SENDER = "sender"
    """The reverse path."""
    RECIPIENT = "recipient"
    """One more forward path, the last of `recipients`."""
    BODY = "body"
    """The whole message, before it is taken."""
    DEPARTURE = "departure"
    """The message, before it goes to another server."""


@dataclass(frozen=True, slots=True)
class Content:
    """A message as it came, without anything that this server wrote into it.

    `header`: its fields with the empty line, if it has one. `body`: the rest.
    """

    header: bytes
    body: memoryview

    @property
    def size(self) -> int:
        """Octets."""
        return len(self.header) + len(self.body)


@dataclass(frozen=True, slots=True)
class Finding:
    """What a step found. `step` and `name` together are what configuration speaks of: `dmarc`,
    `reject`.

    `text`: one line for the log, never shown to a peer. `score`: points for the sum that levels
    are set for. `results`: what Authentication-Results says of it. `fields`: whole header fields,
    each with its CRLF, that are put before the message. `said`: words for the peer where this
    decides, of an administrator's own program; they may begin with a code and an enhanced code.
    `delay`: seconds that each further answer to the client waits. `seen`: what the author's domain
    hears of it in reports. `edits`: changes of the message's own header, as `wire.header.edited`
    takes them.
    """

    step: str
    name: str
    text: str = ""
    score: float = 0.0
    results: tuple[Result, ...] = ()
    fields: bytes = b""
    said: str = ""
    delay: float = 0.0
    edits: tuple[tuple[bytes, int, bytes], ...] = ()
    seen: DMARCSeen | None = None


class Kept(Protocol):
    """What a step keeps from one stage of a connection to the next."""

    def close(self) -> None:
        """The connection is over. Returns at once and does not raise."""
        ...


class Visit:
    """One client's connection, as long as it lasts: steps keep here, under their names, what they
    need again. Who serves the connection makes it and ends it."""

    __slots__ = ("id", "kept")

    def __init__(self, id: str = "") -> None:
        self.id = id
        self.kept: dict[str, Kept] = {}

    def close(self) -> None:
        """Nothing is kept any more."""
        kept, self.kept = self.kept, {}
        for one in kept.values():
            one.close()


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known when a step runs. `sender`: the reverse path's address, empty for the null
    sender, None before MAIL. `findings`: of all steps before this one, in order. `trusted`: a
    client whose mail is not judged; steps that look at content (viruses) may do so all the same.
    `visit`: None where each message comes alone. `transaction`: its id, at BODY. `size`: as MAIL
    announced it, 0 where it did not."""

    peer: Peer
    service: Service
    helo: str = ""
    principal: Principal | None = None
    sender: str | None = None
    recipients: tuple[str, ...] = ()
    content: Content | None = None
    findings: tuple[Finding, ...] = ()
    trusted: bool = False
    visit: Visit | None = None
    transaction: str = ""
    size: int = 0

    @property
    def stranger(self) -> bool:
        """Whether another server brings this, not a user, a trusted client or an agent of ours."""
        return self.service is Service.SMTP and self.principal is None and not self.trusted


class Step(Protocol):
    """One check."""

    @property
    def name(self) -> str:
        """As its findings call it."""
        ...

    @property
    def stage(self) -> Stage: ...

    async def run(self, facts: Facts) -> Sequence[Finding]:
        """What it found. Bounds its own time. Raises Unavailable where it cannot tell."""
        ...
