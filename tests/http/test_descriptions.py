"""A dialect's description is made once, where it holds nobody up."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionDone
from twisted.python.failure import Failure

from mailhub.http.app import application
from mailhub.http.descriptions import PATH
from tests.http.browsing import Site

pytestmark = pytest.mark.thorough


class Slow:
    """Work waits until it is let go."""

    def __init__(self) -> None:
        self.waiting: list[tuple[Callable[[], bytes], Deferred[bytes]]] = []

    def __call__(self, work: Callable[[], bytes]) -> Deferred[bytes]:
        done: Deferred[bytes] = Deferred()
        self.waiting.append((work, done))
        return done

    def go(self) -> None:
        work, done = self.waiting.pop()
        done.callback(work())


@pytest.fixture
def slow() -> Slow:
    return Slow()


@pytest.fixture
def site(slow: Slow) -> Site:
    site = Site(root="")
    site.factory = application(replace(site.parts, aside=slow), "wildduck")
    return site


def begin(site: Site, path: str) -> tuple[Any, Any]:
    protocol, transport = site.connect()
    protocol.dataReceived(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
    return protocol, transport


@pytest.mark.parametrize("prefix", ["/wildduck", "/tmail", "/admin"])
def test_many_who_ask_at_once_wait_for_one(site: Site, slow: Slow, prefix: str) -> None:
    asked = [begin(site, prefix + PATH) for _ in range(3)]
    assert len(slow.waiting) == 1
    assert site.get("/health/live").status == 200, "others are served meanwhile"
    slow.go()
    assert slow.waiting == []
    for _, transport in asked:
        assert f'"servers":[{{"url":"{prefix}"}}]'.encode() in transport.value()
    assert site.get(prefix + PATH).status == 200


def test_it_names_the_address_that_was_asked(site: Site, slow: Slow) -> None:
    begin(site, PATH)
    slow.go()
    for path, url in ((PATH, "/"), ("/wildduck" + PATH, "/wildduck")):
        assert site.get(path).json["servers"] == [{"url": url}]


def test_who_goes_meanwhile_stops_nobody(site: Site, slow: Slow) -> None:
    protocol, transport = begin(site, PATH)
    _, other = begin(site, PATH)
    transport.loseConnection()
    protocol.connectionLost(Failure(ConnectionDone()))
    slow.go()
    assert b'"openapi":"3.1.0"' in other.value()


def test_what_failed_is_tried_again(site: Site, slow: Slow) -> None:
    _, transport = begin(site, PATH)
    _, done = slow.waiting.pop()
    done.errback(RuntimeError("no thread"))
    assert b" 500 " in transport.value()
    _, transport = begin(site, PATH)
    slow.go()
    assert b" 200 " in transport.value()
