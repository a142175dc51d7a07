"""A page of the webmail hears what happens, as long as its session lasts."""

from __future__ import annotations

from typing import Any

import pytest
from twisted.internet.error import ConnectionDone
from twisted.python.failure import Failure

from mailhub.http.webmail.live import LISTENERS
from tests.http.reading import ANN, JOE, Reader
from tests.support import run
from tests.world import ACTOR

pytestmark = pytest.mark.thorough


def listen(reader: Reader) -> tuple[Any, Any]:
    """A stream: its protocol and transport."""
    protocol, transport = reader.site.connect()
    head = "GET /mail/updates HTTP/1.1\r\nhost: localhost\r\n"
    protocol.dataReceived(f"{head}cookie: {reader.browser.cookie}\r\n\r\n".encode())
    pass_time(reader)
    return protocol, transport


def pass_time(reader: Reader, seconds: float = 1.0) -> None:
    reader.site.reactor.pump([0.05] * int(seconds / 0.05))


def test_what_arrives_is_heard() -> None:
    reader = Reader()
    _, transport = listen(reader)
    head = transport.value().decode()
    assert "text/event-stream" in head
    assert ": hello" in head
    reader.letter()
    reader.deliver(b"From: a@b.example\r\n\r\nsecret\r\n", ANN)
    pass_time(reader)
    said = transport.value().decode()
    assert said.count('"command":"EXISTS"') == 1
    assert reader.boxes["INBOX"] in said
    assert '"command":"COUNTERS"' in said


def test_a_stream_ends_when_its_session_does() -> None:
    reader = Reader()
    _, transport = listen(reader)
    assert not transport.disconnecting
    reader.look("/mail/")
    reader.browser.send("/panel/sign-out")
    pass_time(reader)
    before = transport.value()
    reader.letter()
    pass_time(reader)
    assert transport.value() == before
    assert b"EXISTS" not in before


def test_a_stream_ends_with_the_account_s_others() -> None:
    reader = Reader()
    _, transport = listen(reader)
    run(reader.site.world.accounts.end_sessions(reader.site.world.people[JOE].number, ACTOR))
    pass_time(reader)
    before = transport.value()
    reader.letter()
    pass_time(reader)
    assert transport.value() == before


def test_one_account_does_not_take_all_places() -> None:
    reader = Reader()
    streams = [listen(reader) for _ in range(LISTENERS)]
    assert all(b"200 OK" in transport.value() for _, transport in streams)
    assert reader.ask("/mail/updates").status == 409
    streams[0][0].connectionLost(Failure(ConnectionDone()))
    pass_time(reader)
    _, transport = listen(reader)
    assert b"200 OK" in transport.value()
