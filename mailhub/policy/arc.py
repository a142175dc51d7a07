"""ARC (RFC 8617): does the chain of servers that passed a message on vouch for what the first saw?

A chain is checked whole, or it fails; whose seals are believed is decided elsewhere.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass

from mailhub.model.errors import Invalid
from mailhub.policy import authres
from mailhub.policy.authres import Results
from mailhub.policy.dkim import Keys, body_digests, check_fields
from mailhub.policy.keyrecord import Key
from mailhub.policy.signed import (
    Field,
    Header,
    Signature,
    Unusable,
    arc_message_signature,
    arc_seal,
)
from mailhub.ports import Clock
from mailhub.wire import tags
from mailhub.wire.relaxed import relaxed_field

INSTANCES = 50
"""Most sets of one message (RFC 8617 4.2.1)."""
KINDS = (b"arc-authentication-results", b"arc-message-signature", b"arc-seal")
"""The fields of one set, in the order in which seals sign them (RFC 8617 5.1.1)."""
_INSTANCE = re.compile(rb"\s*i\s*=\s*([0-9]{1,3})\s*")


@dataclass(frozen=True, slots=True)
class Chain:
    """`result`: `none`, `pass` or `fail`. Where it is `pass`: `sealers`, the sealing domains, the
    first one first; `first`: what that one found, None where it cannot be read."""

    result: str
    reason: str = ""
    sealers: tuple[str, ...] = ()
    first: Results | None = None


@dataclass(frozen=True, slots=True)
class _Set:
    """The fields of one instance."""

    results: Field
    message: Field
    seal: Field

    @property
    def validation(self) -> str:
        """What its sealer found of the chain before it: `cv=`."""
        try:
            return tags.parse(self.seal.value).get("cv", "")
        except Invalid:
            return ""


async def check(header: Header, body: memoryview, keys: Keys, clock: Clock) -> Chain:
    """The steps of RFC 8617 5.2."""
    try:
        sets = _sets(header)
        if not sets:
            return Chain("none")
        _check_validations(sets)
        message = arc_message_signature(sets[-1].message)
        seals = [arc_seal(one.seal) for one in sets]
        found = await keys([message, *seals])
        its, *theirs = (_usable(one) for one in found)
        digests = await body_digests(body, [message], clock)
        digests.check(message)
        check_fields(header, message, its)
        _check_seals(sets, seals, theirs)
    except Unusable as error:
        return Chain("fail", error.reason)
    return Chain("pass", "", tuple(one.domain for one in seals), _first(sets[0]))


def _sets(header: Header) -> list[_Set]:
    """The sets, the first one first. Raises Unusable where they are no chain."""
    fields = [(kind, field) for kind in KINDS for field in header.named(kind)]
    if not fields:
        return []
    if not header.whole:
        raise Unusable("fail", "the header has too many fields")
    found: dict[tuple[int, bytes], Field] = {}
    for kind, field in fields:
        instance = _instance(field)
        if (instance, kind) in found:
            raise Unusable("fail", "a field of the chain stands twice")
        found[instance, kind] = field
    last = max(instance for instance, _ in found)
    if len(found) != 3 * last:
        raise Unusable("fail", "the chain has gaps")
    return [_Set(*(found[at, kind] for kind in KINDS)) for at in range(1, last + 1)]


def _instance(field: Field) -> int:
    """Its `i=`, which has to come first in the results, and may stand anywhere else."""
    pieces = field.value.split(b";", 32)
    named = (_INSTANCE.fullmatch(piece) for piece in pieces[: 1 if field.name == KINDS[0] else 32])
    number = next((int(one[1]) for one in named if one is not None), 0)
    if not 0 < number <= INSTANCES:
        raise Unusable("fail", "a field of the chain has no instance")
    return number


def _check_validations(sets: Sequence[_Set]) -> None:
    if sets[-1].validation == "fail":
        raise Unusable("fail", "the last sealer found that the chain fails")
    for at, one in enumerate(sets):
        if one.validation != ("pass" if at else "none"):
            raise Unusable("fail", "a sealer says what cannot be")


def _usable(one: Key | Unusable) -> Key:
    if isinstance(one, Unusable):
        raise one
    return one


def _check_seals(sets: Sequence[_Set], seals: Sequence[Signature], keys: Sequence[Key]) -> None:
    """Each seal signs all sets up to its own (RFC 8617 5.1.1)."""
    running = hashlib.sha256()
    for one, seal, its in zip(sets, seals, keys, strict=True):
        for field in (one.results, one.message):
            running.update(relaxed_field(field.name, field.value) + b"\r\n")
        signed = running.copy()
        signed.update(seal.signed_itself())
        if not its.verify(signed.digest(), seal):
            raise Unusable("fail", "a seal does not match")
        running.update(relaxed_field(one.seal.name, one.seal.value) + b"\r\n")


def _first(one: _Set) -> Results | None:
    try:
        return authres.parse(one.results.value.partition(b";")[2])
    except Invalid:
        return None
