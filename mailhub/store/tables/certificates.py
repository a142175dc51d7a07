"""Tables: certificates that are asked for. The certificates themselves are files."""

from __future__ import annotations

TABLES: tuple[str, ...] = (
    # What is answered to who asks for a token, until `expires`.
    """
    CREATE TABLE acme_challenge (
        token TEXT PRIMARY KEY,
        content TEXT NOT NULL,
        expires BIGINT NOT NULL
    ) WITHOUT ROWID
    """,
    # Names that an authority gave no certificate for, the last time they were asked for.
    """
    CREATE TABLE acme_attempt (
        name TEXT PRIMARY KEY,
        failures BIGINT NOT NULL,
        failed BIGINT NOT NULL,
        due BIGINT NOT NULL,
        reason TEXT NOT NULL
    ) WITHOUT ROWID
    """,
)
