"""The HTTP frame under attack: bodies, headers, targets, and pages that a browser here shows."""

from __future__ import annotations

import contextlib
import json

import pytest

from tests.live import web
from tests.live.conftest import User
from tests.live.pace import prompt
from tests.live.server import Server
from tests.live.stall import no_stall
from tests.live.web import HTTP

HOST = b"Host: 127.0.0.1\r\n"
JSON = HOST + b"Content-Type: application/json\r\n"
USERS = b"POST /wildduck/users HTTP/1.1\r\n"
LIMIT = 1 << 20


def post(body: bytes, head: bytes = JSON) -> bytes:
    return USERS + head + b"Content-Length: %d\r\n\r\n%s" % (len(body), body)


def alive(server: Server) -> bool:
    with HTTP(server.port("http")) as client:
        return client.say(b"GET /health HTTP/1.1\r\n" + HOST + b"\r\n")[0] == 200


@pytest.fixture(scope="module")
def watcher(server: Server) -> User:
    """Who must not notice."""
    web.make(server, "watcher@live.test")
    return User("watcher@live.test", web.PASSWORD)


@pytest.mark.parametrize("size", [LIMIT + 1, 1 << 31, 1 << 62, 10**30])
def test_a_body_over_the_limit_is_refused_before_it_is_sent(server: Server, size: int) -> None:
    with HTTP(server.port("http")) as client:
        status, _ = client.say(USERS + JSON + b"Content-Length: %d\r\n\r\n" % size)
        assert status in (400, 413)


def test_an_endless_chunked_body_is_refused_on_its_way(server: Server) -> None:
    with HTTP(server.port("http")) as client:
        client.send(USERS + JSON + b"Transfer-Encoding: chunked\r\n\r\n")
        with contextlib.suppress(OSError):
            for _ in range(LIMIT // 65536 + 2):
                client.send(b"10000\r\n" + b"x" * 65536 + b"\r\n")
        assert client.answer()[0] == 413
        assert client.closed()


@pytest.mark.parametrize(
    "head",
    [b"", b"Host: a\r\nHost: b\r\n", b"Host: a, b\r\n", b"Host: a b\r\n", b"Host: \r\n",
     b"Host: 127.0.0.1/\r\n", b"Host: user@127.0.0.1\r\n", b"Host : 127.0.0.1\r\n",
     HOST + b"Content-Length: 1\r\nContent-Length: 2\r\n", HOST + b"Content-Length: -1\r\n",
     HOST + b"Content-Length: +1\r\n", HOST + b"Content-Length: 0x1\r\n",
     HOST + b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n", HOST + b"X: a\0b\r\n",
     HOST + b"no colon here\r\n", HOST + b" folded: x\r\n", HOST + b": x\r\n",
     HOST + b"Transfer-Encoding: gzip\r\n", HOST + b"Transfer-Encoding: chunked, identity\r\n"],
)  # fmt: skip
def test_a_head_that_two_servers_could_read_differently_is_refused(
    server: Server, head: bytes
) -> None:
    smuggled = b"GET /wildduck/users HTTP/1.1\r\n" + HOST + b"\r\n"
    with HTTP(server.port("http")) as client:
        client.send(b"POST /health HTTP/1.1\r\n" + head + b"\r\n0\r\n\r\n" + smuggled)
        answers = [client.answer()[0]]
        while answers[-1]:
            answers.append(client.answer()[0])
    assert set(answers[:-1]) <= {400, 413, 501}
    assert len(answers) > 1


@pytest.mark.parametrize(
    "line",
    [b"GET http://evil.test/ HTTP/1.1", b"GET * HTTP/1.1", b"CONNECT 127.0.0.1:25 HTTP/1.1",
     b"get /health HTTP/1.1", b"GET /%00 HTTP/1.1", b"GET /\xff HTTP/1.1", b"GET /%ff HTTP/1.1",
     b"GET /health", b"GET  HTTP/1.1", b"GET /health HTTP/9.9", b"PRI * HTTP/2.0",
     b"GET /" + b"x" * 100_000 + b" HTTP/1.1"],
)  # fmt: skip
def test_a_request_line_that_is_none_is_refused(server: Server, line: bytes) -> None:
    with HTTP(server.port("http")) as client:
        with contextlib.suppress(OSError):
            client.send(line + b"\r\n" + HOST + b"\r\n")
        status, _ = client.answer()
        assert status in (0, 400, 404, 405, 414, 505)
    assert alive(server)


@pytest.mark.parametrize("count", [501, 20_000])
def test_headers_without_end_are_cut_off(server: Server, count: int) -> None:
    with HTTP(server.port("http")) as client:
        with contextlib.suppress(OSError):
            client.send(b"GET /health HTTP/1.1\r\n" + HOST + b"X-Y: z\r\n" * count + b"\r\n")
        assert client.answer()[0] in (0, 400, 431)
        assert client.closed()


NESTED = {
    "lists": b"[" * 400_000,
    "closed lists": b"[" * 200_000 + b"]" * 200_000,
    "objects": b'{"a":' * 150_000 + b"1" + b"}" * 150_000,
    "a deep value": b'{"username":' + b"[" * 5000 + b"]" * 5000 + b"}",
    "a long number": b'{"quota":' + b"9" * 900_000 + b"}",
    "a huge exponent": b'{"quota":1e999999999}',
    "not a number": b'{"quota":NaN}',
    "a lone surrogate": b'{"username":"\\ud800","password":"x"}',
    "a NUL": b'{"username":"a\\u0000b","password":"Live-Passw0rd-1"}',
    "many keys": b"{" + b",".join(b'"k%d":1' % n for n in range(90_000)) + b"}",
    "many values": b'{"tags":[' + b",".join([b'"a"'] * 200_000) + b"]}",
    "the same key": b'{"username":"a","username":"b"}',
    "no UTF-8": b'{"username":"\xff\xfe"}',
    "a byte order mark": b"\xef\xbb\xbf{}",
    "nothing": b"",
    "no object": b'"text"',
}


@pytest.mark.parametrize("name", NESTED)
def test_hostile_json_is_a_clean_400_and_stalls_nobody(
    server: Server, watcher: User, name: str
) -> None:
    with HTTP(server.port("http")) as client, no_stall(server, watcher), prompt(1, server.pid):
        status, answer = client.say(post(NESTED[name]))
    assert status == 400, answer
    assert answer.startswith(b"{")
    assert b"Traceback" not in answer


@pytest.mark.parametrize("text", ["a\r\nBcc: x@y.example", "a\nb", "a\0b", "a\x1b[2J"])
@pytest.mark.parametrize("field", ["username", "address", "name", "language"])
def test_control_characters_are_no_part_of_a_name(server: Server, field: str, text: str) -> None:
    name = f"control-{field}{len(text)}"
    fields = {"username": name, "address": f"{name}@live.test", "password": web.PASSWORD}
    with HTTP(server.port("http")) as client:
        status, _ = client.say(post(json.dumps({**fields, field: text}).encode()))
    assert status == 400


@pytest.mark.parametrize(
    "head",
    [b"Host: evil.test\r\n", b"Host: 127.0.0.1.evil.test\r\n", b"Host: localhost.evil.test:80\r\n",
     HOST + b"Origin: http://evil.test\r\n", HOST + b"Sec-Fetch-Site: cross-site\r\n",
     HOST + b"Sec-Fetch-Site: same-site\r\n", HOST + b"Origin: null\r\n"],
)  # fmt: skip
def test_a_web_page_cannot_use_the_trust_in_this_machine(server: Server, head: bytes) -> None:
    with HTTP(server.port("http")) as client:
        status, _ = client.say(post(b"username=csrf&password=Live-Passw0rd-1", head))
        assert status == 403


@pytest.mark.parametrize(
    "target", [b"/../../etc/passwd", b"/%2e%2e/%2e%2e/etc/passwd", b"/wildduck/users/../../metrics"]
)
def test_no_target_leads_out_of_the_routes(server: Server, target: bytes) -> None:
    with HTTP(server.port("http")) as client:
        status, answer = client.say(b"GET %s HTTP/1.1\r\n" % target + HOST + b"\r\n")
    assert status in (400, 404)
    assert b"root:" not in answer


def test_answers_carry_what_keeps_browsers_from_guessing(server: Server) -> None:
    with HTTP(server.port("http")) as client:
        client.send(b"GET /wildduck/users HTTP/1.1\r\n" + HOST + b"\r\n")
        head = b"\r\n".join(iter(client.line, b"")).lower()
    assert b"x-content-type-options: nosniff" in head
    assert b"content-security-policy: default-src 'none'" in head
    assert b"\r\nserver:" not in head
    assert b"twisted" not in head


def test_requests_in_one_piece_are_answered_in_order(server: Server, watcher: User) -> None:
    one = b"GET /health HTTP/1.1\r\n" + HOST + b"\r\n"
    with no_stall(server, watcher), HTTP(server.port("http")) as client:
        client.send(one * 1000)
        assert [client.answer()[0] for _ in range(1000)] == [200] * 1000
