"""A whole server over Redis, while Redis is stopped, hangs, is slow, restarted, emptied, full or
replaced: mail is taken and read all the time, all of it leaves, and nothing leaves twice."""

from __future__ import annotations

import imaplib
import itertools
import json
import smtplib
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.live.doors import Outcome, imap, said
from tests.live.server import PLAIN, Server
from tests.live.tally import Tally
from tests.redisserver import RedisServer, watched_pair

HOME = "home.test"
USER = f"ada@{HOME}"
PASSWORD = "Live-Passw0rd-1"
QUIET = 3
PATIENCE = 25.0
STALL = 0.6
"""Seconds that no answer may take: a question to Redis that held up everything takes more."""
GUESSES = 4
CONFIG = """
guesses_per_address = {guesses}
{plain}
[redis]
url = "{url}"
sentinels = {sentinels}
sentinel_password = "watch"
timeout = 1
quiet = {quiet}

[queue]
lease = {quiet}
retry = [1]
jitter = 0
backoff = 1
backoff_most = 1

[resolver]
servers = ["127.0.0.1:9"]
"""
TEXT = "From: ada@home.test\r\nSubject: word\r\nMessage-ID: {}\r\n\r\nbody\r\n"
_numbers = itertools.count(1)


@dataclass
class Hub:
    """A running mailhub whose mail for others all goes to `tally`."""

    server: Server
    tally: Tally
    sent: Counter[tuple[str, str]] = field(default_factory=Counter)
    """What was accepted, as `Tally.came` has it."""

    def submit(self, count: int = 1, pause: float = 0.0) -> None:
        """Messages to two recipients each, on lanes of their own, over one session."""
        port = self.server.port("submission", "starttls")
        with smtplib.SMTP("127.0.0.1", port, timeout=10) as smtp:
            smtp.login(USER, PASSWORD)
            for _ in range(count):
                number = next(_numbers)
                name = f"<{number}@home.test>"
                recipients = [f"to@{letter}{number % 4}.test" for letter in "ab"]
                assert smtp.sendmail(USER, recipients, TEXT.format(name)) == {}
                self.sent.update((name, recipient) for recipient in recipients)
                time.sleep(pause)

    @contextmanager
    def mailbox(self) -> Iterator[imaplib.IMAP4]:
        with imaplib.IMAP4("127.0.0.1", self.server.port("imap"), timeout=10) as imap:
            imap.login(USER, PASSWORD)
            imap.select("INBOX")
            yield imap

    def events(self, verb: str, outcome: str) -> int:
        """How often the log says that."""
        lines = self.server.log.read_text(errors="replace").splitlines()
        found = [json.loads(line) for line in lines if line.startswith("{")]
        return sum(one.get("verb") == verb and one.get("outcome") == outcome for one in found)

    def all_left(self, seconds: float = PATIENCE) -> None:
        """All that was accepted leaves, and nothing twice, also not in a while."""
        until(lambda: self.events("delivery", "delivered") >= self.sent.total(), self, seconds)
        assert self.tally.came == self.sent

    @contextmanager
    def prompt(self) -> Iterator[None]:
        """Nobody waits for answers meanwhile, as nothing of this has to do with Redis."""
        longest = [0.0]
        over = threading.Event()

        def ask() -> None:
            with self.mailbox() as imap:
                while not over.wait(0.02):
                    began = time.monotonic()
                    imap.noop()
                    longest.append(time.monotonic() - began)

        thread = threading.Thread(target=ask)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join(15)
        assert len(longest) > 10
        assert max(longest) < STALL


def until(done: Callable[[], object], hub: Hub, seconds: float = PATIENCE) -> None:
    ends = time.monotonic() + seconds
    while not done():
        missing = hub.sent - hub.tally.came
        assert time.monotonic() < ends, f"missing {missing}\n{hub.server.log.read_text()[-3000:]}"
        time.sleep(0.05)


@contextmanager
def running(folder: Path, url: str, sentinels: tuple[str, ...] = ()) -> Iterator[Hub]:
    with Tally() as tally:
        words = CONFIG.format(
            guesses=GUESSES,
            plain=PLAIN,
            url=url,
            sentinels=json.dumps(sentinels),
            quiet=QUIET,
        )
        server = Server(folder, words, exempt=["127.0.0.1/32"])
        try:
            server.start()
            server.add_domain(HOME)
            server.add_user(USER, PASSWORD)
            server.command("routes", "add", "*", "--host", "127.0.0.1", "--port", str(tally.port))
            yield Hub(server, tally)
            assert server.verify() == ""
            assert server.stop() == 0, server.log.read_text()[-3000:]
            assert '"level": "error"' not in server.log.read_text()
            assert "Traceback" not in server.log.read_text()
        finally:
            server.kill()


@pytest.fixture(scope="module")
def redis() -> Iterator[RedisServer]:
    """One that may be told to sleep."""
    made = RedisServer("--enable-debug-command", "yes")
    made.start()
    yield made
    made.close()


@pytest.fixture(scope="module")
def shared(redis: RedisServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hub]:
    with running(tmp_path_factory.mktemp("hub"), redis.url) as hub:
        yield hub


@pytest.fixture
def hub(shared: Hub) -> Hub:
    """With nothing in its queue, and Redis at work."""
    shared.tally.pause = 0.0
    shared.submit()
    shared.all_left()
    return shared


# -- away


@pytest.mark.parametrize("how", ["killed", "hanging"])
def test_mail_is_taken_and_read_while_redis_is_away_and_leaves_when_it_is_back(
    hub: Hub, redis: RedisServer, how: str
) -> None:
    lost, back = hub.events("redis", "lost"), hub.events("redis", "back")
    before = hub.tally.came.total()
    with hub.prompt():
        if how == "killed":
            redis.kill()
        else:
            redis.pause()
        hub.submit(10)
        with hub.mailbox() as imap, smtplib.SMTP("127.0.0.1", hub.server.port("smtp")) as smtp:
            [waiting] = imap.select("INBOX")[1]
            smtp.sendmail("x@y.test", [USER], TEXT.format("<local@y.test>"))
            until(lambda: imap.select("INBOX")[1] != [waiting], hub, 5)
        until(lambda: hub.events("redis", "lost") > lost, hub, 5)
        time.sleep(1.5)
        if how == "killed":
            assert hub.tally.came.total() == before
            redis.start()
        else:
            redis.resume()
        hub.submit(5)
        hub.all_left()
    assert hub.events("redis", "lost") == lost + 1
    assert hub.events("redis", "back") == back + 1


def test_a_session_that_idles_hears_of_mail_while_redis_is_away(
    hub: Hub, redis: RedisServer
) -> None:
    redis.kill()
    with hub.mailbox() as imap:
        imap.send(b"x IDLE\r\n")
        assert imap.readline().startswith(b"+")
        with smtplib.SMTP("127.0.0.1", hub.server.port("smtp")) as smtp:
            smtp.sendmail("x@y.test", [USER], TEXT.format("<idle@y.test>"))
        imap.sock.settimeout(5)
        assert imap.readline().endswith(b" EXISTS\r\n")
        imap.send(b"DONE\r\n")
        while not imap.readline().startswith(b"x OK"):
            pass
    redis.start()


def test_a_redis_that_is_slow_now_and_then_slows_nobody_else(hub: Hub, redis: RedisServer) -> None:
    lost = hub.events("redis", "lost")
    with hub.prompt():
        # Below the limit of a second: it is waited for. Beyond it: it is away for a while.
        for seconds in ("0.7", "0.7", "0.7"):
            hub.submit(2)
            redis.cli("DEBUG", "SLEEP", seconds)
        assert hub.events("redis", "lost") == lost
        hub.submit(2)
        redis.cli("DEBUG", "SLEEP", "2.5")
        hub.submit(2)
        hub.all_left()
    assert hub.events("redis", "lost") == lost + 1


# -- without memory


def test_an_emptied_redis_under_load(hub: Hub, redis: RedisServer) -> None:
    hub.tally.pause = 0.05
    filled = hub.events("queue", "filled")
    with hub.prompt():
        for _ in range(3):
            hub.submit(15, pause=0.01)
            redis.cli("FLUSHALL")
        hub.submit(15)
        hub.all_left()
    assert hub.events("queue", "filled") > filled
    assert hub.events("redis", "lost") == hub.events("redis", "back")


def test_a_restarted_redis_under_load(hub: Hub, redis: RedisServer) -> None:
    hub.tally.pause = 0.05
    with hub.prompt():
        for _ in range(3):
            hub.submit(10, pause=0.01)
            redis.kill()
            hub.submit(5)
            redis.start()
        hub.submit(5)
        hub.all_left()


def test_what_is_past_its_dot_while_redis_is_emptied_is_not_sent_again(
    hub: Hub, redis: RedisServer
) -> None:
    hub.tally.go_on.clear()
    before = hub.tally.came.total()
    hub.submit()
    until(lambda: hub.tally.came.total() == before + 2, hub)
    redis.cli("FLUSHALL")
    time.sleep(2 * QUIET + 1)
    assert hub.tally.came.total() == before + 2
    hub.tally.go_on.set()
    hub.all_left()


def test_a_full_redis_takes_nothing_new_until_there_is_room(hub: Hub, redis: RedisServer) -> None:
    lost = hub.events("redis", "lost")
    redis.cli("CONFIG", "SET", "maxmemory", "1")
    with hub.prompt():
        hub.submit(5)
        until(lambda: hub.events("redis", "lost") > lost, hub, 10)
        redis.cli("CONFIG", "SET", "maxmemory", "0")
        hub.all_left()


# -- guesses


def test_limits_on_guesses_hold_while_redis_is_away(hub: Hub, redis: RedisServer) -> None:
    def guess(password: str, source: str = "127.9.9.9") -> Outcome:
        answer = imap(hub.server, USER, password, source)
        return next(one for one in Outcome if said("imap", answer, one))

    assert [guess("wrong") for _ in range(GUESSES - 2)] == [Outcome.WRONG] * (GUESSES - 2)
    redis.kill()
    # What this server saw itself still counts, in both directions.
    assert [guess("wrong") for _ in range(2)] == [Outcome.WRONG] * 2
    assert guess("wrong") is guess(PASSWORD) is Outcome.LIMITED
    assert guess(PASSWORD, "127.9.8.1") is Outcome.IN
    redis.start()
    until(lambda: hub.events("redis", "lost") == hub.events("redis", "back"), hub)
    assert guess(PASSWORD, "127.9.8.1") is Outcome.IN


# -- at the start, and another server


def test_a_server_that_starts_without_redis(tmp_path: Path) -> None:
    redis = RedisServer()
    try:
        with running(tmp_path, redis.url) as hub, hub.prompt():
            hub.submit(3)
            assert not hub.tally.came
            redis.start()
            hub.all_left()
            # Killed, both: the store has it all.
            hub.submit(10)
    finally:
        redis.close()


def test_a_failover_under_load(tmp_path: Path) -> None:
    """The replica that takes over knows what the master knew a moment ago, and that is worth
    nothing: the schedule is filled anew."""
    with watched_pair(tmp_path) as (master, replica, sentinel):
        sentinels = (f"127.0.0.1:{sentinel.port}",)
        with running(tmp_path / "hub", "redis://mail", sentinels) as hub, hub.prompt():
            hub.tally.pause = 0.05
            hub.submit(10)
            hub.all_left()
            hub.submit(20)
            master.kill()
            hub.submit(10)
            until(replica.leads, hub)
            hub.submit(10)
            hub.all_left()
