"""The header of a signed message, field by field, and the signatures in it (RFC 6376 3.5, RFC 8617
4.1): octets to values.

Any octets are a header; what cannot be a signature says why. No key is known here, and no body.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice

from mailhub.model.errors import Invalid
from mailhub.wire import address, tags
from mailhub.wire.relaxed import relaxed_field

FIELDS = 5_000
"""Fields of a header that signatures are checked in; splitting so many takes two milliseconds."""
SELECTOR = 128
"""Octets of a selector."""
SINGLE = frozenset(
    b"from sender reply-to to cc subject date message-id in-reply-to references mime-version "
    b"content-type content-transfer-encoding content-disposition".split()
)
"""Fields that a message has once (RFC 5322 3.6, RFC 2045 3). Where one is signed, a further one is
an addition that readers may show instead (RFC 6376 8.15)."""
_FIELD = re.compile(rb"\n([^\s:]++)[ \t]*+:[^\n]*+(?:\n[ \t][^\n]*+)*+")
_HEADER_NAME = re.compile(r"[!-9;-~]+")
_DNS_NAME = re.compile(r"[A-Za-z0-9_.-]+")


class Unusable(Exception):
    """A signature cannot be checked, or must not count. `result`: as RFC 8601 2.7.1 has it."""

    def __init__(self, result: str, reason: str) -> None:
        super().__init__(reason)
        self.result = result
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Field:
    """One field. `name`: in lower case. `raw`: name, colon and value, without the last CRLF."""

    name: bytes
    raw: bytes

    @property
    def value(self) -> bytes:
        """What stands behind the colon."""
        return self.raw.partition(b":")[2]


class Header:
    """A header's fields in their order, and their relaxed forms once somebody asked."""

    def __init__(self, block: bytes) -> None:
        found = islice(_FIELD.finditer(b"\n" + block), FIELDS + 1)
        self.fields = [Field(one[1].lower(), one[0][1:].removesuffix(b"\r")) for one in found]
        self._places: dict[bytes, list[int]] = {}
        for place, field in enumerate(self.fields):
            self._places.setdefault(field.name, []).append(place)
        self._relaxed: dict[int, bytes] = {}

    @property
    def whole(self) -> bool:
        """Whether these are all fields there are."""
        return len(self.fields) <= FIELDS

    def count(self, name: bytes) -> int:
        """How many fields are called so."""
        return len(self._places.get(name, ()))

    def named(self, name: bytes) -> list[Field]:
        """The fields that are called so, from the top."""
        return [self.fields[place] for place in self._places.get(name, ())]

    def selected(self, names: Iterable[bytes], *, relaxed: bool) -> bytes:
        """The octets that `h=` signs: of one name, from the lowest up (RFC 6376 5.4.2)."""
        left = {name: len(places) for name, places in self._places.items()}
        lines = []
        for name in names:
            if left.get(name):
                left[name] -= 1
                lines.append(self._line(self._places[name][left[name]], relaxed=relaxed))
        return b"".join(lines)

    def _line(self, place: int, *, relaxed: bool) -> bytes:
        field = self.fields[place]
        if not relaxed:
            return field.raw + b"\r\n"
        if place not in self._relaxed:
            self._relaxed[place] = relaxed_field(field.name, field.value) + b"\r\n"
        return self._relaxed[place]


@dataclass(frozen=True, slots=True)
class Signature:
    """A signature that can be checked once its key is known.

    `domain`, `selector`: A-labels. `algorithm`: `rsa-sha256` or `ed25519-sha256`. `names`: as in
    `h=`, in lower case. `body`: digest of the body, empty where none is signed. `length`: octets
    of the body that are signed, None for all. `identity`: the domain of `i=`.
    """

    field: Field
    domain: str
    selector: str
    algorithm: str
    value: bytes
    names: tuple[bytes, ...] = ()
    body: bytes = b""
    length: int | None = None
    identity: str = ""
    relaxed_header: bool = True
    relaxed_body: bool = True

    def signed_itself(self) -> bytes:
        """This field as it was signed: without the value of `b=` and the last line end."""
        name, colon, value = self.field.raw.partition(b":")
        pieces = value.split(b";")
        for at, piece in enumerate(pieces):
            tag, equals, _ = piece.partition(b"=")
            if tag.strip() == b"b" and equals:
                pieces[at] = tag + equals
        value = b";".join(pieces)
        return relaxed_field(name, value) if self.relaxed_header else name + colon + value


@dataclass(frozen=True, slots=True)
class Label:
    """What a signature says of itself, whether it can be used or not: for the results field."""

    domain: str = ""
    selector: str = ""
    algorithm: str = ""
    start: str = ""
    """The first characters of `b=`, to tell several signatures apart (RFC 6008)."""


UNREADABLE = Label()


def label(raw: bytes) -> Label:
    """As far as it can be read."""
    try:
        said = tags.parse(raw)
    except Invalid:
        return UNREADABLE
    start = "".join(said.get("b", "").split())[:8]
    return Label(said.get("d", ""), said.get("s", ""), said.get("a", ""), start)


def signature(field: Field, now: float) -> Signature:
    """A DKIM-Signature field (RFC 6376 3.5). `now`: epoch. Raises Unusable."""
    said = _read(field, ("v", "a", "b", "bh", "d", "h", "s"))
    if said["v"] != "1":
        raise Unusable("permerror", "unknown version")
    if "dns/txt" not in tags.words(said.get("q", "dns/txt")):
        raise Unusable("permerror", "unknown query method")
    names = _names(said["h"])
    if b"from" not in names:
        raise Unusable("permerror", "From is not signed")
    relaxed_header, relaxed_body = _forms(said.get("c", "simple/simple"))
    domain = _domain(said["d"])
    _check_expiry(said, now)
    return Signature(
        field,
        domain,
        _selector(said["s"]),
        _algorithm(said["a"]),
        _octets(said["b"]),
        names,
        _octets(said["bh"]),
        _number(said["l"]) if "l" in said else None,
        _identity(said["i"], domain) if "i" in said else domain,
        relaxed_header,
        relaxed_body,
    )


def arc_message_signature(field: Field) -> Signature:
    """An ARC-Message-Signature field (RFC 8617 4.1.2). Raises Unusable."""
    said = _read(field, ("a", "b", "bh", "d", "h", "s"))
    names = _names(said["h"])
    if b"arc-seal" in names:
        raise Unusable("permerror", "ARC-Seal is signed")
    relaxed_header, relaxed_body = _forms(said.get("c", "simple/simple"))
    return Signature(
        field,
        _domain(said["d"]),
        _selector(said["s"]),
        _algorithm(said["a"]),
        _octets(said["b"]),
        names,
        _octets(said["bh"]),
        _number(said["l"]) if "l" in said else None,
        "",
        relaxed_header,
        relaxed_body,
    )


def arc_seal(field: Field) -> Signature:
    """An ARC-Seal field (RFC 8617 4.1.3), which signs no body. Raises Unusable."""
    said = _read(field, ("a", "b", "cv", "d", "s"))
    if "h" in said:
        raise Unusable("permerror", "a seal names header fields")
    return Signature(
        field,
        _domain(said["d"]),
        _selector(said["s"]),
        _algorithm(said["a"]),
        _octets(said["b"]),
    )


def _read(field: Field, needed: Sequence[str]) -> dict[str, str]:
    try:
        said = dict(tags.parse(field.value))
    except Invalid as error:
        raise Unusable("permerror", error.text) from None
    for name in needed:
        if not said.get(name):
            raise Unusable("permerror", f"no {name}=")
    return said


def _algorithm(word: str) -> str:
    if word == "rsa-sha1":
        raise Unusable("permerror", "SHA-1 proves nothing (RFC 8301 3.1)")
    if word not in ("rsa-sha256", "ed25519-sha256"):
        raise Unusable("permerror", "unknown algorithm")
    return word


def _forms(value: str) -> tuple[bool, bool]:
    header, _, body = value.partition("/")
    if header not in ("simple", "relaxed") or body not in ("simple", "relaxed", ""):
        raise Unusable("permerror", "unknown canonicalization")
    return header == "relaxed", body == "relaxed"


def _names(value: str) -> tuple[bytes, ...]:
    names = tags.words(value)
    if not all(_HEADER_NAME.fullmatch(name) for name in names):
        raise Unusable("permerror", "h= names no fields")
    return tuple(name.lower().encode() for name in names)


def _domain(text: str) -> str:
    """An A-label domain; anything else that got here could mean one thing to us and another to
    the DNS."""
    try:
        name = address.domain(text)
    except Invalid:
        raise Unusable("permerror", "d= is no domain") from None
    if _DNS_NAME.fullmatch(name) is None:
        raise Unusable("permerror", "d= is no domain")
    return name


def _selector(text: str) -> str:
    try:
        name = address.domain(text + ".example").removesuffix(".example")
    except Invalid:
        raise Unusable("permerror", "s= is no selector") from None
    if _DNS_NAME.fullmatch(name) is None or len(name) > SELECTOR:
        raise Unusable("permerror", "s= is no selector")
    return name


def _identity(text: str, domain: str) -> str:
    name = _domain(text.rpartition("@")[2])
    if name != domain and not name.endswith("." + domain):
        raise Unusable("permerror", "i= is outside d=")
    return name


def _octets(text: str) -> bytes:
    try:
        return tags.octets(text)
    except Invalid as error:
        raise Unusable("permerror", error.text) from None


def _number(text: str) -> int:
    try:
        return tags.number(text)
    except Invalid as error:
        raise Unusable("permerror", error.text) from None


def _check_expiry(said: dict[str, str], now: float) -> None:
    made = _number(said["t"]) if "t" in said else 0
    if "x" not in said:
        return
    expires = _number(said["x"])
    if expires < made:
        raise Unusable("permerror", "it expires before it was made")
    if expires < now:
        raise Unusable("permerror", "it has expired")
