"""Searches of a large mailbox, with an index and without: no other session notices them."""

from __future__ import annotations

import os
import random
import signal
from collections.abc import Iterator

import pytest

from tests.live import web
from tests.live.conftest import User
from tests.live.peers import until
from tests.live.stall import no_stall
from tests.live.test_search import DOMAIN, Site
from tests.live.web import PASSWORD

pytestmark = pytest.mark.scale

MANY = 2000
LOOKS = 6
"""Words of one search: together they take longer than a session may be kept waiting."""


def letters() -> Iterator[bytes]:
    """Some 2 KB each, of words that are as frequent as words are. One has a rare word."""
    chance = random.Random(7)
    ends = ("ten", "dor", "fus")
    words = [f"{a}{b}{c}" for a in ("ka", "lo", "mi") for b in ends for c in "aeiou"]
    for number in range(MANY):
        text = " ".join(chance.choices(words, k=280)) + (" xylophone" if number == 99 else "")
        head = f"From: Sender <sender{number % 50}@example.org>\r\nSubject: note {number}\r\n\r\n"
        yield (head + text + "\r\n").encode()


def either(key: str) -> str:
    """A search for what is nowhere, in as many ways."""
    program = f"{key} nowhere0"
    for number in range(1, LOOKS):
        program = f"OR {program} {key} nowhere{number}"
    return program


SEARCHES = (
    (either("BODY"), 0),
    (either("TEXT"), 0),
    ("TEXT xylophone", 1),
    ("TEXT ylophon", 1),
    ("NOT BODY xylophone BODY katen", MANY - 1),
    ("FROM sender7@", MANY // 50),
    ("SUBJECT nowhere", 0),
)
QUERIES: tuple[dict[str, str], ...] = (
    {"query": "xylophone"},
    {"query": "nowhere"},
    {"from": "sender7@"},
    {"query": "katena"},
    {"q": '"katena lodoro"'},
)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Its index knows nothing yet of most."""
    made = Site(tmp_path_factory.mktemp("large"), "true")
    try:
        assert until(made.process, 30)
        assert until(made.followed, 30)
        os.kill(made.process(), signal.SIGSTOP)
        made.append([b"Subject: before\r\n\r\nof the others\r\n"])
        found = list(letters())
        for at in range(0, MANY, 500):
            made.append(found[at : at + 500])
        yield made
    finally:
        if process := made.process():
            os.kill(process, signal.SIGCONT)
        assert made.server.stop() == 0, made.server.log.read_text()[-3000:]


def test_nobody_notices_a_search(site: Site) -> None:
    """First all messages are looked at, then the index is asked; and both find the same."""
    watcher = User(f"watcher@{DOMAIN}", PASSWORD)
    web.make(site.server, watcher.address)
    asked = [{**given, "limit": "5"} for given in QUERIES]
    with no_stall(site.server, watcher):
        looked = [len(site.search(program)) for program, _ in SEARCHES]
        totals = [site.get(**given)["total"] for given in asked]
    os.kill(site.process(), signal.SIGCONT)
    assert until(site.followed, 60, each=0.2)
    with no_stall(site.server, watcher):
        assert [len(site.search(program)) for program, _ in SEARCHES] == looked
        assert [site.get(**given)["total"] for given in asked] == totals
    assert looked == [count for _, count in SEARCHES]
    assert totals[:3] == [1, 0, MANY // 50]
