"""The indexing process as the server sees it: started, told of news, started again, ended."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.error import ProcessDone, ProcessTerminated
from twisted.internet.task import Clock
from twisted.python.failure import Failure

from mailhub.model.change import AccountChanged, Arrived, Change, Missed
from mailhub.model.errors import Corrupt, Unavailable
from mailhub.model.message import BlobRef
from mailhub.model.settings import SearchSettings
from mailhub.net.indexer import AGAIN, GATHER, GOODBYE, IndexProcess, SharedStore
from tests.fakes import ListLog


class Transport:
    """A process that does nothing."""

    pid = 7

    def __init__(self) -> None:
        self.told = b""
        self.closed = False
        self.signals: list[str] = []

    def write(self, data: bytes) -> None:
        self.told += data

    def closeStdin(self) -> None:
        self.closed = True

    def signalProcess(self, name: str) -> None:
        self.signals.append(name)


class Reactor(Clock):
    """A clock that starts processes."""

    def __init__(self) -> None:
        super().__init__()
        self.started: list[tuple[Any, list[bytes]]] = []
        self.fails = False

    def spawnProcess(self, protocol: Any, program: str, args: list[bytes], **_: object) -> None:
        if self.fails:
            raise OSError(12, "Cannot allocate memory")
        protocol.makeConnection(Transport())
        self.started.append((protocol, args))


class Site:
    """An index process under a clock."""

    def __init__(self, store: Path | SharedStore = Path("/store"), **settings: object) -> None:
        self.reactor, self.log = Reactor(), ListLog()
        made = replace(SearchSettings(), **settings)  # type: ignore[arg-type]
        self.process = IndexProcess(made, store, self.reactor, self.log)

    @property
    def last(self) -> Any:
        return self.reactor.started[-1][0]

    def end(self, reason: BaseException | None = None) -> None:
        self.last.processEnded(Failure(reason or ProcessTerminated(1)))


NEWS: list[Change] = [Arrived(1, 1, 1, 1, ())]


def test_it_is_started_as_the_settings_say() -> None:
    site = Site(niceness=3, review=60, documents=False)
    assert site.process.state() == "off"
    site.process.start()
    words = [b"-m", b"mailhub.indexing", b"/store", b"3", b"plain", b"60"]
    assert site.reactor.started[0][1][1:] == words


def test_without_an_index_nothing_is_started() -> None:
    site = Site(index=False)
    site.process.start()
    site.process.heard(NEWS)
    site.process.wake()
    site.reactor.advance(100)
    assert site.reactor.started == []
    assert site.process.stop() is None


def test_it_is_told_once_of_much_news() -> None:
    site = Site()
    site.process.start()
    site.process.heard([AccountChanged(1, 1, "updated")])
    site.reactor.advance(GATHER)
    assert site.last.transport.told == b""
    for _ in range(10):
        site.process.heard(NEWS)
    site.reactor.advance(GATHER)
    assert site.last.transport.told == b"\n"
    site.process.heard(NEWS)
    site.reactor.advance(GATHER)
    assert site.last.transport.told == b"\n\n"


def test_what_it_says_is_its_state() -> None:
    site = Site()
    site.process.start()
    site.last.outReceived(b"buil")
    site.last.outReceived(b"ding\nwaiting: disk full\n")
    assert site.process.state() == "waiting"
    assert [(one["state"], one["reason"]) for one in site.log.named("search-index")] == [
        ("building", ""),
        ("waiting", "disk full"),
    ]


def test_it_comes_back_later_and_later() -> None:
    site = Site()
    site.process.start()
    delay = AGAIN[0]
    for times in range(2, 10):
        site.last.errReceived(b"Traceback\nValueError: odd\n")
        site.end()
        assert site.process.state() == "off"
        assert site.log.named("search-index")[-1]["reason"] == "ValueError: odd"
        site.reactor.advance(delay - 0.1)
        assert len(site.reactor.started) == times - 1
        site.reactor.advance(0.1)
        assert len(site.reactor.started) == times
        delay = min(delay * 2, AGAIN[1])
    site.last.outReceived(b"following\n")
    site.end(ProcessDone(0))
    site.reactor.advance(AGAIN[0])
    assert len(site.reactor.started) == 10


def test_it_is_tried_again_where_it_cannot_be_started() -> None:
    site = Site()
    site.reactor.fails = True
    site.process.start()
    assert "Cannot allocate memory" in str(site.log.named("search-index")[-1]["reason"])
    site.reactor.fails = False
    site.reactor.advance(AGAIN[0])
    assert len(site.reactor.started) == 1


@pytest.mark.parametrize("stubborn", [False, True])
def test_it_ends_with_the_server(stubborn: bool) -> None:
    site = Site()
    site.process.start()
    site.last.outReceived(b"building\n")
    site.process.heard(NEWS)
    done = site.process.stop()
    assert done is not None
    assert site.last.transport.closed
    if stubborn:
        site.reactor.advance(GOODBYE)
    assert site.last.transport.signals == (["KILL"] if stubborn else [])
    assert not done.called
    site.end(ProcessDone(0))
    assert done.called
    site.reactor.advance(AGAIN[1])
    assert len(site.reactor.started) == 1
    assert site.reactor.getDelayedCalls() == []


def test_one_that_is_still_being_loaded_is_not_waited_for() -> None:
    site = Site()
    site.process.start()
    assert site.process.stop() is not None
    assert site.last.transport.signals == ["KILL"]
    site.end()
    assert site.reactor.getDelayedCalls() == []


def test_one_that_waits_to_come_back_is_forgotten() -> None:
    site = Site()
    site.process.start()
    site.end()
    assert site.process.stop() is None
    site.reactor.advance(AGAIN[1])
    assert len(site.reactor.started) == 1


# -- of a store that several servers share

SECRET = "postgresql://mail:secret@db/mail"


async def _bodies(refs: Sequence[BlobRef]) -> Sequence[bytes]:
    """Segment 1 is there, 2 is missing, 3 cannot be had."""
    segments = {ref.segment for ref in refs}
    if 3 in segments:
        raise Unavailable
    if 2 in segments:
        raise Corrupt
    return [b"x" * ref.length for ref in refs]


def shared() -> Site:
    site = Site(SharedStore(SECRET, _bodies))
    site.process.start()
    return site


def test_where_the_database_is_others_do_not_see() -> None:
    site = shared()
    words = site.reactor.started[0][1]
    assert words[1:4] == [b"-m", b"mailhub.indexing", b"-"]
    assert not any(b"secret" in word for word in words)
    assert site.last.transport.told == b'{"database": "%s"}\n' % SECRET.encode()


@pytest.mark.parametrize(
    ("asked", "answer"),
    [
        (b"[[1,0,3],[1,5,1]]", b"3 1\nxxxx"),
        (b"[[1,0,3],[2,0,2],[1,0,1]]", b"3 -1 1\nxxxx"),
        (b"[[2,0,2]]", b"-1\n"),
        (b"[[1,0,3],[3,0,2]]", b"away\n"),
    ],
)
def test_bodies_that_it_asks_for_are_read_for_it(asked: bytes, answer: bytes) -> None:
    site = shared()
    site.last.transport.told = b""
    site.last.outReceived(b"building\nbodies " + asked[:4])
    site.last.outReceived(asked[4:] + b"\n")
    assert site.last.transport.told == answer
    assert site.process.state() == "building"


def test_it_comes_and_goes_with_the_lease() -> None:
    """Started, stopped, started again: as often as this server is given the index."""
    site = Site(SharedStore(SECRET, _bodies))
    assert site.process.state() == "elsewhere"
    for turn in (1, 2):
        site.process.start()
        site.last.outReceived(b"following\n")
        assert (len(site.reactor.started), site.process.state()) == (turn, "following")
        assert site.process.stop() is not None
        site.end(ProcessDone(0))
        assert site.process.state() == "elsewhere"
    assert site.reactor.getDelayedCalls() == []


def test_what_was_missed_may_be_mail() -> None:
    site = shared()
    site.last.transport.told = b""
    site.process.heard([Missed()])
    site.reactor.advance(GATHER)
    assert site.last.transport.told == b"\n"


def test_what_waits_is_known_without_a_word_in_the_log() -> None:
    site = Site()
    site.process.start()
    site.last.outReceived(b"building\nbehind 1234\n")
    assert (site.process.state(), site.process.behind) == ("building", 1234)
    assert len(site.log.events) == 1
    site.last.outReceived(b"behind 0\n")
    assert site.process.behind == 0
    site.last.outReceived(b"behind 9\n")
    site.process.stop()
    site.last.outReceived(b"behind 8\n")
    assert site.process.behind == 0, "another server has it"
