"""Brings Sieve scripts.

Frozen: a later change of `mailhub.store.schema` gets a revision of its own.
"""

from __future__ import annotations

from alembic import op

revision = "0009"
down_revision = "0008"

STATEMENTS: tuple[str, ...] = (
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


def upgrade() -> None:
    """Makes every table, column and index."""
    for statement in STATEMENTS:
        op.execute(statement)
