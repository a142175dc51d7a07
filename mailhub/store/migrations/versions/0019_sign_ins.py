"""Brings the list of browsers that are signed in.

Frozen: a later change of `mailhub.store.schema` gets a revision of its own.
"""

from __future__ import annotations

from alembic import op

revision = "0019"
down_revision = "0018"

STATEMENTS: tuple[str, ...] = (
    """CREATE TABLE sign_in (
    account BIGINT NOT NULL,
    id TEXT NOT NULL,
    key TEXT NOT NULL,
    auth_version BIGINT NOT NULL,
    made BIGINT NOT NULL,
    seen BIGINT NOT NULL,
    address TEXT NOT NULL,
    agent TEXT NOT NULL,
    expires BIGINT NOT NULL,
    PRIMARY KEY (account, id)
) WITHOUT ROWID""",
    "CREATE INDEX sign_in_expires ON sign_in (expires)",
)


def upgrade() -> None:
    """Makes the table and its index."""
    for statement in STATEMENTS:
        op.execute(statement)
