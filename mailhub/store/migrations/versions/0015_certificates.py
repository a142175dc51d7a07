"""Brings certificates that are asked for.

Frozen: a later change of `mailhub.store.schema` gets a revision of its own.
"""

from __future__ import annotations

from alembic import op

revision = "0015"
down_revision = "0014"

STATEMENTS: tuple[str, ...] = (
    """
    CREATE TABLE acme_challenge (
        token TEXT PRIMARY KEY,
        content TEXT NOT NULL,
        expires BIGINT NOT NULL
    ) WITHOUT ROWID
    """,
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


def upgrade() -> None:
    """Makes every table, column and index."""
    for statement in STATEMENTS:
        op.execute(statement)
