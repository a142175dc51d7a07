"""A PostgreSQL of the test's own: on a Unix socket and a free port, in a folder that goes."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
from itertools import count
from pathlib import Path

import psycopg

from tests.ports import free_port
from tests.programs import missing

START = 30
DEBIAN = "/usr/lib/postgresql"
USER = "postgres"
"""The server refuses to run as root; Debian's package makes this user."""


def program(name: str) -> str:
    """The path of a program of Debian's postgresql package. In CI a missing one fails the test."""
    found = sorted(Path(DEBIAN).glob(f"*/bin/{name}"))
    return str(found[-1]) if found else missing(name)


QUICK = {"fsync": "off", "shared_buffers": "32MB"}
DURABLE = {
    "shared_buffers": "256MB",
    "max_wal_size": "4GB",
    "shared_preload_libraries": "pg_stat_statements",
}


class PostgresServer:
    """Forgets what it said was durable when the machine dies (not when it is killed): tests kill
    it, no machine. `durable`: as it is in earnest, with room, and its statements are counted."""

    def __init__(self, *, durable: bool = False, port: int = 0) -> None:
        # Not pytest's folder: others may not look into it, and a socket's path is short.
        self.folder = Path(tempfile.mkdtemp(prefix="mailhub-postgres-"))
        self.port = port or free_port()
        self._user = USER if os.geteuid() == 0 else None
        self._process: subprocess.Popen[bytes] | None = None
        self._numbers = count(1)
        self._options = DURABLE if durable else QUICK
        if self._user:
            shutil.chown(self.folder, self._user)
        self._make()

    def _make(self) -> None:
        self._run("initdb", "--username=mailhub", "--auth=trust", "--locale=C", "--encoding=UTF8")

    def _run(self, name: str, *words: str) -> None:
        command = [program(name), "-D", str(self.folder / "data"), *words]
        subprocess.run(
            command, check=True, capture_output=True, timeout=120, user=self._user, cwd="/"
        )

    def start(self) -> None:
        options = {
            "port": self.port,
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": self.folder,
            "max_connections": 200,
            **self._options,
        }
        words = [word for name, value in options.items() for word in ("-c", f"{name}={value}")]
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [program("postgres"), "-D", str(self.folder / "data"), *words],
                stdout=log,
                stderr=log,
                user=self._user,
                cwd="/",
            )
        ends = time.monotonic() + START
        while not self._answers():
            assert self._process.poll() is None, (self.folder / "log").read_text()[-2000:]
            assert time.monotonic() < ends, "PostgreSQL did not start"
            time.sleep(0.05)

    def _answers(self) -> bool:
        try:
            psycopg.connect(self.where("postgres"), connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    @property
    def servers(self) -> list[PostgresServer]:
        """What a pair has of them."""
        return [self]

    def where(self, database: str) -> str:
        """How libpq finds it."""
        return f"host={self.folder} port={self.port} user=mailhub dbname={database}"

    def url(self, database: str) -> str:
        """The same as an address."""
        return f"postgresql://mailhub@127.0.0.1:{self.port}/{database}"

    def database(self, template: str = "template0") -> str:
        """A new database; its name."""
        name = f"mail{next(self._numbers)}"
        with psycopg.connect(self.where("postgres"), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name} TEMPLATE {template}".encode())
        return name

    def kill(self) -> None:
        """It is gone, with every process that served somebody, and comes back by `start`."""
        if self._process is not None:
            self._process.send_signal(signal.SIGQUIT)
            self._process.wait(30)
            self._process = None

    def close(self) -> None:
        self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)
