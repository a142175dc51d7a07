"""ARC sets for mail that is passed on (RFC 8617): what we found is sealed, so that the next server
can believe it although our forwarding broke SPF, or a list broke a signature.

Pure, like `policy.signing`. Whether a chain that came with the message holds was found out on its
way in and stands in our Authentication-Results; it is not asked again here.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from mailhub.model.errors import Invalid
from mailhub.policy import authres
from mailhub.policy.authres import Results
from mailhub.policy.signing import KEPT as SIGNED_TOO
from mailhub.policy.signing import SEALED, Signer, select, signature_field, signed_field
from mailhub.wire import header
from mailhub.wire.relaxed import relaxed_field, relaxed_value

INSTANCES = 50
"""Most sets of one message (RFC 8617 4.2.1)."""
_KINDS = (b"arc-authentication-results", b"arc-message-signature", b"arc-seal")
"""In the order in which a seal signs one set (RFC 8617 5.1.1)."""
_NAMES = ("ARC-Authentication-Results", "ARC-Message-Signature", "ARC-Seal")
_INSTANCE = re.compile(rb"(?:\A|;)[ \t\r\n]*i[ \t\r\n]*=[ \t\r\n]*([0-9]{1,4})[ \t\r\n]*(?:;|\Z)")
_FAILED = re.compile(rb"(?:\A|;)[ \t\r\n]*cv[ \t\r\n]*=[ \t\r\n]*fail[ \t\r\n]*(?:;|\Z)")


@dataclass(frozen=True, slots=True)
class Chain:
    """The ARC sets of a message. `last`: highest instance, 0 where there are none. `data`: every
    field of them, as a seal signs them. `ended`: the last seal says that the chain failed."""

    last: int
    data: bytes
    ended: bool


def chain(block: bytes) -> Chain:
    """What stands in a header block. Fields without a readable instance count for nothing: where
    there are any, the chain was found to fail on its way in."""
    found: list[tuple[int, int, bytes, bytes]] = []
    for name, value in header.fields(block):
        if name in _KINDS and (instance := _INSTANCE.search(value)) is not None:
            found.append((int(instance[1]), _KINDS.index(name), name, value.removesuffix(b"\r")))
    if not found:
        return Chain(0, b"", False)
    found.sort(key=lambda one: one[:2])
    last = found[-1][0]
    ended = any(kind == 2 and at == last and _FAILED.search(value) for at, kind, _, value in found)
    data = b"".join(relaxed_field(name, value) + b"\r\n" for _, _, name, value in found)
    return Chain(last, data, ended)


def judgement(block: bytes, authserv_id: str) -> tuple[bytes, Results] | None:
    """Our own Authentication-Results, on one line and as values; None where there are none. The
    uppermost field is ours: those that came under our name were removed."""
    for value in header.values(block, b"authentication-results"):
        try:
            found = authres.parse(value)
        except Invalid:
            continue
        if found.authserv_id.lower() == authserv_id.lower():
            return relaxed_value(value.removesuffix(b"\r")), found
    return None


def seal(one: Signer, block: bytes, body: bytes, authserv_id: str, now: int) -> bytes:
    """The ARC set that goes on top of the message, or nothing where it cannot have one: nobody
    judged it, or its chain ended (RFC 8617 5.1).

    `block`: the whole header. `body`: digest of the body in relaxed form.
    """
    ours = judgement(block, authserv_id)
    if ours is None:
        return b""
    judged, found = ours
    before = chain(block)
    validation = _validation(found, before)
    if not validation or before.ended or before.last >= INSTANCES:
        return b""
    instance = f"i={before.last + 1}"
    who = [f"d={one.domain}", f"s={one.selector}", f"t={now}"]
    authentication = _folded(f" {instance}; ".encode() + judged)
    tags = [instance, f"a={one.algorithm}", "c=relaxed/relaxed", *who]
    chosen = select(header.fields(block), _SEALED_NAMES, _SIGNED_NAMES)
    message = signature_field(one, _NAMES[1], tags, chosen, body)
    own = [
        relaxed_field(_KINDS[0], authentication),
        relaxed_field(*message.removesuffix(b"\r\n").split(b":", 1)),
    ]
    # A failed chain's seal speaks for its own set alone (RFC 8617 5.1.2).
    data = b"" if validation == "fail" else before.data
    data += b"".join(field + b"\r\n" for field in own)
    value = f" {instance}; a={one.algorithm}; cv={validation};\r\n\t{'; '.join(who)};"
    sealed = signed_field(one, _NAMES[2], value, data)
    return sealed + message + _NAMES[0].encode() + b":" + authentication + b"\r\n"


def _validation(found: Results, before: Chain) -> str:
    """`cv=`; empty where nobody tested the chain that is there."""
    if not before.last:
        return "none"
    result = next((one.result for one in found.results if one.method == "arc"), "")
    return result if result in ("pass", "fail") else ""


def _folded(value: bytes) -> bytes:
    """One result a line."""
    return value.replace(b"; ", b";\r\n\t").replace(b";\r\n\t", b"; ", 1)


_SEALED_NAMES = tuple(SEALED.split())
_SIGNED_NAMES = (*SIGNED_TOO.split(), "dkim-signature")
