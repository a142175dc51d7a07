"""A connection to PostgreSQL with the shape that the store's statements ask for (`sql.Cursor`).

Every statement commits by itself until a transaction is begun. Numbers are 64 bits wide whichever
way they go; truth values are numbers, as the store's tables hold them. What the driver raises
becomes `faults.DriverError` here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import psycopg
from psycopg.abc import Buffer
from psycopg.adapt import Dumper, Loader
from psycopg.types.numeric import Int8Dumper
from psycopg.types.string import TextLoader

from mailhub.model.errors import MailhubError, StorageFull, Unavailable
from mailhub.store.faults import DriverError
from mailhub.store.postgres.translation import translated
from mailhub.store.sql import Parameters, Rows

CACHED_STATEMENTS = 512
PREPARE_AFTER = 2
"""Runs of a statement before the server keeps its plan."""
PATIENCE = 10_000
"""Milliseconds that a lock is waited for, and that a transaction may lie idle: a process that
hangs holds up the others no longer."""
SILENCE = 20_000
"""Milliseconds after which a machine that acknowledges nothing that was sent to it is gone, as it
is when it answers no keepalives: the kernel alone would go on for a quarter of an hour."""
_SESSION = (
    f"SET lock_timeout = {PATIENCE}",
    f"SET idle_in_transaction_session_timeout = {PATIENCE}",
)
_SET = "SELECT set_config(name, %(value)s, false) FROM pg_settings WHERE name = %(name)s"
_WRITES = ("INSERT", "UPDATE", "DELETE")
_MOMENT = {"BEGIN": "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"}
"""What a reading function says to see one moment (`sql.one_moment`)."""
_AGAIN = ("40001", "40P01")
_FULL = ("53100", "53400")
_UNKNOWN = ("0A000", "42601")
"""SQLSTATEs: a serialization failure or deadlock, gone when tried again; no room for more; what
this engine does not do, or has no word for."""


class AgainError(DriverError):
    """The transaction met another one, and was undone: it may be run again."""


class LostError(DriverError):
    """The connection is gone, and with it the answer to what was asked last."""


class _TruthDumper(Dumper):
    """True and False as 1 and 0."""

    oid = psycopg.adapters.types["int8"].oid

    def dump(self, obj: bool) -> Buffer:
        return b"1" if obj else b"0"


class _NumberLoader(Loader):
    """Sums of 64-bit numbers are NUMERIC: whole numbers here."""

    def load(self, data: Buffer) -> int:
        return int(bytes(data))


class Connection:
    """`sql.Cursor`. `total_changes`: rows that its statements changed since it was opened.
    `session`: what the server's settings are to be here, of those that it knows."""

    def __init__(self, where: str, session: Mapping[str, str] | None = None) -> None:
        self._warned = False
        try:
            self._connection = psycopg.connect(
                where,
                autocommit=True,
                prepare_threshold=PREPARE_AFTER,
                connect_timeout=PATIENCE // 1000,
                keepalives_idle=10,
                keepalives_interval=5,
                keepalives_count=2,
                tcp_user_timeout=SILENCE,
                # A standby would show what is past, and of several hosts only one is to be meant.
                target_session_attrs="read-write",
            )
            self._connection.add_notice_handler(self._noticed)
            for statement in _SESSION:
                self._connection.execute(statement)
            for name, value in (session or {}).items():
                self._connection.execute(_SET, {"name": name, "value": value})
        except psycopg.Error as error:
            raise LostError(Unavailable()) from error
        self._connection.prepared_max = CACHED_STATEMENTS
        adapters = self._connection.adapters
        adapters.register_dumper(bool, _TruthDumper)
        adapters.register_dumper(int, Int8Dumper)
        adapters.register_loader("numeric", _NumberLoader)
        adapters.register_loader("json", TextLoader)
        self.total_changes = 0

    def execute(self, sql: str, parameters: Parameters = (), /) -> Rows:
        """Runs a statement of the store. Raises DriverError."""
        try:
            cursor: psycopg.Cursor[Any] = self._connection.cursor()
            cursor.execute(_MOMENT.get(sql) or translated(sql), parameters or None)
        except psycopg.Error as error:
            raise self._told(error) from error
        if cursor.statusmessage is not None and cursor.statusmessage.startswith(_WRITES):
            self.total_changes += cursor.rowcount
        return cursor

    def octets(self, sql: str, parameters: Parameters, /) -> list[bytes]:
        """The one column of a statement's rows, as it is: nothing is written out as text on the
        way. Raises DriverError."""
        try:
            with self._connection.cursor(binary=True) as cursor:
                cursor.execute(translated(sql), parameters)
                return [bytes(value) for (value,) in cursor.fetchall()]
        except psycopg.Error as error:
            raise self._told(error) from error

    def copy(self, table: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
        """Inserts many rows at once. Raises DriverError."""
        try:
            with self._connection.cursor() as cursor:
                head = f"COPY {table} ({', '.join(columns)}) FROM STDIN"
                with cursor.copy(head.encode("ascii")) as copy:
                    for row in rows:
                        copy.write_row(row)
                self.total_changes += cursor.rowcount
        except psycopg.Error as error:
            raise self._told(error) from error

    def begin(self) -> None:
        """A transaction that sees what others committed before each of its statements."""
        self._plain("BEGIN ISOLATION LEVEL READ COMMITTED")

    def wait(self, milliseconds: int) -> None:
        """How long a lock is waited for from here on."""
        self._plain(f"SET lock_timeout = {milliseconds}")

    def commit(self) -> None:
        """Durable afterwards, at a synchronous standby as well. Raises LostError where nobody
        knows: a wait for the standby that is cancelled, by a limit of time say, is told as a
        success with a warning."""
        self._warned = False
        self._plain("COMMIT")
        if self._warned:
            self.close()
            raise LostError(Unavailable())

    def _noticed(self, notice: psycopg.errors.Diagnostic) -> None:
        self._warned = self._warned or notice.severity_nonlocalized == "WARNING"

    def roll_back(self) -> None:
        """As if the transaction had not been begun."""
        self._plain("ROLLBACK")

    def upkeep(self, sql: str) -> None:
        """What PostgreSQL has done to its tables and indexes from time to time, outside of any
        transaction. An engine that keeps them otherwise, and does not know the statement, does
        without. Raises DriverError."""
        try:
            self._plain(sql)
        except DriverError as error:
            if getattr(error.__cause__, "sqlstate", None) not in _UNKNOWN:
                raise

    def _plain(self, sql: str) -> None:
        try:
            self._connection.execute(sql)
        except psycopg.Error as error:
            raise self._told(error) from error

    def _told(self, error: psycopg.Error) -> DriverError:
        kind: MailhubError = StorageFull() if error.sqlstate in _FULL else Unavailable()
        if self._connection.closed:
            return LostError(kind)
        return AgainError(kind) if error.sqlstate in _AGAIN else DriverError(kind)

    def close(self) -> None:
        """Closes it; what was not committed is gone."""
        self._connection.close()
