"""Getting into another server as one of its users, sans-io: what `imapentry` and `popentry` share.

An entry takes the server's octets and says what is to be done: send something, begin TLS, or that
it is inside. It is a generator over lines, so it reads like the conversation. What is said after
the login is nobody's business here: it is handed on untouched.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass

from mailhub.model.elsewhere import Layer
from mailhub.model.errors import AuthenticationFailed, Unavailable

MOST = 64 * 1024
"""Octets that a server may say before it has let anybody in."""


@dataclass(frozen=True, slots=True)
class Claim:
    """Who wants to get in: `name` there, and from where, for the other server's own log and limits.
    `layer`: how the connection is to be protected."""

    name: str
    password: str
    layer: Layer
    address: str = ""
    port: int = 0


@dataclass(frozen=True, slots=True)
class Say:
    """Send these octets."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Secure:
    """Begin TLS, before anything else is sent or read."""


@dataclass(frozen=True, slots=True)
class Inside:
    """Logged in. `greeting`: what the client is to be told of it: capabilities over IMAP, the line
    of the answer over POP3. `rest`: octets that came behind the answer."""

    greeting: bytes
    rest: bytes


Act = Say | Secure | Inside
Steps = Generator[Act | None, bytes, bytes]
"""Yields an act, or None for the next line; returns the greeting."""


class Refused(AuthenticationFailed):
    """The other server does not take the password."""


class Entry:
    """One entry under way. `steps`: its conversation."""

    def __init__(self, steps: Steps) -> None:
        self._steps = steps
        self._data = b""
        self._total = 0
        self._begun = False

    def receive(self, data: bytes) -> Sequence[Act]:
        """What follows from these octets, in order; nothing is received after `Inside`. Raises
        Refused, Unavailable."""
        self._total += len(data)
        if self._total > MOST:
            raise Unavailable("The other server says too much")
        self._data += data
        if not self._begun:
            self._begun = True
            self._steps.send(None)  # type: ignore[arg-type]
        acts: list[Act] = []
        while (end := self._data.find(b"\n")) >= 0:
            line, self._data = self._data[:end].removesuffix(b"\r"), self._data[end + 1 :]
            try:
                act = self._steps.send(line)
                while act is not None:
                    acts.append(act)
                    if isinstance(act, Secure) and self._data:
                        # Said before TLS by somebody who cannot be known (RFC 9051 6.2.1).
                        raise Unavailable("The other server said something before TLS")
                    act = next(self._steps)
            except StopIteration as over:
                acts.append(Inside(over.value, self._data))
                return acts
        return acts
