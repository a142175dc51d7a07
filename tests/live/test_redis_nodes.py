"""Two servers on one PostgreSQL, while the Redis that they share is away for long: mail is taken
and read at both, one hears of what the other took, nothing is sent meanwhile; when it is back,
empty or not, all goes on, and nothing leaves twice."""

from __future__ import annotations

import imaplib
import re
import smtplib
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection
from pathlib import Path

import pytest

from tests.live import storing
from tests.live.redis_hub import CONFIG, GUESSES, HOME, PASSWORD, QUIET, TEXT, USER, Hub
from tests.live.server import PLAIN, Server
from tests.live.tally import Tally
from tests.live.test_wildduck_tokens import ROOT, Api
from tests.redisserver import RedisServer

pytestmark = pytest.mark.scale
LONG = 3 * QUIET
"""Seconds, in which every lease from before is over, and more than that."""


@dataclass
class Pair:
    """Two servers that share everything but their folder."""

    redis: RedisServer
    tally: Tally
    hubs: list[Hub]
    sent: Counter[tuple[str, str]] = field(default_factory=Counter)

    def submit(self, count: int) -> None:
        """At one after the other."""
        for number in range(count):
            hub = self.hubs[number % 2]
            before = hub.sent.copy()
            hub.submit()
            self.sent += hub.sent - before

    def all_left(self) -> None:
        until(lambda: self.told("delivery", "delivered") >= self.sent.total())
        assert self.tally.came == self.sent

    def told(self, verb: str, outcome: str) -> int:
        """How often their logs say that."""
        return sum(hub.events(verb, outcome) for hub in self.hubs)

    def have_redis(self) -> list[bool]:
        """Each, as its log said last."""
        logs = [hub.server.log.read_text(errors="replace") for hub in self.hubs]
        told = [re.findall('"verb":"redis","outcome":"(lost|back|connected)"', log) for log in logs]
        return [each[-1] != "lost" for each in told]

    def crosses(self) -> None:
        """Mail that comes to one is heard of by who waits at the other, and read there."""
        for here, there in (self.hubs, self.hubs[::-1]):
            with here.mailbox() as imap:
                imap.send(b"x IDLE\r\n")
                assert imap.readline().startswith(b"+")
                name = f"<{time.monotonic_ns()}@y.test>"
                with smtplib.SMTP("127.0.0.1", there.server.port("smtp"), timeout=60) as smtp:
                    smtp.sendmail("x@y.test", [USER], TEXT.format(name))
                imap.sock.settimeout(20)
                while not imap.readline().endswith(b" EXISTS\r\n"):
                    pass
                imap.send(b"DONE\r\n")
                while not imap.readline().startswith(b"x OK"):
                    pass
                [found] = imap.search(None, "HEADER", "MESSAGE-ID", name)[1]
                assert len(found.split()) == 1


def until(done: Callable[[], object], seconds: float = 60) -> None:
    ends = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < ends, f"it did not happen within {seconds:g} s"
        time.sleep(0.05)


@contextmanager
def node(folder: Path, sections: str) -> Iterator[Server]:
    server = Server(folder, sections, exempt=["127.0.0.1/32"])
    try:
        server.start()
        yield server
        assert server.stop() == 0, server.log.read_text()[-3000:]
        assert server.errors() == []
    finally:
        server.kill()


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    folder = tmp_path_factory.mktemp("pair")
    with ExitStack() as stack:
        redis = RedisServer()
        stack.callback(redis.close)
        redis.start()
        tally = stack.enter_context(Tally())
        words = CONFIG.format(
            guesses=GUESSES, plain=PLAIN, url=redis.url, sentinels=[], cluster=[], quiet=QUIET
        ).replace("[http]\n", f'[http]\naccess_token = "{ROOT}"\n')
        words += f'\n[store]\ndatabase = "{storing.database(folder)}"\n'
        servers = [stack.enter_context(node(folder / name, words)) for name in ("one", "two")]
        first = servers[0]
        first.add_domain(HOME)
        first.add_user(USER, PASSWORD)
        first.command("routes", "add", "*", "--host", "127.0.0.1", "--port", str(tally.port))
        yield Pair(redis, tally, [Hub(server, tally) for server in servers])


@pytest.fixture
def well(pair: Pair) -> Pair:
    """With nothing queued."""
    pair.tally.pause = 0.0
    pair.submit(2)
    pair.all_left()
    return pair


def gone(pair: Pair, how: str) -> None:
    pair.redis.kill() if how == "emptied" else pair.redis.pause()
    until(lambda: not any(pair.have_redis()))


def back(pair: Pair, how: str) -> None:
    pair.redis.start() if how == "emptied" else pair.redis.resume()


@pytest.mark.parametrize("how", ["emptied", "hanging"])
def test_mail_is_taken_and_read_at_both_and_leaves_when_redis_is_back(well: Pair, how: str) -> None:
    well.crosses()
    well.tally.pause = 0.05
    well.submit(10)
    gone(well, how)
    well.submit(10)
    well.crosses()
    time.sleep(LONG)
    quiet = well.tally.came.total()
    well.submit(10)
    time.sleep(1.5)
    # What was under way when Redis went is over; nothing else is begun.
    assert well.tally.came.total() == quiet < well.sent.total()
    well.crosses()
    back(well, how)
    well.submit(4)
    well.all_left()
    until(lambda: all(well.have_redis()))


def test_one_server_dies_while_redis_is_away_and_the_other_sends_its_mail(well: Pair) -> None:
    gone(well, "emptied")
    well.submit(6)
    dead = well.hubs[1].server
    dead.kill()
    back(well, "emptied")
    until(lambda: well.tally.came == well.sent)
    dead.start()
    well.submit(4)
    until(lambda: well.tally.came == well.sent)
    well.crosses()


def metrics(api: Api) -> str:
    """What the server counts."""
    asked = HTTPConnection("127.0.0.1", api.server.port("http"), timeout=20)
    asked.request("GET", "/metrics", headers={"X-Access-Token": ROOT})
    return asked.getresponse().read().decode()


def test_sessions_wait_for_redis_and_passwords_do_not(well: Pair) -> None:
    one, two = (Api(hub.server) for hub in well.hubs)

    def token() -> str:
        said = one.ask(
            "POST", "/authenticate", {"username": USER, "password": PASSWORD, "token": True}
        )
        assert said.status == 200, said
        return str(said.json["token"])

    def troubles(api: Api) -> int:
        found = re.search(r"^mailhub_redis_troubles (\d+)", metrics(api), re.MULTILINE)
        assert found is not None
        return int(found[1])

    kept, ended = token(), token()
    assert troubles(one) == 0
    assert two.ask("GET", "/users/me", token=kept).status == 200
    gone(well, "hanging")
    assert troubles(one) > 0
    for api in (one, two):
        said = api.ask("GET", "/users/me", token=kept)
        assert said.status == 503
        assert int(said.headers["Retry-After"]) > 0
        assert api.ask("GET", "/users").status == 200
        with imaplib.IMAP4("127.0.0.1", api.server.port("imap"), timeout=60) as imap:
            assert imap.login(USER, PASSWORD)[0] == "OK"
    back(well, "hanging")
    for api in (one, two):
        until(lambda api=api: api.ask("GET", "/users/me", token=ended).status == 200)
    assert two.ask("DELETE", "/authenticate", token=ended).status == 200
    assert one.ask("GET", "/users/me", token=ended).code == "InvalidToken"
    assert one.ask("GET", "/users/me", token=kept).status == 200
    well.redis.cli("FLUSHALL")
    assert two.ask("GET", "/users/me", token=kept).code == "InvalidToken"
    until(lambda: all(well.have_redis()))
