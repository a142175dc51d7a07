"""DKIM signatures of what leaves (RFC 6376, RFC 8463): which fields are signed, and how.

Pure: a header block and a body's digest become header fields; keys are loaded once and held by
the caller. Which key signs which message is `core.signing`'s; ARC sets are `policy.sealing`'s.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from mailhub.model.dkim import DkimKey
from mailhub.model.errors import Invalid
from mailhub.wire import header
from mailhub.wire.relaxed import relaxed_field

ALGORITHMS = ("rsa", "ed25519")
"""In the order of their signatures, the one that every verifier knows on top."""
SEALED = (
    "from to cc subject date message-id reply-to mime-version content-type "
    "content-transfer-encoding"
)
"""Signed once more often than they occur, so that none can be added (RFC 6376 8.15)."""
KEPT = (
    "sender in-reply-to references list-id list-help list-subscribe list-unsubscribe "
    "list-unsubscribe-post list-post list-owner list-archive resent-date resent-from resent-to "
    "resent-cc resent-message-id auto-submitted autocrypt"
)
"""Signed as often as they occur: forwarders and lists may rightly add one of these."""
MOST_FIELDS = 100
"""Fields of one name that are signed; nobody needs more, and the list of names stays short."""
SMALLEST, LARGEST = 1024, 4096
"""Bits of an RSA key that was made elsewhere (RFC 8301 3.2)."""
LINE = 76
"""Octets of a line of a signature field."""

_PADDING, _HASH = PKCS1v15(), hashes.SHA256()

Field = tuple[bytes, bytes]
"""A name in lower case and a raw value with the CR behind it, as `wire.header.fields` finds it."""


@dataclass(frozen=True, slots=True)
class Signer:
    """A key that is ready for use. `domain`, `selector`: A-labels."""

    domain: str
    selector: str
    key: RSAPrivateKey | Ed25519PrivateKey

    @property
    def algorithm(self) -> str:
        """As in `a=`."""
        return "rsa-sha256" if isinstance(self.key, RSAPrivateKey) else "ed25519-sha256"

    def sign(self, data: bytes) -> bytes:
        """The signature of these octets, as it stands in `b=`. RFC 8463 3 signs their SHA-256."""
        if isinstance(self.key, RSAPrivateKey):
            return base64.b64encode(self.key.sign(data, _PADDING, _HASH))
        return base64.b64encode(self.key.sign(hashlib.sha256(data).digest()))


def signer(key: DkimKey) -> Signer:
    """The key, loaded. Raises Invalid."""
    try:
        # Checking an RSA key takes thirty milliseconds; this one was made here.
        loaded = load_pem_private_key(
            key.private.encode(), None, unsafe_skip_rsa_key_validation=True
        )
    except ValueError:
        raise Invalid("The private key cannot be read") from None
    if not isinstance(loaded, RSAPrivateKey | Ed25519PrivateKey):
        raise Invalid("The private key is neither RSA nor Ed25519")
    return Signer(key.domain, key.selector, loaded)


def imported(private: str) -> tuple[str, str, str]:
    """(algorithm, PKCS #8 PEM, public key as in `p=`) of somebody's PEM. Raises Invalid (field
    `private`): unreadable, locked, or an RSA key that verifiers refuse (RFC 8301 3.2)."""
    try:
        loaded = load_pem_private_key(private.encode(), None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise Invalid("This is no unlocked private key in PEM", field="private") from None
    if isinstance(loaded, RSAPrivateKey):
        if not SMALLEST <= loaded.key_size <= LARGEST:
            raise Invalid(f"An RSA key has {SMALLEST} to {LARGEST} bits", field="private")
        form = Encoding.DER, PublicFormat.SubjectPublicKeyInfo
    elif isinstance(loaded, Ed25519PrivateKey):
        form = Encoding.Raw, PublicFormat.Raw
    else:
        raise Invalid("The key is neither RSA nor Ed25519", field="private")
    algorithm = "rsa" if isinstance(loaded, RSAPrivateKey) else "ed25519"
    pem = loaded.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    public = base64.b64encode(loaded.public_key().public_bytes(*form))
    return algorithm, pem.decode(), public.decode()


@dataclass(frozen=True, slots=True)
class Selected:
    """The fields of one message that are signed. `names`: as in `h=`; `data`: their relaxed form,
    each with its line end, in that order."""

    names: tuple[str, ...]
    data: bytes


def select(
    fields: Iterable[Field], sealed: Collection[str] = (), kept: Collection[str] = ()
) -> Selected:
    """The fields that are signed: of one name, the lowest first (RFC 6376 5.4.2)."""
    sealed, kept = sealed or _SEALED_NAMES, kept or _KEPT_NAMES
    found: dict[str, list[bytes]] = {name: [] for name in (*sealed, *kept)}
    for raw, value in fields:
        name = raw.decode("ascii", "replace")
        if name in found:
            found[name].append(relaxed_field(raw, value.removesuffix(b"\r")))
    names: list[str] = []
    lines: list[bytes] = []
    for name, values in found.items():
        signed = values[: -MOST_FIELDS - 1 : -1]
        names += [name] * (len(signed) + (name in sealed and len(signed) == len(values)))
        lines += signed
    return Selected(tuple(names), b"".join(line + b"\r\n" for line in lines))


def sign(
    signers: Sequence[Signer], block: bytes, body: bytes, now: int, *, lifetime: int = 0
) -> bytes:
    """The DKIM-Signature fields that go on top of the message, one for each signer.

    `block`: the whole header. `body`: digest of the body in relaxed form. `lifetime`: seconds
    after which the signatures expire, 0 for never.
    """
    chosen = select(header.fields(block))
    made = []
    for one in signers:
        tags = [
            "v=1",
            f"a={one.algorithm}",
            "c=relaxed/relaxed",
            f"d={one.domain}",
            f"s={one.selector}",
            f"t={now}",
            *([f"x={now + lifetime}"] if lifetime else []),
        ]
        made.append(signature_field(one, "DKIM-Signature", tags, chosen, body))
    return b"".join(made)


def signature_field(
    one: Signer, name: str, tags: Sequence[str], chosen: Selected, body: bytes
) -> bytes:
    """A field that signs the chosen fields, a body's digest, and itself, with its line end."""
    hashed = base64.b64encode(body).decode()
    words = [f"{tag};" for tag in tags]
    names = [f"{one}:" for one in chosen.names]
    names[0], names[-1] = f"h={names[0]}", names[-1].rstrip(":") + ";"
    value = fold(name, words) + fold("", names, "") + fold("", [f"bh={hashed};"])
    return signed_field(one, name, value, chosen.data)


def signed_field(one: Signer, name: str, value: str, data: bytes) -> bytes:
    """The field with `b=` behind `value`: the signature of `data` and of the field without it."""
    value += "\r\n\tb="
    made = one.sign(data + relaxed_field(name.encode(), value.encode())).decode()
    lines = [made[start : start + LINE - 4] for start in range(0, len(made), LINE - 4)]
    return f"{name}:{value}{_BREAK.join(lines)}\r\n".encode()


_BREAK = "\r\n\t "


def fold(name: str, words: Sequence[str], space: str = " ") -> str:
    """The words on lines that begin with a tab, or behind `name:`. `space`: between words."""
    lines: list[str] = []
    line, room = "", LINE - len(name)
    for word in words:
        if line and len(line) + len(word) + len(space) > room:
            lines.append(line)
            line, room = "", LINE - 8
        line += (space if line else "") + word
    lines.append(line)
    return (" " if name else "\r\n\t") + "\r\n\t".join(lines)


_SEALED_NAMES = tuple(SEALED.split())
_KEPT_NAMES = tuple(KEPT.split())
_END = re.compile(rb"\r\n\r\n|\A\r\n")


def header_end(data: bytes | bytearray) -> int:
    """Where the body begins, behind the empty line; -1 where the header goes on."""
    found = _END.search(data)
    return found.end() if found is not None else -1
