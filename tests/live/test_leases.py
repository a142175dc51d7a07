"""Two nodes on one PostgreSQL and one Redis: what one of them does for both goes over when it dies,
hangs or drains, and is done once."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import signal
import smtplib
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
import pytest

from tests.live.callbacks import Callbacks
from tests.live.listening import deliver
from tests.live.peers import until
from tests.live.server import PLAIN, Server
from tests.live.web import make
from tests.postgresserver import PostgresServer
from tests.redisserver import RedisServer

pytestmark = [pytest.mark.live, pytest.mark.scale]
USER = "ada@leases.test"
SECTIONS = """
{plain}
[store]
database = "{database}"

[web]
allowed_networks = ["127.0.0.0/8"]
{redis}
"""
CREATED = "message.arrived"
_letters = itertools.count(1)


@dataclass
class House:
    """Nodes that share everything, and who their webhook tells."""

    folder: Path
    postgres: PostgresServer
    redis: RedisServer
    hook: Callbacks
    database: str
    nodes: list[Server] = field(default_factory=list)

    def new(self, name: str, *, redis: bool = True) -> Server:
        sections = SECTIONS.format(
            plain=PLAIN,
            database=self.database,
            redis=f'[redis]\nurl = "{self.redis.url}"\n' if redis else "",
        )
        server = Server(self.folder / name, sections)
        self.nodes.append(server)
        return server

    def kill(self) -> None:
        for node in self.nodes:
            node.kill()

    def holder(self, lease: str, among: Server) -> str:
        """The name of the node that has it, as another tells."""
        rows = json.loads(among.command("nodes", "--json").stdout)
        return next((row["name"] for row in rows if lease in row["holds"]), "")

    def heard(self) -> Counter[str]:
        """How often each message was told of."""
        return Counter(facts["id"] for _, facts in self.hook.heard if facts["type"] == CREATED)


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with contextlib.ExitStack() as ends:
        postgres, redis = PostgresServer(), RedisServer()
        ends.callback(postgres.close)
        postgres.start()
        ends.callback(redis.close)
        redis.start()
        hook = ends.enter_context(Callbacks())
        folder = tmp_path_factory.mktemp("leases")
        made = House(folder, postgres, redis, hook, postgres.url(postgres.database()))
        ends.callback(made.kill)
        one, two = made.new("one"), made.new("two")
        one.start()
        two.start()
        make(one, USER)
        one.command("webhook", "add", f"http://127.0.0.1:{hook.port}/")
        yield made


def named(server: Server) -> str:
    rows = json.loads(server.command("nodes", "--json").stdout)
    return str(next(row["name"] for row in rows if row["own"]))


def both(house: House) -> tuple[Server, Server]:
    """The node that tells webhooks, and the other."""
    one, two = house.nodes[:2]
    assert until(lambda: house.holder("webhooks", one))
    return (one, two) if house.holder("webhooks", one) == named(one) else (two, one)


def told_once(house: House, before: Counter[str], count: int) -> None:
    assert until(lambda: len(house.heard() - before) >= count), house.heard()
    time.sleep(1)  # what were told twice would come by now
    news = house.heard() - before
    assert len(news) == count
    assert set(news.values()) == {1}


def test_each_event_is_told_once_wherever_it_happens(house: House) -> None:
    before = house.heard()
    one, two = both(house)
    for node in (one, two, one):
        deliver(node, USER, 4)
    told_once(house, before, 12)
    rows = json.loads(one.command("nodes", "--json").stdout)
    held = Counter(name for row in rows for name in row["holds"])
    assert set(held.values()) == {1}
    assert {"webhooks", "sweeps", "journal", "archive", "reports", "certificates"} <= set(held)


def test_a_node_without_redis_does_not_start_beside_another(house: House) -> None:
    third = house.new("third", redis=False)
    with pytest.raises(AssertionError, match=r"set redis\.url"):
        third.start()
    house.nodes.pop()


def test_what_a_drained_node_did_goes_over_at_once(house: House) -> None:
    holder, other = both(house)
    began = time.monotonic()
    assert holder.command("drain").stdout == "drained\n"
    assert until(lambda: house.holder("webhooks", other) == named(other))
    assert time.monotonic() - began < 30
    before = house.heard()
    deliver(other, USER, 5)
    told_once(house, before, 5)
    assert holder.stop() == 0
    holder.start()


def test_what_a_killed_node_did_goes_over_when_its_lease_ends(house: House) -> None:
    holder, other = both(house)
    holder.kill()
    assert until(lambda: house.holder("webhooks", other) == named(other))
    before = house.heard()
    deliver(other, USER, 5)
    told_once(house, before, 5)
    holder.start()


def test_a_node_that_hung_does_nothing_of_it_when_it_goes_on(house: House) -> None:
    holder, other = both(house)
    before = house.heard()
    os.kill(holder.pid, signal.SIGSTOP)
    try:
        assert until(lambda: house.holder("webhooks", other) == named(other))
        deliver(other, USER, 5)
        assert until(lambda: len(house.heard() - before) >= 5)
        deliver(other, USER, 5)
    finally:
        os.kill(holder.pid, signal.SIGCONT)
    told_once(house, before, 10)
    assert house.holder("webhooks", holder) == named(other)
    with psycopg.connect(house.database) as connection:
        rows = connection.execute("SELECT fence FROM lease WHERE name = 'webhooks'").fetchall()
    assert rows[0][0] >= 2


def sending(ports: list[int], over: threading.Event, sent: list[str], odd: list[str]) -> None:
    """Sends as mail programs do: to the next server where one says goodbye or is not there."""
    at = 0
    while not over.is_set():
        try:
            with smtplib.SMTP("127.0.0.1", ports[at], timeout=30) as smtp:
                while not over.is_set():
                    name = f"letter {next(_letters)}"
                    smtp.sendmail("me@there.test", USER, f"Subject: {name}\r\n\r\nx\r\n")
                    sent.append(name)
        except smtplib.SMTPResponseException as error:
            if error.smtp_code != 421:
                odd.append(repr(error))
        except smtplib.SMTPRecipientsRefused as error:
            if any(code != 421 for code, _ in error.recipients.values()):
                odd.append(repr(error))
        except smtplib.SMTPServerDisconnected as error:
            if "421" not in str(error) and "unexpectedly closed" in str(error):
                odd.append(repr(error))
        except ConnectionRefusedError:
            pass  # it is closed, as it should
        except OSError as error:
            odd.append(repr(error))
        at = (at + 1) % len(ports)


def test_draining_under_load_loses_no_mail_and_cuts_nobody_off(house: House) -> None:
    one, two = house.nodes[:2]
    ports = [one.port("smtp"), two.port("smtp")]
    over = threading.Event()
    sent: list[str] = []
    odd: list[str] = []
    threads = [
        threading.Thread(target=sending, args=(ports[n % 2 :] + ports[: n % 2], over, sent, odd))
        for n in range(6)
    ]
    for thread in threads:
        thread.start()
    assert until(lambda: len(sent) > 30)
    assert one.command("drain").stdout == "drained\n"
    after = len(sent)
    assert until(lambda: len(sent) > after + 30)
    over.set()
    for thread in threads:
        thread.join(60)
    assert odd == []
    with psycopg.connect(house.database) as connection:
        rows = connection.execute("SELECT subject FROM content WHERE subject LIKE 'letter %'")
        kept = Counter(subject for (subject,) in rows)
    assert set(sent) <= set(kept)
    assert set(kept.values()) == {1}
