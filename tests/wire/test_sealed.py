"""Sealed texts open with the same secret, purpose and owner, and with nothing else."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailhub.model.errors import Corrupt
from mailhub.wire.sealed import NONCE, seal, unseal

SECRET = b"s" * 32


def sealed(text: str = "JBSWY3DPEHPK3PXP", nonce: bytes = b"n" * NONCE) -> str:
    return seal(SECRET, "seed", 7, text, nonce)


@settings(max_examples=50, deadline=None, derandomize=True)
@given(
    st.text(alphabet=st.characters(codec="utf-8"), max_size=80), st.binary(min_size=12, max_size=12)
)
def test_what_is_sealed_opens_again(text: str, nonce: bytes) -> None:
    assert unseal(SECRET, "seed", 7, seal(SECRET, "seed", 7, text, nonce)) == text


def test_the_text_is_not_in_it() -> None:
    made = sealed("JBSWY3DPEHPK3PXP")
    assert "JBSWY3DP" not in made
    assert b"JBSWY3DP" not in base64.b64decode(made[2:])
    assert made != sealed(nonce=b"m" * NONCE)


@pytest.mark.parametrize(
    ("secret", "purpose", "owner"),
    [(b"t" * 32, "seed", 7), (SECRET, "other", 7), (SECRET, "seed", 8)],
)
def test_nobody_else_opens_it(secret: bytes, purpose: str, owner: int) -> None:
    with pytest.raises(Corrupt):
        unseal(secret, purpose, owner, sealed())


@pytest.mark.parametrize("text", ["", "1:", "1:AAAA", "nonsense", "JBSWY3DPEHPK3PXP", "1:\u00e9"])
def test_what_is_no_sealed_text(text: str) -> None:
    with pytest.raises(Corrupt):
        unseal(SECRET, "seed", 7, text)


def test_every_changed_octet_is_noticed() -> None:
    octets = base64.b64decode(sealed()[2:])
    for place in range(len(octets)):
        changed = bytearray(octets)
        changed[place] ^= 1
        with pytest.raises(Corrupt):
            unseal(SECRET, "seed", 7, "1:" + base64.b64encode(changed).decode())
