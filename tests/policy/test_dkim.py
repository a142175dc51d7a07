"""DKIM as it is verified: the RFCs' example, other implementations' signatures, and tricks."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from typing import Any

import dkim as dkimpy
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from mailhub.model.errors import Unavailable
from mailhub.policy import dkim
from mailhub.policy.dkim import Checked
from mailhub.policy.keyrecord import Key
from mailhub.policy.signed import Header, Signature, Unusable
from mailhub.wire.bodydigest import BodyDigests
from mailhub.wire.relaxed import relaxed_field
from tests.fakes import FakeClock
from tests.names import FakeResolver
from tests.support import run

RSA_KEY = rsa.generate_private_key(65537, 2048)
PEM = RSA_KEY.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())
SPKI = base64.b64encode(
    RSA_KEY.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
)
PKCS1 = base64.b64encode(RSA_KEY.public_key().public_bytes(Encoding.DER, PublicFormat.PKCS1))
# Of 768 bits, which libraries do not make any more.
SMALL_PEM = b"""\
-----BEGIN RSA PRIVATE KEY-----
MIIBzAIBAAJhAMdtk+4SUjFseqUxfOp+WOf6ukmYuvIHdus4pPjFPSWpIRez9iBN
QJnY9WoKVzrjxm4jDGmZ3HYXvHVlGuPO5tfTHoixX39c1NYmby9kKNfAqKi3OZSB
eLT+CgI0zfON5wIDAQABAmBELZUGLeNFnEVtljaTYDB61j+7i2hV9/FSxyG3Ho8i
AekbVl3NezubnQ2BfBmIO3fvOSG2j3AoLvpfQSC7Yq/m+GSGw9N4JF1Oq8TUAhFa
1IVW9wnEfarvFt0uFyox1CkCMQDxV9AJWDKILL/wos06p3dIbzSmkkkIg4VhJn2Z
dNBaov6GOE7p+P9KbOcI1sCQL2sCMQDTihu2aC8jY+D3wZVr9oGbEHa1CrCLZQ6R
ePlNAPu411L1yAvXXSRXRUyNzIQMJnUCMQDbYVw9Mkv01uC+5+4wVAws7tFoXO9A
avVyYx+mv7WpviIpdcPeETZWu/mjYjr2lfMCMQCKKlmBYTjwn4rPp8PlmUL7udwe
0VWQJjhGscH7FppTF2ibGccKKk7TJXMj5qGUogUCMQCdJAT//4pWoJcZDoElq/SH
02BKieMPdw4zmyh+urpzh26RF/vBNXr+nYlPg3H8TBU=
-----END RSA PRIVATE KEY-----
"""
SMALL_PUBLIC = (
    b"MHwwDQYJKoZIhvcNAQEBBQADawAwaAJhAMdtk+4SUjFseqUxfOp+WOf6ukmYuvIHdus4pPjFPSWpIRez9iBNQJnY9WoK"
    b"Vzrjxm4jDGmZ3HYXvHVlGuPO5tfTHoixX39c1NYmby9kKNfAqKi3OZSBeLT+CgI0zfON5wIDAQAB"
)
ED_KEY = Ed25519PrivateKey.generate()
ED_SEED = base64.b64encode(ED_KEY.private_bytes_raw())
ED_PUBLIC = base64.b64encode(ED_KEY.public_key().public_bytes_raw())

ZONE: dict[tuple[str, str], Any] = {
    ("r._domainkey.example.com", "TXT"): [b"v=DKIM1; k=rsa; p=" + SPKI],
    ("e._domainkey.example.com", "TXT"): [b"v=DKIM1; k=ed25519; p=" + ED_PUBLIC],
    ("small._domainkey.example.com", "TXT"): [b"v=DKIM1; p=" + SMALL_PUBLIC],
}
MESSAGE = (
    b"From: Joe <joe@example.com>\r\nTo: ann@example.org\r\nSubject: A \t walk\r\n  in the park\r\n"
    b"Date: Sat, 21 Nov 2026 10:00:00 +0000\r\nMessage-ID: <1@example.com>\r\n\r\n"
    b"Hello  there \r\n\tAnn\r\n\r\n\r\n"
)
NOW = 1_800_000_000


def judged(message: bytes, zone: dict[tuple[str, str], Any] | None = None) -> list[Checked]:
    """Every signature of a message."""
    resolver = FakeResolver(ZONE if zone is None else zone)

    async def keys(signatures: Sequence[Signature]) -> Sequence[Key | Unusable]:
        return [await dkim.key_of(resolver, one) for one in signatures]

    head, empty, body = message.partition(b"\r\n\r\n")
    header = Header(head + empty)
    return run(dkim.check(header, memoryview(body), keys, FakeClock(NOW)))


def results(message: bytes, zone: dict[tuple[str, str], Any] | None = None) -> list[str]:
    return [one.result for one in judged(message, zone)]


def signed(message: bytes = MESSAGE, **options: Any) -> bytes:
    """The message with dkimpy's signature on top."""
    options = {"selector": b"r", "domain": b"example.com", "privkey": PEM, **options}
    made: bytes = dkimpy.sign(message, **options)
    return made + message


def by_hand(
    tags: str, fields: str = "from", message: bytes = MESSAGE, *, length: int | None = None
) -> bytes:
    """A message with a right Ed25519 signature whose tags are written by hand."""
    head, _, body = message.partition(b"\r\n\r\n")
    digests = BodyDigests([length], relaxed=True)
    digests.feed(body)
    digests.finish()
    hashed = base64.b64encode(digests.digest(length)).decode()
    value = f" {tags} bh={hashed}; h={fields}; b="
    field = f"DKIM-Signature:{value}".encode()
    lines = Header(head + b"\r\n\r\n").selected(
        [name.encode() for name in fields.split(":")], relaxed=True
    )
    data = lines + relaxed_field(b"dkim-signature", value.encode())
    made = base64.b64encode(ED_KEY.sign(hashlib.sha256(data).digest()))
    return field + made + b"\r\n" + message


TAGS = "v=1; a=ed25519-sha256; c=relaxed/relaxed; d=example.com; s=e;"

RFC_8463 = b"""\
DKIM-Signature: v=1; a=ed25519-sha256; c=relaxed/relaxed;
 d=football.example.com; i=@football.example.com;
 q=dns/txt; s=brisbane; t=1528637909; h=from : to :
 subject : date : message-id : from : subject : date;
 bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;
 b=/gCrinpcQOoIfuHNQIbq4pgh9kyIK3AQUdt9OdqQehSwhEIug4D11Bus
 Fa3bT3FY5OsU7ZbnKELq+eXdp1Q1Dw==
DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed;
 d=football.example.com; i=@football.example.com;
 q=dns/txt; s=test; t=1528637909; h=from : to : subject :
 date : message-id : from : subject : date;
 bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;
 b=F45dVWDfMbQDGHJFlXUNB2HKfbCeLRyhDXgFpEL8GwpsRe0IeIixNTe3
 DhCVlUrSjV4BwcVcOF6+FF3Zo9Rpo1tFOeS9mPYQTnGdaSGsgeefOsk2Jz
 dA+L10TeYt9BgDfQNZtKdN1WO//KgIqXP7OdEFE4LjFYNcUxZQ4FADY+8=
From: Joe SixPack <joe@football.example.com>
To: Suzie Q <suzie@shopping.example.net>
Subject: Is dinner ready?
Date: Fri, 11 Jul 2003 21:00:37 -0700 (PDT)
Message-ID: <20030712040037.46341.5F8J@football.example.com>

Hi.

We lost the game.  Are you hungry yet?

Joe.
""".replace(b"\n", b"\r\n")
RFC_8463_ZONE: dict[tuple[str, str], Any] = {
    ("brisbane._domainkey.football.example.com", "TXT"): [
        b"v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="
    ],
    ("test._domainkey.football.example.com", "TXT"): [
        b"v=DKIM1; k=rsa; p=MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDkHlOQoBTzWRiGs5V6NpP3idY6Wk08a5"
        b"qhdR6wy5bdOKb2jLQiY/J16JYi0Qvx/byYzCNb3W91y3FutACDfzwQ/BC/e/8uBsCR+yz1Lxj+PL6lHvqMKrM3rG4"
        b"hstT5QjvHO9PzoxZyVYLzBfO2EeC3Ip3G+2kryOTIKT+l/K4w3QIDAQAB"
    ],
}


def test_the_example_of_rfc_8463() -> None:
    found = judged(RFC_8463, RFC_8463_ZONE)
    assert [(one.result, one.domain, one.label.selector) for one in found] == [
        ("pass", "football.example.com", "brisbane"),
        ("pass", "football.example.com", "test"),
    ]
    assert found[0].label.start == "/gCrinpc"


@pytest.mark.parametrize("header", [b"simple", b"relaxed"])
@pytest.mark.parametrize("body", [b"simple", b"relaxed"])
@pytest.mark.parametrize("kind", ["rsa", "ed25519"])
def test_dkimpys_signatures(header: bytes, body: bytes, kind: str) -> None:
    options: dict[str, Any] = {"canonicalize": (header, body)}
    if kind == "ed25519":
        options |= {"selector": b"e", "privkey": ED_SEED, "signature_algorithm": b"ed25519-sha256"}
    message = signed(**options)
    assert results(message) == ["pass"]
    assert results(message.replace(b"Hello", b"Hullo")) == ["fail"]
    assert results(message.replace(b"walk", b"talk")) == ["fail"]
    assert results(message + b"\r\n\r\n") == ["pass"]
    loose = message.replace(b"Hello  there \r\n", b"Hello there\r\n")
    assert results(loose) == ["pass" if body == b"relaxed" else "fail"]
    loose = message.replace(b"Subject: A", b"SUBJECT:A")
    assert results(loose) == ["pass" if header == b"relaxed" else "fail"]
    assert results(b"Received: by a\r\nX-New: 1\r\n" + message) == ["pass"]


BODIES = st.lists(
    st.sampled_from([b" ", b"\t", b"\r\n", b"a", b"bc", b".", b"\x80", b"  \r\n"]), max_size=30
).map(b"".join)


@settings(max_examples=50, deadline=None)
@given(BODIES, st.sampled_from([b"relaxed", b"simple"]), st.integers(0, 200), st.integers(0, 255))
def test_as_dkimpy_says(body: bytes, form: bytes, place: int, octet: int) -> None:
    body += b"\r\n"  # what comes over SMTP ends so
    head = MESSAGE.partition(b"\r\n\r\n")[0]
    message = bytearray(
        signed(
            head + b"\r\n\r\n" + body,
            selector=b"e",
            privkey=ED_SEED,
            signature_algorithm=b"ed25519-sha256",
            canonicalize=(form, form),
        )
    )
    start = message.index(b"From: Joe")
    # dkimpy takes VT and FF for spaces, which RFC 6376 2.8 does not.
    at = start + place % (len(message) - start)
    if octet not in b"\r\n:\v\f" and message[at] not in b"\r\n:":
        message[at] = octet
    changed = bytes(message)
    dns = {f"{name}.".encode(): record[0] for (name, _), record in ZONE.items()}
    try:
        wanted = dkimpy.DKIM(changed).verify(dnsfunc=lambda name, timeout=5: dns[name])
    except dkimpy.DKIMException:
        wanted = False
    assert (results(changed) == ["pass"]) is wanted


@pytest.mark.parametrize(
    ("tags", "fields", "result", "reason"),
    [
        (TAGS, "from:to:subject", "pass", ""),
        (TAGS + " i=joe@mail.example.com;", "from", "pass", ""),
        (TAGS + " i=@example.org;", "from", "permerror", "i= is outside d="),
        (TAGS + " i=joe@notexample.com;", "from", "permerror", "i= is outside d="),
        (TAGS, "to:subject", "permerror", "From is not signed"),
        (TAGS + " l=5000;", "from", "fail", "the body is shorter than what was signed"),
        (TAGS + " l=x;", "from", "permerror", "A value is not a number"),
        (TAGS + f" l={'9' * 77};", "from", "permerror", "A value is not a number"),
        (TAGS + f" x={NOW - 1};", "from", "permerror", "it has expired"),
        (
            TAGS + f" x={NOW + 1}; t={NOW + 2};",
            "from",
            "permerror",
            "it expires before it was made",
        ),
        (TAGS + f" x={NOW + 1}; t={NOW};", "from", "pass", ""),
        (TAGS + " q=http;", "from", "permerror", "unknown query method"),
        (TAGS + " z=From:x|To:y;", "from", "pass", ""),
        (TAGS.replace("v=1", "v=2"), "from", "permerror", "unknown version"),
        (TAGS.replace("v=1; ", ""), "from", "permerror", "no v="),
        (TAGS + " d=example.com;", "from", "permerror", "The tag d stands twice"),
        (
            TAGS.replace("s=e", "s=e\x00"),
            "from",
            "permerror",
            "The tag list holds control characters",
        ),
        (TAGS.replace("d=example.com", "d=example.com\x00.org"), "from", "permerror", None),
        (TAGS.replace("s=e", "s=e/../e"), "from", "permerror", "s= is no selector"),
        (TAGS.replace("s=e", "s=e("), "from", "permerror", "s= is no selector"),
        (TAGS.replace("d=example.com", "d=example.com@x"), "from", "permerror", "d= is no domain"),
        (TAGS.replace("d=example.com", "d=[192.0.2.1]"), "from", "permerror", "d= is no domain"),
        (TAGS.replace("d=example.com", "d=."), "from", "permerror", "d= is no domain"),
        (TAGS.replace("ed25519-sha256", "rsa-sha1"), "from", "permerror", None),
        (
            TAGS.replace("ed25519-sha256", "rsa-sha256"),
            "from",
            "permerror",
            "the key is of another kind",
        ),
        (TAGS.replace("ed25519-sha256", "none"), "from", "permerror", "unknown algorithm"),
        (
            TAGS.replace("c=relaxed/relaxed", "c=nofws"),
            "from",
            "permerror",
            "unknown canonicalization",
        ),
        (TAGS.replace("s=e", "s=missing"), "from", "permerror", "no key"),
    ],
)
def test_tags(tags: str, fields: str, result: str, reason: str | None) -> None:
    (found,) = judged(by_hand(tags, fields))
    assert found.result == result
    assert reason is None or found.reason == reason
    assert found.domain == ("example.com" if result == "pass" else "")


def test_a_body_that_is_signed_in_part_counts_for_nothing() -> None:
    whole = len(b"Hello there\r\n Ann\r\n")
    message = by_hand(TAGS + " l=5;", length=5)
    (found,) = judged(message)
    assert (found.result, found.domain) == ("policy", "")
    assert found.reason == "only the start of the body is signed"
    assert results(message.replace(b"Hello", b"Hullo")) == ["fail"]
    assert results(by_hand(TAGS + f" l={whole};", length=whole)) == ["pass"]
    assert results(by_hand(TAGS + f" l={whole};", length=whole) + b"more\r\n") == ["policy"]
    assert results(by_hand(TAGS + " l=0;", length=0)) == ["policy"]


@pytest.mark.parametrize(
    ("record", "result"),
    [
        (b"p=KEY; k=ed25519", "pass"),
        (b"v=DKIM1;k=ed25519;p=KEY;", "pass"),
        (b"v=DKIM1; k=ed25519; s=email:x; p=KEY", "pass"),
        (b"v=DKIM1; k=ed25519; n=a note; g=*; p=KEY", "pass"),
        (b"k=ed25519; v=DKIM1; p=KEY", "permerror"),
        (b"v=DKIM2; k=ed25519; p=KEY", "permerror"),
        (b"v=DKIM1; k=ed25519; p=", "permerror"),
        (b"v=DKIM1; k=ed25519", "permerror"),
        (b"v=DKIM1; k=ed25519; p=AAAA", "permerror"),
        (b"v=DKIM1; k=ed25519; p=%%%%", "permerror"),
        (b"v=DKIM1; k=x; p=KEY", "permerror"),
        (b"v=DKIM1; p=KEY", "permerror"),
        (b"v=DKIM1; k=ed25519; h=sha1; p=KEY", "permerror"),
        (b"v=DKIM1; k=ed25519; s=tlsrpt; p=KEY", "permerror"),
        (b"\xff\x00", "permerror"),
        (b"", "permerror"),
    ],
)
def test_key_records(record: bytes, result: str) -> None:
    zone = {("e._domainkey.example.com", "TXT"): [record.replace(b"KEY", ED_PUBLIC)]}
    assert results(by_hand(TAGS), zone) == [result]


def test_a_key_for_its_own_domain_only_and_one_under_test() -> None:
    zone = {("e._domainkey.example.com", "TXT"): [b"k=ed25519; t=s:y; p=" + ED_PUBLIC]}
    assert results(by_hand(TAGS), zone) == ["pass"]
    assert results(by_hand(TAGS + " i=@x.example.com;"), zone) == ["permerror"]
    assert results(by_hand(TAGS) + b"more\r\n", zone) == ["neutral"]


def test_other_forms_of_rsa_keys() -> None:
    zone = {("r._domainkey.example.com", "TXT"): [b"nonsense", b"p=" + PKCS1]}
    assert results(signed(), zone) == ["pass"]


def test_a_short_key_proves_nothing() -> None:
    (found,) = judged(signed(selector=b"small", privkey=SMALL_PEM))
    assert found.result == "policy"


@pytest.mark.parametrize(("exponent", "bits"), [((1 << 2000) + 1, 2048), (65537, 5120)])
def test_a_key_that_costs_others_their_time_is_not_used(exponent: int, bits: int) -> None:
    numbers = rsa.RSAPublicNumbers(exponent, (1 << (bits - 1)) + 1)
    public = numbers.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    zone = {("r._domainkey.example.com", "TXT"): [b"p=" + base64.b64encode(public)]}
    (result,) = results(signed(), zone)
    assert result in ("policy", "permerror")


def test_a_dead_dns_is_temporary() -> None:
    assert results(signed(), {("r._domainkey.example.com", "TXT"): Unavailable("x")}) == [
        "temperror"
    ]
    assert results(signed(), {}) == ["permerror"]


@pytest.mark.parametrize(
    "added",
    [b"Subject: Other", b"From: other@example.org", b"To: x@y", b"Date: now", b"Message-ID: <2@x>"],
)
@pytest.mark.parametrize("below", [True, False])
def test_fields_that_were_added(added: bytes, below: bool) -> None:
    message = by_hand(TAGS, "from:to:subject:date:message-id")
    if below:
        message = message.replace(b"\r\n\r\n", b"\r\n" + added + b"\r\n\r\n", 1)
    else:
        message = added + b"\r\n" + message
    (found,) = judged(message)
    assert found.result == ("fail" if below else "policy")


def test_ten_signatures_and_no_more() -> None:
    one = by_hand(TAGS).partition(b"\r\n")[0] + b"\r\n"
    assert results(one * 30 + MESSAGE) == ["pass"] * 10


def test_a_header_of_too_many_fields() -> None:
    assert results(b"X: y\r\n" * 5001 + by_hand(TAGS)) == []
    assert results(
        by_hand(TAGS).replace(b"\r\n\r\n", b"\r\n" + b"X: y\r\n" * 5000 + b"\r\n", 1)
    ) == ["permerror"]


@settings(max_examples=50)
@given(
    st.lists(
        st.sampled_from(
            (
                *(b"v=1", b"a=rsa-sha256", b"b=", b"bh=AAAA", b"d=example.com", b"s=e", b"h=from"),
                *(b"l=1", b";", b" ", b"\r\n ", b"=", b"\x00", b"\xff", b"c=simple/", b"t="),
                *(b"x=-1", b"i=@", b":"),
            )
        ),
        max_size=25,
    ).map(b"".join),
    st.binary(max_size=60),
)
def test_any_octets_have_a_result(value: bytes, rest: bytes) -> None:
    for message in (b"DKIM-Signature:" + value + b"\r\n" + MESSAGE, value + rest, rest + MESSAGE):
        assert all(one.result != "pass" for one in judged(message))
