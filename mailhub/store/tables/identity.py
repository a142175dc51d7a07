"""Tables: app passwords, second factors and the log of logins."""

from __future__ import annotations

TABLES: tuple[str, ...] = (
    # scopes: words. The keys are SCRAM's, under a salt that the account's passwords share, so
    # that one derivation finds which of them it is. ttl: seconds, 0 for ever; expires, last_used:
    # epoch seconds, 0 for never. last_event: the log's row of it.
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
    # A seed that waits to be confirmed, or one that is (enabled). last_step: the newest time step
    # whose code was taken: none is taken twice. misses: wrong codes since missed.
    """
    CREATE TABLE totp (
        account INTEGER PRIMARY KEY,
        seed TEXT NOT NULL,
        enabled INTEGER NOT NULL,
        created BIGINT NOT NULL,
        last_step BIGINT NOT NULL,
        misses BIGINT NOT NULL,
        missed BIGINT NOT NULL,
        number BIGINT NOT NULL DEFAULT 1,
        label TEXT NOT NULL DEFAULT ''
    )
    """,
    # Further devices that show one-time codes; the first one, whichever its number, is in `totp`.
    """
    CREATE TABLE code_device (
        account BIGINT NOT NULL,
        number BIGINT NOT NULL,
        seed TEXT NOT NULL,
        label TEXT NOT NULL,
        created BIGINT NOT NULL,
        last_step BIGINT NOT NULL,
        PRIMARY KEY (account, number)
    ) WITHOUT ROWID
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
    # The one challenge of a kind (registration, assertion) that waits for its answer.
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
    # kin: what the events that one row stands for have in common, six hours of them. created,
    # last, expires: epoch seconds.
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
    # Ids begin with the time: everybody's, one after the other.
    "CREATE INDEX authlog_id ON authlog (id)",
)
