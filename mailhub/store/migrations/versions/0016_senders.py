"""Brings who may write as an address, and addresses that lead elsewhere than to their owner.

Frozen: a later change of `mailhub.store.schema` gets a revision of its own.
"""

from __future__ import annotations

from alembic import op

revision = "0016"
down_revision = "0015"

STATEMENTS: tuple[str, ...] = (
    "ALTER TABLE address ADD COLUMN senders TEXT NOT NULL DEFAULT '[]'",
    "ALTER TABLE address ADD COLUMN diverted INTEGER NOT NULL DEFAULT 0",
)


def upgrade() -> None:
    """Makes the columns."""
    for statement in STATEMENTS:
        op.execute(statement)
