"""Brings several keys of one zone, and signatures that are kept.

Frozen: a later change of `mailhub.store.schema` gets a revision of its own.
"""

from __future__ import annotations

from alembic import op

revision = "0021"
down_revision = "0020"

STATEMENTS: tuple[str, ...] = (
    """CREATE TABLE zone_signing_key (
    zone TEXT NOT NULL,
    public TEXT NOT NULL,
    private TEXT NOT NULL,
    created BIGINT NOT NULL,
    state TEXT NOT NULL,
    since BIGINT NOT NULL,
    PRIMARY KEY (zone, public)
) WITHOUT ROWID""",
    "INSERT INTO zone_signing_key (zone, public, private, created, state, since)"
    " SELECT zone, public, private, created, 'active', created FROM zone_key",
    "DROP TABLE zone_key",
    """CREATE TABLE zone_signature (
    zone TEXT PRIMARY KEY,
    kept BLOB NOT NULL
)""",
)


def upgrade() -> None:
    """Moves the keys to a table with room for more."""
    for statement in STATEMENTS:
        op.execute(statement)
