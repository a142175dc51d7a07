"""The MTA-STS policy of our own domains (RFC 8461 3.2): what is served, and its id in the DNS."""

from __future__ import annotations

import hashlib

MAX_AGE = 604800
"""Seconds: a week."""


def document(hostname: str) -> bytes:
    """The policy of every domain whose mail comes to `hostname`."""
    lines = ("version: STSv1", "mode: enforce", f"mx: {hostname}", f"max_age: {MAX_AGE}")
    return "".join(f"{line}\r\n" for line in lines).encode("ascii")


def policy_id(hostname: str) -> str:
    """What the record announces: another one when the policy is another one."""
    return hashlib.sha256(document(hostname)).hexdigest()[:20]
