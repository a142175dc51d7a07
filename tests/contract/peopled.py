"""A database with as many accounts and messages as are wanted, and what one act costs there."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import psycopg

from mailhub.model.flags import FlagMode, Flags
from mailhub.model.listing import Heads, Showing, Stretch
from mailhub.model.message import Copy
from mailhub.model.uids import UidSet
from tests.contract.stores import ACTOR, MESSAGE, House, TextBody, rendered

FIRST = 1_000_000
"""Numbers of the rows that are made up begin behind this."""
TIMES = 20
QUIET = 0.5
"""Seconds without a word of the store's threads."""
CHANGED = {
    # Table: what differs from the row that is repeated, by column.
    "account": {"number": "{n}", "id": "lpad({n}::text, 24, '0')", "username": "'u' || {n}"},
    "usage": {"account": "{n}"},
    "secret": {"account": "{n}"},
    "mailbox": {"account": "{n}", "id": "lpad({n}::text, 24, 'b')"},
    "address": {
        "number": "{n}",
        "id": "lpad({n}::text, 24, 'a')",
        "address": "'u' || {n} || '@many.example'",
        "key": "'u' || {n} || '@many.example'",
        "account": "{n}",
        "domain": "'many.example'",
    },
    "content": {"key": "({n}::bigint << 20) | 1", "thread": "({n}::bigint << 20) | 1"},
    "message": {
        "uid": "{n}",
        "content": "({n}::bigint << 20) | 1",
        "modseq": "{n}",
        "savedate": "t.internaldate",
    },
    "journal": {"number": "{n}"},
}
_COLUMNS = "SELECT column_name FROM information_schema.columns WHERE table_name = %s"
_COST = """
    SELECT coalesce(sum(calls), 0)::bigint,
    coalesce(sum(shared_blks_hit + shared_blks_read), 0)::bigint
    FROM pg_stat_statements WHERE query NOT LIKE '%pg_stat_statements%'
"""


@dataclass(frozen=True)
class Cost:
    """Of one act: statements, each of which is a round trip; blocks of 8 KiB that are looked at;
    bytes of the database's log."""

    statements: float
    blocks: float
    log: float


class Peopled:
    """`house`, on the database at `where`: `count` accounts beside its own, and as many messages in
    one mailbox of its own."""

    def __init__(self, house: House, where: str, count: int) -> None:
        self.house = house
        self._connection = psycopg.connect(where, autocommit=True)
        self._connection.execute("CREATE EXTENSION IF NOT EXISTS pg_stat_statements")
        account, boxes = house.account()
        self.account, self.inbox = account.number, boxes["INBOX"]
        found = house.ask(house.store.mailboxes.all(account.number))
        self.ids = account.id, found[0].id
        house.fill(account.number, self.inbox, 1)
        for table in CHANGED:
            self._repeat(table, count)
        last = FIRST + count
        for statement in (
            f"UPDATE mailbox SET uidnext = {last + 1}, highestmodseq = {last},"
            f" messages = {count} + 1, steady_to = {last} WHERE account = {self.account}",
            f"UPDATE counter SET value = {last} WHERE name <> 'sampled' AND name NOT LIKE 'node %'",
            "VACUUM ANALYZE",
        ):
            self._connection.execute(statement.encode())
        self.accounts = range(FIRST + 1, last + 1)

    def _repeat(self, table: str, count: int) -> None:
        """The one row that is there, many times."""
        changed = CHANGED[table]
        columns = [name for (name,) in self._connection.execute(_COLUMNS, [table])]
        values = [changed.get(name, f"t.{name}").format(n=f"({FIRST} + g)") for name in columns]
        self._connection.execute(
            f"INSERT INTO {table} ({', '.join(columns)}) SELECT {', '.join(values)}"
            f" FROM (SELECT * FROM {table} LIMIT 1) AS t, generate_series(1, {count}) AS g".encode()
        )

    def cost(self, act: Callable[[int], Awaitable[object]]) -> Cost:
        """Of what `act` does, on average; it is given a number that differs from time to time."""
        self.house.ask(act(0))  # everything is opened and planned
        wakes = -1
        while wakes != self.house.reactor.wakes:  # and nobody else is at work
            wakes = self.house.reactor.wakes
            self.house.reactor.turn(QUIET)
        log = self._log()
        self._connection.execute("SELECT pg_stat_statements_reset()")
        for time in range(1, TIMES + 1):
            self.house.ask(act(time))
        statements, blocks = self._connection.execute(_COST).fetchone() or (0, 0)
        return Cost(statements / TIMES, blocks / TIMES, (self._log() - log) / TIMES)

    def _log(self) -> int:
        row = self._connection.execute("SELECT pg_current_wal_insert_lsn() - '0/0'").fetchone()
        assert row is not None
        return int(row[0])

    # -- acts

    def deliver(self, number: int) -> Awaitable[object]:
        """To one of the many accounts."""
        account = self.accounts[number * len(self.accounts) // (TIMES + 1)]
        return self.house.store.messages.deliver(
            self.house.token(), TextBody(MESSAGE), rendered(), [Copy(account)], None, (), ACTOR
        )

    def deliver_here(self, number: int) -> Awaitable[object]:
        """To the account with the many messages."""
        return self.house.store.messages.deliver(
            self.house.token(), TextBody(MESSAGE), rendered(), [Copy(self.account)], None, (), ACTOR
        )

    def _uid(self, number: int) -> UidSet:
        uid = FIRST + 1 + number * len(self.accounts) // (TIMES + 1)
        return UidSet(((uid, uid),))

    def flag(self, number: int) -> Awaitable[object]:
        """One of the many messages."""
        return self.house.store.messages.store_flags(
            self.account, self.inbox, self._uid(number), FlagMode.ADD, Flags(1), ACTOR
        )

    def expunge(self, number: int) -> Awaitable[object]:
        """One of the many messages."""
        return self.house.store.messages.expunge(
            self.account, self.inbox, self._uid(number), ACTOR, only_deleted=False
        )

    def fetch(self, number: int) -> Awaitable[object]:
        """Where the bytes of one of the many messages are."""
        return self.house.store.messages.contents(self.account, self.inbox, self._uid(number))

    def page(self, number: int) -> Awaitable[object]:
        """The newest twenty of the many messages."""
        showing = Showing(False, Heads.ALL, counts=True, metadata=True)
        return self.house.store.listings.mailbox(*self.ids, Stretch(20, None, False), showing)

    def find(self, number: int) -> Awaitable[object]:
        """An account by its name."""
        account = self.accounts[number * len(self.accounts) // (TIMES + 1)]
        return self.house.store.accounts.by_username(f"u{account}")

    def close(self) -> None:
        self._connection.close()


ACTS = ("deliver", "deliver_here", "flag", "expunge", "fetch", "page", "find")
