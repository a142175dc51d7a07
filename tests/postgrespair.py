"""A PostgreSQL and its standby, of the test's own, that can follow each other for ever."""

from __future__ import annotations

import time
from pathlib import Path

import psycopg

from tests.ports import free_port
from tests.postgresserver import START, PostgresServer

LINK = """
primary_conninfo = 'host=127.0.0.1 port={port} user=mailhub application_name=standby'
wal_retrieve_retry_interval = '100ms'
"""


class Standby(PostgresServer):
    """A copy of a server that follows it from its start on. `behind`: the port at which it finds
    the other one, where that is not the other's own."""

    def __init__(self, primary: PostgresServer, *, port: int = 0, behind: int = 0) -> None:
        self._primary = primary
        self._behind = behind or primary.port
        super().__init__(port=port)

    def _make(self) -> None:
        found = ("--host", "127.0.0.1", "--port", str(self._primary.port), "--username", "mailhub")
        self._run("pg_basebackup", *found, "--checkpoint", "fast", "--wal-method", "stream")
        data = Path(self.folder / "data")
        # What the other one was told besides is not meant for this one.
        (data / "postgresql.auto.conf").write_text(LINK.format(port=self._behind))
        (data / "standby.signal").touch()

    def promote(self) -> None:
        """It is the one that is written to; returns when it can be."""
        with psycopg.connect(self.where("postgres"), autocommit=True) as connection:
            assert connection.execute("SELECT pg_promote(true, 60)").fetchone() == (True,)


class PostgresPair:
    """What is committed at one is at the other, too (`synchronous`), and either can be the first.
    It speaks of them as `PostgresServer` does of one."""

    def __init__(self) -> None:
        self.ports = (free_port(), free_port())
        self._first = PostgresServer(port=self.ports[0])
        self._second: Standby | None = None

    @property
    def servers(self) -> list[PostgresServer]:
        """Both, or the one there is."""
        return [self._first] if self._second is None else [self._first, self._second]

    def start(self) -> None:
        self._first.start()
        if self._second is None:
            self._follow()

    def kill(self) -> None:
        """The first is gone; `start` brings it back."""
        self._first.kill()

    def fail_over(self) -> None:
        """The first is gone for good, and the second takes over. `mend` gives it a standby."""
        assert isinstance(self._second, Standby)
        self._first.kill()
        self._second.promote()
        self._first, gone, self._second = self._second, self._first, None
        gone.close()

    def mend(self) -> None:
        """There are two again."""
        if self._second is None:
            self._follow()

    def _follow(self) -> None:
        port = next(port for port in self.ports if port != self._first.port)
        self._second = Standby(self._first, port=port)
        self._second.start()
        self._tell("ALTER SYSTEM SET synchronous_standby_names = '*'")
        self._tell("SELECT pg_reload_conf()")
        ends = time.monotonic() + START
        while self._tell("SELECT sync_state FROM pg_stat_replication") != [("sync",)]:
            assert time.monotonic() < ends, "the standby does not follow"
            time.sleep(0.05)

    def _tell(self, sql: str) -> list[tuple[object, ...]]:
        with psycopg.connect(self._first.where("postgres"), autocommit=True) as connection:
            cursor = connection.execute(sql.encode())
            return cursor.fetchall() if cursor.description else []

    def database(self) -> str:
        return self._first.database()

    def url(self, database: str) -> str:
        """Names both, and says which one is meant."""
        return address(self.ports, database)

    def close(self) -> None:
        self._first.close()
        if self._second is not None:
            self._second.close()


def address(ports: tuple[int, ...], database: str) -> str:
    """Of a database that is at one of these ports."""
    places = ",".join(f"127.0.0.1:{port}" for port in ports)
    more = "?target_session_attrs=read-write" if len(ports) > 1 else ""
    return f"postgresql://mailhub@{places}/{database}{more}"
