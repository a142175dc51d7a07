"""JSON Web Tokens: what is signed comes back, and nothing else does."""

from __future__ import annotations

import json
from base64 import urlsafe_b64encode

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailhub.wire import jwt

SECRET = b"s" * 32
CLAIMS = {"exp": 1486116406, "username": "yuksel"}


def part(value: object) -> str:
    return urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def test_a_token_of_rfc_7515() -> None:
    """Appendix A.1: another program's signature over another's JSON."""
    token = (
        "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogI"
        "mh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
    )
    secret = (
        "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow"
    )
    from base64 import urlsafe_b64decode

    found = jwt.decode(token, urlsafe_b64decode(secret + "=="))
    assert found == {"iss": "joe", "exp": 1300819380, "http://example.com/is_root": True}


def test_what_is_signed_comes_back() -> None:
    assert jwt.decode(jwt.encode(CLAIMS, SECRET), SECRET) == CLAIMS


none = part({"alg": "none", "typ": "JWT"}) + "." + part(CLAIMS) + "."
head, claims, signature = jwt.encode(CLAIMS, SECRET).split(".")


@pytest.mark.parametrize(
    "token",
    [
        "",
        "..",
        none,
        none + signature,
        f"{head}.{claims}.",
        f"{head}.{claims}",
        f"{head}.{part({**CLAIMS, 'username': 'root'})}.{signature}",
        f"{part({'alg': 'HS512'})}.{claims}.{signature}",
        jwt.encode(CLAIMS, b"t" * 32),
        f"{head}.{claims}.{signature}.x",
        "é" + head,
        "a" * 5000,
    ],
)
def test_anything_else_is_none(token: str) -> None:
    assert jwt.decode(token, SECRET) is None


@settings(max_examples=50, deadline=None)
@given(st.text(max_size=60))
def test_no_text_is_an_error(token: str) -> None:
    assert jwt.decode(token, SECRET) is None
    assert jwt.decode(f"{head}.{token}.{signature}", SECRET) in (None, CLAIMS)
