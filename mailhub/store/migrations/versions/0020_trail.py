"""Brings what finds messages in the journal, numbers for graphs, and everybody's logins by time.

Frozen: a later change of `mailhub.store.schema` gets a revision of its own.
"""

from __future__ import annotations

from alembic import op

revision = "0020"
down_revision = "0019"

STATEMENTS: tuple[str, ...] = (
    """CREATE TABLE trail (
    first INTEGER PRIMARY KEY,
    last BIGINT NOT NULL,
    since BIGINT NOT NULL,
    until BIGINT NOT NULL,
    keys BLOB NOT NULL
)""",
    """CREATE TABLE sample (
    span BIGINT NOT NULL,
    at BIGINT NOT NULL,
    received BIGINT NOT NULL,
    submitted BIGINT NOT NULL,
    delivered BIGINT NOT NULL,
    deferred BIGINT NOT NULL,
    failed BIGINT NOT NULL,
    rejected BIGINT NOT NULL,
    queued BIGINT NOT NULL,
    oldest BIGINT NOT NULL,
    stored BIGINT NOT NULL,
    room BIGINT NOT NULL,
    PRIMARY KEY (span, at)
) WITHOUT ROWID""",
    "CREATE INDEX authlog_id ON authlog (id)",
)


def upgrade() -> None:
    """Makes the tables and the index."""
    for statement in STATEMENTS:
        op.execute(statement)
