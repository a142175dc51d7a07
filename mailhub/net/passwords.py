"""Password hashes: our own kind, and every kind that accounts bring from other servers.

Pure computation that takes long: call it from a thread (`net.hashing`), never on the reactor.
Clear-text schemes are refused; what is not recognised is simply never right.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Callable
from dataclasses import dataclass

import argon2
import bcrypt
from passlib.hash import md5_crypt, sha256_crypt, sha512_crypt

from mailhub.model.account import ScramKeys, Secrets
from mailhub.model.errors import Invalid
from mailhub.wire.saslprep import saslprep

ROUNDS_LIMIT = 2_000_000
"""Most rounds of a foreign hash that are worked off; more is a way to occupy the threads."""
BCRYPT_OCTETS = 72
"""bcrypt reads no further; the library raises where the format says: ignore the rest."""
BCRYPT_COST = 15
"""Highest cost of a foreign bcrypt hash that is worked off (about two seconds)."""


@dataclass(frozen=True, slots=True)
class Cost:
    """Work of a fresh hash. `memory`: KiB; `passes`, `lanes`: of argon2id; `iterations`: of the
    SCRAM keys, which are the weaker way into a stolen table and so are made dear as well."""

    memory: int = 19456
    passes: int = 2
    lanes: int = 1
    iterations: int = 60_000


class Passwords:
    """Makes and checks hashes, at one cost for fresh ones."""

    def __init__(self, token: Callable[[int], bytes], cost: Cost | None = None) -> None:
        cost = cost or Cost()
        self._token = token
        self._cost = cost
        self._hasher = argon2.PasswordHasher(
            time_cost=cost.passes, memory_cost=cost.memory, parallelism=cost.lanes
        )
        self._nobody = self._hasher.hash(token(16).hex(), salt=token(16))

    def hash(self, password: str, salt: bytes = b"") -> Secrets:
        """A fresh argon2id hash and SCRAM-SHA-256 keys; `salt`: of the keys, else a new one."""
        keys = self.derive(password, salt)
        return Secrets(self._hasher.hash(prepare(password), salt=self._token(16)), keys)

    def derive(self, password: str, salt: bytes = b"", iterations: int = 0) -> ScramKeys:
        """SCRAM-SHA-256 keys alone (RFC 5802 section 3); 0 iterations: as many as of a fresh
        hash."""
        salt = salt or self._token(16)
        iterations = iterations or self._cost.iterations
        prepared = prepare(password).encode()
        salted = hashlib.pbkdf2_hmac("sha256", prepared, salt, iterations)
        client_key = hmac.digest(salted, b"Client Key", "sha256")
        return ScramKeys(
            salt=salt,
            iterations=iterations,
            stored_key=hashlib.sha256(client_key).digest(),
            server_key=hmac.digest(salted, b"Server Key", "sha256"),
        )

    def verify(self, password: str, hashed: str) -> tuple[bool, bool]:
        """(right, wants a rehash). An empty `hashed` costs the same time and is never right."""
        try:
            raw = password.encode()
        except UnicodeEncodeError:
            raw, hashed = b"", ""
        prepared = prepare(password).encode() if hashed else raw
        known = hashed or self._nobody
        right = self._check(prepared, known)
        if not right and prepared != raw:
            right = self._check(raw, known)
        if not right and hashed and not hashed.startswith("$argon2"):
            # A cheap foreign hash would tell by its speed that the account exists.
            self._check(prepared, self._nobody)
        right = right and bool(hashed)
        return right, right and not self._is_current(hashed)

    def _is_current(self, hashed: str) -> bool:
        return hashed.startswith("$argon2id$") and not self._hasher.check_needs_rehash(hashed)

    def _check(self, password: bytes, hashed: str) -> bool:
        try:
            return _check(password, hashed)
        except (ValueError, TypeError, binascii.Error, argon2.exceptions.Argon2Error):
            return False


def prepare(password: str) -> str:
    """The password as it is hashed: SASLprep where that has a form for it, else as it is."""
    try:
        return saslprep(password) or password
    except Invalid:
        return password


def _check(password: bytes, hashed: str) -> bool:
    scheme = _SCHEME.match(hashed)
    name = scheme[1].upper() if scheme else ""
    if name in _DIGESTS:
        return _digest(password, hashed[scheme.end() :], *_DIGESTS[name])  # type: ignore[union-attr]
    if name == "PBKDF2":
        return _dovecot_pbkdf2(password, hashed[len("{PBKDF2}") :])
    if name and name not in _WRAPPED:
        return False
    if scheme:
        hashed = hashed[scheme.end() :]
    for prefixes, check in _CRYPTS:
        if hashed.startswith(prefixes):
            return check(password, hashed)
    return False


# -- {SCHEME} hashes of LDAP and Dovecot

_SCHEME = re.compile(r"\{([A-Za-z0-9-]+)\}")
_WRAPPED = frozenset(
    {"CRYPT", "MD5-CRYPT", "BLF-CRYPT", "SHA256-CRYPT", "SHA512-CRYPT", "ARGON2I", "ARGON2ID"}
)
"""Names before a hash that says itself what it is."""
_DIGESTS: dict[str, tuple[str, bool]] = {
    "SHA": ("sha1", False),
    "SHA1": ("sha1", False),
    "SHA256": ("sha256", False),
    "SHA512": ("sha512", False),
    "SSHA": ("sha1", True),
    "SSHA256": ("sha256", True),
    "SSHA512": ("sha512", True),
}


def _digest(password: bytes, text: str, algorithm: str, salted: bool) -> bool:
    """Base64 of the digest of password and salt, then the salt (RFC 2307 and its heirs)."""
    stored = base64.b64decode(text, validate=True)
    size = hashlib.new(algorithm).digest_size
    salt = stored[size:]
    if len(stored) < size or bool(salt) != salted:
        return False
    made = hashlib.new(algorithm, password + salt).digest()
    return hmac.compare_digest(made, stored[:size])


def _dovecot_pbkdf2(password: bytes, text: str) -> bool:
    """`$1$salt$rounds$hex`: PBKDF2-HMAC-SHA1 as Dovecot writes it; the salt is its own text."""
    _, version, salt, rounds, made = text.split("$")
    return version == "1" and _pbkdf2("sha1", password, salt.encode(), rounds, bytes.fromhex(made))


# -- crypt(3) style hashes


def _argon2(password: bytes, hashed: str) -> bool:
    if argon2.extract_parameters(hashed).memory_cost > 1 << 20:
        return False
    return argon2.PasswordHasher().verify(hashed, password)


def _bcrypt(password: bytes, hashed: str) -> bool:
    if int(hashed[4:6]) > BCRYPT_COST:
        return False
    return bcrypt.checkpw(password[:BCRYPT_OCTETS], hashed.encode())


def _md5_crypt(password: bytes, hashed: str) -> bool:
    return bool(md5_crypt.verify(password, hashed))


def _sha_crypt(password: bytes, hashed: str) -> bool:
    rounds = re.match(r"\$[56]\$rounds=(\d{1,9})\$", hashed)
    if rounds is not None and int(rounds[1]) > ROUNDS_LIMIT:
        return False
    kind = sha256_crypt if hashed.startswith("$5$") else sha512_crypt
    return bool(kind.verify(password, hashed))


def _pbkdf2(algorithm: str, password: bytes, salt: bytes, rounds: str, stored: bytes) -> bool:
    if not stored or not 1 <= int(rounds) <= ROUNDS_LIMIT:
        return False
    made = hashlib.pbkdf2_hmac(algorithm, password, salt, int(rounds), len(stored))
    return hmac.compare_digest(made, stored)


def _modular_pbkdf2(password: bytes, hashed: str) -> bool:
    """passlib's `$pbkdf2-sha256$rounds$salt$hash`, and the PHC form `$…$i=rounds$salt$hash`."""
    _, name, rounds, salt, stored = hashed.split("$")
    algorithm = name.partition("-")[2] or "sha1"
    if algorithm not in ("sha1", "sha256", "sha512"):
        return False
    rounds = rounds.removeprefix("i=").partition(",")[0]
    return _pbkdf2(algorithm, password, _unpadded(salt), rounds, _unpadded(stored))


def _django_pbkdf2(password: bytes, hashed: str) -> bool:
    """`pbkdf2_sha256$rounds$salt$base64`; the salt is its own text."""
    name, rounds, salt, stored = hashed.split("$")
    algorithm = name.removeprefix("pbkdf2_")
    if algorithm not in ("sha1", "sha256", "sha512"):
        return False
    return _pbkdf2(algorithm, password, salt.encode(), rounds, base64.b64decode(stored))


def _unpadded(text: str) -> bytes:
    """Base64 without padding; passlib writes `.` for `+`."""
    text = text.replace(".", "+").rstrip("=")
    return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)


_CRYPTS: tuple[tuple[tuple[str, ...], Callable[[bytes, str], bool]], ...] = (
    (("$argon2",), _argon2),
    (("$2a$", "$2b$", "$2y$"), _bcrypt),
    (("$1$",), _md5_crypt),
    (("$5$", "$6$"), _sha_crypt),
    (("$pbkdf2$", "$pbkdf2-"), _modular_pbkdf2),
    (("pbkdf2_",), _django_pbkdf2),
)
