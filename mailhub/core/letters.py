"""Words that nobody can guess, out of letters that a person can type."""

from __future__ import annotations

import string

from mailhub.ports import Randomness

LOWER = string.ascii_lowercase
MIXED = "".join(sorted(set(string.ascii_letters + string.digits) - set("0O1Il")))
"""Letters and digits without those that look alike."""


def word(randomness: Randomness, alphabet: str, size: int) -> str:
    """`size` letters, each as likely as the others. `alphabet`: at most 256 letters."""
    fair = 256 - 256 % len(alphabet)
    letters: list[str] = []
    while len(letters) < size:
        octets = randomness.token(2 * size)
        letters += [alphabet[octet % len(alphabet)] for octet in octets if octet < fair]
    return "".join(letters[:size])
