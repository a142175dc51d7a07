"""One-time codes: the examples of RFC 6238, windows, and addresses for telephones."""

from __future__ import annotations

import base64
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailhub.wire import otp, qrcode

SEED = otp.seed(b"12345678901234567890")
EXAMPLES = {
    59: "94287082",
    1111111109: "07081804",
    1111111111: "14050471",
    1234567890: "89005924",
    2000000000: "69279037",
    20000000000: "65353130",
}
"""RFC 6238 appendix B, SHA-1: eight digits, of which six are the last six."""


@pytest.mark.parametrize(("now", "code"), EXAMPLES.items())
def test_the_examples_of_rfc_6238(now: int, code: str) -> None:
    assert otp.code(SEED, now // otp.STEP) == code[2:]
    assert otp.step_of(SEED, code[2:], now, 0) == now // otp.STEP


@pytest.mark.parametrize("offset", [-7, -6, -1, 0, 1, 6, 7])
def test_a_code_is_found_within_its_window(offset: int) -> None:
    now = 1_800_000_000.5
    step = int(now) // otp.STEP + offset
    found = otp.step_of(SEED, otp.code(SEED, step), now, 6)
    assert found == (step if abs(offset) <= 6 else None)


def test_of_two_steps_with_one_code_the_nearer_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(otp, "code", lambda seed, step: "123456")
    assert otp.step_of(SEED, "123456", 3000, 6) == 100


@pytest.mark.parametrize(
    "given", ["", "12345", "1234567", "12345a", "１２３４５６", "-12345", "1\0 "]
)
def test_what_is_no_code(given: str) -> None:
    assert otp.step_of(SEED, given, 1_800_000_000, 6) is None


def test_a_clock_at_the_beginning_of_time() -> None:
    assert otp.step_of(SEED, otp.code(SEED, 0), 0, 6) == 0


@settings(max_examples=50, deadline=None, derandomize=True)
@given(st.text(max_size=40), st.text(max_size=40))
def test_every_name_makes_an_address_that_holds_the_seed(account: str, issuer: str) -> None:
    parts = urlsplit(otp.link(SEED, account, issuer))
    assert (parts.scheme, parts.netloc) == ("otpauth", "totp")
    assert parse_qs(parts.query)["secret"] == [SEED]
    assert unquote(parts.path).count(":") <= 1


def test_a_picture_is_a_png() -> None:
    kind, _, data = qrcode.png(otp.link(SEED, "joe@example.org", "here")).partition(";base64,")
    assert kind == "data:image/png"
    assert base64.b64decode(data).startswith(b"\x89PNG\r\n")
