"""ARC chains: as dkimpy and our own sealing make them, and as forgers do."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailhub.core.signing import record, record_name
from mailhub.policy import arc, authres, dkim, sealing, signing
from mailhub.policy.arc import Chain
from mailhub.policy.authres import Result, Results
from mailhub.policy.keyrecord import Key
from mailhub.policy.signed import Header, Signature, Unusable
from mailhub.wire.relaxed import RelaxedBodyHash
from tests.fakes import FakeClock
from tests.names import FakeResolver
from tests.signed import MESSAGE, pair
from tests.support import run

HOPS = ("a.example", "b.example", "c.example")
ZONE: dict[tuple[str, str], Any] = {
    (record_name(key), "TXT"): [record(key).encode()] for hop in HOPS for key in pair(hop, "s")
}
NOW = 1_800_000_000


def sealed(message: bytes, hop: str, *results: Result) -> bytes:
    """The message as `hop` passes it on."""
    host = f"mx.{hop}"
    message = authres.field(host, results) + message
    end = signing.header_end(message)
    digest = RelaxedBodyHash()
    digest.feed(message[end:])
    one = signing.signer(pair(hop, "s")[0])
    made = sealing.seal(one, message[:end], digest.digest(), host, NOW)
    assert made
    return made + message


def chained(hops: Sequence[str] = HOPS) -> bytes:
    message = MESSAGE
    for at, hop in enumerate(hops):
        arc_result = (Result("arc", "pass"),) if at else ()
        message = sealed(message, hop, Result("dmarc", "fail" if at else "pass"), *arc_result)
    return message


CHAIN = chained()


def judged(message: bytes, zone: dict[tuple[str, str], Any] | None = None) -> Chain:
    resolver = FakeResolver(ZONE if zone is None else zone)

    async def keys(signatures: Sequence[Signature]) -> Sequence[Key | Unusable]:
        return [await dkim.key_of(resolver, one) for one in signatures]

    head, empty, body = message.partition(b"\r\n\r\n")
    return run(arc.check(Header(head + empty), memoryview(body), keys, FakeClock(NOW)))


def test_no_chain() -> None:
    assert judged(MESSAGE) == Chain("none")


@pytest.mark.parametrize("length", [1, 2, 3])
def test_a_chain_that_holds(length: int) -> None:
    first = Results("mx.a.example", (Result("dmarc", "pass"),))
    assert judged(chained(HOPS[:length])) == Chain("pass", "", HOPS[:length], first)


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        (b"this is all", b"this is more", "the body was changed"),
        (b"Subject: a", b"Subject: b", "the signature does not match"),
        (b"From: Ann", b"From: Joe <x@y>\r\nFrom: Ann", "the signature does not match"),
        (b"dmarc=pass", b"dmarc=none", "a seal does not match"),
        (b"i=1; ", b"i=4; ", "the chain has gaps"),
        (b"i=1; ", b"i=0; ", "a field of the chain has no instance"),
        (b"i=1; ", b"i=51; ", "a field of the chain has no instance"),
        (b"i=1; ", b"i=2; ", "a field of the chain stands twice"),
        (b"cv=none", b"cv=pass", "a sealer says what cannot be"),
        (b"cv=none", b"cv=fail", "a sealer says what cannot be"),
        (b"cv=pass", b"cv=fail", "the last sealer found that the chain fails"),
        (b"ARC-Seal: ", b"X-Seal: ", "the chain has gaps"),
        (b"d=b.example", b"d=x.example", "no key"),
        (b"a=rsa-sha256", b"a=rsa-sha1", "SHA-1 proves nothing (RFC 8301 3.1)"),
    ],
)
def test_a_chain_that_was_touched(old: bytes, new: bytes, reason: str) -> None:
    assert old in CHAIN
    message = CHAIN
    if old == b"dmarc=pass":
        place = message.rindex(b"ARC-Authentication-Results")
        message = message[:place] + message[place:].replace(old, new, 1)
    elif old == b"d=b.example":
        message = message.replace(old, new)
    elif old == b"i=1; ":
        place = message.rindex(b"ARC-Seal: i=1;")
        message = message[:place] + message[place:].replace(old, new, 1)
    else:
        message = message.replace(old, new, 1)
    assert judged(message) == Chain("fail", reason)


def test_fields_that_were_put_on_top() -> None:
    assert judged(b"Subject: other\r\n" + CHAIN).result == "fail"
    assert judged(b"Received: by x\r\nX-Other: y\r\n" + CHAIN).result == "pass"
    field = b"ARC-Authentication-Results: i=1; mx.a.example; dmarc=pass\r\n"
    assert judged(field + CHAIN).reason == "a field of the chain stands twice"
    assert judged(field + MESSAGE).reason == "the chain has gaps"


def test_a_dead_dns_and_a_revoked_key() -> None:
    assert judged(CHAIN, {}).result == "fail"
    name = record_name(pair("b.example", "s")[0])
    assert judged(CHAIN, ZONE | {(name, "TXT"): [b"v=DKIM1; p="]}).reason == "the key was revoked"


def test_many_sets_are_bounded() -> None:
    field = b"ARC-Seal: i=%d; a=rsa-sha256; cv=pass; d=a.example; s=s; b=AAAA\r\n"
    assert judged(b"".join(field % at for at in range(1, 60)) + MESSAGE).result == "fail"


@settings(max_examples=50)
@given(
    st.lists(
        st.sampled_from(
            (
                *(b"ARC-Seal:", b"ARC-Message-Signature:", b"ARC-Authentication-Results:"),
                *(b"i=1", b"i=2", b"; ", b"cv=none", b"cv=pass", b"d=a.example", b"s=s", b"b=AAAA"),
                *(
                    b"a=rsa-sha256",
                    b"h=from",
                    b"bh=" + base64.b64encode(b"x" * 32),
                    b"\r\n",
                    b"\x00",
                ),
            )
        ),
        max_size=60,
    ).map(b"".join)
)
def test_any_octets_have_a_result(fields: bytes) -> None:
    assert judged(fields + b"\r\n" + MESSAGE).result in ("none", "fail")
