"""Brings filters and automatic replies.

Frozen: a later change of `mailhub.store.schema` gets a revision of its own.
"""

from __future__ import annotations

from alembic import op

revision = "0008"
down_revision = "0007"

STATEMENTS: tuple[str, ...] = (
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
        PRIMARY KEY (account, number)
    ) WITHOUT ROWID
    """,
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


def upgrade() -> None:
    """Makes every table, column and index."""
    for statement in STATEMENTS:
        op.execute(statement)
