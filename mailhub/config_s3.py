"""What is wrong with the settings of bodies outside the database."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from mailhub.model.settings import Settings

LEAST = {
    "inline": 0,
    "part": 5 << 20,
    "connections": 1,
    "connect_timeout": 1,
    "timeout": 1,
    "patience": 1,
    "grace": 600,
    "orphans": 3600,
    "review": 600,
}
"""An upload and its commit are over long before its object can be taken for an orphan."""
_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_PREFIX = re.compile(r"([A-Za-z0-9_.-]+/)*")


def faults(settings: Settings) -> list[tuple[tuple[str | int, ...], str]]:
    """(where, what) of each."""
    s3 = settings.s3
    found = [
        (name, f"at least {least}") for name, least in LEAST.items() if getattr(s3, name) < least
    ]
    if not _PREFIX.fullmatch(s3.prefix):
        found.append(("prefix", "letters, digits, - _ and . with a / at the end"))
    if s3.endpoint:
        found += _server(settings)
    problems: list[tuple[tuple[str | int, ...], str]] = [
        (("s3", name), f"s3.{name}: {text}") for name, text in found
    ]
    if settings.encryption.file and not settings.store.database:
        text = "encryption.file: only mail in PostgreSQL and S3 can be encrypted"
        problems.append((("encryption", "file"), text))
    return problems


def _server(settings: Settings) -> list[tuple[str, str]]:
    s3 = settings.s3
    found = []
    parts = urlsplit(s3.endpoint)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.username:
        found.append(("endpoint", "https://HOST, https://HOST:PORT, or the same with http"))
    if not settings.store.database:
        found.append(("endpoint", "only with PostgreSQL: store.database is missing"))
    if not _BUCKET.fullmatch(s3.bucket):
        found.append(("bucket", "its name is missing, or is none"))
    if not s3.access_key:
        found.append(("access_key", "is missing"))
    if bool(s3.secret_key) == bool(s3.secret_file):
        found.append(("secret_key", "either it or secret_file"))
    return found
