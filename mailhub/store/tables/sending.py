"""Tables: mail that leaves: the queue, its ways out, and the keys that sign it."""

from __future__ import annotations

TABLES: tuple[str, ...] = (
    # sender_key: the sender folded, for who asks by it. Both tables of the queue grow at their end,
    # and messages and entries are numbered in one order.
    """
    CREATE TABLE queue_message (
        number INTEGER PRIMARY KEY,
        account BIGINT,
        created BIGINT NOT NULL,
        segment BIGINT NOT NULL,
        start BIGINT NOT NULL,
        length BIGINT NOT NULL,
        digest BLOB NOT NULL,
        sender TEXT NOT NULL,
        sender_key TEXT NOT NULL,
        ret TEXT NOT NULL,
        envid TEXT NOT NULL,
        body TEXT NOT NULL,
        utf8 INTEGER NOT NULL,
        require_tls INTEGER NOT NULL,
        local INTEGER NOT NULL,
        transaction_id TEXT NOT NULL,
        message_id TEXT NOT NULL
    )
    """,
    "CREATE INDEX queue_message_place ON queue_message (segment, start, length)",
    "CREATE INDEX queue_message_sender ON queue_message (sender_key)",
    # token: the newest lease that recorded something. recipient_key: the recipient folded, empty
    # where it is so already. home: the account whose INBOX it is for, or 0. status, reply, remote,
    # tried: of the last attempt.
    """
    CREATE TABLE queue_entry (
        number INTEGER PRIMARY KEY,
        message BIGINT NOT NULL,
        due BIGINT NOT NULL,
        held INTEGER NOT NULL,
        lane TEXT NOT NULL,
        attempts BIGINT NOT NULL,
        token BIGINT NOT NULL,
        warned INTEGER NOT NULL,
        route BIGINT NOT NULL,
        home BIGINT NOT NULL,
        tried BIGINT NOT NULL,
        recipient TEXT NOT NULL,
        recipient_key TEXT NOT NULL,
        notify TEXT NOT NULL,
        orcpt TEXT NOT NULL,
        status TEXT NOT NULL,
        reply TEXT NOT NULL,
        remote TEXT NOT NULL
    )
    """,
    "CREATE INDEX queue_entry_message ON queue_entry (message)",
    """
    CREATE TABLE route (
        number INTEGER PRIMARY KEY,
        destination TEXT NOT NULL,
        host TEXT NOT NULL,
        port INTEGER NOT NULL,
        sender TEXT NOT NULL,
        account BIGINT,
        priority BIGINT NOT NULL,
        weight BIGINT NOT NULL,
        sources TEXT NOT NULL,
        spread INTEGER NOT NULL,
        username TEXT NOT NULL,
        password TEXT NOT NULL,
        tls TEXT NOT NULL,
        created BIGINT NOT NULL
    )
    """,
    # Networks whose clients may send anywhere, as `192.0.2.0/24`.
    "CREATE TABLE relay_network (number INTEGER PRIMARY KEY, network TEXT NOT NULL UNIQUE)",
    """
    CREATE TABLE suppression (
        key TEXT NOT NULL PRIMARY KEY,
        status TEXT NOT NULL,
        reply TEXT NOT NULL,
        created BIGINT NOT NULL
    ) WITHOUT ROWID
    """,
    """
    CREATE TABLE dkim_key (
        number INTEGER PRIMARY KEY,
        domain TEXT NOT NULL,
        selector TEXT NOT NULL,
        algorithm TEXT NOT NULL,
        private TEXT NOT NULL,
        public TEXT NOT NULL,
        state TEXT NOT NULL,
        created BIGINT NOT NULL,
        changed BIGINT NOT NULL
    )
    """,
    "CREATE UNIQUE INDEX dkim_key_selector ON dkim_key (domain, selector)",
)
