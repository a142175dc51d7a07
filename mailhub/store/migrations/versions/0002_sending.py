"""Sending: what an entry of the queue went through, routes, suppressions, signing keys, reports.

Frozen: a later change of `mailhub.store.schema` gets a revision of its own.
"""

from __future__ import annotations

from alembic import op
from sqlalchemy import text
from sqlalchemy.engine import Connection

from mailhub.model.errors import Invalid
from mailhub.wire import address

revision = "0002"
down_revision = "0001"

ASIDE = (
    "DROP INDEX queue_message_place",
    "DROP INDEX queue_entry_message",
    "ALTER TABLE queue_message RENAME TO queue_message_0001",
    "ALTER TABLE queue_entry RENAME TO queue_entry_0001",
)
COLUMNS = (
    "ALTER TABLE account ADD COLUMN sending TEXT NOT NULL DEFAULT 'own'",
    "ALTER TABLE domain ADD COLUMN relay INTEGER NOT NULL DEFAULT 0",
    "ALTER TABLE address ADD COLUMN program TEXT NOT NULL DEFAULT '[]'",
    "ALTER TABLE address ADD COLUMN minilist INTEGER NOT NULL DEFAULT 0",
)
TABLES = (
    """CREATE TABLE queue_message (
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
)""",
    "CREATE INDEX queue_message_place ON queue_message (segment, start, length)",
    "CREATE INDEX queue_message_sender ON queue_message (sender_key)",
    """CREATE TABLE queue_entry (
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
)""",
    "CREATE INDEX queue_entry_message ON queue_entry (message)",
    """CREATE TABLE route (
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
)""",
    "CREATE TABLE relay_network (number INTEGER PRIMARY KEY, network TEXT NOT NULL UNIQUE)",
    """CREATE TABLE suppression (
    key TEXT NOT NULL PRIMARY KEY,
    status TEXT NOT NULL,
    reply TEXT NOT NULL,
    created BIGINT NOT NULL
) WITHOUT ROWID""",
    """CREATE TABLE dkim_key (
    number INTEGER PRIMARY KEY,
    domain TEXT NOT NULL,
    selector TEXT NOT NULL,
    algorithm TEXT NOT NULL,
    private TEXT NOT NULL,
    public TEXT NOT NULL,
    state TEXT NOT NULL,
    created BIGINT NOT NULL,
    changed BIGINT NOT NULL
)""",
    "CREATE UNIQUE INDEX dkim_key_selector ON dkim_key (domain, selector)",
    """CREATE TABLE report (
    kind TEXT NOT NULL,
    day BIGINT NOT NULL,
    domain TEXT NOT NULL,
    key TEXT NOT NULL,
    count BIGINT NOT NULL,
    PRIMARY KEY (kind, day, domain, key)
) WITHOUT ROWID""",
)
COPY = (
    # A message that an account submitted began here; of others it is not known any more.
    """
    INSERT INTO queue_message (number, account, created, segment, start, length, digest, sender,
        sender_key, ret, envid, body, utf8, require_tls, local, transaction_id, message_id)
    SELECT number, account, created, segment, start, length, digest, sender, sender, ret, envid,
        body, utf8, 0, account IS NOT NULL, '', '' FROM queue_message_0001
    """,
    """
    INSERT INTO queue_entry (number, message, due, held, lane, attempts, token, warned, route,
        home, tried, recipient, recipient_key, notify, orcpt, status, reply, remote)
    SELECT number, message, due, 0, recipient, attempts, 0, 0, 0, 0, 0, recipient, '', notify,
        orcpt, '', '', '' FROM queue_entry_0001
    """,
    "DROP TABLE queue_message_0001",
    "DROP TABLE queue_entry_0001",
)


def upgrade() -> None:
    """Makes the new tables; the queue keeps its numbers."""
    for statement in (*ASIDE, *COLUMNS, *TABLES, *COPY):
        op.execute(statement)
    connection = op.get_bind()
    _fold_senders(connection)
    _fold_recipients(connection)


def _fold_senders(connection: Connection) -> None:
    update = text("UPDATE queue_message SET sender_key = :key WHERE sender = :sender")
    for (sender,) in connection.execute(
        text("SELECT DISTINCT sender FROM queue_message")
    ).fetchall():
        key = _folded(sender)[0]
        if key != sender:
            connection.execute(update, {"key": key, "sender": sender})


def _fold_recipients(connection: Connection) -> None:
    update = text(
        "UPDATE queue_entry SET recipient_key = :key, lane = :lane WHERE recipient = :recipient"
        " AND number = :number"
    )
    rows = connection.execute(text("SELECT number, recipient FROM queue_entry")).fetchall()
    for number, recipient in rows:
        key, lane = _folded(recipient)
        values = {"key": "" if key == recipient else key, "lane": lane}
        connection.execute(update, {**values, "recipient": recipient, "number": number})


def _folded(written: str) -> tuple[str, str]:
    """(address as it is compared, its domain), as this revision's store made them."""
    try:
        local, domain = address.split(written)
    except Invalid:
        return written.lower(), written.lower().rpartition("@")[2]
    return address.join(address.fold(local), domain), domain
