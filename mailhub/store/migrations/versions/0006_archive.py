"""Brings what became of deleted messages, what goes with a message, and the order of lists.

Frozen: a later change of `mailhub.store.schema` gets a revision of its own.
"""

from __future__ import annotations

from alembic import op

revision = "0006"
down_revision = "0005"

STATEMENTS: tuple[str, ...] = (
    # Of older messages nobody knows whether they are in order: lists look through all of them.
    "ALTER TABLE mailbox ADD COLUMN steady_from BIGINT NOT NULL DEFAULT 0",
    "ALTER TABLE mailbox ADD COLUMN steady_to BIGINT NOT NULL DEFAULT 0",
    "UPDATE mailbox SET steady_from = 1, steady_to = uidnext - 1 WHERE uidnext > 1",
    "ALTER TABLE sweep ADD COLUMN source BIGINT NOT NULL DEFAULT 0",
    """
    CREATE INDEX message_date ON message (account, mailbox, internaldate, uid)
        WHERE internaldate <> savedate
    """,
    """
    CREATE INDEX message_flagged ON message (account, internaldate, mailbox, uid)
        WHERE (flags & 4) <> 0
    """,
    "CREATE INDEX content_thread ON content (thread) WHERE thread <> key",
    """
    CREATE TABLE archived (
        account BIGINT NOT NULL,
        number BIGINT NOT NULL,
        mailbox BIGINT NOT NULL,
        uid BIGINT NOT NULL,
        flags BIGINT NOT NULL,
        internaldate BIGINT NOT NULL,
        archived BIGINT NOT NULL,
        size BIGINT NOT NULL,
        content BIGINT NOT NULL,
        PRIMARY KEY (account, number)
    ) WITHOUT ROWID
    """,
    "CREATE INDEX archived_at ON archived (archived)",
    "CREATE INDEX archived_content ON archived (content)",
    """
    CREATE TABLE annotation (
        account BIGINT NOT NULL,
        content BIGINT NOT NULL,
        metadata TEXT NOT NULL,
        PRIMARY KEY (account, content)
    ) WITHOUT ROWID
    """,
)


def upgrade() -> None:
    """Makes every table, column and index."""
    for statement in STATEMENTS:
        op.execute(statement)
