"""Brings app passwords, second factors and the log of logins.

Frozen: a later change of `mailhub.store.schema` gets a revision of its own.
"""

from __future__ import annotations

from alembic import op

revision = "0004"
down_revision = "0003"

STATEMENTS: tuple[str, ...] = (
    "ALTER TABLE account ADD COLUMN disabled_scopes TEXT NOT NULL DEFAULT ''",
    "ALTER TABLE account ADD COLUMN factors TEXT NOT NULL DEFAULT ''",
    "ALTER TABLE account ADD COLUMN must_change INTEGER NOT NULL DEFAULT 0",
    """
    CREATE TABLE app_password (
        account BIGINT NOT NULL,
        number BIGINT NOT NULL,
        id TEXT NOT NULL,
        description TEXT NOT NULL,
        scopes TEXT NOT NULL,
        salt BLOB NOT NULL,
        iterations BIGINT NOT NULL,
        stored_key BLOB NOT NULL,
        server_key BLOB NOT NULL,
        created BIGINT NOT NULL,
        ttl BIGINT NOT NULL,
        expires BIGINT NOT NULL,
        last_used BIGINT NOT NULL,
        last_address TEXT NOT NULL,
        last_event TEXT NOT NULL,
        PRIMARY KEY (account, number)
    ) WITHOUT ROWID
    """,
    """
    CREATE TABLE totp (
        account INTEGER PRIMARY KEY,
        seed TEXT NOT NULL,
        enabled INTEGER NOT NULL,
        created BIGINT NOT NULL,
        last_step BIGINT NOT NULL,
        misses BIGINT NOT NULL,
        missed BIGINT NOT NULL
    )
    """,
    """
    CREATE TABLE security_key (
        account BIGINT NOT NULL,
        number BIGINT NOT NULL,
        id TEXT NOT NULL,
        credential BLOB NOT NULL,
        public_key BLOB NOT NULL,
        uses BIGINT NOT NULL,
        description TEXT NOT NULL,
        attachment TEXT NOT NULL,
        party TEXT NOT NULL,
        created BIGINT NOT NULL,
        last_used BIGINT NOT NULL,
        PRIMARY KEY (account, number)
    ) WITHOUT ROWID
    """,
    """
    CREATE TABLE challenge (
        account BIGINT NOT NULL,
        kind TEXT NOT NULL,
        value BLOB NOT NULL,
        detail TEXT NOT NULL,
        expires BIGINT NOT NULL,
        PRIMARY KEY (account, kind)
    ) WITHOUT ROWID
    """,
    """
    CREATE TABLE authlog (
        account BIGINT NOT NULL,
        number BIGINT NOT NULL,
        id TEXT NOT NULL,
        kin BLOB NOT NULL,
        action TEXT NOT NULL,
        result TEXT NOT NULL,
        source TEXT NOT NULL,
        protocol TEXT NOT NULL,
        ip TEXT NOT NULL,
        session TEXT NOT NULL,
        target TEXT NOT NULL,
        target_name TEXT NOT NULL,
        events BIGINT NOT NULL,
        created BIGINT NOT NULL,
        last BIGINT NOT NULL,
        expires BIGINT NOT NULL,
        PRIMARY KEY (account, number)
    ) WITHOUT ROWID
    """,
    "CREATE UNIQUE INDEX authlog_kin ON authlog (account, kin)",
    "CREATE INDEX authlog_expires ON authlog (expires)",
)


def upgrade() -> None:
    """Makes every table, column and index."""
    for statement in STATEMENTS:
        op.execute(statement)
