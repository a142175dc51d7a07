"""Two servers on one database: one of them keeps the index, both search by it, and when the one
that keeps it dies, the other one goes on."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.live import storing
from tests.live.peers import until
from tests.live.server import PLAIN, Server
from tests.live.test_search import DOMAIN, SEARCH, Site, letter
from tests.live.web import make
from tests.redisserver import RedisServer

pytestmark = [pytest.mark.live, pytest.mark.scale]
SHARED = '\n[store]\ndatabase = "{database}"\n\n[redis]\nurl = "{redis}"\n'


class Node(Site):
    """One of the servers; `user`: of whom it is asked."""

    def __init__(self, folder: Path, sections: str, user: str = "") -> None:
        self.server = Server(folder, PLAIN + SEARCH.format(index="true") + sections)
        self.server.start()
        self.user = user

    def keeps(self) -> bool:
        return bool(self.process())

    def deliver(self, word: str) -> None:
        self.append([letter(word, f"a {word}\n").as_bytes().replace(b"\n", b"\r\n")])

    def documents(self) -> int:
        found: int = self.status()["documents"]
        return found


@pytest.fixture
def nodes(tmp_path: Path) -> Iterator[tuple[Node, Node]]:
    with contextlib.ExitStack() as ends:
        redis = RedisServer()
        ends.callback(redis.close)
        redis.start()
        database = storing.server().url(storing.server().database())
        sections = SHARED.format(database=database, redis=redis.url)
        one = Node(tmp_path / "one", sections)
        ends.callback(one.server.kill)
        one.server.add_domain(DOMAIN)
        one.user = make(one.server, f"searcher@{DOMAIN}")
        two = Node(tmp_path / "two", sections, one.user)
        ends.callback(two.server.kill)
        yield one, two


def test_one_keeps_the_index_and_both_ask_it(nodes: tuple[Node, Node]) -> None:
    assert until(lambda: [one.keeps() for one in nodes].count(True) == 1, 30)
    keeper, other = sorted(nodes, key=lambda one: not one.keeps())
    for count, (node, word) in enumerate([(keeper, "walrus"), (other, "okapi")], 1):
        node.deliver(word)
        assert [one.ids(query=word) for one in nodes] == [[count], [count]]
        assert until(lambda: keeper.documents() == count, 30)  # noqa: B023
        assert [one.ids(query=word) for one in nodes] == [[count], [count]]
    assert other.status()["state"] == "elsewhere"
    keeper.server.kill()
    other.deliver("heron")
    assert other.ids(query="heron") == [3]
    assert until(other.keeps, 60)
    assert until(other.followed, 60)
    assert (other.documents(), other.ids(query="walrus")) == (3, [1])
    keeper.server.start()
    keeper.deliver("quagga")
    assert until(lambda: other.documents() == 4, 30)
    assert (other.keeps(), keeper.keeps()) == (True, False)
    assert other.server.stop() == 0
    assert until(keeper.keeps, 30), "who leaves gives it back"
    assert until(keeper.followed, 30)
    assert keeper.server.stop() == 0
