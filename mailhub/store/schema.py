"""The tables, as SQL text; nothing here opens a database or moves a row.

A new database is made from `TABLES` at once. Older ones get there through the numbered migrations
in `store/migrations`; a test holds both ways equal. `HEAD` is known here so that a start with a
current database never imports alembic.

How the layout came to be is told in `docs/decisions/sql-as-text.md`. In short: a delivery touches
few pages. Rows that grow by the message are narrow and end with their key's tail; the wide
`content` row is stored once however often a message is copied, and nothing but its key finds it.
"""

from __future__ import annotations

from mailhub.store.tables import (
    archive,
    certificates,
    directory,
    elsewhere,
    files,
    filters,
    identity,
    people,
    scripts,
    search_index,
    sending,
    trail,
    updates,
    zones,
)

HEAD = "0022"
"""The newest revision; the migrations' last one."""

KEY_SHIFT = 20
"""A content's key is JOURNAL << 20 | PLACE: the journal's row of the order that brought it, and its
place in that order. So keys only grow, and none is ever given twice."""

TABLES: tuple[str, ...] = (
    "CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL PRIMARY KEY)",
    # Last number given out, by kind (account, mailbox, address, domain, queue_message,
    # queue_entry, route, relay_network, dkim_key). Numbers are never given twice, not even after
    # the newest row is gone.
    "CREATE TABLE counter (name TEXT NOT NULL PRIMARY KEY, value BIGINT NOT NULL) WITHOUT ROWID",
    """
    CREATE TABLE account (
        number INTEGER PRIMARY KEY,
        id TEXT NOT NULL UNIQUE,
        username TEXT NOT NULL UNIQUE,
        name TEXT NOT NULL,
        role TEXT NOT NULL,
        limit_recipients BIGINT NOT NULL,
        limit_forwards BIGINT NOT NULL,
        disabled INTEGER NOT NULL,
        suspended INTEGER NOT NULL,
        language TEXT NOT NULL,
        retention BIGINT NOT NULL,
        tags TEXT NOT NULL,
        metadata TEXT NOT NULL,
        created BIGINT NOT NULL,
        auth_version BIGINT NOT NULL,
        sending TEXT NOT NULL DEFAULT 'own',
        disabled_scopes TEXT NOT NULL DEFAULT '',
        factors TEXT NOT NULL DEFAULT '',
        must_change INTEGER NOT NULL DEFAULT 0,
        limit_received BIGINT NOT NULL DEFAULT 0,
        limit_filters BIGINT NOT NULL DEFAULT 0,
        limit_imap_upload BIGINT NOT NULL DEFAULT 0,
        limit_imap_download BIGINT NOT NULL DEFAULT 0,
        limit_pop3_download BIGINT NOT NULL DEFAULT 0,
        limit_pop3_messages BIGINT NOT NULL DEFAULT 0,
        limit_imap_connections BIGINT NOT NULL DEFAULT 0,
        spam_level BIGINT NOT NULL DEFAULT 50,
        targets TEXT NOT NULL DEFAULT '[]',
        public_key TEXT NOT NULL DEFAULT '',
        encrypt_stored INTEGER NOT NULL DEFAULT 0,
        encrypt_forwarded INTEGER NOT NULL DEFAULT 0
    )
    """,
    # What a delivery reads and writes of an account, apart from the profile: a hundred accounts
    # share one page. keyword_sets, uidvalidity: last number given out.
    """
    CREATE TABLE usage (
        account INTEGER PRIMARY KEY,
        used_storage BIGINT NOT NULL,
        used_messages BIGINT NOT NULL,
        limit_storage BIGINT NOT NULL,
        limit_messages BIGINT NOT NULL,
        keyword_sets BIGINT NOT NULL,
        uidvalidity BIGINT NOT NULL
    )
    """,
    """
    CREATE TABLE secret (
        account INTEGER PRIMARY KEY,
        password TEXT NOT NULL,
        scram_salt BLOB,
        scram_iterations BIGINT,
        scram_stored_key BLOB,
        scram_server_key BLOB
    )
    """,
    """
    CREATE TABLE domain (
        number INTEGER PRIMARY KEY,
        id TEXT NOT NULL UNIQUE,
        name TEXT NOT NULL UNIQUE,
        alias_of TEXT NOT NULL,
        delimiter TEXT NOT NULL,
        ignore_dots INTEGER NOT NULL,
        catch_all TEXT NOT NULL,
        created BIGINT NOT NULL,
        relay INTEGER NOT NULL DEFAULT 0
    )
    """,
    """
    CREATE TABLE address (
        number INTEGER PRIMARY KEY,
        id TEXT NOT NULL UNIQUE,
        address TEXT NOT NULL,
        key TEXT NOT NULL UNIQUE,
        domain TEXT NOT NULL,
        account BIGINT,
        targets TEXT NOT NULL,
        name TEXT NOT NULL,
        main INTEGER NOT NULL,
        created BIGINT NOT NULL,
        program TEXT NOT NULL DEFAULT '[]',
        minilist INTEGER NOT NULL DEFAULT 0,
        tags TEXT NOT NULL DEFAULT '[]',
        limit_forwards BIGINT NOT NULL DEFAULT 0,
        senders TEXT NOT NULL DEFAULT '[]',
        diverted INTEGER NOT NULL DEFAULT 0
    )
    """,
    "CREATE INDEX address_account ON address (account)",
    "CREATE INDEX address_domain ON address (domain)",
    # steady_from, steady_to: UIDs between which stand the messages whose INTERNALDATE is when they
    # were saved, so that they are in the order of lists (see `tables.archive`); 0 for none yet.
    # threads: how many have a message here.
    """
    CREATE TABLE mailbox (
        account BIGINT NOT NULL,
        number BIGINT NOT NULL,
        uidvalidity BIGINT NOT NULL,
        uidnext BIGINT NOT NULL,
        highestmodseq BIGINT NOT NULL,
        messages BIGINT NOT NULL,
        unseen BIGINT NOT NULL,
        deleted BIGINT NOT NULL,
        size BIGINT NOT NULL,
        recent_from BIGINT NOT NULL,
        id TEXT NOT NULL,
        name TEXT NOT NULL,
        special_use TEXT NOT NULL,
        created BIGINT NOT NULL,
        retention BIGINT NOT NULL DEFAULT 0,
        hidden INTEGER NOT NULL DEFAULT 0,
        steady_from BIGINT NOT NULL DEFAULT 0,
        steady_to BIGINT NOT NULL DEFAULT 0,
        threads BIGINT NOT NULL DEFAULT 0,
        PRIMARY KEY (account, number)
    ) WITHOUT ROWID
    """,
    "CREATE UNIQUE INDEX mailbox_name ON mailbox (account, name)",
    """
    CREATE TABLE subscription (
        account BIGINT NOT NULL,
        name TEXT NOT NULL,
        PRIMARY KEY (account, name)
    ) WITHOUT ROWID
    """,
    # thread: the one that the message joined, 0 where it began one: no byte of most rows.
    """
    CREATE TABLE message (
        account BIGINT NOT NULL,
        mailbox BIGINT NOT NULL,
        uid BIGINT NOT NULL,
        modseq BIGINT NOT NULL,
        flags BIGINT NOT NULL,
        internaldate BIGINT NOT NULL,
        savedate BIGINT NOT NULL,
        size BIGINT NOT NULL,
        content BIGINT NOT NULL,
        expires BIGINT NOT NULL DEFAULT 0,
        thread BIGINT NOT NULL DEFAULT 0,
        PRIMARY KEY (account, mailbox, uid)
    ) WITHOUT ROWID
    """,
    # expires: epoch seconds from which on the message leaves its mailbox; 0: never.
    "CREATE INDEX message_expires ON message (expires) WHERE expires > 0",
    # uses: how many message rows stand on it. segment, start, length: the blob; prefix stands
    # before it. thread: key of the content that began the thread. A rowid table with growing keys
    # on purpose: a batch for ten accounts fills four pages at its end, where rows clustered by
    # account touched 26; and rows this wide would spill out of WITHOUT ROWID pages.
    """
    CREATE TABLE content (
        key INTEGER PRIMARY KEY,
        account BIGINT NOT NULL,
        uses BIGINT NOT NULL,
        segment BIGINT NOT NULL,
        start BIGINT NOT NULL,
        length BIGINT NOT NULL,
        digest BLOB NOT NULL,
        header_length BIGINT NOT NULL,
        thread BIGINT NOT NULL,
        sent_at BIGINT,
        attachments INTEGER NOT NULL,
        prefix BLOB NOT NULL,
        envelope BLOB NOT NULL,
        bodystructure BLOB NOT NULL,
        subject TEXT NOT NULL,
        message_id TEXT NOT NULL,
        reference_ids TEXT NOT NULL,
        preview TEXT NOT NULL
    )
    """,
    # New entries stand last in it: one warm page. Compaction and verify find rows by place; the
    # length lets them sum what is in use without reading rows.
    "CREATE INDEX content_place ON content (segment, start, length)",
    """
    CREATE TABLE keyword_set (
        account BIGINT NOT NULL,
        number BIGINT NOT NULL,
        names TEXT NOT NULL,
        PRIMARY KEY (account, number)
    ) WITHOUT ROWID
    """,
    """
    CREATE TABLE expunged (
        account BIGINT NOT NULL,
        mailbox BIGINT NOT NULL,
        modseq BIGINT NOT NULL,
        low BIGINT NOT NULL,
        high BIGINT NOT NULL,
        PRIMARY KEY (account, mailbox, modseq, low)
    ) WITHOUT ROWID
    """,
    # hash: the first 63 bits of a message id's BLAKE2.
    """
    CREATE TABLE thread_reference (
        account BIGINT NOT NULL,
        hash BIGINT NOT NULL,
        thread BIGINT NOT NULL,
        PRIMARY KEY (account, hash)
    ) WITHOUT ROWID
    """,
    *sending.TABLES,
    # Counts for the reports to other servers' administrators. day: since the epoch, in UTC.
    """
    CREATE TABLE report (
        kind TEXT NOT NULL,
        day BIGINT NOT NULL,
        domain TEXT NOT NULL,
        key TEXT NOT NULL,
        count BIGINT NOT NULL,
        PRIMARY KEY (kind, day, domain, key)
    ) WITHOUT ROWID
    """,
    """
    CREATE TABLE journal (
        number INTEGER PRIMARY KEY,
        at BIGINT NOT NULL,
        account BIGINT,
        mailbox BIGINT,
        kind TEXT NOT NULL,
        modseq BIGINT NOT NULL,
        uids TEXT NOT NULL,
        actor BIGINT,
        source TEXT NOT NULL,
        detail TEXT NOT NULL
    )
    """,
    # What came of the tries of an entry that still waits; such rows are few, and each of them
    # belongs to a try that took longer than to write it here.
    "CREATE INDEX journal_deferred ON journal (json_extract(detail, '$.entry'))"
    " WHERE kind = 'deferred'",
    # A hand-over seen before is answered from here, so a client that lost the answer and sends
    # again makes no second copy. Tokens are time-ordered: new rows stand last.
    """
    CREATE TABLE handover (
        token TEXT NOT NULL PRIMARY KEY,
        at BIGINT NOT NULL,
        arrivals TEXT NOT NULL
    ) WITHOUT ROWID
    """,
    # Messages out of sight (of removed mailboxes and accounts, of large expunges) whose rows are
    # still to be cleared, a few at a time. mailbox 0: all that the account had. source: where they
    # were, if they go to the archive; else 0.
    """
    CREATE TABLE sweep (
        account BIGINT NOT NULL,
        mailbox BIGINT NOT NULL,
        source BIGINT NOT NULL DEFAULT 0,
        PRIMARY KEY (account, mailbox)
    ) WITHOUT ROWID
    """,
    *identity.TABLES,
    *people.TABLES,
    *archive.TABLES,
    *search_index.TABLES,
    *filters.TABLES,
    *scripts.TABLES,
    *updates.TABLES,
    *directory.TABLES,
    *elsewhere.TABLES,
    *zones.TABLES,
    *certificates.TABLES,
    *files.TABLES,
    *trail.TABLES,
)
