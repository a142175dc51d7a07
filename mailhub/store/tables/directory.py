"""Tables: accounts that a directory keeps."""

from __future__ import annotations

TABLES: tuple[str, ...] = (
    # The account that a directory's entry is. addresses: a JSON array.
    """
    CREATE TABLE mirror (
        account INTEGER PRIMARY KEY,
        key TEXT NOT NULL UNIQUE,
        place TEXT NOT NULL,
        digest TEXT NOT NULL,
        addresses TEXT NOT NULL,
        seen BIGINT NOT NULL,
        locked INTEGER NOT NULL
    )
    """,
)
