"""Brings what an account and its mailboxes may be set to.

Frozen: a later change of `mailhub.store.schema` gets a revision of its own.
"""

from __future__ import annotations

from alembic import op

revision = "0005"
down_revision = "0004"

STATEMENTS: tuple[str, ...] = ()


def upgrade() -> None:
    """Makes every table, column and index."""
    for statement in STATEMENTS:
        op.execute(statement)
