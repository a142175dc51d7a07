"""Tables: what became of deleted messages, what goes with a message, and the order of lists."""

from __future__ import annotations

TABLES: tuple[str, ...] = (
    # Lists go by INTERNALDATE. Mail is delivered in that order already, with the date at which it
    # is saved, so that its UIDs are its order; only what came with a date of its own (appended,
    # copied, moved, restored) needs an index. A delivery writes nothing here: with all messages in
    # it, ten deliveries wrote 16 per cent more to the disk.
    """
    CREATE INDEX message_date ON message (account, mailbox, internaldate, uid)
        WHERE internaldate <> savedate
    """,
    """
    CREATE INDEX message_flagged ON message (account, internaldate, mailbox, uid)
        WHERE (flags & 4) <> 0
    """,
    # Messages that joined a thread, by what lists of threads ask: which of them stands last, or
    # first, in a mailbox. The one that began it is found by its content.
    """
    CREATE INDEX message_thread ON message (account, thread, mailbox, internaldate, uid)
        WHERE thread <> 0
    """,
    # Contents that joined a thread; the one that began it is found by its key.
    "CREATE INDEX content_thread ON content (thread) WHERE thread <> key",
    # Deleted messages that can be had back. number: grows with time. mailbox, uid: where it was.
    # archived: when it was deleted. Each counts as one use of its content.
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
    # What applications keep with a message, as JSON: it stays with it wherever the message goes.
    """
    CREATE TABLE annotation (
        account BIGINT NOT NULL,
        content BIGINT NOT NULL,
        metadata TEXT NOT NULL,
        PRIMARY KEY (account, content)
    ) WITHOUT ROWID
    """,
)
