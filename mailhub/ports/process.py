"""What the process itself gives: time, randomness, its log, work beside the reactor."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine, Iterator, Mapping, Sequence
from typing import Any, Protocol

from mailhub.model.account import ScramKeys, Secrets
from mailhub.model.outbound import Answer
from mailhub.model.queue import (
    QueueEntry,
)
from mailhub.ports.bodies import Message


class Clock(Protocol):
    """Time. `seconds`: monotonic, for intervals. `now`: wall clock, seconds since the epoch."""

    def seconds(self) -> float: ...
    def now(self) -> float: ...
    def pause(self) -> Awaitable[None]:
        """Let other sessions run: ends after the reactor went round once."""
        ...

    def sleep(self, seconds: float) -> Awaitable[None]: ...


class Together(Protocol):
    """Runs coroutines side by side: each waits on its own. Their results, in order; raises what the
    first of them raises."""

    def __call__(self, work: Sequence[Coroutine[Any, Any, Any]]) -> Awaitable[Sequence[Any]]: ...


class Within(Protocol):
    """Runs a coroutine for so many seconds at most. Raises Unavailable after them, and what the
    coroutine raises."""

    def __call__(self, work: Coroutine[Any, Any, Any], seconds: float) -> Awaitable[Any]: ...


class Randomness(Protocol):
    """Unpredictable bytes."""

    def token(self, size: int) -> bytes: ...


class Log(Protocol):
    """Structured events. Never a password, a token or message text."""

    def event(self, verb: str, **fields: object) -> None: ...


class Hashing(Protocol):
    """Password hashing off the reactor, in a bounded pool."""

    def hash(self, password: str, salt: bytes = b"") -> Awaitable[Secrets]:
        """Fresh argon2id hash and SCRAM keys; `salt`: of the keys, else a new one."""
        ...

    def derive(self, password: str, salt: bytes = b"", iterations: int = 0) -> Awaitable[ScramKeys]:
        """SCRAM keys alone; 0 iterations: as many as of a fresh hash."""
        ...

    def verify(self, password: str, hashed: str) -> Awaitable[tuple[bool, bool]]:
        """(right, wants a rehash). An empty `hashed` costs the same time and is never right."""
        ...


class Signing(Protocol):
    """Vouches for documents in the server's name."""

    def sign(self, data: bytes) -> Awaitable[bytes]:
        """The document in a signed envelope (CMS, DER); as it is where nothing can sign it."""
        ...


class KeyMaking(Protocol):
    """Makes key pairs off the reactor: an RSA one takes a tenth of a second, or ten."""

    def make(self, algorithm: str) -> Awaitable[tuple[str, str]]:
        """(private key as PKCS #8 PEM, public key as the record has it, base64). `algorithm`: `rsa`
        (2048 bits), `ed25519`, or `ecdsa` (P-256) for zones. Raises Unavailable (too many are being
        made)."""
        ...


class Workers(Protocol):
    """Does what may take long in processes that can be killed."""

    def run(
        self, task: str, data: bytes, given: Mapping[str, Any], seconds: float
    ) -> Awaitable[bytes]:
        """What `task` makes of `data`; `given`: JSON values beside it. `seconds`: after which it is
        given up. Raises TooLarge (it cannot be done, or not in that time), Unavailable."""
        ...


class Encrypting(Protocol):
    """Encrypts large messages with OpenPGP, where that holds nobody up."""

    def encrypt(
        self, key: bytes, pieces: Iterator[bytes], take: Callable[[bytes], None]
    ) -> Awaitable[None]:
        """Gives to `take` one OpenPGP message that holds `pieces`, in ASCII armor with CRLF. `key`:
        as `wire.pgp.certificate` has it. What `take` raises ends it. Raises Unavailable (too many
        wait, or it failed)."""
        ...


class Programs(Protocol):
    """Runs the commands that aliases lead to."""

    def run(self, argv: Sequence[str], entry: QueueEntry, message: Message) -> Awaitable[Answer]:
        """Hands the message to a command, on its standard input. Never raises.

        Exit status 0: delivered; 5: failed for good; 4 and every other: to be tried again, so that
        a broken script loses nothing. What may not run at all, or ran into a limit, too.
        """
        ...


class Shelf(Protocol):
    """JSON that outlives a restart, and whose loss costs only the work to find it out again."""

    def read(self) -> Any:
        """What was kept last; None where that is nothing, or unreadable."""
        ...

    def keep(self, value: Callable[[], Any]) -> None:
        """Asks `value` soon, once for many calls, and keeps what it returns."""
        ...
