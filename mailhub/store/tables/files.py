"""Tables: files for messages still to be written."""

from __future__ import annotations

TABLES: tuple[str, ...] = (
    # state: 0 while its pieces come, 1 when they are there, 2 while they go.
    """
    CREATE TABLE stored_file (
        account BIGINT NOT NULL,
        number BIGINT NOT NULL,
        id TEXT NOT NULL,
        name TEXT NOT NULL,
        media TEXT NOT NULL,
        cid TEXT NOT NULL,
        size BIGINT NOT NULL,
        created BIGINT NOT NULL,
        state INTEGER NOT NULL,
        PRIMARY KEY (account, number)
    ) WITHOUT ROWID
    """,
    # A table with rows' numbers, as these rows are large.
    """
    CREATE TABLE stored_piece (
        account BIGINT NOT NULL,
        file BIGINT NOT NULL,
        place BIGINT NOT NULL,
        octets BLOB NOT NULL,
        PRIMARY KEY (account, file, place)
    )
    """,
)
