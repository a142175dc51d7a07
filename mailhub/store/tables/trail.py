"""Tables: where in the journal a message is spoken of, and numbers for graphs."""

from __future__ import annotations

TABLES: tuple[str, ...] = (
    # Rows first to last of the journal, written between since and until. keys: see `store.trail`.
    """
    CREATE TABLE trail (
        first INTEGER PRIMARY KEY,
        last BIGINT NOT NULL,
        since BIGINT NOT NULL,
        until BIGINT NOT NULL,
        keys BLOB NOT NULL
    )
    """,
    # span: seconds, from `at` on.
    """
    CREATE TABLE sample (
        span BIGINT NOT NULL,
        at BIGINT NOT NULL,
        received BIGINT NOT NULL,
        submitted BIGINT NOT NULL,
        delivered BIGINT NOT NULL,
        deferred BIGINT NOT NULL,
        failed BIGINT NOT NULL,
        rejected BIGINT NOT NULL,
        queued BIGINT NOT NULL,
        oldest BIGINT NOT NULL,
        stored BIGINT NOT NULL,
        room BIGINT NOT NULL,
        PRIMARY KEY (span, at)
    ) WITHOUT ROWID
    """,
)
