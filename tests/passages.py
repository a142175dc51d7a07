"""Another server in memory, to which sessions are handed through."""

from __future__ import annotations

from dataclasses import dataclass, field

from mailhub.model.elsewhere import Door
from mailhub.model.envelope import Peer
from mailhub.model.errors import AuthenticationFailed, MailhubError
from mailhub.ports.passage import Receiver


@dataclass
class FakeCrossing:
    """`ports.passage.Crossing` that a test is the other side of. `heard`: what was sent there."""

    greeting: bytes
    heard: bytes = b""
    receiver: Receiver | None = None
    paused: bool = False
    closed: bool = False

    def join(self, receiver: Receiver) -> None:
        self.receiver = receiver

    def say(self, data: bytes) -> None:
        """The other server says it."""
        assert self.receiver is not None
        self.receiver.passed(data)

    def send(self, data: bytes) -> None:
        assert not self.closed
        self.heard += data

    def pause(self) -> None:
        self.paused = True

    def resume(self) -> None:
        self.paused = False

    def close(self) -> None:
        self.closed = True


@dataclass
class FakePassage:
    """`ports.passage.Passage` to a server with these passwords by login name. `asked`: the doors
    and names. `broken`: what it raises instead."""

    passwords: dict[str, str] = field(default_factory=dict)
    asked: list[tuple[str, str, str]] = field(default_factory=list)
    crossings: list[FakeCrossing] = field(default_factory=list)
    broken: MailhubError | None = None

    async def open(self, door: Door, name: str, password: str, peer: Peer) -> FakeCrossing:
        self.asked.append((door.protocol, name, peer.address))
        if self.broken is not None:
            raise self.broken
        if self.passwords.get(name) != password:
            raise AuthenticationFailed
        greeting = b"+OK there" if door.protocol == "pop3" else b"IMAP4rev1 FOREIGN"
        self.crossings.append(FakeCrossing(greeting))
        return self.crossings[-1]
