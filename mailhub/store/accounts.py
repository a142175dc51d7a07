"""Account rows, their secrets and their usage. How an account goes stands in `removals`."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from mailhub.model.account import (
    Account,
    Encryption,
    Factor,
    Limits,
    NewAccount,
    Role,
    Scope,
    ScramKeys,
    Secrets,
    Sending,
)
from mailhub.model.address import NewAddress
from mailhub.model.change import AccountChanged, Actor
from mailhub.model.errors import AlreadyExists, NotFound
from mailhub.model.mailbox import NewMailbox
from mailhub.store import addresses, authlog, mailboxes
from mailhub.store.sql import Cursor, Row, array_text, like, next_number, number, one_moment, span
from mailhub.store.transaction import Transaction
from mailhub.wire import relayurl

_SELECT = """
    SELECT a.number, a.id, a.username,
        coalesce((SELECT d.address FROM address d WHERE d.account = a.number
            AND d.main = 1 LIMIT 1), ''),
        a.name, a.role, u.limit_storage, u.limit_messages, a.limit_recipients, a.limit_forwards,
        u.used_storage, u.used_messages, a.disabled, a.suspended, a.language, a.retention,
        a.tags, a.metadata, a.created, a.auth_version, a.sending, a.disabled_scopes, a.factors,
        a.must_change, a.limit_received, a.limit_filters, a.limit_imap_upload,
        a.limit_imap_download, a.limit_pop3_download, a.limit_pop3_messages,
        a.limit_imap_connections, a.spam_level, a.targets, a.public_key, a.encrypt_stored,
        a.encrypt_forwarded,
        EXISTS (SELECT 1 FROM secret s WHERE s.account = a.number AND s.password <> ''),
        EXISTS (SELECT 1 FROM autoreply r WHERE r.account = a.number AND r.status = 1)
    FROM account a JOIN usage u ON u.account = a.number
"""

_MATCHING = """
    WHERE (:query = '' OR a.username LIKE :pattern ESCAPE '\\' OR EXISTS (
            SELECT 1 FROM address d WHERE d.account = a.number
            AND d.address LIKE :pattern ESCAPE '\\'))
        AND (:tags = '[]' OR EXISTS (
            SELECT 1 FROM json_each(a.tags) AS has JOIN json_each(:tags) AS wanted
            ON lower(has.value) = lower(wanted.value)))
        AND NOT EXISTS (
            SELECT 1 FROM json_each(:required) AS wanted WHERE lower(wanted.value) NOT IN (
                SELECT lower(has.value) FROM json_each(a.tags) AS has))
"""

_INSERT = """
    INSERT INTO account (number, id, username, name, role, limit_recipients, limit_forwards,
        disabled, suspended, language, retention, tags, metadata, created, auth_version,
        sending, limit_received, limit_filters, limit_imap_upload, limit_imap_download,
        limit_pop3_download, limit_pop3_messages, limit_imap_connections, spam_level, targets,
        public_key, encrypt_stored, encrypt_forwarded, disabled_scopes)
    VALUES (:number, :id, :username, :name, :role, :recipients, :forwards,
        :disabled, :suspended, :language, :retention, :tags, :metadata, :created, :auth_version,
        :sending, :received, :filters, :imap_upload, :imap_download, :pop3_download,
        :pop3_messages, :imap_connections, :spam_level, :targets, :public_key, :encrypt_stored,
        :encrypt_forwarded, :disabled_scopes)
"""

_UPDATE = """
    UPDATE account SET username = :username, name = :name, role = :role,
        limit_recipients = :recipients, limit_forwards = :forwards, disabled = :disabled,
        suspended = :suspended, language = :language, retention = :retention, tags = :tags,
        metadata = :metadata, sending = :sending, disabled_scopes = :disabled_scopes,
        limit_received = :received, limit_filters = :filters, limit_imap_upload = :imap_upload,
        limit_imap_download = :imap_download, limit_pop3_download = :pop3_download,
        limit_pop3_messages = :pop3_messages, limit_imap_connections = :imap_connections,
        spam_level = :spam_level, targets = :targets, public_key = :public_key,
        encrypt_stored = :encrypt_stored, encrypt_forwarded = :encrypt_forwarded,
        auth_version = max(auth_version, :auth_version)
    WHERE number = :number
"""


def _account(row: Row) -> Account:
    return Account(
        number=row[0],
        id=row[1],
        username=row[2],
        address=row[3],
        name=row[4],
        role=Role(row[5]),
        limits=Limits(row[6], row[7], row[8], row[9], *row[24:31]),
        used_storage=row[10],
        used_messages=row[11],
        disabled=bool(row[12]),
        suspended=bool(row[13]),
        language=row[14],
        retention=row[15],
        tags=tuple(json.loads(row[16])),
        metadata=json.loads(row[17]),
        created=row[18],
        auth_version=row[19],
        sending=Sending(row[20]),
        disabled_scopes=frozenset(map(Scope, row[21].split())),
        factors=tuple(map(Factor, row[22].split())),
        must_change=bool(row[23]),
        spam_level=row[31],
        targets=tuple(json.loads(row[32])),
        encryption=Encryption(row[33], bool(row[34]), bool(row[35])),
        has_password=bool(row[36]),
        autoreply=bool(row[37]),
    )


def _one(cursor: Cursor, condition: str, parameters: Mapping[str, object]) -> Account | None:
    row = cursor.execute(f"{_SELECT} WHERE {condition}", parameters).fetchone()
    return _account(row) if row is not None else None


def get(cursor: Cursor, account: int) -> Account | None:
    """The account with this number."""
    return _one(cursor, "a.number = :number", {"number": account})


def by_id(cursor: Cursor, id: str) -> Account | None:
    """The account with this 24-hex id."""
    return _one(cursor, "a.id = :id", {"id": id})


def by_username(cursor: Cursor, username: str) -> Account | None:
    """The account with this folded login name."""
    return _one(cursor, "a.username = :username", {"username": username})


def known(cursor: Cursor, account: int) -> Account:
    """As `get`; raises NotFound."""
    found = get(cursor, account)
    if found is None:
        raise NotFound("No such account")
    return found


@one_moment
def page(
    cursor: Cursor,
    after: int,
    before: int,
    limit: int,
    query: str,
    tags: Sequence[str],
    required_tags: Sequence[str],
) -> tuple[Sequence[Account], int]:
    """See `ports.Accounts.page`."""
    parameters = {
        "after": after,
        "before": before,
        "limit": limit,
        "query": query,
        "pattern": like(query),
        "tags": array_text(tags),
        "required": array_text(required_tags),
    }
    rows = cursor.execute(f"{_SELECT} {_MATCHING} {span('a', before)}", parameters).fetchall()
    total = number(cursor, f"SELECT count(*) FROM account a {_MATCHING}", parameters)
    return [_account(row) for row in (reversed(rows) if before else rows)], total


def count(cursor: Cursor) -> int:
    """How many accounts there are."""
    return number(cursor, "SELECT count(*) FROM account", {})


def require_free(cursor: Cursor, username: str, except_for: int = 0) -> None:
    """Raises AlreadyExists where another account has this login name."""
    taken = cursor.execute(
        "SELECT 1 FROM account WHERE username = :username AND number <> :number",
        {"username": username, "number": except_for},
    ).fetchone()
    if taken is not None:
        raise AlreadyExists("This username is taken", "username")


def _profile(order: NewAccount | Account) -> dict[str, object]:
    return {
        "username": order.username,
        "name": order.name,
        "role": order.role.value,
        "sending": order.sending.value,
        "recipients": order.limits.recipients,
        "forwards": order.limits.forwards,
        "received": order.limits.received,
        "filters": order.limits.filters,
        "imap_upload": order.limits.imap_upload,
        "imap_download": order.limits.imap_download,
        "pop3_download": order.limits.pop3_download,
        "pop3_messages": order.limits.pop3_messages,
        "imap_connections": order.limits.imap_connections,
        "spam_level": order.spam_level,
        "targets": json.dumps(order.targets),
        "public_key": order.encryption.key,
        "encrypt_stored": int(order.encryption.stored),
        "encrypt_forwarded": int(order.encryption.forwarded),
        "disabled": int(order.disabled),
        "disabled_scopes": " ".join(sorted(one.value for one in order.disabled_scopes)),
        "language": order.language,
        "retention": order.retention,
        "tags": json.dumps(order.tags),
        "metadata": json.dumps(dict(order.metadata)),
    }


def create(
    tx: Transaction,
    order: NewAccount,
    secrets: Secrets,
    boxes: Sequence[NewMailbox],
    names: Sequence[NewAddress],
    actor: Actor,
) -> Account:
    """See `ports.Accounts.create`. The addresses become the new account's own."""
    require_free(tx.cursor, order.username)
    account = next_number(tx.cursor, "account")
    tx.execute(
        _INSERT,
        _profile(order)
        | {
            "number": account,
            "id": order.id,
            "suspended": 0,
            "created": order.created,
            "auth_version": 1,
        },
    )
    tx.execute(
        "INSERT INTO usage (account, used_storage, used_messages, limit_storage, limit_messages,"
        " keyword_sets, uidvalidity)"
        " VALUES (:account, 0, 0, :storage, :messages, 0, 0)",
        {
            "account": account,
            "storage": order.limits.storage,
            "messages": order.limits.messages,
        },
    )
    _put_secrets(tx, account, secrets)
    entry = tx.journal("accountchanged", actor, account, detail=json.dumps({"what": "created"}))
    tx.tell(AccountChanged(entry, account, "created", 1))
    for name in names:
        addresses.insert(tx, name, account, actor)
    mailboxes.create(tx, account, boxes, actor)
    authlog.done(tx, account, "account created", actor)
    return known(tx.cursor, account)


def replace(tx: Transaction, account: Account, actor: Actor) -> Account:
    """See `ports.Accounts.replace`. `auth_version` can grow here and never falls."""
    require_free(tx.cursor, account.username, account.number)
    before = known(tx.cursor, account.number)
    tx.execute(
        _UPDATE,
        _profile(account)
        | {
            "number": account.number,
            "suspended": int(account.suspended),
            "auth_version": account.auth_version,
        },
    )
    tx.execute(
        "UPDATE usage SET limit_storage = :storage, limit_messages = :messages"
        " WHERE account = :account",
        {
            "storage": account.limits.storage,
            "messages": account.limits.messages,
            "account": account.number,
        },
    )
    for target in account.targets:
        if target not in before.targets:
            named = relayurl.shown(target)
            authlog.done(tx, account.number, "user forward added", actor, target=named)
    return _told(tx, account.number, "updated", actor)


def secrets(cursor: Cursor, account: int) -> Secrets:
    """The account's secrets. Raises NotFound."""
    row = cursor.execute(
        "SELECT password, scram_salt, scram_iterations, scram_stored_key, scram_server_key"
        " FROM secret WHERE account = :account",
        {"account": account},
    ).fetchone()
    if row is None:
        raise NotFound("No such account")
    return Secrets(row[0], ScramKeys(row[1], row[2], row[3], row[4]) if row[1] else None)


def set_secrets(
    tx: Transaction,
    account: int,
    given: Secrets,
    actor: Actor,
    end_sessions: bool,
    action: str = "password change",
) -> Account:
    """See `ports.Accounts.set_secrets`. `action`: what the log of logins calls it. A new password
    is the one that had to come where the old one was given by somebody else."""
    known(tx.cursor, account)
    if end_sessions and given.password != secrets(tx.cursor, account).password:
        authlog.done(tx, account, action, actor)
        tx.execute(
            "UPDATE account SET must_change = 0 WHERE number = :account", {"account": account}
        )
    _put_secrets(tx, account, given)
    tx.execute(
        "UPDATE account SET auth_version = auth_version + :step WHERE number = :account",
        {"step": int(end_sessions), "account": account},
    )
    return _told(tx, account, "secrets", actor)


def end_sessions(tx: Transaction, account: int, actor: Actor, reason: str) -> Account:
    """See `ports.Accounts.end_sessions`."""
    tx.execute(
        "UPDATE account SET auth_version = auth_version + 1 WHERE number = :account",
        {"account": account},
    )
    return _told(tx, account, "secrets", actor, reason)


def count_again(tx: Transaction, account: int) -> tuple[int, int]:
    """See `ports.Accounts.count_again`."""
    before = known(tx.cursor, account)
    tx.execute(
        "UPDATE usage SET (used_storage, used_messages) = (SELECT coalesce(sum(size), 0),"
        " coalesce(sum(messages), 0) FROM mailbox WHERE account = :account)"
        " WHERE account = :account",
        {"account": account},
    )
    after = known(tx.cursor, account)
    return before.used_storage, after.used_storage


def _put_secrets(tx: Transaction, account: int, given: Secrets) -> None:
    keys = given.scram_sha256
    tx.execute(
        "INSERT INTO secret (account, password, scram_salt, scram_iterations, scram_stored_key,"
        " scram_server_key) VALUES (:account, :password, :salt, :iterations, :stored, :server)"
        " ON CONFLICT (account) DO UPDATE SET password = excluded.password,"
        " scram_salt = excluded.scram_salt, scram_iterations = excluded.scram_iterations,"
        " scram_stored_key = excluded.scram_stored_key,"
        " scram_server_key = excluded.scram_server_key",
        {
            "account": account,
            "password": given.password,
            "salt": keys.salt if keys else None,
            "iterations": keys.iterations if keys else None,
            "stored": keys.stored_key if keys else None,
            "server": keys.server_key if keys else None,
        },
    )


def _told(tx: Transaction, account: int, what: str, actor: Actor, reason: str = "") -> Account:
    after = known(tx.cursor, account)
    told = {"what": what} | ({"reason": reason} if reason else {})
    entry = tx.journal("accountchanged", actor, account, detail=json.dumps(told))
    tx.tell(AccountChanged(entry, account, what, after.auth_version, reason))
    return after
