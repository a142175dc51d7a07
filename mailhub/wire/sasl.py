"""SASL mechanisms, the server's half: messages in, messages and claims out (RFC 4422).

No look-ups, no clock, no base64: whoever drives a mechanism brings the stored keys and the nonce
and decides about accounts. Every message is bounded, and any bytes at all either parse or raise
Invalid.

SCRAM is written here because a server needs what the library at hand does not offer: a look-up
that waits, an authorization identity, and `tls-exporter` channel binding (RFC 9266), the only one
that TLS 1.3 has.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from mailhub.model.account import ScramKeys
from mailhub.model.errors import AuthenticationFailed, Invalid
from mailhub.wire.saslprep import saslprep

RESPONSE_LIMIT = 4096
"""Octets of one response, decoded."""
CHANNEL = "tls-exporter"


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a client claims: `authzid` is whom it wants to act as, empty for itself."""

    username: str
    password: str
    authzid: str = ""


def text(response: bytes) -> str:
    """A response as text. Raises Invalid for what is too long, not UTF-8, or holds a NUL."""
    if len(response) > RESPONSE_LIMIT:
        raise Invalid("The response is too long")
    if b"\0" in response:
        raise Invalid("The response holds a NUL")
    try:
        return response.decode()
    except UnicodeDecodeError:
        raise Invalid("The response is not UTF-8") from None


def plain(response: bytes) -> Credentials:
    """`[authzid] NUL authcid NUL passwd` (RFC 4616). Raises Invalid."""
    if len(response) > RESPONSE_LIMIT:
        raise Invalid("The response is too long")
    parts = response.split(b"\0")
    if len(parts) != 3 or not parts[1] or not parts[2]:
        raise Invalid("The response needs an identity and a password")
    authzid, username, password = (text(part) for part in parts)
    return Credentials(username, password, authzid)


# -- SCRAM (RFC 5802, RFC 7677)


class Binding(Enum):
    """The client's word about channel binding, the first character of the GS2 header."""

    NONE = "n"
    """It does none."""
    UNOFFERED = "y"
    """It could, and believes that the server cannot."""
    USED = "p"
    """It does, by a type that it names."""


@dataclass(frozen=True, slots=True)
class ClientFirst:
    """The first message. `gs2`: its header as sent; `bare`: the rest as sent."""

    username: str
    authzid: str
    nonce: str
    binding: Binding
    channel: str
    gs2: bytes
    bare: bytes


_SASLNAME = re.compile(r"(?:[^=,]|=2C|=3D)+")
_NONCE = re.compile(r"[\x21-\x2b\x2d-\x7e]{1,256}")
_FIRST = re.compile(r"((n|y|p=([A-Za-z0-9.-]{1,64})),(?:a=([^,]+))?,)(n=([^,]+),r=([^,]+)(?:,.*)?)")
_FINAL = re.compile(r"(c=([A-Za-z0-9+/=]+),r=([^,]+)(?:,[a-zA-Z]=[^,]+)*),p=([A-Za-z0-9+/=]+)")


def client_first(response: bytes) -> ClientFirst:
    """Parses `client-first-message` (RFC 5802 section 7).

    Raises Invalid; also for a mandatory extension (`m=`), as none is known.
    """
    found = _FIRST.fullmatch(text(response))
    if found is None or _NONCE.fullmatch(found[7]) is None:
        raise Invalid("The first SCRAM message is malformed")
    return ClientFirst(
        username=_name(found[6]),
        authzid=_name(found[4]) if found[4] else "",
        nonce=found[7],
        binding=Binding(found[2][0]),
        channel=found[3] or "",
        gs2=found[1].encode(),
        bare=found[5].encode(),
    )


class Scram:
    """One SCRAM-SHA-256 exchange from the server's first message on.

    `candidates`: at least one, all of one salt and count of iterations; any of them lets in.
    `exporter`: this connection's channel binding data, empty when there is none. `plus`: the
    client chose the -PLUS mechanism. Raises AuthenticationFailed at once where the client's
    word on channel binding does not fit (RFC 5802 section 6).
    """

    def __init__(
        self,
        first: ClientFirst,
        candidates: Sequence[ScramKeys],
        nonce: str,
        exporter: bytes,
        plus: bool,
    ) -> None:
        _check_binding(first, bool(exporter), plus)
        keys = candidates[0]
        self._candidates = candidates
        self.fits = -1
        """Which of the candidates the client proved; none yet."""
        self._nonce = first.nonce + nonce
        self._binding = first.gs2 + (exporter if first.binding is Binding.USED else b"")
        salt = base64.b64encode(keys.salt).decode()
        self.challenge = f"r={self._nonce},s={salt},i={keys.iterations}".encode()
        """`server-first-message`."""
        self._heard = first.bare + b"," + self.challenge

    def finish(self, response: bytes) -> bytes:
        """`server-final-message` for the client's `client-final-message`.

        Raises Invalid (malformed), AuthenticationFailed (wrong proof, nonce or channel).
        """
        found = _FINAL.fullmatch(text(response))
        if found is None:
            raise Invalid("The final SCRAM message is malformed")
        try:
            binding = base64.b64decode(found[2], validate=True)
            proof = base64.b64decode(found[4], validate=True)
        except binascii.Error:
            raise Invalid("The final SCRAM message is malformed") from None
        message = self._heard + b"," + found[1].encode()
        if len(proof) != hashlib.sha256().digest_size:
            raise AuthenticationFailed
        for place, keys in enumerate(self._candidates):
            if _proves(proof, keys, message):
                self.fits = place
        same = hmac.compare_digest(found[3].encode(), self._nonce.encode())
        bound = hmac.compare_digest(binding, self._binding)
        if self.fits < 0 or not (same and bound):
            raise AuthenticationFailed
        verifier = hmac.digest(self._candidates[self.fits].server_key, message, "sha256")
        return b"v=" + base64.b64encode(verifier)


def _proves(proof: bytes, keys: ScramKeys, message: bytes) -> bool:
    """Whether who made `proof` had the client key of `keys` (RFC 5802 section 3)."""
    signature = hmac.digest(keys.stored_key, message, "sha256")
    client_key = bytes(a ^ b for a, b in zip(proof, signature, strict=True))
    return hmac.compare_digest(hashlib.sha256(client_key).digest(), keys.stored_key)


def _check_binding(first: ClientFirst, possible: bool, plus: bool) -> None:
    if first.binding is Binding.USED:
        if not (plus and possible and first.channel == CHANNEL):
            raise AuthenticationFailed
    elif plus or (first.binding is Binding.UNOFFERED and possible):
        # `y` while -PLUS was offered: someone cut it out of the list of mechanisms.
        raise AuthenticationFailed


def _name(name: str) -> str:
    if _SASLNAME.fullmatch(name) is None:
        raise Invalid("The SCRAM name is malformed")
    prepared = saslprep(name.replace("=2C", ",").replace("=3D", "="))
    if not prepared:
        raise Invalid("The SCRAM name is empty")
    return prepared


def decoy(secret: bytes, username: str, iterations: int) -> ScramKeys:
    """Keys for a name that has none: the same at every try, and no password fits them."""
    seed = hmac.digest(secret, username.encode(), "sha512")
    return ScramKeys(
        salt=seed[:16], iterations=iterations, stored_key=seed[16:48], server_key=seed[32:64]
    )
