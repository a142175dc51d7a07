"""Brings accounts that a directory keeps.

Frozen: a later change of `mailhub.store.schema` gets a revision of its own.
"""

from __future__ import annotations

from alembic import op

revision = "0011"
down_revision = "0010"

STATEMENTS: tuple[str, ...] = (
    """CREATE TABLE mirror (
    account INTEGER PRIMARY KEY,
    key TEXT NOT NULL UNIQUE,
    place TEXT NOT NULL,
    digest TEXT NOT NULL,
    addresses TEXT NOT NULL,
    seen BIGINT NOT NULL,
    locked INTEGER NOT NULL
)""",
)


def upgrade() -> None:
    """Makes every table, column and index."""
    for statement in STATEMENTS:
        op.execute(statement)
