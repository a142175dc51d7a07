"""Sessions at another server, in the name of an account whose mail still lives there."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Protocol

from mailhub.model.elsewhere import Door
from mailhub.model.envelope import Peer


class Receiver(Protocol):
    """The client's side of such a session."""

    def passed(self, data: bytes) -> None:
        """What the other server says."""
        ...

    def parted(self) -> None:
        """It hung up. Called once, unless the crossing was closed."""
        ...

    def hold_back(self) -> None:
        """It does not keep up with what is sent: no more for now."""
        ...

    def go_on(self) -> None:
        """It does again."""
        ...


class Crossing(Protocol):
    """A session at the other server, logged in. Whoever has it closes it; one that nobody joins
    closes soon by itself."""

    @property
    def greeting(self) -> bytes:
        """What the client is to be told of it: the capabilities over IMAP, separated by spaces; the
        line that answered the login over POP3."""
        ...

    def join(self, receiver: Receiver) -> None:
        """From now on `receiver` hears every octet. Called once."""
        ...

    def send(self, data: bytes) -> None:
        """To the other server. Nothing, where it is closed."""
        ...

    def pause(self) -> None:
        """The receiver takes no more for now."""
        ...

    def resume(self) -> None: ...
    def close(self) -> None:
        """What was sent still leaves. Safe to repeat."""
        ...


class Passage(Protocol):
    """The way to other servers."""

    def open(self, door: Door, name: str, password: str, peer: Peer) -> Awaitable[Crossing]:
        """Logs in at `door` (IMAP or POP3) as `name`; `peer`: who wants to, for the other server's
        log and limits. Raises AuthenticationFailed (it does not take the password), Untrusted,
        Unavailable."""
        ...
