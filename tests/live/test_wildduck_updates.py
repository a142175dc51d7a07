"""Changes as applications hear of them on a real server: by EventSource, by webhook, and by IDLE
beside them; who may listen, for how long, and what a restart leaves of it."""

from __future__ import annotations

import time
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator
from hashlib import sha256
from hmac import new as hmac
from pathlib import Path
from typing import Any

import pytest

from tests.live.listening import Idle, Receiver, Stream, deliver, imap, until
from tests.live.pace import prompt
from tests.live.server import PLAIN, Server
from tests.live.web import PASSWORD, call, change, make

DOMAIN = "live.test"
WEB = '[web]\nallowed_networks = ["127.0.0.0/8"]\n'


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = Server(tmp_path_factory.mktemp("hub"), PLAIN + WEB)
    server.start()
    try:
        yield server
    finally:
        assert server.stop() == 0, server.log.read_text()[-3000:]


_names = iter(range(1, 1000))


@pytest.fixture
def user(server: Server) -> tuple[str, str]:
    """(id, address)"""
    address = f"listener{next(_names)}@{DOMAIN}"
    return make(server, address), address


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    one = Receiver()
    yield one
    one.close()


def test_streams_idle_and_webhooks_tell_the_same_story(
    server: Server, user: tuple[str, str], receiver: Receiver
) -> None:
    id, address = user
    hook = {"type": "message.*", "url": receiver.url, "user": id}
    secret = str(call(server, "POST", "/webhooks", hook)["secret"])
    idle, stream = Idle(server, address), Stream(server, id)
    steps: list[Callable[[], None]] = [
        lambda: deliver(server, address),
        lambda: deliver(server, address),
        lambda: imap(server, address, r"STORE 1 +FLAGS (\Seen)"),
        lambda: deliver(server, address),
        lambda: imap(server, address, r"STORE 2 +FLAGS (\Flagged $Work)"),
        lambda: imap(server, address, r"STORE 1 +FLAGS (\Deleted)"),
        lambda: imap(server, address, "EXPUNGE"),
        lambda: imap(server, address, "MOVE 1 Trash"),
    ]
    for count, step in enumerate(steps, 1):
        step()
        until(lambda count=count: len(idle.words) >= count)  # type: ignore[misc]
    expected = ["EXISTS", "EXISTS", "FETCH", "EXISTS", "FETCH", "FETCH", "EXPUNGE", "EXPUNGE"]
    assert idle.words == expected
    # IDLE watches one mailbox; the others tell of the copy in Trash, too.
    expected = [*expected[:-1], "EXISTS", "EXPUNGE"]
    until(lambda: len(stream.words) >= 9 and len(receiver.words) >= 9)
    assert stream.words == receiver.words == expected
    assert [_as_known(one["data"]) for one in receiver.told] == [
        _as_known(one) for one in stream.told if one["command"] != "COUNTERS"
    ]
    assert [one["id"] for one in receiver.told] == [
        event for event in stream.ids if not event.endswith("ffffffff")
    ]
    for headers, body in receiver.requests:
        _verified(secret, headers, body)
    last = [one for one in stream.told if one["command"] == "COUNTERS"][-2:]
    assert sorted((one["total"], one["unseen"]) for one in last) == [(1, 1), (1, 1)]
    idle.close()
    stream.close()


def _as_known(event: dict[str, Any]) -> dict[str, Any]:
    """Without what is only known while the message is there."""
    return {name: event[name] for name in event if name not in ("thread", "size", "idate")}


def _verified(secret: str, headers: dict[str, str], body: bytes) -> None:
    """As a library of Standard Webhooks does it."""
    stamp = headers["webhook-timestamp"]
    assert abs(int(stamp) - time.time()) < 300
    signed = f"{headers['webhook-id']}.{stamp}.".encode() + body
    made = hmac(b64decode(secret.removeprefix("whsec_")), signed, sha256).digest()
    assert headers["webhook-signature"].split() == ["v1," + b64encode(made).decode()]


def test_who_was_away_goes_on_also_after_a_restart(server: Server, user: tuple[str, str]) -> None:
    id, address = user
    stream = Stream(server, id)
    deliver(server, address)
    until(lambda: "EXISTS" in stream.words)
    last = stream.ids[-1]
    assert server.stop() == 0
    until(lambda: bool(stream.ended_at))
    server.start()
    deliver(server, address, 3)
    again = Stream(server, id, last)
    until(lambda: len(again.words) >= 3)
    assert [one["uid"] for one in again.told if one["command"] == "EXISTS"] == [2, 3, 4]
    again.close()


def test_webhooks_go_on_after_a_restart_and_when_their_server_is_back(
    server: Server, user: tuple[str, str]
) -> None:
    id, address = user
    first = Receiver()
    call(server, "POST", "/webhooks", {"type": "message.*", "url": first.url, "user": id})
    deliver(server, address)
    until(lambda: len(first.told) == 1)
    first.close()
    deliver(server, address, 2)
    assert server.stop() == 0
    server.start()
    deliver(server, address)
    second = Receiver(first.port)
    until(lambda: len(second.told) >= 3)
    uids = [one["data"]["uid"] for one in second.told]
    assert sorted(set(uids)) == [2, 3, 4]
    assert [uid for place, uid in enumerate(uids) if uid not in uids[:place]] == [2, 3, 4]
    second.close()


@pytest.mark.parametrize(
    "end",
    [
        lambda server, id: change(server, id, password="Another-Passw0rd"),
        lambda server, id: change(server, id, disabled=True),
        lambda server, id: call(server, "PUT", f"/users/{id}/logout", {"reason": "bye"}),
        lambda server, id: call(server, "DELETE", f"/users/{id}"),
    ],
    ids=["password", "disabled", "logout", "deleted"],
)
def test_a_stream_ends_within_a_second(
    server: Server, user: tuple[str, str], end: Callable[[Server, str], object]
) -> None:
    stream = Stream(server, user[0])
    end(server, user[0])
    with prompt(1, server.pid):
        until(lambda: bool(stream.ended_at))


def test_a_stream_ends_with_its_token(server: Server, user: tuple[str, str]) -> None:
    login = {"username": user[1], "password": PASSWORD, "token": True}
    tokens = [str(call(server, "POST", "/authenticate", login)["token"]) for _ in range(2)]
    ended, other = (Stream(server, "me", token=token) for token in tokens)
    with prompt(1, server.pid):
        call(server, "DELETE", f"/authenticate?accessToken={tokens[0]}")
        until(lambda: bool(ended.ended_at))
    deliver(server, user[1])
    until(lambda: "EXISTS" in other.words)
    assert "EXISTS" not in ended.words
    other.close()


def test_one_that_takes_nothing_harms_nobody(server: Server, user: tuple[str, str]) -> None:
    id, address = user
    asleep = [Stream(server, id, read=False) for _ in range(5)]
    stream = Stream(server, id)
    deliver(server, address, 20)
    for _ in range(25):
        imap(server, address, r"STORE 1:* +FLAGS (\Seen)", r"STORE 1:* -FLAGS (\Seen)")
    until(lambda: stream.words.count("FETCH") == 25 * 2 * 20)
    assert stream.ended_at == 0.0
    for one in (*asleep, stream):
        one.close()


def test_an_address_inside_is_refused(server: Server, tmp_path: Path) -> None:
    for url in ("http://10.0.0.1/", "http://[::1]:8080/", "http://2130706433/", "ftp://a.example/"):
        with pytest.raises(Exception, match="400"):
            call(server, "POST", "/webhooks", {"type": ["*"], "url": url})
