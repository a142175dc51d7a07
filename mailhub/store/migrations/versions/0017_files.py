"""Brings files for messages still to be written.

Frozen: a later change of `mailhub.store.schema` gets a revision of its own.
"""

from __future__ import annotations

from alembic import op

revision = "0017"
down_revision = "0016"

STATEMENTS: tuple[str, ...] = (
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


def upgrade() -> None:
    """Makes the tables."""
    for statement in STATEMENTS:
        op.execute(statement)
