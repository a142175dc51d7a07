"""Tables: what an account and its mailboxes may be set to."""

from __future__ import annotations

TABLES: tuple[str, ...] = (
    # Accounts that were removed and can still be restored. kept: the rows of `account`, `usage`
    # and `address` as JSON; all that has the account's number stays where it is until `due`.
    """
    CREATE TABLE removed_account (
        number INTEGER PRIMARY KEY,
        id TEXT NOT NULL UNIQUE,
        username TEXT NOT NULL,
        removed BIGINT NOT NULL,
        due BIGINT NOT NULL,
        kept TEXT NOT NULL
    )
    """,
    "CREATE INDEX removed_account_due ON removed_account (due)",
)
