"""OpenPGP keys that mail can be encrypted to, and those that are none; made with GnuPG."""

from __future__ import annotations

import pysequoia
import pytest

from mailhub.model.errors import Invalid
from mailhub.wire import pgp
from tests import spentkeys
from tests.wire.test_openpgp import KEY

SEALING = """-----BEGIN PGP PUBLIC KEY BLOCK-----

mDMEXgvhABYJKwYBBAHaRw8BAQdALbqSRMtUvFyPhn78r2QcEVK7JPZWF26KACl1
U0KXXuS0GUpvZSBEb2UgPGpvZUBleGFtcGxlLm9yZz6IkAQTFggAOBYhBGjfytsP
Z9GdSvNGT53q3IYqOqHwBQJeC+EAAhsBBQsJCAcCBhUKCQgLAgQWAgMBAh4BAheA
AAoJEJ3q3IYqOqHwamwBAJG/wVWfep0iqLTT8XMp/y6JCCEzHoXeKkOd+Xvr/LYv
AP9x6d5I+NPXKV6mBwpgBHOa3EwstRwNk2KneoMwn+46ALg4BF4L4QASCisGAQQB
l1UBBQEBB0ANhm/Gx2aqj3SpfZoH5LXAXKDBiZ+jbOLZtHmLpVNfFgMBCAeIeAQY
FggAIBYhBGjfytsPZ9GdSvNGT53q3IYqOqHwBQJeC+EAAhsMAAoJEJ3q3IYqOqHw
n4ABAJ/bwQDFTpTht8OtXQq4fciyy7dWFEW4Vlu8wMLC3/nHAQDgyft3mO2zEsJ9
lzbqQb3FXhPZm0KqDWq/w0+xoLMaDQ==
=iill
-----END PGP PUBLIC KEY BLOCK-----
"""
FINGERPRINT = "68dfcadb0f67d19d4af3464f9deadc862a3aa1f0"


def test_a_key_with_a_subkey_for_encryption() -> None:
    facts = pgp.check(SEALING)
    assert (facts.name, facts.address) == ("Joe Doe", "joe@example.org")
    assert facts.fingerprint == FINGERPRINT


@pytest.mark.parametrize(
    ("key", "why"),
    [
        (spentkeys.EXPIRED, "The key has expired"),
        (spentkeys.SUBKEY_EXPIRED, "no valid subkey"),
        (spentkeys.SUBKEY_REVOKED, "no valid subkey"),
        (spentkeys.REVOKED, "The key is revoked"),
    ],
)
def test_keys_whose_time_is_over(key: str, why: str) -> None:
    with pytest.raises(Invalid, match=why):
        pgp.check(key)
    with pytest.raises(Invalid, match=why):
        pgp.certificate(key)


def test_of_two_subkeys_the_one_that_is_over_gets_nothing() -> None:
    tags = pysequoia.packet.Tag
    packets = pysequoia.packet.PacketPile.from_bytes(spentkeys.ONE_OF_TWO.encode())
    _, second = [one.key_id for one in packets if one.tag == tags.PublicSubkey]
    assert recipients(pgp.encrypted(b"x", spentkeys.ONE_OF_TWO)) == [second]
    passed_on = pysequoia.Cert.from_bytes(pgp.certificate(spentkeys.ONE_OF_TWO))
    assert recipients(pysequoia.encrypt(b"x", [passed_on])) == [second]


def recipients(message: bytes) -> list[str]:
    """Ids of the keys that open a message (RFC 9580 section 5.1)."""
    packets = pysequoia.packet.PacketPile.from_bytes(message)
    found = [one for one in packets if one.tag == pysequoia.packet.Tag.PKESK]
    return [one.body[1:9].hex() for one in found]


def test_a_key_that_can_only_sign_is_refused_in_plain_words() -> None:
    with pytest.raises(Invalid) as raised:
        pgp.check(KEY)
    assert raised.value.text == "Nothing can be encrypted to this key: no valid subkey is for that"


@pytest.mark.parametrize("text", ["", "x", SEALING.replace("mDME", "mDMF"), SEALING[:300]])
def test_what_is_no_key(text: str) -> None:
    with pytest.raises(Invalid):
        pgp.check(text)
