"""Receives a request's body: small ones into memory, large ones where their route takes them.

A large body goes into the store's own spool, which is in a file beyond some size. Bounds are told
by `Bounds`; they hold while a body comes, and not after.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from io import BytesIO

from mailhub.http.call import Answer, Call, Leash
from mailhub.ports import Body, Spool, Spools

Admission = Callable[[Call], Awaitable[Answer | Leash | None]]
"""Asked with a call whose large body has yet to come: the refusal, or None. A leash is pulled when
it is to be asked again, while the body comes."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """Octets that one request may bring: `body` to most routes, `upload` to those that `find` has
    an admission for, by method and path. `spools`: where the latter go. `overflow`: what is said
    to who brings more, None for what is said to all."""

    body: int
    upload: int
    find: Callable[[str, str], Admission | None]
    spools: Spools
    overflow: Callable[[Call], Answer | None] = lambda call: None


class Upload:
    """A large body while it comes, as a file that twisted.web writes; then as `ports.Body`.

    `write` raises StorageFull, Unavailable.
    """

    def __init__(self, spool: Spool) -> None:
        self._spool = spool
        self._body: Body | None = None

    def write(self, data: bytes) -> None:
        """Adds what came."""
        self._spool.write(data)

    def tell(self) -> int:
        """How much came."""
        return self._spool.size

    def seek(self, offset: int, whence: int = 0) -> None:
        """Nobody reads it as a file."""

    def body(self) -> Body:
        """All of it, to be closed with this. Raises StorageFull, Unavailable."""
        if self._body is None:
            self._body = self._spool.finish()
        return self._body

    def close(self) -> None:
        """Lets go of the bytes."""
        if self._body is None:
            self._spool.abort()
        else:
            self._body.close()


Content = BytesIO | Upload
"""What came of a body: in memory, or spooled."""
