"""Tables: filters and automatic replies."""

from __future__ import annotations

TABLES: tuple[str, ...] = (
    # mailbox: where the filter puts messages, 0 for nowhere; it goes with its mailbox.
    """
    CREATE TABLE mail_filter (
        account BIGINT NOT NULL,
        number BIGINT NOT NULL,
        id TEXT NOT NULL,
        name TEXT NOT NULL,
        disabled INTEGER NOT NULL,
        created BIGINT NOT NULL,
        mailbox BIGINT NOT NULL,
        conditions TEXT NOT NULL,
        actions TEXT NOT NULL,
        metadata TEXT NOT NULL DEFAULT '',
        PRIMARY KEY (account, number)
    ) WITHOUT ROWID
    """,
    "CREATE UNIQUE INDEX mail_filter_number ON mail_filter (number)",
    """
    CREATE TABLE autoreply (
        account BIGINT NOT NULL PRIMARY KEY,
        status INTEGER NOT NULL,
        name TEXT NOT NULL,
        subject TEXT NOT NULL,
        text TEXT NOT NULL,
        html TEXT NOT NULL,
        starts BIGINT,
        ends BIGINT
    ) WITHOUT ROWID
    """,
    # What an account's rules did and do not do again before `until`: whom they answered, say.
    """
    CREATE TABLE mark (
        account BIGINT NOT NULL,
        key TEXT NOT NULL,
        until BIGINT NOT NULL,
        PRIMARY KEY (account, key)
    ) WITHOUT ROWID
    """,
    "CREATE INDEX mark_until ON mark (until)",
)
