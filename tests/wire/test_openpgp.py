"""OpenPGP public keys: what GnuPG says of the same key, and that no bytes are a surprise."""

from __future__ import annotations

from base64 import b64encode

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailhub.model.errors import Invalid
from mailhub.wire import openpgp

KEY = """-----BEGIN PGP PUBLIC KEY BLOCK-----

mDMEawFtvhYJKwYBBAHaRw8BAQdAuWJDYXRpi4/I8J0J4aP5zmU9pFJkTLmuvqwp
uN1Tpv20GUpvZSBEb2UgPGpvZUBleGFtcGxlLm9yZz6IkAQTFggAOBYhBLh3YFZg
q4fMT2VmzZeaygdawC2nBQJrAW2+AhsDBQsJCAcCBhUKCQgLAgQWAgMBAh4BAheA
AAoJEJeaygdawC2nOKoBAIYR127VjEA9iFG6ku8OD8pMelv/YiXdSDarRosN9xhu
AQDxO8GNivb3gzjWdrjSP5MaQtI8jVDj41PtoUjs61cYDA==
=zjv1
-----END PGP PUBLIC KEY BLOCK-----
"""


def armored(data: bytes, checksum: str = "") -> str:
    text = b64encode(data).decode()
    head, tail = "-----BEGIN PGP PUBLIC KEY BLOCK-----", "-----END PGP PUBLIC KEY BLOCK-----"
    return f"{head}\n\n{text}\n{checksum}{tail}\n"


def test_a_key_from_gnupg() -> None:
    facts = openpgp.read(KEY)
    assert facts.fingerprint == "b877605660ab87cc4f6566cd979aca075ac02da7"
    assert (facts.name, facts.address) == ("Joe Doe", "joe@example.org")


def test_line_ends_comments_and_spaces_around_do_not_matter() -> None:
    commented = KEY.replace("BLOCK-----\n\n", "BLOCK-----\nComment: mine\nVersion: 1\n\n", 1)
    for text in (KEY.replace("\n", "\r\n"), f"\n {KEY}\n", commented, KEY.replace("=zjv1\n", "")):
        assert openpgp.read(text) == openpgp.read(KEY)


def new_packet(tag: int, body: bytes, form: int = 1) -> bytes:
    if form == 1 and len(body) < 192:
        return bytes([0xC0 | tag, len(body)]) + body
    if form == 2:
        value = len(body) - 192
        return bytes([0xC0 | tag, 192 + (value >> 8), value & 255]) + body
    return bytes([0xC0 | tag, 255]) + len(body).to_bytes(4, "big") + body


def test_every_form_of_a_length_is_read_alike() -> None:
    body = b"\x04" + b"k" * 250
    old = bytes([0x80 | 6 << 2 | 1]) + len(body).to_bytes(2, "big") + body
    forms = [old, new_packet(6, body, 2), new_packet(6, body, 5)]
    assert len({openpgp.read(armored(form)).fingerprint for form in forms}) == 1


def test_a_version_6_key_has_a_longer_fingerprint() -> None:
    assert len(openpgp.read(armored(new_packet(6, b"\x06key"))).fingerprint) == 64


BAD = [
    "",
    "key",
    KEY.replace("PUBLIC", "PRIVATE"),
    KEY[:-40],
    KEY + KEY,
    armored(b""),
    armored(b"\x00\x00"),
    armored(new_packet(13, b"Joe")),
    armored(new_packet(6, b"\x03old")),
    armored(new_packet(6, b"\x04key")[:-1]),
    armored(bytes([0xC6, 0xE0]) + b"\x04" * 40),
    armored(bytes([0x80 | 6 << 2 | 3, 4])),
    KEY.replace("mDMEaw", "mDME=w"),
    "x" * (openpgp.LIMIT + 1),
]


@pytest.mark.parametrize("text", BAD, ids=range(len(BAD)))
def test_what_is_no_public_key_is_invalid(text: str) -> None:
    with pytest.raises(Invalid):
        openpgp.read(text)


@settings(derandomize=True, max_examples=50, deadline=None)
@given(st.binary(max_size=80))
def test_any_packets_are_a_key_or_invalid(data: bytes) -> None:
    try:
        facts: openpgp.KeyFacts | None = openpgp.read(armored(data))
    except Invalid:
        facts = None
    assert facts is None or len(facts.fingerprint) in (40, 64)
