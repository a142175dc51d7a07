"""The records of signing keys (RFC 6376 3.6.1, RFC 8463 4), and what their keys say of a signature.

Whose key is looked up, and what a result leads to, is not known here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_der_public_key

from mailhub.model.errors import Invalid
from mailhub.policy.signed import Signature, Unusable
from mailhub.wire import tags

BITS_LEAST = 1024
"""Shorter RSA keys prove nothing (RFC 8301 3.2)."""
BITS_MOST = 4096
"""Longer ones need not be supported (RFC 8301 3.2), and take time that is others'."""
EXPONENT_BITS = 32
"""All keys have small public exponents; a long one makes checking as slow as signing."""
_PADDING, _HASH = PKCS1v15(), Prehashed(SHA256())


@dataclass(frozen=True, slots=True)
class Key:
    """One key. `exact`: `i=` may name no subdomain (`t=s`). `testing`: `t=y`."""

    key: RSAPublicKey | Ed25519PublicKey
    exact: bool = False
    testing: bool = False

    def verify(self, digest: bytes, signature: Signature) -> bool:
        """Whether this key made the signature over octets with this SHA-256 digest.

        Raises Unusable: the key is of another kind, too short, or not for that identity.
        """
        if self.exact and signature.identity != signature.domain:
            raise Unusable("permerror", "the key is not for subdomains")
        kind = signature.algorithm.partition("-")[0]
        try:
            if isinstance(self.key, Ed25519PublicKey):
                if kind != "ed25519":
                    raise Unusable("permerror", "the key is of another kind")
                self.key.verify(signature.value, digest)
            else:
                self._check_rsa(self.key, kind)
                self.key.verify(signature.value, digest, _PADDING, _HASH)
        except InvalidSignature:
            return False
        return True

    def _check_rsa(self, key: RSAPublicKey, kind: str) -> None:
        if kind != "rsa":
            raise Unusable("permerror", "the key is of another kind")
        if key.key_size < BITS_LEAST:
            raise Unusable("policy", f"the key has only {key.key_size} bits")
        if key.key_size > BITS_MOST:
            raise Unusable("policy", f"the key has {key.key_size} bits")


def key(records: Sequence[bytes]) -> Key:
    """The key in the TXT records of one name. Raises Unusable.

    More than one is undefined (RFC 6376 3.6.2.2): the first that can be read counts.
    """
    failure = Unusable("permerror", "no key")
    for record in records:
        try:
            return _key(record)
        except Unusable as error:
            failure = error
    raise failure


def _key(record: bytes) -> Key:
    try:
        said = tags.parse(record)
        if said.get("v", "DKIM1") != "DKIM1" or ("v" in said and next(iter(said)) != "v"):
            raise Unusable("permerror", "the key record is of another version")
        if "p" not in said:
            raise Unusable("permerror", "the key record has no key")
        octets = tags.octets(said["p"])
    except Invalid:
        raise Unusable("permerror", "the key record is malformed") from None
    if not octets:
        raise Unusable("permerror", "the key was revoked")
    if "sha256" not in tags.words(said.get("h", "sha256")):
        raise Unusable("permerror", "the key is not for SHA-256")
    if not {"*", "email"} & set(tags.words(said.get("s", "*"))):
        raise Unusable("permerror", "the key is not for mail")
    marks = tags.words(said.get("t", ""))
    return Key(_loaded(said.get("k", "rsa"), octets), "s" in marks, "y" in marks)


def _loaded(kind: str, octets: bytes) -> RSAPublicKey | Ed25519PublicKey:
    try:
        if kind == "ed25519":
            return Ed25519PublicKey.from_public_bytes(octets)
        loaded = load_der_public_key(octets) if kind == "rsa" else None
    except (ValueError, UnsupportedAlgorithm):
        raise Unusable("permerror", "the key cannot be read") from None
    if not isinstance(loaded, RSAPublicKey):
        raise Unusable("permerror", "the key is of an unknown kind")
    if loaded.public_numbers().e.bit_length() > EXPONENT_BITS:
        raise Unusable("permerror", "the key has an odd exponent")
    return loaded
