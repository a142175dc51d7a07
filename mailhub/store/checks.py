"""What must hold between the store's rows, as a table of queries, each with what mends it.

A query returns one text for each row that breaks its rule. Repairs set counters right and drop
what nothing can reach; none of them deletes or changes a message in a mailbox.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from mailhub.model.account import Sending
from mailhub.model.dkim import KeyState
from mailhub.model.route import TLSLevel
from mailhub.store.conversations import thread_of
from mailhub.store.schema import KEY_SHIFT

_COUNTED = f"""
    (SELECT b.account, b.number, count(m.uid) AS messages,
        count(CASE WHEN m.flags & 1 = 0 THEN m.uid END) AS unseen,
        count(CASE WHEN m.flags & 8 = 8 THEN m.uid END) AS deleted,
        coalesce(sum(m.size), 0) AS size, coalesce(max(m.uid), 0) AS last_uid,
        coalesce(max(m.modseq), 0) AS last_modseq, count(DISTINCT {thread_of("m")}) AS threads
    FROM mailbox AS b LEFT JOIN message AS m ON m.account = b.account AND m.mailbox = b.number
    GROUP BY b.account, b.number)
"""
_USED = """
    (SELECT u.account, coalesce(sum(b.size), 0) AS storage, coalesce(sum(b.messages), 0) AS messages
    FROM usage AS u LEFT JOIN mailbox AS b ON b.account = u.account GROUP BY u.account)
"""
_USES = (
    "(SELECT account, content AS key, count(*) AS uses FROM (SELECT account, content FROM message"
    " UNION ALL SELECT account, content FROM archived) AS used GROUP BY account, content)"
)
_HAS_CODES = "EXISTS (SELECT 1 FROM totp AS t WHERE t.account = a.number AND t.enabled = 1)"
_HAS_KEYS = "EXISTS (SELECT 1 FROM security_key AS k WHERE k.account = a.number)"
_FACTORS_DIFFER = (
    f"((' ' || a.factors || ' ' LIKE '% totp %') <> {_HAS_CODES}"
    f" OR (' ' || a.factors || ' ' LIKE '% webauthn %') <> {_HAS_KEYS})"
)
_LOST = (
    "f.mailbox <> 0 AND NOT EXISTS"
    " (SELECT 1 FROM mailbox AS b WHERE b.account = f.account AND b.number = f.mailbox)"
)
_MAILBOX = "'account ' || b.account || ' mailbox ' || b.number || ': '"


@dataclass(frozen=True, slots=True)
class Check:
    """A rule. `query`: texts of what breaks it. `repairs`: statements that mend all of them."""

    kind: str
    query: str
    repairs: tuple[str, ...] = ()


def _missing(kind: str, child: str, parent: str, where: str, text: str) -> Check:
    """Rows of `child` whose parent row is gone."""
    query = f"SELECT {text} FROM {child} WHERE {where} NOT IN (SELECT {parent})"
    return Check(kind, query)


def _texts(states: type[Enum]) -> str:
    return ", ".join(f"'{state.value}'" for state in states)


CHECKS: tuple[Check, ...] = (
    Check(
        "content-uses",
        f"SELECT 'content ' || c.key || ' has ' || coalesce(n.uses, 0) || ' messages, not '"
        f" || c.uses FROM content AS c LEFT JOIN {_USES} AS n"
        " ON n.key = c.key AND n.account = c.account"
        " WHERE c.uses <> coalesce(n.uses, 0)",
        (
            f"UPDATE content SET uses = n.uses FROM {_USES} AS n"
            " WHERE n.key = content.key AND n.account = content.account AND content.uses <> n.uses",
            "DELETE FROM content WHERE (account, key) NOT IN"
            f" (SELECT account, key FROM {_USES} AS n)",
        ),
    ),
    Check(
        "message-without-content",
        "SELECT 'account ' || m.account || ' mailbox ' || m.mailbox || ' uid ' || m.uid"
        " || ' has no content' FROM message AS m WHERE NOT EXISTS"
        " (SELECT 1 FROM content AS c WHERE c.key = m.content AND c.account = m.account)",
    ),
    Check(
        "archived-without-content",
        "SELECT 'account ' || a.account || ' archived ' || a.number || ' has no content'"
        " FROM archived AS a WHERE NOT EXISTS"
        " (SELECT 1 FROM content AS c WHERE c.key = a.content AND c.account = a.account)",
    ),
    Check(
        "annotation-without-content",
        "SELECT 'account ' || a.account || ' annotates content ' || a.content || ', which is gone'"
        " FROM annotation AS a WHERE NOT EXISTS (SELECT 1 FROM content AS c"
        " WHERE c.key = a.content AND c.account = a.account)",
        (
            "DELETE FROM annotation WHERE NOT EXISTS (SELECT 1 FROM content AS c"
            " WHERE c.key = annotation.content AND c.account = annotation.account)",
        ),
    ),
    Check(
        "list-order",
        f"SELECT {_MAILBOX} || 'uid ' || m.uid || ' is outside of what lists look through'"
        " FROM mailbox AS b JOIN message AS m ON m.account = b.account AND m.mailbox = b.number"
        " WHERE m.internaldate = m.savedate AND m.uid NOT BETWEEN b.steady_from AND b.steady_to",
        ("UPDATE mailbox SET steady_from = 1, steady_to = uidnext - 1 WHERE uidnext > 1",),
    ),
    Check(
        "message-without-mailbox",
        "SELECT 'account ' || m.account || ' mailbox ' || m.mailbox || ' holds ' || count(*)"
        " || ' messages and is no mailbox' FROM message AS m"
        " WHERE NOT EXISTS (SELECT 1 FROM mailbox AS b WHERE b.account = m.account"
        " AND b.number = m.mailbox) AND NOT EXISTS (SELECT 1 FROM sweep AS s WHERE"
        " s.account = m.account AND s.mailbox IN (0, m.mailbox)) GROUP BY m.account, m.mailbox",
    ),
    Check(
        "message-size",
        "SELECT 'account ' || m.account || ' mailbox ' || m.mailbox || ' uid ' || m.uid"
        " || ' has ' || (length(c.prefix) + c.length) || ' bytes, not ' || m.size"
        " FROM message AS m JOIN content AS c ON c.key = m.content AND c.account = m.account"
        " WHERE m.size <> length(c.prefix) + c.length",
        (
            "UPDATE message SET size = (SELECT length(c.prefix) + c.length FROM content AS c"
            " WHERE c.key = message.content AND c.account = message.account)"
            " WHERE EXISTS (SELECT 1 FROM content AS c"
            " WHERE c.key = message.content AND c.account = message.account"
            " AND message.size <> length(c.prefix) + c.length)",
        ),
    ),
    # Before the counters, which tell of it.
    Check(
        "message-thread",
        "SELECT 'account ' || m.account || ' mailbox ' || m.mailbox || ' uid ' || m.uid"
        f" || ' is of thread ' || c.thread || ', not ' || {thread_of('m')}"
        " FROM message AS m JOIN content AS c ON c.key = m.content AND c.account = m.account"
        f" WHERE c.thread <> {thread_of('m')}",
        (
            "UPDATE message SET thread = CASE WHEN c.thread = c.key THEN 0 ELSE c.thread END"
            " FROM content AS c WHERE c.key = message.content AND c.account = message.account"
            f" AND c.thread <> {thread_of('message')}",
        ),
    ),
    Check(
        "mailbox-counters",
        f"SELECT {_MAILBOX} || n.messages || ' messages, ' || n.unseen || ' unseen, '"
        " || n.deleted || ' deleted, ' || n.size || ' bytes, ' || n.threads || ' threads, not '"
        " || b.messages || ', ' || b.unseen || ', ' || b.deleted || ', ' || b.size || ', '"
        f" || b.threads FROM mailbox AS b JOIN {_COUNTED} AS n ON n.account = b.account"
        " AND n.number = b.number WHERE (b.messages, b.unseen, b.deleted, b.size, b.threads)"
        " <> (n.messages, n.unseen, n.deleted, n.size, n.threads)",
        (
            "UPDATE mailbox SET messages = n.messages, unseen = n.unseen, deleted = n.deleted,"
            f" size = n.size, threads = n.threads FROM {_COUNTED} AS n"
            " WHERE n.account = mailbox.account AND n.number = mailbox.number",
        ),
    ),
    Check(
        "uidnext",
        f"SELECT {_MAILBOX} || 'uid ' || n.last_uid || ' is there, and UIDNEXT is ' || b.uidnext"
        f" FROM mailbox AS b JOIN {_COUNTED} AS n ON n.account = b.account"
        " AND n.number = b.number WHERE n.last_uid >= b.uidnext",
        (
            f"UPDATE mailbox SET uidnext = n.last_uid + 1 FROM {_COUNTED} AS n WHERE"
            " n.account = mailbox.account AND n.number = mailbox.number"
            " AND n.last_uid >= mailbox.uidnext",
        ),
    ),
    Check(
        "highestmodseq",
        f"SELECT {_MAILBOX} || 'MODSEQ ' || n.last_modseq || ' is there, and the highest is '"
        f" || b.highestmodseq FROM mailbox AS b JOIN {_COUNTED} AS n ON n.account = b.account"
        " AND n.number = b.number WHERE n.last_modseq > b.highestmodseq",
        (
            f"UPDATE mailbox SET highestmodseq = n.last_modseq FROM {_COUNTED} AS n WHERE"
            " n.account = mailbox.account AND n.number = mailbox.number"
            " AND n.last_modseq > mailbox.highestmodseq",
        ),
    ),
    Check(
        "expunged-uid",
        f"SELECT {_MAILBOX} || 'uid ' || m.uid || ' was expunged and is there'"
        " FROM mailbox AS b JOIN expunged AS e ON e.account = b.account AND e.mailbox = b.number"
        " JOIN message AS m ON m.account = b.account AND m.mailbox = b.number"
        " AND m.uid BETWEEN e.low AND e.high",
    ),
    Check(
        "expunged-range",
        f"SELECT {_MAILBOX} || 'expunged ' || e.low || ':' || e.high || ' at MODSEQ '"
        " || e.modseq || ' lies past UIDNEXT ' || b.uidnext || ' or MODSEQ ' || b.highestmodseq"
        " FROM mailbox AS b JOIN expunged AS e ON e.account = b.account AND e.mailbox = b.number"
        " WHERE e.high >= b.uidnext OR e.modseq > b.highestmodseq OR e.low > e.high",
    ),
    Check(
        "quota",
        "SELECT 'account ' || u.account || ' uses ' || n.storage || ' bytes and ' || n.messages"
        " || ' messages, not ' || u.used_storage || ' and ' || u.used_messages"
        f" FROM usage AS u JOIN {_USED} AS n ON n.account = u.account"
        " WHERE (u.used_storage, u.used_messages) <> (n.storage, n.messages)",
        (
            "UPDATE usage SET used_storage = n.storage, used_messages = n.messages"
            f" FROM {_USED} AS n WHERE n.account = usage.account",
        ),
    ),
    Check(
        "keyword-set",
        "SELECT 'account ' || m.account || ' has messages of keyword set ' || (m.flags >> 8)"
        " || ', which is missing' FROM message AS m WHERE m.flags > 255 AND NOT EXISTS (SELECT 1"
        " FROM keyword_set AS k WHERE k.account = m.account AND k.number = m.flags >> 8)"
        " AND NOT EXISTS (SELECT 1 FROM sweep AS s WHERE s.account = m.account)"
        " GROUP BY m.account, m.flags >> 8",
    ),
    Check(
        "number-reused",
        "SELECT 'account ' || account || ' has a keyword set past its counter' FROM usage"
        " WHERE keyword_sets < (SELECT max(number) FROM keyword_set AS k"
        " WHERE k.account = usage.account) UNION ALL SELECT 'content ' || max(key)"
        f" || ' is past the journal' FROM content HAVING max(key) >> {KEY_SHIFT} >"
        " coalesce((SELECT max(number) FROM journal), 0)",
    ),
    Check(
        "counter",
        "SELECT 'the counter ' || name || ' is behind' FROM (SELECT 'account' AS name,"
        " max(number) AS last FROM account UNION SELECT 'account', max(number)"
        " FROM removed_account UNION SELECT 'mailbox', max(number) FROM mailbox"
        " UNION SELECT 'address', max(number) FROM address UNION SELECT 'domain', max(number)"
        " FROM domain UNION SELECT 'queue_message', max(number) FROM queue_message"
        " UNION SELECT 'queue_entry', max(number) FROM queue_entry"
        " UNION SELECT 'route', max(number) FROM route"
        " UNION SELECT 'relay_network', max(number) FROM relay_network"
        " UNION SELECT 'archived', max(number) FROM archived"
        " UNION SELECT 'mail_filter', max(number) FROM mail_filter"
        " UNION SELECT 'dkim_key', max(number) FROM dkim_key) AS used"
        " WHERE last > coalesce((SELECT value FROM counter AS c WHERE c.name = used.name), 0)",
    ),
    Check(
        "uidvalidity",
        f"SELECT {_MAILBOX} || 'UIDVALIDITY is past the last one given'"
        " FROM mailbox AS b JOIN usage AS u ON u.account = b.account"
        " WHERE b.uidvalidity > u.uidvalidity",
    ),
    _missing("usage", "account", "account FROM usage", "number", "'no usage of ' || number"),
    _missing("secret", "account", "account FROM secret", "number", "'no secret of ' || number"),
    _missing(
        "mailbox-without-account",
        "mailbox",
        "number FROM account UNION SELECT number FROM removed_account",
        "account",
        "'mailbox ' || number || ' belongs to no account'",
    ),
    _missing(
        "address-without-account",
        "address",
        "number FROM account",
        "account",
        "'address ' || key || ' belongs to no account'",
    ),
    Check(
        "filter-without-mailbox",
        "SELECT 'filter ' || f.id || ' of account ' || f.account || ' is for mailbox ' || f.mailbox"
        f" || ', which is gone' FROM mail_filter AS f WHERE {_LOST}",
        (f"DELETE FROM mail_filter AS f WHERE {_LOST}",),
    ),
    Check(
        "queue-entry",
        "SELECT 'queue entry ' || number || ' for ' || recipient || ' has no message'"
        " FROM queue_entry WHERE message NOT IN (SELECT number FROM queue_message)",
        ("DELETE FROM queue_entry WHERE message NOT IN (SELECT number FROM queue_message)",),
    ),
    Check(
        "queue-message",
        "SELECT 'queued message ' || number || ' has no recipient' FROM queue_message"
        " WHERE number NOT IN (SELECT message FROM queue_entry)",
        ("DELETE FROM queue_message WHERE number NOT IN (SELECT message FROM queue_entry)",),
    ),
    Check(
        "queue-order",
        "SELECT 'queue entry ' || number || ' is of an older message than those before it'"
        " FROM (SELECT number, message, lag(message) OVER (ORDER BY number) AS before"
        " FROM queue_entry) AS entry WHERE message < before",
    ),
    Check(
        "queue-route",
        "SELECT 'queue entry ' || number || ' goes over route ' || route || ', which is gone'"
        " FROM queue_entry WHERE route <> 0 AND route NOT IN (SELECT number FROM route)",
        (
            "UPDATE queue_entry SET route = 0"
            " WHERE route <> 0 AND route NOT IN (SELECT number FROM route)",
        ),
    ),
    Check(
        "second-factors",
        f"SELECT 'account ' || a.number || ' has other second factors than it says: '"
        f" || a.factors FROM account AS a WHERE {_FACTORS_DIFFER}",
        (
            f"UPDATE account AS a SET factors = trim(CASE WHEN {_HAS_CODES} THEN 'totp ' ELSE ''"
            f" END || CASE WHEN {_HAS_KEYS} THEN 'webauthn' ELSE '' END) WHERE {_FACTORS_DIFFER}",
        ),
    ),
    # Mended so that nothing is sent, signed or allowed that was not meant to be.
    *(
        Check(
            "unknown-state",
            f"SELECT '{table} ' || {name} || ' has {column} ' || {column} FROM {table}"
            f" WHERE {column} NOT IN ({known})",
            (f"UPDATE {table} SET {column} = {safe} WHERE {column} NOT IN ({known})",),
        )
        for table, name, column, known, safe in (
            ("queue_entry", "number", "held", "0, 1", "1"),
            ("queue_entry", "number", "warned", "0, 1", "1"),
            ("dkim_key", "selector", "state", _texts(KeyState), f"'{KeyState.RETIRING.value}'"),
            ("route", "number", "tls", _texts(TLSLevel), f"'{TLSLevel.VERIFIED.value}'"),
            ("account", "username", "sending", _texts(Sending), f"'{Sending.LOCAL.value}'"),
        )
    ),
)
