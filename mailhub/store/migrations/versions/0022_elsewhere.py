"""Brings accounts whose mail still lives on another server.

Frozen: a later change of `mailhub.store.schema` gets a revision of its own.
"""

from __future__ import annotations

from alembic import op

revision = "0022"
down_revision = "0021"

STATEMENTS: tuple[str, ...] = (
    """CREATE TABLE elsewhere (
    account INTEGER PRIMARY KEY,
    name TEXT NOT NULL,
    imap TEXT NOT NULL,
    pop3 TEXT NOT NULL,
    mail TEXT NOT NULL,
    phase TEXT NOT NULL,
    since BIGINT NOT NULL,
    learned BIGINT NOT NULL
)""",
)


def upgrade() -> None:
    """Makes the table."""
    for statement in STATEMENTS:
        op.execute(statement)
