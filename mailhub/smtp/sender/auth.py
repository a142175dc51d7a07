"""SASL mechanisms, the client's half: challenges in, responses out (RFC 4422).

Pure: no base64, no SMTP; `talk` drives them. What a server must prove (SCRAM's signature) is
checked here, and a mechanism that was not finished is no success.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Protocol

from mailhub.model.errors import Invalid
from mailhub.model.route import Credentials
from mailhub.wire.saslprep import saslprep

LEAST_ITERATIONS = 4096
"""RFC 7677 section 4."""
MOST_ITERATIONS = 100_000
"""More would hold up everybody else; the derived key is kept for the next connection."""
_SERVER_FIRST = re.compile(r"r=([\x21-\x2b\x2d-\x7e]+),s=([A-Za-z0-9+/=]+),i=([0-9]{1,9})(?:,.*)?")
_SERVER_FINAL = re.compile(r"v=([A-Za-z0-9+/=]+)(?:,.*)?")


class Mechanism(Protocol):
    """One exchange. `initial`: the first response, None where the server speaks first."""

    initial: bytes | None

    def respond(self, challenge: bytes) -> bytes:
        """Raises Invalid where the challenge makes no sense or proves nothing."""
        ...

    @property
    def finished(self) -> bool:
        """Whether a success may be believed now."""
        ...


class Plain:
    """RFC 4616: all in the first response."""

    finished = True

    def __init__(self, credentials: Credentials, nonce: str) -> None:
        self.initial: bytes | None = f"\0{credentials.username}\0{credentials.password}".encode()

    def respond(self, challenge: bytes) -> bytes:
        """There is nothing to ask."""
        raise Invalid("PLAIN was challenged")


class Login:
    """draft-murchison-sasl-login: name, then password; what the challenges say does not matter."""

    def __init__(self, credentials: Credentials, nonce: str) -> None:
        self.initial: bytes | None = None
        self._answers = [credentials.password.encode(), credentials.username.encode()]

    @property
    def finished(self) -> bool:
        """Whether both were asked for."""
        return not self._answers

    def respond(self, challenge: bytes) -> bytes:
        """The name, then the password."""
        if not self._answers:
            raise Invalid("LOGIN asked for more than a name and a password")
        return self._answers.pop()


class CramMD5:
    """RFC 2195: a keyed digest of the challenge."""

    def __init__(self, credentials: Credentials, nonce: str) -> None:
        self.initial: bytes | None = None
        self._credentials = credentials
        self.finished = False

    def respond(self, challenge: bytes) -> bytes:
        """Name and digest."""
        if self.finished or not challenge:
            raise Invalid("CRAM-MD5 needs one challenge")
        self.finished = True
        digest = hmac.digest(self._credentials.password.encode(), challenge, "md5").hex()
        return f"{self._credentials.username} {digest}".encode()


class ScramSHA256:
    """RFC 5802, RFC 7677, without channel binding; the server proves that it knows the password
    too."""

    def __init__(self, credentials: Credentials, nonce: str) -> None:
        name = saslprep(credentials.username).replace("=", "=3D").replace(",", "=2C")
        self._password = saslprep(credentials.password).encode()
        self._nonce = nonce
        self._bare = f"n={name},r={nonce}"
        self._verifier: bytes | None = None
        self.finished = False
        self.initial: bytes | None = f"n,,{self._bare}".encode()

    def respond(self, challenge: bytes) -> bytes:
        """The proof, then nothing once the server proved itself."""
        text = challenge.decode("utf-8", "replace")
        return self._prove(text) if self._verifier is None else self._check(text)

    def _prove(self, first: str) -> bytes:
        found = _SERVER_FIRST.fullmatch(first)
        if found is None or not found[1].startswith(self._nonce) or found[1] == self._nonce:
            raise Invalid("The server's first SCRAM message is malformed")
        iterations = int(found[3])
        if not LEAST_ITERATIONS <= iterations <= MOST_ITERATIONS:
            raise Invalid(f"The server asks for {iterations} SCRAM iterations")
        salted = _salted(self._password, _decoded(found[2]), iterations)
        client_key = hmac.digest(salted, b"Client Key", "sha256")
        final = f"c=biws,r={found[1]}"
        heard = f"{self._bare},{first},{final}".encode()
        signature = hmac.digest(hashlib.sha256(client_key).digest(), heard, "sha256")
        proof = bytes(a ^ b for a, b in zip(client_key, signature, strict=True))
        server_key = hmac.digest(salted, b"Server Key", "sha256")
        self._verifier = hmac.digest(server_key, heard, "sha256")
        return f"{final},p={base64.b64encode(proof).decode()}".encode()

    def _check(self, final: str) -> bytes:
        found = _SERVER_FINAL.fullmatch(final)
        assert self._verifier is not None
        if found is None or not hmac.compare_digest(_decoded(found[1]), self._verifier):
            raise Invalid("The server does not know the password")
        self.finished = True
        return b""


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error:
        raise Invalid("The server's SCRAM message is malformed") from None


@lru_cache(maxsize=64)
def _salted(password: bytes, salt: bytes, iterations: int) -> bytes:
    """RFC 5802 section 3 lets a client keep it: a relay has one salt for an account."""
    return hashlib.pbkdf2_hmac("sha256", password, salt, iterations)


MECHANISMS: dict[str, Callable[[Credentials, str], Mechanism]] = {
    "SCRAM-SHA-256": ScramSHA256,
    "PLAIN": Plain,
    "LOGIN": Login,
    "CRAM-MD5": CramMD5,
}
"""Best first."""
CLEAR = frozenset({"PLAIN", "LOGIN"})
"""Those that show the password to whoever listens."""


def choose(credentials: Credentials, offered: Sequence[str], *, private: bool) -> list[str]:
    """Mechanisms to try, in order. `private`: nobody else hears it, or nobody minds."""
    allowed = [name.upper() for name in credentials.mechanisms] or list(MECHANISMS)
    return [
        name
        for name in allowed
        if name in MECHANISMS and name in offered and (private or name not in CLEAR)
    ]
