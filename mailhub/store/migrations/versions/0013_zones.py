"""Brings zones of the DNS.

Frozen: a later change of `mailhub.store.schema` gets a revision of its own.
"""

from __future__ import annotations

from alembic import op

revision = "0013"
down_revision = "0012"

STATEMENTS: tuple[str, ...] = (
    """
    CREATE TABLE zone_record (
        number INTEGER PRIMARY KEY,
        name TEXT NOT NULL,
        kind TEXT NOT NULL,
        value TEXT NOT NULL,
        UNIQUE (name, kind, value)
    )
    """,
    """
    CREATE TABLE zone_secondary (
        number INTEGER PRIMARY KEY,
        name TEXT NOT NULL
    )
    """,
    """
    CREATE TABLE zone_state (
        zone TEXT PRIMARY KEY,
        serial BIGINT NOT NULL,
        digest TEXT NOT NULL,
        signed BIGINT NOT NULL
    ) WITHOUT ROWID
    """,
    """
    CREATE TABLE zone_key (
        zone TEXT PRIMARY KEY,
        private TEXT NOT NULL,
        public TEXT NOT NULL,
        created BIGINT NOT NULL
    ) WITHOUT ROWID
    """,
)


def upgrade() -> None:
    """Makes every table, column and index."""
    for statement in STATEMENTS:
        op.execute(statement)
