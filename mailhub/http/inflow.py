"""Receives a request's body: small ones into memory, large ones where their route takes them.

A large body goes into the store's own spool, which is in a file beyond some size. Bounds are told
by `Bounds`; they hold while a body comes, and not after.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO

from mailhub.ports import Body, Spool, Spools

LargeRoutes = Callable[[str, str], bool]
"""Whether this method on this path takes a large body."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """Octets that one request may bring: `body` to most routes, `upload` to those of `is_large`.
    `spools`: where the latter go."""

    body: int
    upload: int
    is_large: LargeRoutes
    spools: Spools


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
