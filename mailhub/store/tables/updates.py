"""Tables: tokens, and who is told of changes."""

from __future__ import annotations

TABLES: tuple[str, ...] = (
    # account: whose events, NULL for everybody's; owner: its 24 hex digits. types: JSON array.
    # told_number, told_index: the last event that was told; turned: how often
    # somebody set that. failure: what goes wrong since failing.
    """
    CREATE TABLE webhook (
        number INTEGER PRIMARY KEY,
        id TEXT NOT NULL UNIQUE,
        account BIGINT,
        owner TEXT NOT NULL,
        types TEXT NOT NULL,
        url TEXT NOT NULL,
        secret TEXT NOT NULL,
        created BIGINT NOT NULL,
        told_number BIGINT NOT NULL,
        told_index BIGINT NOT NULL,
        failure TEXT NOT NULL,
        failing BIGINT NOT NULL,
        turned BIGINT NOT NULL
    )
    """,
    # key: a digest of the token. record: signed; empty: it was ended. expires: epoch seconds.
    """
    CREATE TABLE api_session (
        key TEXT PRIMARY KEY,
        record TEXT NOT NULL,
        expires BIGINT NOT NULL
    ) WITHOUT ROWID
    """,
    "CREATE INDEX api_session_expires ON api_session (expires)",
    # Browsers that are signed in. key: of the session. expires: epoch seconds when the row goes,
    # whether the session lives or not.
    """
    CREATE TABLE sign_in (
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
    ) WITHOUT ROWID
    """,
    "CREATE INDEX sign_in_expires ON sign_in (expires)",
)
