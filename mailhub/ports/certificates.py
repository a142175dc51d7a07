"""Where certificates and their keys are kept, who issues them, and how names are proven to it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

from mailhub.model.acme import Attempt, OpenOrder
from mailhub.model.certificate import Certificate
from mailhub.model.change import Actor
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

    def is_installed(self, id: str) -> bool:
        """Whether it is one of those."""
        ...

    def drop(self, id: str) -> None:
        """Removes one that was installed. Raises NotFound."""
        ...

    def watch(self, changed: Callable[[], object]) -> None:
        """`changed` is called when one was installed or removed by this process."""
        ...


class CertificateNotes(Protocol):
    """What the store keeps beside the files: so every process answers a challenge, and none asks
    again for what was refused a moment ago."""

    def put(self, challenges: Sequence[tuple[str, str]], expires: int) -> Awaitable[None]:
        """Tokens with what is answered to who asks for them, until `expires` (epoch seconds)."""
        ...

    def answer(self, token: str, now: int) -> Awaitable[str | None]:
        """What belongs to a token, where its time is not over `now`."""
        ...

    def drop(self, tokens: Sequence[str]) -> Awaitable[None]:
        """Forgets these, and all whose time is over."""
        ...

    def attempts(self) -> Awaitable[Sequence[Attempt]]:
        """The failures that were not followed by a success."""
        ...

    def failed(self, attempts: Sequence[Attempt]) -> Awaitable[None]:
        """In place of what was there of these names."""
        ...

    def changed(self, what: str, id: str, names: Sequence[str], actor: Actor) -> Awaitable[None]:
        """A certificate was `installed` (its names failed no more), or `removed`."""
        ...


class CertificateAuthority(Protocol):
    """An ACME server with our account there. Raises NotIssued."""

    def open(self, names: Sequence[str], request: bytes) -> Awaitable[OpenOrder]:
        """A new order with what is to be proven; names that were proven lately need nothing.
        Wildcards are proven by DNS_01, others by HTTP_01. `request`: PKCS #10, PEM."""
        ...

    def finish(self, order: OpenOrder) -> Awaitable[str]:
        """The chain (PEM), once the challenges can be seen."""
        ...

    def revoke(self, chain: str) -> Awaitable[None]:
        """Takes back its leaf."""
        ...

    def renewal(self, chain: str) -> Awaitable[tuple[float, float]]:
        """When it wants its leaf to be renewed (RFC 9773), 0 where it does not say, and when it may
        be asked again; epoch seconds."""
        ...


class ChallengeRecords(Protocol):
    """Zones of the DNS that we serve, for DNS_01."""

    def serves(self, name: str) -> Awaitable[bool]:
        """Whether what stands at `name` is ours to say."""
        ...

    def publish(self, records: Sequence[tuple[str, str]]) -> Awaitable[None]:
        """TXT records by name, in place of all from before; ends when they can be asked for."""
        ...
