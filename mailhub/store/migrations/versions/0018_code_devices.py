"""Brings several devices that show one-time codes.

Frozen: a later change of `mailhub.store.schema` gets a revision of its own.
"""

from __future__ import annotations

from alembic import op

revision = "0018"
down_revision = "0017"

STATEMENTS: tuple[str, ...] = (
    "ALTER TABLE totp ADD COLUMN number BIGINT NOT NULL DEFAULT 1",
    "ALTER TABLE totp ADD COLUMN label TEXT NOT NULL DEFAULT ''",
    """CREATE TABLE code_device (
    account BIGINT NOT NULL,
    number BIGINT NOT NULL,
    seed TEXT NOT NULL,
    label TEXT NOT NULL,
    created BIGINT NOT NULL,
    last_step BIGINT NOT NULL,
    PRIMARY KEY (account, number)
) WITHOUT ROWID""",
)


def upgrade() -> None:
    """Makes the columns and the table."""
    for statement in STATEMENTS:
        op.execute(statement)
