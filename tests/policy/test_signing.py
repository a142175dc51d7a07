from __future__ import annotations

import base64

import dkim
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from hypothesis import given, settings
from hypothesis import strategies as st

from mailhub.model.errors import Invalid
from mailhub.policy import signing
from mailhub.wire.relaxed import RelaxedBodyHash
from tests.signed import MESSAGE, lookup, pair

NOW = 1_700_000_000
BOTH = tuple(map(signing.signer, pair()))


def signed(message: bytes, signers: tuple[signing.Signer, ...] = BOTH, lifetime: int = 0) -> bytes:
    end = signing.header_end(message)
    digest = RelaxedBodyHash()
    digest.feed(message[end:])
    return signing.sign(signers, message[:end], digest.digest(), NOW, lifetime=lifetime) + message


def verdicts(message: bytes) -> list[bool]:
    """Of both signatures, as dkimpy has them."""
    judge = dkim.DKIM(message)
    return [judge.verify(idx, dnsfunc=lookup(pair())) for idx in (0, 1)]


def with_body(body: bytes) -> bytes:
    return MESSAGE[: signing.header_end(MESSAGE)] + body


@pytest.mark.parametrize(
    "message",
    [
        MESSAGE,
        with_body(b""),
        with_body(b"\r\n\r\n"),
        with_body(b"one line\r\n"),
        with_body(b"\xff\xfe\0 8-bit \r\n" * 2000),
        with_body(b" \t\r\n" * 50_000 + b"end\r\n"),
        b"From: a@example.org\r\n\r\nhi\r\n",
        b"FROM:a@example.org\r\nSubject:\r\n\r\nhi\r\n",
        b"From: a@example.org\r\nTo: x@y.z\r\nTo: x@y.z\r\nCc: "
        + b"a@b.c, " * 900
        + b"\r\n\r\nhi\r\n",
        b"From: a@example.org\r\nList-Id: <l.example.org>\r\nList-Unsubscribe: <https://x.y/z>\r\n"
        b"List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\nReferences: <a@b>\r\n <c@d>\r\n"
        b"\r\nhi\r\n",
        "From: Jörg <jörg@example.org>\r\nSubject: grüße\r\n\r\nhi\r\n".encode(),
        b"From: a@example.org\r\nDKIM-Signature: v=1; b=\r\n\r\nhi\r\n",
    ],
    ids=range(12),
)
def test_dkimpy_verifies_both_signatures(message: bytes) -> None:
    assert verdicts(signed(message)) == [True, True]


names = st.sampled_from(
    ["From", "To", "cc", "SUBJECT", "Date", "List-Id", "X-Other", "Received", "References"]
)
values = st.lists(
    st.sampled_from([" ", "\t", "\r\n ", "word", "ünï", "a@b.c", ";", "b=", "=", ":", '"']),
    max_size=12,
).map("".join)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(names, values), max_size=12), st.binary(max_size=200))
def test_dkimpy_verifies_any_message(fields: list[tuple[str, str]], body: bytes) -> None:
    body = body.replace(b"\r", b"").replace(b"\n", b"\r\n") + b"\r\n"
    block = "".join(f"{name}:{value}x\r\n" for name, value in [("From", "a@b.c"), *fields])
    assert verdicts(signed(block.encode() + b"\r\n" + body)) == [True, True]


@pytest.mark.parametrize(
    "name", ["From", "To", "Cc", "Subject", "Date", "Message-ID", "Reply-To", "Content-Type"]
)
def test_no_field_that_people_see_can_be_added(name: str) -> None:
    message = signed(MESSAGE)
    assert verdicts(f"{name}: x@evil.example\r\n".encode() + message) == [False, False]
    body = message.index(b"\r\n\r\n")
    late = message[:body] + f"\r\n{name}: x@evil.example".encode() + message[body:]
    assert verdicts(late) == [False, False]


def test_what_servers_on_the_way_add_or_change_breaks_nothing() -> None:
    message = b"Received: by other\r\nList-Id: <x.y>\r\nSender: l@x.y\r\n" + signed(MESSAGE)
    assert verdicts(message.replace(b"a  subject", b"a subject")) == [True, True]


def test_a_changed_body_does_not_verify() -> None:
    message = signed(MESSAGE).replace(b"this is all", b"this is not all")
    judge = dkim.DKIM(message)
    for index in (0, 1):
        with pytest.raises(dkim.ValidationError, match="body hash"):
            judge.verify(index, dnsfunc=lookup(pair()))


def test_what_the_signature_says() -> None:
    text = signed(MESSAGE, lifetime=600).decode()
    head = text[: text.index("Received:")]
    assert head.count("DKIM-Signature: v=1; a=") == 2
    assert head.index("a=rsa-sha256") < head.index("a=ed25519-sha256")
    assert "l=" not in head.replace("rsa-sha256; c=relaxed/relaxed", "").split("b=")[0]
    assert f"t={NOW}; x={NOW + 600};" in head.replace("\r\n\t", " ")
    assert "x=" not in signed(MESSAGE).decode().split("b=")[0].replace("relaxed", "")
    assert all(len(line) <= 78 for line in head.split("\r\n"))
    unfolded = head.replace("\r\n\t", "")
    for name in ("from", "to", "subject", "date", "message-id", "mime-version", "content-type"):
        assert f":{name}:{name}:" in unfolded.replace("h=", ":")
    assert ":cc:" in unfolded
    assert ":reply-to:" in unfolded


def test_a_thousand_fields_of_one_name_make_no_endless_signature() -> None:
    message = (
        b"From: a@example.org\r\n" + b"Received-By: x\r\nList-Id: <a.b>\r\n" * 5000 + b"\r\nhi\r\n"
    )
    made = signed(message)
    assert len(made) - len(message) < 6000
    assert verdicts(made) == [True, True]


def pem(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey, form: PrivateFormat) -> str:
    return key.private_bytes(Encoding.PEM, form, NoEncryption()).decode()


def test_keys_from_elsewhere() -> None:
    key = rsa.generate_private_key(65537, 1024)
    algorithm, private, public = signing.imported(pem(key, PrivateFormat.TraditionalOpenSSL))
    assert algorithm == "rsa"
    assert private.startswith("-----BEGIN PRIVATE KEY-----")
    assert base64.b64decode(public)[0] == 0x30
    for own in pair():
        assert signing.imported(own.private) == (own.algorithm, own.private, own.public)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
        pem(rsa.generate_private_key(65537, 1023 + 1), PrivateFormat.PKCS8)[:200],
        pem(ec.generate_private_key(ec.SECP256R1()), PrivateFormat.PKCS8),
    ],
    ids=["nothing", "no key", "cut", "another curve"],
)
def test_what_is_no_signing_key_is_refused(text: str) -> None:
    with pytest.raises(Invalid) as raised:
        signing.imported(text)
    assert raised.value.field == "private"
