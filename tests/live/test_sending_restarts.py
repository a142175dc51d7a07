"""A server that stops, and comes back: what waited leaves, and nothing leaves twice."""

from __future__ import annotations

import os
import signal
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.live.outgoing import Hub, hub, text
from tests.live.peers import ROOT, Sink, running, until

pytestmark = [pytest.mark.live, ROOT]


@pytest.fixture(scope="module")
def ours() -> Iterator[Hub]:
    with hub(queue={"grace": "3"}) as made:
        yield made


def names(sink: Sink) -> Counter[bytes]:
    """How often each message came, by its Message-ID."""
    found: Counter[bytes] = Counter()
    for one in sink.received():
        [line] = [line for line in one.message.split(b"\n") if line.startswith(b"Message-ID: ")]
        found[line] += 1
    return found


def submit_many(ours: Hub, domain: str, count: int) -> None:
    with ours.submission() as smtp:
        for n in range(count):
            assert (
                smtp.sendmail(f"ada@{'home.test'}", [f"a{n}@{domain}"], text(f"{domain}-{n}")) == {}
            )


@pytest.mark.parametrize("manner", ["SIGTERM", "SIGKILL"])
def test_what_waits_leaves_after_a_restart(ours: Hub, tmp_path: Path, manner: str) -> None:
    sink = Sink(tmp_path)
    domain = f"{manner.lower()}.test"
    ours.dns.load(domain, sink.zone)
    submit_many(ours, domain, 40)
    ours.fate(f"a39@{domain}", "deferred")
    if manner == "SIGTERM":
        assert ours.server.stop() == 0
    else:
        ours.server.kill()
    with running(sink):
        ours.server.start()
        assert until(lambda: sum(names(sink).values()) >= 40), ours.tail()
        ours.fate(f"a39@{domain}", "delivered")
        time.sleep(1.5)
        assert len(names(sink)) == 40
        assert set(names(sink).values()) == {1}
    assert ours.server.verify() == ""


def test_a_stop_lets_the_transaction_in_progress_end(ours: Hub, tmp_path: Path) -> None:
    """It is past its dot: without the answer it would have to be sent again."""
    slow = Sink(tmp_path, "-p", "-W", ".:2")
    ours.dns.load("ending.test", slow.zone)
    with running(slow):
        submit_many(ours, "ending.test", 1)
        assert until(lambda: slow.heard("."))
        began = time.monotonic()
        os.kill(ours.server.pid, signal.SIGTERM)
        assert ours.server.ended_within(20)
        assert time.monotonic() - began > 1
        assert ours.server.stop() == 0
        ours.server.start()
        ours.fate("a0@ending.test", "delivered")
        time.sleep(1.5)
        assert set(names(slow).values()) == {1}


def test_a_stop_does_not_wait_for_a_server_that_says_nothing(ours: Hub, tmp_path: Path) -> None:
    silent = Sink(tmp_path, "-p", "-W", "MAIL:60")
    ours.dns.load("silent.test", silent.zone)
    with running(silent):
        submit_many(ours, "silent.test", 1)
        assert until(lambda: silent.heard("MAIL FROM"))
        os.kill(ours.server.pid, signal.SIGTERM)
        assert ours.server.ended_within(20)
        assert ours.server.stop() == 0  # it was not overdue
    quick = Sink(tmp_path, address=silent.address)
    with running(quick):
        ours.server.start()
        ours.fate("a0@silent.test", "delivered")
        assert set(names(quick).values()) == {1}


def test_hundreds_leave_though_it_is_stopped_in_between(ours: Hub, tmp_path: Path) -> None:
    sink = Sink(tmp_path)
    ours.dns.load("many.test", sink.zone)
    count = 300
    submit_many(ours, "many.test", count)
    with running(sink):
        assert until(lambda: len(sink.received()) > 20)
        assert ours.server.stop() == 0
        ours.server.start()
        assert until(lambda: len(names(sink)) == count), ours.tail()
        time.sleep(1)
        assert set(names(sink).values()) == {1}
    assert ours.server.verify() == ""
