"""Tables: accounts whose mail still lives on another server."""

from __future__ import annotations

TABLES: tuple[str, ...] = (
    # imap, pop3, mail: URLs as `wire.door` writes them, empty for none.
    """
    CREATE TABLE elsewhere (
        account INTEGER PRIMARY KEY,
        name TEXT NOT NULL,
        imap TEXT NOT NULL,
        pop3 TEXT NOT NULL,
        mail TEXT NOT NULL,
        phase TEXT NOT NULL,
        since BIGINT NOT NULL,
        learned BIGINT NOT NULL
    )
    """,
)
