"""Brings lists of threads: which one each message joined, and how many a mailbox has.

Frozen: a later change of `mailhub.store.schema` gets a revision of its own.
"""

from __future__ import annotations

from alembic import op

revision = "0014"
down_revision = "0013"

STATEMENTS: tuple[str, ...] = (
    "ALTER TABLE message ADD COLUMN thread BIGINT NOT NULL DEFAULT 0",
    "ALTER TABLE mailbox ADD COLUMN threads BIGINT NOT NULL DEFAULT 0",
    """UPDATE message SET thread = (SELECT c.thread FROM content AS c WHERE c.key = message.content)
    WHERE content IN (SELECT key FROM content WHERE thread <> key)""",
    """
    CREATE INDEX message_thread ON message (account, thread, mailbox, internaldate, uid)
        WHERE thread <> 0
    """,
    """UPDATE mailbox SET threads = (SELECT count(DISTINCT CASE WHEN m.thread = 0 THEN m.content
        ELSE m.thread END) FROM message AS m
        WHERE m.account = mailbox.account AND m.mailbox = mailbox.number)""",
)


def upgrade() -> None:
    """Makes the columns and the index, and fills them."""
    for statement in STATEMENTS:
        op.execute(statement)
