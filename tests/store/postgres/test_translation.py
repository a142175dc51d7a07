"""The store's SQL, as PostgreSQL wants it."""

from __future__ import annotations

import pytest

from mailhub.store.postgres.translation import table, translated
from mailhub.store.sql import item, numbers_in

STATEMENTS = (
    ("SELECT a FROM b WHERE c = :c AND d = ?", "SELECT a FROM b WHERE c = %(c)s AND d = %s"),
    ("SELECT '10% :x ?', :pop3_download", "SELECT '10%% :x ?', %(pop3_download)s"),
    ("SELECT a % 2", "SELECT a %% 2"),
    ("SELECT 'it''s (' || a", "SELECT 'it''s (' || a"),
    ("SELECT CAST(a AS BIGINT)", "SELECT (a)::bigint"),
    (
        "SELECT max(a), max(a, b), min(1, (2))",
        "SELECT max(a), greatest(a, b), least(1, (2))",
    ),
    (
        "SELECT group_concat(a), group_concat(DISTINCT b) FROM c",
        "SELECT string_agg((a)::text, ','), string_agg(DISTINCT (b)::text, ',') FROM c",
    ),
    (
        "SELECT CAST(group_concat(substr(a, 1, :cut), '') AS BLOB)",
        "SELECT (string_agg(substr(a, (1)::integer, (%(cut)s)::integer), ''::bytea))::bytea",
    ),
    (
        "SELECT json_group_array(json_array(a, json(b)))",
        "SELECT coalesce(json_agg(json_build_array(a, nullif((b)::text, '')::json)), '[]')",
    ),
    (
        "SELECT json_group_array(a), CAST(group_concat(b, '') AS BLOB) FROM c WHERE d = :d"
        " ORDER BY e, f",
        "SELECT coalesce(json_agg(a ORDER BY e, f), '[]'), (string_agg(b, ''::bytea"
        " ORDER BY e, f))::bytea FROM c WHERE d = %(d)s ",
    ),
    (
        "SELECT group_concat(a) FROM (SELECT a FROM b ORDER BY a) AS c",
        "SELECT string_agg((a)::text, ',') FROM (SELECT a FROM b ORDER BY a) AS c",
    ),
    ("SELECT json_extract(a, '$.b[0]')", "SELECT (nullif(a, '')::json #>> '{b,0}')"),
    ("json_extract(d, '$.entry')", "((nullif(d, '')::json #>> '{entry}')::bigint)"),
    (
        "FROM json_each(:a) AS w CROSS JOIN b",
        "FROM json_array_elements_text(nullif(%(a)s, '')::json)"
        " WITH ORDINALITY AS w(value, key) CROSS JOIN b",
    ),
    (
        "FROM json_each(f.a, '$.to') AS one",
        "FROM json_array_elements_text((nullif(f.a, '')::json #> '{to}'))"
        " WITH ORDINALITY AS one(value, key)",
    ),
    (
        f"WHERE a IN {numbers_in('a')}",
        "WHERE a IN (SELECT (value)::bigint AS value FROM json_array_elements_text("
        "nullif(%(a)s, '')::json) WITH ORDINALITY AS each(value, key))",
    ),
    (
        f"SELECT {item('w', 1)}, {item('w')}",
        "SELECT ((nullif(w.value, '')::json #>> '{1}'))::bigint, (w.value)::bigint",
    ),
    ("a LIKE :b ESCAPE '\\'", "a ILIKE %(b)s ESCAPE '\\'"),
    ("FROM m INDEXED BY i WHERE a", "FROM m  WHERE a"),
    ("hex(a), instr(b, :c)", "upper(encode(a, 'hex')), strpos(b, %(c)s)"),
)


@pytest.mark.parametrize(("ours", "theirs"), STATEMENTS)
def test_statements(ours: str, theirs: str) -> None:
    assert translated(ours) == theirs


def test_tables() -> None:
    made = table("CREATE TABLE a (b INTEGER PRIMARY KEY, c BLOB NOT NULL) WITHOUT ROWID")
    assert made == "CREATE TABLE a (b BIGINT PRIMARY KEY, c BYTEA NOT NULL)"


def test_what_belongs_to_an_account_is_found_by_it() -> None:
    made = table("CREATE TABLE a (b INTEGER PRIMARY KEY, account BIGINT NOT NULL, c TEXT)")
    assert made == (
        "CREATE TABLE a (b BIGINT NOT NULL, account BIGINT NOT NULL, c TEXT,"
        " PRIMARY KEY (account, b))"
    )
