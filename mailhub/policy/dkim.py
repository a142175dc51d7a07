"""DKIM (RFC 6376, 8301, 8463): which domains vouch for this message as it came.

Own code, as dkimpy's time grows with the square of a run of spaces, and reads the body anew for
every signature (`docs/decisions/dkim.md`); the tests hold the two against each other. Only says
what it found.
"""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from mailhub.model.errors import NotFound, Unavailable
from mailhub.policy.keyrecord import Key, key
from mailhub.policy.signed import (
    SINGLE,
    UNREADABLE,
    Header,
    Label,
    Signature,
    Unusable,
    label,
    signature,
)
from mailhub.ports import Clock, Resolver
from mailhub.wire.bodydigest import BodyDigests

SIGNATURES = 10
"""Most signatures of one message that are checked, from the top."""
PIECE = 64 * 1024
"""Octets of a body that are read at once: a fraction of a millisecond."""
SLICE = 0.002
"""Seconds of work after which others get their turn."""

Keys = Callable[[Sequence[Signature]], Awaitable[Sequence[Key | Unusable]]]
"""Looks up the key of each signature; the answers stand in their order."""


@dataclass(frozen=True, slots=True)
class Checked:
    """What became of one signature. `result`: as RFC 8601 2.7.1 has it. `domain`: as an A-label,
    only where it is `pass` what somebody vouches with."""

    result: str
    reason: str = ""
    domain: str = ""
    label: Label = UNREADABLE


async def key_of(resolver: Resolver, signature: Signature) -> Key | Unusable:
    """The key of one signature, or why there is none."""
    try:
        answer = await resolver.query(f"{signature.selector}._domainkey.{signature.domain}", "TXT")
        return key(answer.records)
    except NotFound:
        return Unusable("permerror", "no key")
    except Unavailable:
        return Unusable("temperror", "the key cannot be looked up")
    except Unusable as error:
        return error


async def check(header: Header, body: memoryview, keys: Keys, clock: Clock) -> list[Checked]:
    """Each signature of the message, from the top."""
    fields = header.named(b"dkim-signature")[:SIGNATURES]
    labels = [label(field.value) for field in fields]
    read: list[Signature | Unusable] = []
    for field in fields:
        try:
            if not header.whole:
                raise Unusable("permerror", "the header has too many fields")
            read.append(signature(field, clock.now()))
        except Unusable as error:
            read.append(error)
    found = await keys([one for one in read if isinstance(one, Signature)])
    waiting = iter(found)
    pairs = [(one, next(waiting) if isinstance(one, Signature) else one) for one in read]
    usable = [one for one, its in pairs if isinstance(one, Signature) and isinstance(its, Key)]
    digests = await body_digests(body, usable, clock)
    checked = []
    began = clock.seconds()
    for (one, its), said in zip(pairs, labels, strict=True):
        checked.append(_checked(header, one, its, digests, said))
        if clock.seconds() - began > SLICE:
            await clock.pause()
            began = clock.seconds()
    return checked


class Digests:
    """A body's digests, in the forms that some signatures signed."""

    def __init__(self, signatures: Sequence[Signature]) -> None:
        self._forms = {
            relaxed: BodyDigests(
                {one.length for one in signatures if one.relaxed_body is relaxed}, relaxed=relaxed
            )
            for relaxed in {one.relaxed_body for one in signatures}
        }

    def feed(self, piece: bytes) -> None:
        """The next octets."""
        for form in self._forms.values():
            form.feed(piece)

    def finish(self) -> None:
        """There are no more."""
        for form in self._forms.values():
            form.finish()

    def check(self, one: Signature) -> None:
        """Raises Unusable where the body is not what was signed, or not all of it was."""
        form = self._forms[one.relaxed_body]
        if one.length is not None and one.length > form.size:
            raise Unusable("fail", "the body is shorter than what was signed")
        if form.digest(one.length) != one.body:
            raise Unusable("fail", "the body was changed")
        if one.length is not None and one.length < form.size:
            raise Unusable("policy", "only the start of the body is signed")


async def body_digests(body: memoryview, signatures: Sequence[Signature], clock: Clock) -> Digests:
    """Reads the body once for all of them, letting others run in between."""
    digests = Digests(signatures)
    if not signatures:
        return digests
    began = clock.seconds()
    for start in range(0, len(body), PIECE):
        digests.feed(bytes(body[start : start + PIECE]))
        if clock.seconds() - began > SLICE:
            await clock.pause()
            began = clock.seconds()
    digests.finish()
    return digests


def _checked(
    header: Header,
    one: Signature | Unusable,
    its: Key | Unusable,
    digests: Digests,
    said: Label,
) -> Checked:
    testing = isinstance(its, Key) and its.testing
    try:
        if isinstance(one, Unusable):
            raise one
        if isinstance(its, Unusable):
            raise its
        digests.check(one)
        check_fields(header, one, its)
    except Unusable as error:
        # Mail whose signature fails while its domain tests is as good as unsigned (3.6.1).
        result = "neutral" if testing and error.result == "fail" else error.result
        return Checked(result, error.reason, "", said)
    return Checked("pass", "", one.domain, said)


def check_fields(header: Header, one: Signature, its: Key) -> None:
    """Raises Unusable where the header is not what was signed, or has more than that."""
    data = header.selected(one.names, relaxed=one.relaxed_header) + one.signed_itself()
    if not its.verify(hashlib.sha256(data).digest(), one):
        raise Unusable("fail", "the signature does not match")
    for name in SINGLE.intersection(one.names):
        if header.count(name) > one.names.count(name):
            raise Unusable("policy", f"a further {name.decode().title()} was added")
