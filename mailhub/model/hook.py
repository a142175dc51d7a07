"""What hooks are asked, and what they answer: the places where others look into a server's work."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

HEADER = 64 * 1024
"""Octets of a message's header that a hook by HTTP is sent."""


class HookStage(Enum):
    """When a hook is asked; the last two are only told."""

    CONNECT = "connect"
    """A client connected; before the greeting."""
    HELLO = "hello"
    MAIL = "mail"
    RCPT = "rcpt"
    """Each recipient that would be accepted."""
    DATA = "data"
    """The envelope is complete; before the message."""
    MESSAGE = "message"
    """The message is here; before it is stored or queued."""
    DELIVER = "deliver"
    """A queued message is about to go to another server."""
    DELIVERED = "delivered"
    """It went there, or did not."""
    QUIT = "quit"


class HookAction(Enum):
    """What a hook wants."""

    ACCEPT = "accept"
    """To go on as if it was not there."""
    DEFER = "defer"
    """To be asked again later: 451, or another attempt."""
    REJECT = "reject"


@dataclass(frozen=True, slots=True)
class HookAnswer:
    """`text`: for the client, in one line; empty: words of our own."""

    action: HookAction = HookAction.ACCEPT
    text: str = ""


@dataclass(frozen=True, slots=True)
class HookResult:
    """What became of one recipient in an attempt; as `model.outbound.Answer`."""

    recipient: str
    code: int
    status: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class HookFacts:
    """What is known at a stage; the rest is empty. `service`: smtp, submission, lmtp …; `session`:
    as the log names it. `peer`: the client's IP address; `user`: who logged in. `recipients`: all
    so far, at RCPT the new one last. `message`: the bytes as they will be stored, valid while the
    hook runs. `header_length`: octets of its header. `entries`, `host`, `results`: of deliveries.
    """

    stage: HookStage
    service: str = ""
    session: str = ""
    peer: str = ""
    tls: str = ""
    helo: str = ""
    user: str = ""
    transaction: str = ""
    sender: str | None = None
    recipients: tuple[str, ...] = ()
    size: int = 0
    message: memoryview | None = None
    header_length: int = 0
    entries: tuple[int, ...] = ()
    host: str = ""
    results: tuple[HookResult, ...] = ()

    def as_json(self) -> Mapping[str, object]:
        """What a hook by HTTP is sent: the header, and not the message."""
        told: dict[str, object] = {"stage": self.stage.value}
        for name in ("service", "session", "peer", "tls", "helo", "user", "transaction", "host"):
            if value := getattr(self, name):
                told[name] = value
        if self.sender is not None:
            told["sender"] = self.sender
        if self.recipients:
            told["recipients"] = list(self.recipients)
        if self.size:
            told["size"] = self.size
        if self.message is not None:
            header = bytes(self.message[: min(self.header_length, HEADER)])
            told["header"] = header.decode("utf-8", "replace")
        if self.entries:
            told["entries"] = list(self.entries)
        if self.results:
            told["results"] = [
                {
                    "recipient": one.recipient,
                    "code": one.code,
                    "status": one.status,
                    "text": one.text,
                }
                for one in self.results
            ]
        return told
