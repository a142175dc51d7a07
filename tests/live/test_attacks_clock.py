"""A clock that is set: an hour on, an hour back, ten years away. Timers keep to real seconds,
sessions live on, and what counts up in IMAP never counts down."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest

from tests.live import web
from tests.live.clocks import WallClock
from tests.live.pace import prompt
from tests.live.server import Server
from tests.live.storing import shared
from tests.live.web import PASSWORD
from tests.live.wire import IMAP, SMTP, Wire

DEADLINE = 2
HOUR, YEARS = 3600, 10 * 365 * 86400
SETTINGS = f"""
[smtp]
idle_timeout = 60
plaintext_auth = true

[imap]
login_timeout = {DEADLINE}
idle_timeout = 60
plaintext_auth = true

[pop3]
login_timeout = {DEADLINE}
plaintext_auth = true
"""
USER = "clock@live.test"


@dataclass
class Clock:
    """A server whose wall clock can be set."""

    server: Server
    wall: WallClock

    def set(self, seconds: int) -> None:
        self.wall.set(seconds)

    def environment(self) -> dict[str, str]:
        return self.wall.environment()


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clock]:
    folder = tmp_path_factory.mktemp("hub")
    clock = Clock(Server(folder, SETTINGS), WallClock(folder / "faketime"))
    clock.set(0)
    clock.server.start(clock.environment())
    web.make(clock.server, USER)
    yield clock
    assert clock.server.stop() == 0, clock.server.log.read_text()[-2000:]


@pytest.fixture
def clock(running: Clock) -> Clock:
    """The module's server, at the right time."""
    running.set(0)
    return running


def number(lines: list[bytes], word: bytes) -> int:
    """The number that follows `word`."""
    text = b" ".join(lines)
    return int(text.partition(word + b" ")[2].split(b"]")[0].split(b")")[0].split()[0])


def append(imap: IMAP) -> None:
    assert b" OK" in imap.say(b"APPEND INBOX {12+}\r\nSubject: x\r\n")[-1]


STATUS = b"STATUS INBOX (UIDNEXT UIDVALIDITY HIGHESTMODSEQ)"


@pytest.mark.skipif(shared(), reason="servers on one database go by its clock")
def test_the_fake_clock_is_what_the_server_sees(clock: Clock) -> None:
    with IMAP(clock.server.port("imap"), USER, PASSWORD) as imap:
        clock.set(-YEARS)
        append(imap)
        imap.say(b"SELECT INBOX")
        year = time.gmtime(time.time() - YEARS).tm_year
        assert b"-%d " % year in imap.say(b"FETCH * INTERNALDATE")[0]


@pytest.mark.parametrize("step", [HOUR, -HOUR, YEARS, -YEARS])
def test_sessions_outlive_a_step_and_hear_each_other(clock: Clock, step: int) -> None:
    with (
        IMAP(clock.server.port("imap"), USER, PASSWORD) as idle,
        IMAP(clock.server.port("imap"), USER, PASSWORD) as imap,
        SMTP(clock.server.port("smtp")) as smtp,
    ):
        idle.say(b"SELECT INBOX")
        idle.send(b"i IDLE\r\n")
        assert idle.line().startswith(b"+ ")
        clock.set(step)
        with prompt(2, clock.server.pid):
            append(imap)
            assert idle.line().endswith(b" EXISTS")
            smtp.begin(USER.encode())
            assert smtp.say(b"Subject: x\r\n\r\nx\r\n.")[:3] == b"250"
            assert idle.line().endswith((b" EXISTS", b" RECENT"))


def imap_login(clock: Clock) -> Wire:
    return IMAP(clock.server.port("imap"))


def pop3_login(clock: Clock) -> Wire:
    return Wire(clock.server.port("pop3"))


@pytest.mark.parametrize("begin", [imap_login, pop3_login])
def test_a_step_back_freezes_no_timer(clock: Clock, begin: Callable[[Clock], Wire]) -> None:
    with begin(clock) as wire:
        began = time.monotonic()
        clock.set(-HOUR)
        assert wire.closed(DEADLINE * 5)
        assert time.monotonic() - began > DEADLINE * 0.8


def test_a_step_forward_fires_no_timer(clock: Clock) -> None:
    with IMAP(clock.server.port("imap")) as imap:
        clock.set(HOUR)
        assert not imap.closed(DEADLINE * 0.5)


@pytest.mark.parametrize("step", [-HOUR, -YEARS, HOUR])
def test_what_counts_up_never_counts_down(clock: Clock, step: int) -> None:
    with IMAP(clock.server.port("imap"), USER, PASSWORD) as imap:
        append(imap)
        before = imap.say(STATUS)
        clock.set(step)
        append(imap)
        after = imap.say(STATUS)
    assert number(after, b"UIDVALIDITY") == number(before, b"UIDVALIDITY")
    assert number(after, b"UIDNEXT") == number(before, b"UIDNEXT") + 1
    assert number(after, b"HIGHESTMODSEQ") > number(before, b"HIGHESTMODSEQ")


def test_a_mailbox_made_again_in_the_past_is_another_mailbox(clock: Clock) -> None:
    """A client that knew the first one must not take the second one's messages for its own."""
    validities = []
    with IMAP(clock.server.port("imap"), USER, PASSWORD) as imap:
        for step in (0, -HOUR, -YEARS, HOUR, 0):
            clock.set(step)
            assert b" OK" in imap.say(b"CREATE Again")[-1]
            validities.append(number(imap.say(b"STATUS Again (UIDVALIDITY)"), b"UIDVALIDITY"))
            assert b" OK" in imap.say(b"DELETE Again")[-1]
    assert validities == sorted(set(validities))


def test_a_start_in_the_past_loses_nothing(clock: Clock) -> None:
    server = clock.server
    with IMAP(server.port("imap"), USER, PASSWORD) as imap:
        append(imap)
        before = imap.say(STATUS)
    assert server.stop() == 0
    clock.set(-YEARS)
    server.start(clock.environment())
    with IMAP(server.port("imap"), USER, PASSWORD) as imap:
        assert imap.say(STATUS)[0] == before[0]
        append(imap)
        after = imap.say(STATUS)
    assert number(after, b"UIDNEXT") == number(before, b"UIDNEXT") + 1
    assert number(after, b"HIGHESTMODSEQ") > number(before, b"HIGHESTMODSEQ")
