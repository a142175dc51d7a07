"""Two processes on one PostgreSQL and one Redis, on the same ports: one server to who comes."""

from __future__ import annotations

import contextlib
import re
import ssl
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest

from tests.live.listening import Idle, Stream, deliver, imap, until
from tests.live.server import PLAIN, Server
from tests.live.web import PASSWORD, call, make
from tests.live.wire import IMAP, SMTP, Wire
from tests.ports import free_port
from tests.postgresserver import PostgresServer
from tests.redisserver import RedisServer

pytestmark = [pytest.mark.live, pytest.mark.scale]
DOMAIN = "alike.test"
SECTIONS = """
{plain}
[store]
database = "{database}"

[redis]
url = "{redis}"

[node]
share_ports = true
"""
DOOR = """
[[listener]]
service = "imap"
endpoint = "tcp:{}:interface=127.0.0.1"
tls = "starttls"
"""


@dataclass
class Pair:
    """Two nodes with ports of their own and an IMAP port that they share."""

    one: Server
    two: Server
    imap: int
    redis: RedisServer
    new: Callable[[str], Server]


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    with contextlib.ExitStack() as ends:
        postgres, redis = PostgresServer(), RedisServer()
        ends.callback(postgres.close)
        postgres.start()
        ends.callback(redis.close)
        redis.start()
        shared = free_port()
        sections = SECTIONS.format(
            plain=PLAIN,
            database=postgres.url(postgres.database()),
            redis=redis.url,
        )

        def new(name: str) -> Server:
            server = Server(tmp_path_factory.mktemp(name), sections)
            ends.callback(server.kill)
            server.write_config()
            with server.config.open("a") as config:  # behind its own: tests ask for those
                config.write(DOOR.format(shared))
            server.start()
            return server

        pair = Pair(new("one"), new("two"), shared, redis, new)
        yield pair
        for server in (pair.one, pair.two):
            assert server.stop() == 0, server.log.read_text()[-3000:]
            assert server.errors() == []


_names = iter(range(1, 1000))


@pytest.fixture
def user(pair: Pair) -> tuple[str, str]:
    """(id, address), made at the first node."""
    address = f"user{next(_names)}@{DOMAIN}"
    return make(pair.one, address), address


def steps(pair: Pair, address: str) -> list[Callable[[], None]]:
    """What happens at either, each heard as one word."""
    one, two = pair.one, pair.two
    return [
        lambda: deliver(one, address),
        lambda: deliver(two, address),
        lambda: imap(one, address, r"STORE 1 +FLAGS (\Seen)"),
        lambda: imap(two, address, r"STORE 2 +FLAGS (\Flagged $Work)"),
        lambda: deliver(one, address),
        lambda: imap(one, address, r"STORE 1 +FLAGS (\Deleted)"),
        lambda: imap(one, address, "EXPUNGE"),
        lambda: imap(two, address, "MOVE 1 Trash"),
    ]


TOLD = ["EXISTS", "EXISTS", "FETCH", "FETCH", "EXISTS", "FETCH", "EXPUNGE", "EXPUNGE"]


def told_alike(pair: Pair, id: str, address: str) -> None:
    idles = [Idle(server, address) for server in (pair.one, pair.two)]
    streams = [Stream(server, id) for server in (pair.one, pair.two)]
    for count, step in enumerate(steps(pair, address), 1):
        step()
        until(lambda count=count: all(len(idle.words) >= count for idle in idles))  # type: ignore[misc]
    assert [idle.words for idle in idles] == [TOLD, TOLD]
    expected = [*TOLD[:-1], "EXISTS", "EXPUNGE"]  # the copy in Trash, too
    until(lambda: all(len(stream.words) >= len(expected) for stream in streams))
    assert [stream.words for stream in streams] == [expected, expected]
    # The first says where the stream begins, and one began a moment later.
    assert streams[0].ids[1:] == streams[1].ids[1:]
    for open_one in (*idles, *streams):
        open_one.close()


def test_sessions_of_both_hear_the_same(pair: Pair, user: tuple[str, str]) -> None:
    told_alike(pair, *user)


def test_with_redis_away_they_still_do(pair: Pair) -> None:
    address = f"user{next(_names)}@{DOMAIN}"
    id = make(pair.one, address)
    streams = Stream(pair.two, id)
    pair.redis.kill()
    try:
        idle = Idle(pair.two, address)
        deliver(pair.one, address)
        until(lambda: idle.words == ["EXISTS"] and streams.words == ["EXISTS"])
    finally:
        pair.redis.start()
    idle.close()
    streams.close()


def test_a_new_password_ends_sessions_of_the_other(pair: Pair, user: tuple[str, str]) -> None:
    id, address = user
    idle, stream = Idle(pair.two, address), Stream(pair.two, id)
    call(pair.one, "PUT", f"/users/{id}", {"password": "Another-Passw0rd-1"})
    until(lambda: any(line.startswith(b"* BYE") for line in idle.told))
    until(lambda: stream.ended_at > 0)
    with pytest.raises(AssertionError):
        IMAP(pair.two.port("imap"), address, PASSWORD)
    IMAP(pair.two.port("imap"), address, "Another-Passw0rd-1").close()


def test_an_alias_is_known_to_the_other_and_gone_again(pair: Pair, user: tuple[str, str]) -> None:
    id, _ = user
    alias = f"alias{next(_names)}@{DOMAIN}"

    def taken() -> bool:
        with SMTP(pair.two.port("smtp")) as smtp:
            smtp.say(b"MAIL FROM:<a@example.org>")
            return smtp.say(b"RCPT TO:<%s>" % alias.encode())[:3] == b"250"

    assert not taken()
    made = call(pair.one, "POST", f"/users/{id}/addresses", {"address": alias})
    until(taken)
    call(pair.one, "DELETE", f"/users/{id}/addresses/{made['id']}")
    until(lambda: not taken())


def test_who_was_away_resynchronises_at_either(pair: Pair, user: tuple[str, str]) -> None:
    """CONDSTORE and QRESYNC (RFC 7162): what one node said of a mailbox, the other goes on from."""
    _, address = user
    for server in (pair.one, pair.two, pair.one, pair.two):
        deliver(server, address)

    def select(server: Server, words: bytes) -> tuple[IMAP, list[bytes]]:
        client = IMAP(server.port("imap"), address, PASSWORD)
        client.say(b"ENABLE QRESYNC")
        return client, client.say(b"SELECT INBOX " + words)

    first, lines = select(pair.one, b"(CONDSTORE)")
    text = b" ".join(lines)
    [validity] = re.findall(rb"UIDVALIDITY (\d+)", text)
    [modseq] = re.findall(rb"HIGHESTMODSEQ (\d+)", text)
    first.say(b"LOGOUT")
    imap(pair.one, address, r"STORE 2 +FLAGS (\Seen)")
    imap(pair.two, address, r"STORE 3 +FLAGS ($Work)")
    imap(pair.one, address, r"STORE 1 +FLAGS (\Deleted)")
    imap(pair.two, address, "EXPUNGE")
    for server in (pair.two, pair.one):
        client, lines = select(server, b"(QRESYNC (%s %s))" % (validity, modseq))
        text = b"\n".join(lines)
        assert b"* VANISHED (EARLIER) 1\n" in text
        assert sorted(re.findall(rb"UID (\d+)", text)) == [b"2", b"3"]
        assert b"$Work" in text
        client.say(b"LOGOUT")


def test_both_are_reached_at_the_port_that_they_share(pair: Pair) -> None:
    def reached(server: Server) -> bool:
        return "by the shared door" in server.log.read_text()

    for _ in range(60):  # by chance; all at one is as good as impossible
        with IMAP(pair.imap) as client:
            client.say(b'ID ("name" "by the shared door")')
    until(lambda: reached(pair.one) and reached(pair.two))


def test_they_show_one_certificate(pair: Pair) -> None:
    shown = {
        ssl.get_server_certificate(("127.0.0.1", server.port("imap", "implicit")))
        for server in (pair.one, pair.two)
    }
    assert len(shown) == 1


def test_a_token_of_one_opens_the_other_until_it_ends(pair: Pair, user: tuple[str, str]) -> None:
    _, address = user
    login = {"username": address, "password": PASSWORD, "token": True}
    token = str(call(pair.one, "POST", "/authenticate", login)["token"])
    stream = Stream(pair.two, "me", token=token)
    request = urllib.request.Request(
        f"http://127.0.0.1:{pair.one.port('http')}/wildduck/authenticate",
        headers={"X-Access-Token": token},
        method="DELETE",
    )
    urllib.request.urlopen(request, timeout=60).close()
    until(lambda: stream.ended_at > 0)


def test_one_that_dies_leaves_the_other_with_all_of_it(pair: Pair, user: tuple[str, str]) -> None:
    _, address = user
    third = pair.new("three")
    deliver(third, address)
    idle = Idle(pair.two, address)
    third.kill()
    deliver(pair.one, address)
    until(lambda: idle.words == ["EXISTS"])
    for _ in range(20):
        with Wire(pair.imap) as wire:
            assert wire.line().startswith(b"* OK")
    third.start()
    deliver(third, address)
    until(lambda: idle.words == ["EXISTS", "EXISTS"])
    assert third.stop() == 0
    idle.close()
