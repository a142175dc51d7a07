"""OpenPGP (RFC 9580) by the Sequoia library: whether mail can be encrypted to a key, and doing so.

What a key says of itself without it stands in `openpgp`. The library comes with the extra
`openpgp` and is loaded when a key is first met. It would encrypt to keys whose time is over, too:
that is looked at here.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from mailhub.model.errors import Invalid, Unsupported
from mailhub.wire import openpgp
from mailhub.wire.openpgp import KeyFacts

UNUSABLE = "Nothing can be encrypted to this key: no valid subkey is for that"


def check(armored: str) -> KeyFacts:
    """The facts of a public key that mail can be encrypted to. Raises Invalid, Unsupported (the
    library is missing)."""
    facts = openpgp.read(armored)
    encrypted(b"", armored)
    return facts


def encrypted(data: bytes, armored: str) -> bytes:
    """An OpenPGP message that holds `data`, in ASCII armor with CRLF. About 20 ms for 1 MiB, in
    which no thread of this process does anything else. Raises Invalid (nothing can be encrypted to
    the key, or not any more), Unsupported."""
    try:
        found: bytes = _library().encrypt(data, [_usable(armored)])
    except RuntimeError:  # its words hold traces of the library's insides
        raise Invalid(UNUSABLE) from None
    return found.replace(b"\n", b"\r\n")


def certificate(armored: str) -> bytes:
    """What can be used of a key today, for another process; it was tried. Raises Invalid,
    Unsupported."""
    encrypted(b"", armored)
    return bytes(_usable(armored))


@dataclass(frozen=True, slots=True)
class _Subkey:
    """`ends`: None for never."""

    packets: Sequence[Any]
    ends: datetime | None
    revoked: bool


@dataclass(frozen=True, slots=True)
class _Key:
    whole: Any
    primary: Sequence[Any]
    subkeys: Sequence[_Subkey]


def _usable(armored: str) -> Any:
    """The key as the library takes it, without subkeys that are over by the system's clock, which
    is the library's too. Raises Invalid, Unsupported."""
    _library()
    key, now = _read(armored), datetime.now(UTC)
    if key.whole.is_revoked:
        raise Invalid("The key is revoked: nothing can be encrypted to it")
    if key.whole.expiration is not None and key.whole.expiration <= now:
        raise Invalid("The key has expired: nothing can be encrypted to this key")
    left = [one for one in key.subkeys if not one.revoked and (one.ends is None or one.ends > now)]
    if len(left) == len(key.subkeys):
        return key.whole
    packets = [*key.primary, *(packet for one in left for packet in one.packets)]
    try:
        return _library().Cert.from_packets(packets)
    except (RuntimeError, ValueError):
        raise Invalid(UNUSABLE) from None


@lru_cache(maxsize=256)
def _read(armored: str) -> _Key:
    library = _library()
    data = armored.encode()
    try:
        whole = library.Cert.from_bytes(data)
        primary, *subkeys = _groups(library.packet.PacketPile.from_bytes(data))
    except (RuntimeError, ValueError):
        raise Invalid("The key cannot be read") from None
    return _Key(whole, primary, [_subkey(packets) for packets in subkeys])


def _groups(packets: Any) -> Iterator[list[Any]]:
    """The packets of the primary key, then those of each subkey."""
    subkey = _library().packet.Tag.PublicSubkey
    group: list[Any] = []
    for packet in packets:
        if packet.tag == subkey:
            yield group
            group = []
        group.append(packet)
    yield group


def _subkey(packets: list[Any]) -> _Subkey:
    """The newest of its bindings counts (RFC 9580 section 5.2.3.10)."""
    kinds = _library().packet.SignatureType
    bindings = [one for one in packets if one.signature_type == kinds.SubkeyBinding]
    revoked = any(one.signature_type == kinds.SubkeyRevocation for one in packets)
    oldest = datetime.fromtimestamp(0, UTC)
    newest = max(bindings, key=lambda one: one.signature_created or oldest, default=None)
    life = newest.key_validity_period if newest is not None else None
    return _Subkey(packets, packets[0].key_created + life if life else None, revoked)


def _library() -> Any:
    try:
        import pysequoia  # heavy, and few servers have keys
    except ImportError:
        raise Unsupported("This server has no OpenPGP: the extra mailhub[openpgp]") from None
    return pysequoia
