from __future__ import annotations

import base64

import dkim
import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_der_public_key

from mailhub.policy import authres, sealing, signing
from mailhub.policy.authres import Result
from mailhub.wire import header
from mailhub.wire.relaxed import RelaxedBodyHash, relaxed_field
from tests.signed import MESSAGE, lookup, pair

NOW = 1_700_000_000
US, THEM = pair(), pair("forwarder.example", "s1")
HOST = "mx.example.org"


def judged(message: bytes, host: str, *results: Result) -> bytes:
    return authres.field(host, results or [Result("spf", "pass")]) + message


def sealed(message: bytes, keys: tuple = US, host: str = HOST) -> bytes:
    end = signing.header_end(message)
    digest = RelaxedBodyHash()
    digest.feed(message[end:])
    signer = signing.signer(keys[0])
    return sealing.seal(signer, message[:end], digest.digest(), host, NOW) + message


def verdict(message: bytes) -> bytes | None:
    cv, _, _ = dkim.ARC(message).verify(dnsfunc=lookup((*US, *THEM)))
    return cv


def first() -> bytes:
    """A message that another forwarder has sealed."""
    results = [Result("dkim", "pass", (("header.d", "a.example"),)), Result("spf", "pass")]
    return sealed(judged(MESSAGE, "mx.forwarder.example", *results), THEM, "mx.forwarder.example")


def test_the_first_seal() -> None:
    message = first()
    assert verdict(message) == b"pass"
    head = message[: message.index(b"Authentication-Results: mx.f", 30)].decode()
    assert head.startswith("ARC-Seal: i=1; a=rsa-sha256; cv=none;\r\n\td=forwarder.example; s=s1;")
    aar = head[head.index("ARC-Authentication-Results:") :]
    assert aar.startswith("ARC-Authentication-Results: i=1; mx.forwarder.example;\r\n\tdkim=pass")
    ams = head[head.index("ARC-Message-Signature") : head.index("ARC-Authentication-Results")]
    assert "authentication-results" not in ams
    assert "arc-seal" not in ams


def test_a_chain_of_three() -> None:
    message = sealed(judged(first(), HOST, Result("arc", "pass"), Result("spf", "fail")))
    assert verdict(message) == b"pass"
    assert message.startswith(b"ARC-Seal: i=2; a=rsa-sha256; cv=pass;")
    third = sealed(
        judged(message, "mx.forwarder.example", Result("arc", "pass")), THEM, "mx.forwarder.example"
    )
    assert verdict(third) == b"pass"
    assert third.startswith(b"ARC-Seal: i=3;")
    assert verdict(third.replace(b"this is all", b"this is more")) == b"fail"
    assert verdict(third.replace(b"spf=fail", b"spf=pass", 1)) == b"fail"


def test_a_chain_that_failed_is_ended_by_a_seal_of_its_own_set() -> None:
    broken = first().replace(b"this is all", b"this is more")
    assert verdict(broken) == b"fail"
    message = sealed(judged(broken, HOST, Result("arc", "fail")))
    assert message.startswith(b"ARC-Seal: i=2; a=rsa-sha256; cv=fail;")
    judge = dkim.ARC(message)
    cv, results, reason = judge.verify(dnsfunc=lookup((*US, *THEM)))
    assert cv is None, reason
    assert results[0]["ams-valid"]
    again = judged(message, HOST, Result("arc", "fail"))
    assert sealed(again) == again, "nothing is said behind the end of a chain"


def test_a_seal_of_a_failed_chain_signs_its_own_set_alone() -> None:
    """RFC 8617 5.1.2: the same octets as if no other set were there."""
    message = sealed(judged(first(), HOST, Result("arc", "fail")))
    block = message[: signing.header_end(message)]
    seal, ams, aar = list(header.fields(block))[:3]
    own = [relaxed_field(name, value.removesuffix(b"\r")) for name, value in (aar, ams, seal)]
    said, _, signature = own[2].rpartition(b"b=")
    signed = b"\r\n".join((*own[:2], said + b"b="))
    key = load_der_public_key(base64.b64decode(US[0].public))
    key.verify(base64.b64decode(signature), signed, PKCS1v15(), SHA256())
    with pytest.raises(InvalidSignature):
        key.verify(base64.b64decode(signature), signed + b" ", PKCS1v15(), SHA256())


@pytest.mark.parametrize(
    "message",
    [
        MESSAGE,
        judged(MESSAGE, "mx.other.example"),
        judged(first(), HOST, Result("spf", "pass")),
        judged(first(), HOST, Result("arc", "none")),
        judged(first(), HOST, Result("spf", "pass", reason="x; arc=pass")),
        judged(first(), HOST, Result("arc", "temperror")),
        judged(b"ARC-Seal: i=50; cv=pass; b=\r\n" + first(), HOST, Result("arc", "pass")),
    ],
    ids=[
        "not judged",
        "judged elsewhere",
        "not tested",
        "none",
        "spoofed",
        "temperror",
        "too many",
    ],
)
def test_nothing_is_sealed_that_was_not_judged(message: bytes) -> None:
    assert sealed(message) == message


def test_only_the_uppermost_results_under_our_name_count() -> None:
    message = judged(judged(MESSAGE, HOST, Result("spf", "fail")), HOST, Result("spf", "pass"))
    aar = sealed(message).split(b"ARC-Authentication-Results:")[1].split(b"\r\n")[1]
    assert aar == b"\tspf=pass"
