"""A whole server over Redis, while Redis is stopped, hangs or is slow: mail is taken and read all
the time, all of it leaves, nothing leaves twice, and limits hold."""

from __future__ import annotations

import json
import smtplib
import time
from base64 import b64encode
from contextlib import closing
from http.client import HTTPConnection

import pytest

from tests.live.doors import DOORS, Outcome, imap, said
from tests.live.redis_hub import GUESSES, PASSWORD, TEXT, USER, Hub, until
from tests.redisserver import RedisServer

pytestmark = pytest.mark.scale


@pytest.fixture
def redis(sleepy: RedisServer) -> RedisServer:
    return sleepy


@pytest.fixture
def hub(over_redis: Hub) -> Hub:
    over_redis.rest()
    return over_redis


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
            until(lambda: imap.select("INBOX")[1] != [waiting], hub)
        until(lambda: hub.events("redis", "lost") > lost, hub)
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
        for seconds in ("0.7", "0.7"):
            hub.submit(2)
            redis.cli("DEBUG", "SLEEP", seconds)
        assert hub.events("redis", "lost") == lost
        hub.submit(2)
        redis.cli("DEBUG", "SLEEP", "2.5")
        hub.submit(2)
        hub.all_left()
    assert hub.events("redis", "lost") == lost + 1


def test_acts_on_the_queue_are_refused_while_redis_is_away_and_looking_is_not(
    hub: Hub, redis: RedisServer
) -> None:
    def ask(method: str, path: str) -> tuple[int, str | None, bytes]:
        connection = HTTPConnection("127.0.0.1", hub.server.port("http"), timeout=10)
        with closing(connection):
            headers = {"Authorization": f"Basic {b64encode(b'admin:admin').decode()}"}
            connection.request(method, f"/tmail{path}", headers=headers)
            answer = connection.getresponse()
            return answer.status, answer.headers["Retry-After"], answer.read()

    hub.server.command("routes", "add", "stays.test", "--host", "127.0.0.1", "--port", "1")
    redis.kill()
    with smtplib.SMTP("127.0.0.1", hub.server.port("submission", "starttls")) as smtp:
        smtp.login(USER, PASSWORD)
        smtp.sendmail(USER, ["to@stays.test"], TEXT.format("<stays@home.test>"))
    status, _, listed = ask("GET", "/queue")
    [row] = json.loads(listed)
    assert (status, row["RcptTo"]) == (200, "to@stays.test")
    status, later, _ = ask("DELETE", f"/queue/discard/{row['Id']}")
    assert status == 503
    assert int(later or 0) > 0
    redis.start()
    until(lambda: ask("DELETE", f"/queue/discard/{row['Id']}")[0] == 200, hub)
    assert ask("GET", "/queue")[2].strip() == b"[]"


def test_limits_on_guesses_hold_while_redis_is_away(hub: Hub, redis: RedisServer) -> None:
    def guess(password: str, source: str = "127.9.9.9") -> Outcome:
        answer = imap(hub.server, USER, password, source)
        return next(one for one in Outcome if said("imap", answer, one))

    assert [guess("wrong") for _ in range(GUESSES - 2)] == [Outcome.WRONG] * (GUESSES - 2)
    redis.kill()
    # What this server saw itself still counts, in both directions.
    assert [guess("wrong") for _ in range(2)] == [Outcome.WRONG] * 2
    assert guess("wrong") is guess(PASSWORD) is Outcome.LIMITED
    for name, door in DOORS.items():
        answer = door(hub.server, USER, PASSWORD, "127.9.9.9")
        assert said(name, answer, Outcome.LIMITED), answer
        answer = door(hub.server, USER, PASSWORD, "127.9.8.1")
        assert said(name, answer, Outcome.IN), answer
    redis.start()
    until(lambda: hub.events("redis", "back") == hub.events("redis", "lost"), hub)
    # Redis is empty now, and frees nobody.
    assert guess(PASSWORD) is Outcome.LIMITED
    assert guess(PASSWORD, "127.9.8.1") is Outcome.IN
