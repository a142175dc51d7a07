"""The rules for statements find what breaks them, and nothing else."""

from __future__ import annotations

import pytest

from tests.contract.engines import faults

SHARDED = frozenset({"message", "content", "archived", "annotation"})
MESSAGES = "SELECT m.content AS key, count(*) AS count FROM message AS m WHERE m.account = %(a)s"
GOOD = (
    "SELECT c.key FROM message AS m CROSS JOIN content AS c"
    " WHERE m.account = %(a)s AND c.account = m.account AND c.key = m.content",
    "SELECT c.key FROM message AS m, content AS c WHERE m.account = %s AND +c.account = %s",
    "SELECT 1 FROM message AS m WHERE EXISTS"
    " (SELECT 1 FROM content AS c WHERE c.key = m.content AND c.account = m.account)",
    f"UPDATE content SET uses = uses - f.count FROM ({MESSAGES} GROUP BY m.content) AS f"
    " WHERE content.key = f.key AND content.account = %(a)s",
    "DELETE FROM annotation WHERE (account, content) IN"
    " (SELECT c.account, c.key FROM content AS c)",
    "SELECT max(key) FROM content UNION SELECT max(number) FROM archived",
    "INSERT INTO message (account, uid) VALUES (%s, %s)",
    "SELECT json_agg(uid ORDER BY uid) FROM message",
    "SELECT json_agg(uid) FROM (SELECT uid FROM message ORDER BY uid) AS found",
    "WITH a AS (SELECT account, key FROM content) SELECT 1 FROM a JOIN message AS m"
    " ON m.account = a.account",
)
BAD = (
    (
        "SELECT c.key FROM message AS m CROSS JOIN content AS c WHERE m.account = %(a)s",
        "not joined",
    ),
    (
        "SELECT 1 FROM message AS m, content AS c WHERE m.account = %s OR c.account = m.account",
        "not joined",
    ),
    (
        "SELECT 1 FROM message AS m WHERE EXISTS"
        " (SELECT 1 FROM content AS c WHERE c.key = m.content)",
        "not joined",
    ),
    (
        f"UPDATE content SET uses = 1 FROM ({MESSAGES} GROUP BY m.content) AS f"
        " WHERE content.key = f.key",
        "not joined",
    ),
    ("DELETE FROM annotation WHERE content IN (SELECT c.key FROM content AS c)", "not joined"),
    ("INSERT INTO message (uid) VALUES (%s)", "names no account"),
    ("SELECT json_agg(uid) FROM message", "in no order"),
    ("SELECT (string_agg(a, ',')) FROM message AS m, domain AS d", "in no order"),
    ("SELECT pg_notify('a', 'b')", "PostgreSQL's own"),
    ("LISTEN a", "PostgreSQL's own"),
    ("LOCK TABLE message", "PostgreSQL's own"),
)


@pytest.mark.parametrize("sql", GOOD)
def test_every_one_of_them_can_run(sql: str) -> None:
    assert faults(sql, SHARDED) == []


@pytest.mark.parametrize(("sql", "why"), BAD)
def test_one_of_them_cannot(sql: str, why: str) -> None:
    (found,) = faults(sql, SHARDED)
    assert why in found
