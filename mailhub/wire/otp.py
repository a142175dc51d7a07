"""One-time codes from a shared seed (TOTP, RFC 6238): seeds and codes as text, pure.

The algorithm is pyotp's. Which code was taken before, and how often one may be wrong, is not known
here.
"""

from __future__ import annotations

import base64
import hmac
import re

import pyotp

STEP = 30
"""Seconds that a code is shown for (RFC 6238 section 5.2)."""
DIGITS = 6
SEED = 20
"""Octets of a seed: as many as of the hash (RFC 4226 section 4)."""
_CODE = re.compile(r"[0-9]{6}")
_LABEL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")


def seed(octets: bytes) -> str:
    """Random octets as the base32 that authenticator applications read."""
    return base64.b32encode(octets).decode()


def octets(seed: str) -> int:
    """How many octets a seed in base32 has, without padding; 0 for what is none."""
    try:
        return len(base64.b32decode(seed)) if len(seed) % 8 == 0 else 0
    except ValueError:
        return 0


def link(seed: str, account: str, issuer: str) -> str:
    """The `otpauth:` address that a QR code holds. A colon would part issuer and account, and
    stands in neither."""
    account, issuer = (_LABEL.sub("", text).replace(":", " ") for text in (account, issuer))
    return pyotp.TOTP(seed, digits=DIGITS, interval=STEP).provisioning_uri(
        name=account, issuer_name=issuer or None
    )


def code(seed: str, step: int) -> str:
    """The code of a time step."""
    return pyotp.TOTP(seed, digits=DIGITS, interval=STEP).generate_otp(step)


def step_of(seed: str, given: str, now: float, window: int) -> int | None:
    """The time step, at most `window` of them from now, whose code was given; None: of none.

    Every step is looked at, so that the time it takes says nothing. Spaces, which applications
    show in the middle of a code, do not count.
    """
    given = given.replace(" ", "")
    if _CODE.fullmatch(given) is None:
        return None
    middle = int(now) // STEP
    found = None
    for step in range(middle + window, max(0, middle - window) - 1, -1):
        fits = hmac.compare_digest(code(seed, step), given)
        if fits and (found is None or abs(step - middle) < abs(found - middle)):
            found = step
    return found
