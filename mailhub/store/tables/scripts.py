"""Tables: Sieve scripts."""

from __future__ import annotations

TABLES: tuple[str, ...] = (
    # failed: when a run failed last since the script was written, 0 for never.
    """
    CREATE TABLE script (
        account BIGINT NOT NULL,
        name TEXT NOT NULL,
        source TEXT NOT NULL,
        size BIGINT NOT NULL,
        active INTEGER NOT NULL,
        created BIGINT NOT NULL,
        modified BIGINT NOT NULL,
        failed BIGINT NOT NULL,
        failure TEXT NOT NULL,
        PRIMARY KEY (account, name)
    )
    """,
    "CREATE UNIQUE INDEX script_active ON script (account) WHERE active = 1",
)
