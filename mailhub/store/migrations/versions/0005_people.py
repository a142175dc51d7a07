"""Brings what an account and its mailboxes may be set to.

Frozen: a later change of `mailhub.store.schema` gets a revision of its own.
"""

from __future__ import annotations

from alembic import op

revision = "0005"
down_revision = "0004"

ACCOUNT_LIMITS = (
    "received",
    "filters",
    "imap_upload",
    "imap_download",
    "pop3_download",
    "pop3_messages",
    "imap_connections",
)
STATEMENTS: tuple[str, ...] = (
    *(
        f"ALTER TABLE account ADD COLUMN limit_{name} BIGINT NOT NULL DEFAULT 0"
        for name in ACCOUNT_LIMITS
    ),
    "ALTER TABLE account ADD COLUMN spam_level BIGINT NOT NULL DEFAULT 50",
    "ALTER TABLE account ADD COLUMN targets TEXT NOT NULL DEFAULT '[]'",
    "ALTER TABLE account ADD COLUMN public_key TEXT NOT NULL DEFAULT ''",
    "ALTER TABLE account ADD COLUMN encrypt_stored INTEGER NOT NULL DEFAULT 0",
    "ALTER TABLE account ADD COLUMN encrypt_forwarded INTEGER NOT NULL DEFAULT 0",
    # Keys were among what dialects keep for their clients, as nothing used them.
    "UPDATE account SET"
    " public_key = coalesce(json_extract(metadata, '$.pgp_public_key'), ''),"
    " encrypt_stored = coalesce(json_extract(metadata, '$.encrypt_messages'), 0),"
    " encrypt_forwarded = coalesce(json_extract(metadata, '$.encrypt_forwarded'), 0),"
    " metadata = json_remove(metadata, '$.pgp_public_key', '$.encrypt_messages',"
    " '$.encrypt_forwarded')",
    "ALTER TABLE address ADD COLUMN tags TEXT NOT NULL DEFAULT '[]'",
    "ALTER TABLE address ADD COLUMN limit_forwards BIGINT NOT NULL DEFAULT 0",
    "ALTER TABLE mailbox ADD COLUMN retention BIGINT NOT NULL DEFAULT 0",
    "ALTER TABLE mailbox ADD COLUMN hidden INTEGER NOT NULL DEFAULT 0",
    "ALTER TABLE message ADD COLUMN expires BIGINT NOT NULL DEFAULT 0",
    "CREATE INDEX message_expires ON message (expires) WHERE expires > 0",
    """
    CREATE TABLE removed_account (
        number INTEGER PRIMARY KEY,
        id TEXT NOT NULL UNIQUE,
        username TEXT NOT NULL,
        removed BIGINT NOT NULL,
        due BIGINT NOT NULL,
        kept TEXT NOT NULL
    )
    """,
    "CREATE INDEX removed_account_due ON removed_account (due)",
)


def upgrade() -> None:
    """Makes every table, column and index."""
    for statement in STATEMENTS:
        op.execute(statement)
