"""Brings tokens, and who is told of changes.

Frozen: a later change of `mailhub.store.schema` gets a revision of its own.
"""

from __future__ import annotations

from alembic import op

revision = "0010"
down_revision = "0009"

STATEMENTS: tuple[str, ...] = (
    """
    CREATE TABLE webhook (
        number INTEGER PRIMARY KEY,
        id TEXT NOT NULL UNIQUE,
        account BIGINT,
        owner TEXT NOT NULL,
        types TEXT NOT NULL,
        url TEXT NOT NULL,
        secret TEXT NOT NULL,
        created BIGINT NOT NULL,
        told_number BIGINT NOT NULL,
        told_index BIGINT NOT NULL,
        failure TEXT NOT NULL,
        failing BIGINT NOT NULL,
        turned BIGINT NOT NULL
    )
    """,
    """
    CREATE TABLE api_session (
        key TEXT PRIMARY KEY,
        record TEXT NOT NULL,
        expires BIGINT NOT NULL
    ) WITHOUT ROWID
    """,
    "CREATE INDEX api_session_expires ON api_session (expires)",
)


def upgrade() -> None:
    """Makes every table, column and index."""
    for statement in STATEMENTS:
        op.execute(statement)
