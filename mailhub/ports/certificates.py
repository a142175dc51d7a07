"""Where certificates and their keys are kept, who issues them, and how names are proven to it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from mailhub.model.certificate import Certificate
from mailhub.wire.x509 import Authority, Key


class CertificateFiles(Protocol):
    """The certificates of this server: files, so that they are there before anything else is.

    All methods raise Unavailable where a file cannot be read or written.
    """

    def all(self) -> Sequence[Certificate]:
        """Those that may be used, the configured ones first. Cheap: files are read when they
        changed."""
        ...

    def system_key(self) -> Key:
        """The key that the server keeps for ever, so that records that tell of it stay true."""
        ...

    def authorities(self) -> Sequence[Authority] | None:
        """Whom clients believe; None where this machine does not know."""
        ...

    def chain(self, id: str) -> bytes:
        """One of them with all that goes with it, PEM. Raises NotFound."""
        ...

    def keep(self, id: str, chain: bytes, key: bytes = b"") -> None:
        """Installs a chain (PEM), whole or not at all; `key`: its own, where it is not the
        server's."""
        ...

    def drop(self, id: str) -> None:
        """Removes one that was installed. Raises NotFound."""
        ...

    def watch(self, changed: Callable[[], None]) -> None:
        """`changed` is called when one was installed or removed by this process."""
        ...
