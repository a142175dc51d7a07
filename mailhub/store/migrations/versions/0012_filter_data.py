"""Brings what applications keep with filters, and the list of everybody's.

Frozen: a later change of `mailhub.store.schema` gets a revision of its own.
"""

from __future__ import annotations

from alembic import op

revision = "0012"
down_revision = "0011"

STATEMENTS: tuple[str, ...] = (
    "ALTER TABLE mail_filter ADD COLUMN metadata TEXT NOT NULL DEFAULT ''",
    "CREATE UNIQUE INDEX mail_filter_number ON mail_filter (number)",
)


def upgrade() -> None:
    """Adds the column and the index."""
    for statement in STATEMENTS:
        op.execute(statement)
