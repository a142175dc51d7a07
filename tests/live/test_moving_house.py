"""A server is moved to PostgreSQL and back under load: what was acknowledged is there once, numbers
go on, and a mail program that was away meanwhile is told what changed and nothing else.
"""

from __future__ import annotations

import contextlib
import imaplib
import json
import os
import random
import re
import subprocess
import threading
import time
from base64 import b64encode
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psycopg
import pytest

from mailhub import config
from mailhub.model.settings import Settings, StoreSettings
from mailhub.store import schema
from mailhub.store.moving import state
from mailhub.store.moving.database import DatabaseSource
from mailhub.store.moving.folder import FolderSource
from tests.contract.bucket import Bucket
from tests.contract.postgres import Postgres
from tests.live import storing
from tests.live.crash.ledger import Ledger
from tests.live.crash.load import Target, Worker, inspect, open_imap
from tests.live.peers import until
from tests.live.server import BIN, PLAIN, Server
from tests.postgresserver import PostgresServer
from tests.store.moving.movinghouse import fill_the_rest, filled, rows_of

PASSWORD = "long enough, this one"
DOMAIN = "crash.test"
pytestmark = pytest.mark.scale
ACCOUNTS = ("ada", "grace", "alan")
ASKS = "stop the server now"
TIME = 120.0
"""Seconds that a move may take on a busy machine."""
KEPT_APART = "# not postgresql://, whatever the environment says"


class House:
    """A server that is moved, and those who work with it all the time."""

    def __init__(self, folder: Path) -> None:
        self.server = Server(folder, f"{PLAIN}\n{KEPT_APART}\n")
        self.ledgers = [Ledger(account) for account in ACCOUNTS]
        self.folder = folder
        self._stop = threading.Event()
        self._workers: list[Worker] = []
        self._chosen = random.Random(5)

    def prepare(self) -> None:
        self.server.start()
        self.server.add_domain(DOMAIN)
        for account in ACCOUNTS:
            self.server.add_user(f"{account}@{DOMAIN}", PASSWORD)

    @property
    def target(self) -> Target:
        port = self.server.port
        return Target(port("smtp"), port("lmtp"), port("imap"), PASSWORD, DOMAIN)

    def work(self) -> None:
        """Begins the load."""
        self._stop = threading.Event()
        self._workers = [
            Worker(self.target, ledger, self._chosen.randrange(1 << 30), self._stop)
            for ledger in self.ledgers
        ]
        for worker in self._workers:
            worker.start()

    def acknowledged(self) -> int:
        return sum(ledger.acknowledged for ledger in self.ledgers)

    def rest(self) -> None:
        """The server ends in the middle of it; who worked with it sees that."""
        self.server.stop()
        self.join()

    def join(self) -> None:
        """Nobody works any more."""
        self._stop.set()
        for worker in self._workers:
            worker.join(30)
            assert not worker.is_alive()

    def problems(self) -> list[str]:
        """Everything that is not as it was acknowledged."""
        target = self.target
        return [one for ledger in self.ledgers for one in inspect(target, ledger)]

    def move(self, destination: Path, kills: int, *, stop: bool = False) -> None:
        """Moves it, with the command killed so many times on the way, while all work. `stop`: the
        command stops the server."""
        self.work()
        for serial in range(kills):
            with self._command(destination, f"killed-{serial}") as command:
                time.sleep(self._chosen.uniform(0.2, 2.5))
                command.kill()
        with self._command(destination, "moved", *(["--stop"] if stop else [])) as command:
            said = self.folder / "moved.log"
            assert until(lambda: ASKS in said.read_text() or command.poll() is not None, TIME)
            assert command.poll() is None, said.read_text()
            before = self.acknowledged()
            if stop:
                assert self.server.ended_within(TIME), said.read_text()
            else:
                assert until(lambda: self.acknowledged() > before + 20, TIME), "nobody works"
            self.rest()
            assert command.wait(TIME) == 0, said.read_text()
        self.server.config.write_text(destination.read_text())

    @contextlib.contextmanager
    def _command(
        self, destination: Path, name: str, *more: str
    ) -> Iterator[subprocess.Popen[bytes]]:
        words = ["--config", str(self.server.config), "migrate", *more, str(destination)]
        with (self.folder / f"{name}.log").open("wb") as log:
            command = subprocess.Popen(
                [self.server.tool, *words], stdout=log, stderr=log, stdin=subprocess.DEVNULL
            )
            try:
                yield command
            finally:
                command.kill()
                command.wait()


class Away:
    """A mail program that knows a mailbox as it was, and asks what became of it (RFC 7162)."""

    def __init__(self, target: Target, account: str) -> None:
        self._account = account
        imap = open_imap(target, account)
        imap.enable("QRESYNC")
        imap.select("INBOX")
        self._validity = int(imap.response("UIDVALIDITY")[1][0])
        self._modseq = int(imap.response("HIGHESTMODSEQ")[1][0])
        self.flags = _flags(imap)
        imap.logout()

    def come_back(self, target: Target) -> tuple[dict[int, frozenset[str]], bool]:
        """What it knows after it was told; and whether that is so."""
        imap = open_imap(target, self._account)
        imap.enable("QRESYNC")
        imap._simple_command("SELECT", "INBOX", f"(QRESYNC ({self._validity} {self._modseq}))")
        imap.state = "SELECTED"
        assert int(imap.response("UIDVALIDITY")[1][0]) == self._validity
        known = dict(self.flags)
        vanished = imap.response("VANISHED")[1]
        for text in vanished:
            for uid in _uids(text.decode() if text else ""):
                known.pop(uid, None)
        told = imap.response("FETCH")[1]
        known |= _parsed([row for row in told if row])
        there = _flags(imap)
        imap.logout()
        return known, known == there


def _flags(imap: imaplib.IMAP4) -> dict[int, frozenset[str]]:
    _, rows = imap.uid("FETCH", "1:*", "(UID FLAGS)")
    return _parsed(rows)


def _parsed(rows: list[object]) -> dict[int, frozenset[str]]:
    found = {}
    for row in rows:
        text = row.decode() if isinstance(row, bytes) else ""
        uid, flags = re.search(r"UID (\d+)", text), re.search(r"FLAGS \(([^)]*)\)", text)
        if uid and flags:
            found[int(uid[1])] = frozenset(flags[1].split()) - {"\\Recent"}
    return found


def _uids(text: str) -> Iterator[int]:
    for one in text.rpartition(" ")[2].split(","):
        first, _, last = one.partition(":")
        if first.isdigit():
            yield from range(int(first), int(last or first) + 1)


def on_postgres(house: House) -> Path:
    """The configuration with a database."""
    url = storing.server().url(storing.server().database())
    path = house.folder / "postgres.toml"
    text = house.server.config.read_text()
    path.write_text(text.replace(KEPT_APART, f'[store]\ndatabase = "{url}"'))
    return path


def there(tmp_path: Path, kills: int) -> House:
    """A server on PostgreSQL that was on SQLite."""
    house = House(tmp_path / "hub")
    house.prepare()
    house.work()
    assert until(lambda: house.acknowledged() > 30)
    house.server.command("queue", "list")
    away = Away(house.target, ACCOUNTS[0])
    house.join()
    house.move(on_postgres(house), kills)
    house.server.start()
    assert house.problems() == []
    known, right = away.come_back(house.target)
    assert right, known
    assert known != away.flags, "nothing happened meanwhile"
    return house


def test_moved_to_postgres_under_load_nothing_is_lost_and_nothing_twice(tmp_path: Path) -> None:
    house = there(tmp_path, kills=0)
    try:
        house.work()
        before = house.acknowledged()
        assert until(lambda: house.acknowledged() > before + 10)
        house.rest()
        assert house.server.verify() == ""
        text = house.server.config.read_text()
        house.server.config.write_text(re.sub(r"\ndatabase = .*", "", text))
        with pytest.raises(AssertionError, match="moved away"):
            house.server.start()
    finally:
        house.server.kill()


def test_there_and_back_with_the_command_killed_again_and_again(tmp_path: Path) -> None:
    house = there(tmp_path, kills=12)
    try:
        back = house.folder / "sqlite.toml"
        text = house.server.config.read_text()
        back.write_text(re.sub(r"\[store\]\ndatabase = .*", KEPT_APART, text))
        away = Away(house.target, ACCOUNTS[1])
        house.move(back, kills=12, stop=True)
        house.server.start()
        assert house.problems() == []
        known, right = away.come_back(house.target)
        assert right, known
        house.server.stop()
        assert house.server.verify() == ""
    finally:
        house.server.kill()


def test_fifty_accounts_and_the_command_killed_at_any_moment(tmp_path: Path) -> None:
    """Each run is killed a little later than the one before, until one gets through."""
    chosen = random.Random(8)
    data = tmp_path / "var"
    folder = filled(data, 50, 60)
    fill_the_rest(folder)
    url = storing.server().url(storing.server().database())
    here, there = tmp_path / "here.toml", tmp_path / "there.toml"
    here.write_text(f'data = "{data}"\n')
    there.write_text(f'data = "{data}"\n[store]\ndatabase = "{url}"\n')
    before = rows_of(FolderSource(folder))
    words = [str(BIN / "mailhub"), "--config", str(here), "migrate", str(there)]
    kills = 0
    for serial in range(60):
        command = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        try:
            said, _ = command.communicate(timeout=0.6 * 1.06**serial + chosen.uniform(0, 0.05))
        except subprocess.TimeoutExpired:
            command.kill()
            command.communicate()
            kills += 1
        else:
            assert command.returncode == 0, said.decode()
            break
    assert kills > 3
    settings = config.load(there)
    with closing(DatabaseSource(settings)) as moved:
        after = rows_of(moved)
        assert state.revision(moved.connection) == schema.HEAD
    lineage = [row for row in after["counter"] if row[0].startswith(state.LINEAGE)]
    after["counter"] = [row for row in after["counter"] if row not in lineage]
    assert {name for name in before if before[name] != after[name]} == set()


def test_to_a_bucket_with_encryption_and_back(tmp_path: Path) -> None:
    """Larger bodies go to S3, sealed; what comes back is what there was."""
    bucket = Bucket(tmp_path / "swift", Postgres())
    data, keys = tmp_path / "var", tmp_path / "keys"
    folder = filled(data, 8, 60)
    before = rows_of(FolderSource(folder))
    keys.write_text(f"first:{b64encode(os.urandom(32)).decode()}\n")
    url = storing.server().url(storing.server().database())
    plain = f'data = "{data}"\n'
    s3 = bucket.settings
    there = f"""{plain}[store]\ndatabase = "{url}"\n[encryption]\nfile = "{keys}"
[s3]\nendpoint = "{s3.endpoint}"\nbucket = "{s3.bucket}"\nprefix = "moved/"
access_key = "{s3.access_key}"\nsecret_key = "{s3.secret_key}"\ninline = 300\n"""
    names = {"here": plain, "there": there, "back": f'data = "{tmp_path / "new"}"\n'}
    for name, text in names.items():
        (tmp_path / f"{name}.toml").write_text(text)

    def run(config: str, *words: str) -> str:
        given = [str(BIN / "mailhub"), "--config", str(tmp_path / f"{config}.toml"), *words]
        done = subprocess.run(given, capture_output=True, text=True, timeout=TIME, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    try:
        target = str(tmp_path / "there.toml")
        run("here", "migrate", "--ahead", target)
        checked = json.loads(run("here", "migrate", "--check", "--json", target))
        assert {one["differing"] for one in checked} == {0}
        assert sum(one["bodies"] for one in checked if one["table"] == "content") > 400
        run("here", "migrate", target)
        assert "before" in run("here", "migrate", target)
        assert "good" in run("there", "verify")
        run("there", "migrate", str(tmp_path / "back.toml"))
        assert "good" in run("back", "verify")
    finally:
        bucket.close()
    after = rows_of(FolderSource(tmp_path / "new" / "store"))
    assert {name for name in before if before[name] != after[name]} == {"counter"}


def test_a_database_that_is_away_for_a_while_is_waited_for(tmp_path: Path) -> None:
    """It dies in the middle, with everything that was not committed."""
    server = PostgresServer()
    server.start()
    try:
        data = tmp_path / "var"
        before = rows_of(FolderSource(filled(data, 50, 60)))
        url = server.url(server.database())
        here = tmp_path / "here.toml"
        here.write_text(f'data = "{data}"\n')
        words = [str(BIN / "mailhub"), "--config", str(here), "migrate", url]
        log = tmp_path / "log"
        with log.open("wb") as said:
            command = subprocess.Popen(words, stdout=said, stderr=said)
        there = "SELECT count(*) > 5 FROM moving_account"
        assert until(lambda: asked(url, there) or command.poll() is not None)
        assert command.poll() is None
        server.kill()
        assert until(lambda: "trying again" in log.read_text())
        server.start()
        assert command.wait(TIME) == 0, log.read_text()
        settings = Settings(store=StoreSettings(database=url))
        with closing(DatabaseSource(settings)) as moved:
            after = rows_of(moved)
        assert {name for name in before if before[name] != after[name]} == {"counter"}
    finally:
        server.close()


def asked(url: str, question: str) -> bool:
    """The answer of a database; no while there is none."""
    try:
        with psycopg.connect(url) as connection:
            row = connection.execute(question.encode()).fetchone()
    except psycopg.Error:
        return False
    return bool(row and row[0])
