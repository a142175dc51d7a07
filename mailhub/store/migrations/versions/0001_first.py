"""The first schema.

Frozen: a later change of `mailhub.store.schema` gets a revision of its own.
"""

from __future__ import annotations

from alembic import op

revision = "0001"
down_revision = None

TABLES = (
    "CREATE TABLE counter (name TEXT NOT NULL PRIMARY KEY, value BIGINT NOT NULL) WITHOUT ROWID",
    """CREATE TABLE account (
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
    auth_version BIGINT NOT NULL
)""",
    """CREATE TABLE usage (
    account INTEGER PRIMARY KEY,
    used_storage BIGINT NOT NULL,
    used_messages BIGINT NOT NULL,
    limit_storage BIGINT NOT NULL,
    limit_messages BIGINT NOT NULL,
    keyword_sets BIGINT NOT NULL,
    uidvalidity BIGINT NOT NULL
)""",
    """CREATE TABLE secret (
    account INTEGER PRIMARY KEY,
    password TEXT NOT NULL,
    scram_salt BLOB,
    scram_iterations BIGINT,
    scram_stored_key BLOB,
    scram_server_key BLOB
)""",
    """CREATE TABLE domain (
    number INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL UNIQUE,
    alias_of TEXT NOT NULL,
    delimiter TEXT NOT NULL,
    ignore_dots INTEGER NOT NULL,
    catch_all TEXT NOT NULL,
    created BIGINT NOT NULL
)""",
    """CREATE TABLE address (
    number INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    address TEXT NOT NULL,
    key TEXT NOT NULL UNIQUE,
    domain TEXT NOT NULL,
    account BIGINT,
    targets TEXT NOT NULL,
    name TEXT NOT NULL,
    main INTEGER NOT NULL,
    created BIGINT NOT NULL
)""",
    "CREATE INDEX address_account ON address (account)",
    "CREATE INDEX address_domain ON address (domain)",
    """CREATE TABLE mailbox (
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
    PRIMARY KEY (account, number)
) WITHOUT ROWID""",
    "CREATE UNIQUE INDEX mailbox_name ON mailbox (account, name)",
    """CREATE TABLE subscription (
    account BIGINT NOT NULL,
    name TEXT NOT NULL,
    PRIMARY KEY (account, name)
) WITHOUT ROWID""",
    """CREATE TABLE message (
    account BIGINT NOT NULL,
    mailbox BIGINT NOT NULL,
    uid BIGINT NOT NULL,
    modseq BIGINT NOT NULL,
    flags BIGINT NOT NULL,
    internaldate BIGINT NOT NULL,
    savedate BIGINT NOT NULL,
    size BIGINT NOT NULL,
    content BIGINT NOT NULL,
    PRIMARY KEY (account, mailbox, uid)
) WITHOUT ROWID""",
    """CREATE TABLE content (
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
)""",
    "CREATE INDEX content_place ON content (segment, start, length)",
    """CREATE TABLE keyword_set (
    account BIGINT NOT NULL,
    number BIGINT NOT NULL,
    names TEXT NOT NULL,
    PRIMARY KEY (account, number)
) WITHOUT ROWID""",
    """CREATE TABLE expunged (
    account BIGINT NOT NULL,
    mailbox BIGINT NOT NULL,
    modseq BIGINT NOT NULL,
    low BIGINT NOT NULL,
    high BIGINT NOT NULL,
    PRIMARY KEY (account, mailbox, modseq, low)
) WITHOUT ROWID""",
    """CREATE TABLE thread_reference (
    account BIGINT NOT NULL,
    hash BIGINT NOT NULL,
    thread BIGINT NOT NULL,
    PRIMARY KEY (account, hash)
) WITHOUT ROWID""",
    """CREATE TABLE queue_message (
    number INTEGER PRIMARY KEY,
    sender TEXT NOT NULL,
    ret TEXT NOT NULL,
    envid TEXT NOT NULL,
    body TEXT NOT NULL,
    utf8 INTEGER NOT NULL,
    account BIGINT,
    created BIGINT NOT NULL,
    segment BIGINT NOT NULL,
    start BIGINT NOT NULL,
    length BIGINT NOT NULL,
    digest BLOB NOT NULL
)""",
    "CREATE INDEX queue_message_place ON queue_message (segment, start, length)",
    """CREATE TABLE queue_entry (
    number INTEGER PRIMARY KEY,
    message BIGINT NOT NULL,
    recipient TEXT NOT NULL,
    notify TEXT NOT NULL,
    orcpt TEXT NOT NULL,
    due BIGINT NOT NULL,
    attempts BIGINT NOT NULL
)""",
    "CREATE INDEX queue_entry_message ON queue_entry (message)",
    """CREATE TABLE journal (
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
)""",
    """CREATE TABLE handover (
    token TEXT NOT NULL PRIMARY KEY,
    at BIGINT NOT NULL,
    arrivals TEXT NOT NULL
) WITHOUT ROWID""",
    """CREATE TABLE sweep (
    account BIGINT NOT NULL,
    mailbox BIGINT NOT NULL,
    PRIMARY KEY (account, mailbox)
) WITHOUT ROWID""",
)


def upgrade() -> None:
    """Makes every table."""
    for table in TABLES:
        op.execute(table)
