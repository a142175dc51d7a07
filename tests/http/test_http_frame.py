"""The frame around every dialect: routing, bodies, bounds, time, and what the log may know."""

from __future__ import annotations

import itertools
import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client import Counter
from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionDone
from twisted.python.failure import Failure

from mailhub.http import server
from mailhub.http.app import application
from mailhub.http.body import DEPTH, FIELDS, VALUES
from mailhub.model.errors import Invalid
from mailhub.model.settings import HTTPSettings
from tests.http.browsing import FOREIGN, Site, replies, with_token
from tests.world import world

HEAD = b"GET /health HTTP/1.1\r\nHost: localhost\r\n"


def test_a_listener_serves_each_dialect_under_its_prefix_and_one_at_its_root() -> None:
    assert Site(root="wildduck").get("/users").status == 200
    assert Site(root="wildduck").get("/wildduck/users").status == 200
    bare = Site(root="")
    assert bare.get("/wildduck/users").status == 200
    assert bare.get("/users").status == 404
    with pytest.raises(Invalid):
        Site(root="nonsense")


@pytest.mark.parametrize("path", ["/health", "/health/live", "/health/ready"])
def test_health(path: str) -> None:
    site = Site()
    assert site.ask("GET", path, peer=FOREIGN).status == 200
    assert site.ask("GET", path, peer=FOREIGN).json["live"] is True
    site.ready = False
    assert site.get(path).status == (200 if path.endswith("live") else 503)


def test_metrics_are_for_those_who_could_read_the_api() -> None:
    site = Site()
    Counter("things", "Things", registry=site.registry).inc(3)
    reply = site.get("/metrics")
    assert reply.status == 200
    assert reply.headers["content-type"].startswith("text/plain")
    assert b"things_total 3.0" in reply.body
    assert site.ask("GET", "/metrics", peer=FOREIGN).status == 403
    guarded = Site(settings=with_token("s3cret"))
    assert guarded.get("/metrics").status == 403
    assert guarded.get("/metrics", authorization="Bearer s3cret").status == 200


def test_head_has_the_headers_of_get_and_no_body() -> None:
    site = Site()
    get = site.get("/health")
    protocol, transport = site.connect()
    protocol.dataReceived(b"HEAD /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
    head, _, body = transport.value().partition(b"\r\n\r\n")
    assert body == b""
    assert f"Content-Length: {len(get.body)}".encode() in head


def test_options_names_the_methods_of_a_path() -> None:
    reply = Site().ask("OPTIONS", "/users")
    assert reply.status == 204
    assert reply.headers["allow"] == "GET, HEAD, OPTIONS, POST"


def test_another_method_is_405_with_allow_and_another_path_404() -> None:
    site = Site()
    reply = site.ask("PATCH", "/users")
    assert (reply.status, reply.headers["allow"]) == (405, "GET, HEAD, POST")
    assert reply.json["code"] == "MethodNotAllowed"
    assert site.get("/nowhere").status == 404
    assert site.get("/wildduck/nowhere").json["code"] == "NotFound"
    assert site.ask("BREW", "/users").status == 405
    assert Site(root="").get("/nowhere").json == {"error": "This path does not exist"}


def test_a_slash_at_the_end_is_forgiven() -> None:
    site = Site()
    assert site.get("/users/").status == 200
    assert site.get("/users//").status == 404


def test_every_answer_has_the_security_headers_and_no_version() -> None:
    site = Site()
    for path in ("/health", "/users", "/nowhere"):
        headers = site.get(path).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["cache-control"] == "no-store"
        assert "frame-ancestors 'none'" in headers["content-security-policy"]
        assert "server" not in headers
        assert "twisted" not in repr(headers).lower()


BAD_REQUESTS = [
    b"GET /health HTTP/1.1\r\n\r\n",
    b"GET /health HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n",
    b"GET /health HTTP/1.1\r\nHost: a, b\r\n\r\n",
    b"GET /health HTTP/1.1\r\nHost: a@b\r\n\r\n",
    b"GET /health HTTP/1.1\r\nHost: \r\n\r\n",
    b"GET /health HTTP/1.1\r\nHost: " + b"a" * 300 + b"\r\n\r\n",
    b"GET http://localhost/health HTTP/1.1\r\nHost: localhost\r\n\r\n",
    b"GET health HTTP/1.1\r\nHost: localhost\r\n\r\n",
    b"GET * HTTP/1.1\r\nHost: localhost\r\n\r\n",
    b"GET /%ff HTTP/1.1\r\nHost: localhost\r\n\r\n",
    b"GET /\xff HTTP/1.1\r\nHost: localhost\r\n\r\n",
    b"GET /users/%00 HTTP/1.1\r\nHost: localhost\r\n\r\n",
    b"get /health HTTP/1.1\r\nHost: localhost\r\n\r\n",
    b"GE\xffT /health HTTP/1.1\r\nHost: localhost\r\n\r\n",
    b"G\0T /health HTTP/1.1\r\nHost: localhost\r\n\r\n",
    b"GET /health\r\n\r\n",
    HEAD + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nab",
    HEAD + b"Content-Length: -1\r\n\r\n",
    HEAD + b"Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\na",
    HEAD + b"Transfer-Encoding: gzip\r\n\r\n",
    HEAD + b"Transfer-Encoding: chunked\r\n\r\nxyz\r\n",
    HEAD + b"no colon\r\n\r\n",
    HEAD + b"X: " + b"a" * 10_000 + b"\r\nY: " + b"a" * 10_000 + b"\r\n\r\n",
    b"\0\r\n\r\nGET /health HTTP/1.1\r\nHost: localhost\r\n\r\n",
]


@pytest.mark.parametrize("data", BAD_REQUESTS)
def test_what_is_no_proper_request_is_400(data: bytes) -> None:
    site = Site()
    assert [reply.status for reply in site.raw(data)] == [400]
    assert site.get("/health").status == 200


@pytest.mark.parametrize(
    ("head", "status"), [(b"", 414), (b"GET /health?", 414), (HEAD, 431), (HEAD + b"X: ", 431)]
)
def test_an_endless_line_is_refused_and_cut(head: bytes, status: int) -> None:
    site = Site()
    protocol, transport = site.connect()
    protocol.dataReceived(head)
    for _ in range(40):
        protocol.dataReceived(b"G" * 1000)
    protocol.dataReceived(b"\r\n\r\n" + HEAD + b"\r\n")
    (reply,) = replies(transport.value())
    assert (reply.status, reply.json["code"]) == (status, "TooLarge")
    site.reactor.advance(server.LINGER)
    assert transport.disconnecting
    assert len(replies(transport.value())) == 1


def test_http_1_0_needs_no_host() -> None:
    (reply,) = Site().raw(b"GET /health HTTP/1.0\r\n\r\n")
    assert reply.status == 200


def test_a_site_speaks_no_http_2() -> None:
    protocol, transport = Site().connect()
    protocol.dataReceived(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
    assert b"HTTP/1.1 4" in transport.value()
    assert transport.disconnecting


@settings(derandomize=True, max_examples=40, deadline=None)
@given(
    st.lists(
        st.one_of(
            st.binary(max_size=60),
            st.sampled_from([HEAD, b"\r\n", b"POST /users HTTP/1.1\r\n", b"Host: localhost\r\n",
                             b"Content-Length: 2\r\n", b"{}", b"Transfer-Encoding: chunked\r\n"]),
        ),
        max_size=12,
    ),
    st.integers(1, 40),
)  # fmt: skip
def test_any_bytes_are_answered_or_waited_for_and_never_fail(data: list[bytes], piece: int) -> None:
    site = Site()
    statuses = {reply.status for reply in site.raw(b"".join(data), piece)}
    assert statuses <= {200, 400, 403, 404, 405, 413, 415}


# -- bodies


def limited(limit: int) -> Site:
    return Site(settings=replace(HTTPSettings(), body=limit))


def test_a_body_over_the_limit_is_413_before_it_is_sent() -> None:
    site = limited(1000)
    protocol, transport = site.connect()
    protocol.dataReceived(
        b"POST /users HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\n"
        b"Content-Type: application/json\r\nContent-Length: 1001\r\n\r\n"
    )
    (reply,) = replies(transport.value())
    assert reply.status == 413
    assert reply.headers["connection"] == "close"
    assert not transport.disconnecting
    protocol.dataReceived(b"x" * 500)
    site.reactor.advance(server.LINGER)
    assert transport.disconnecting
    assert len(replies(transport.value())) == 1
    assert site.world.log.named("request")[-1]["outcome"] == "413"


def test_a_refused_body_is_dropped_and_nothing_after_it_is_a_request() -> None:
    site = limited(10)
    smuggled = b"DELETE /users/0123456789abcdef01234567 HTTP/1.1\r\nHost: localhost\r\n\r\n"
    answers = site.raw(
        b"POST /users HTTP/1.1\r\nHost: localhost\r\nContent-Length: 11\r\n\r\n"
        + b"x" * 11
        + smuggled
    )
    assert [reply.status for reply in answers] == [413]


def test_chunks_are_counted_as_they_come() -> None:
    site = limited(1000)
    protocol, transport = site.connect()
    protocol.dataReceived(
        b"POST /users HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
    )
    request = protocol.requests[0]
    for _ in range(100):
        protocol.dataReceived(b"64\r\n" + b"x" * 100 + b"\r\n")
    (reply,) = replies(transport.value())
    assert reply.status == 413
    assert request.content.tell() <= 1000
    protocol.dataReceived(b"0\r\n\r\n")
    assert transport.disconnecting
    assert len(replies(transport.value())) == 1


def test_a_body_at_the_limit_passes() -> None:
    body = json.dumps({"username": "a", "password": False, "x": "y" * 200}).encode()
    assert limited(len(body)).post("/users", body).status == 400
    assert limited(len(body) - 1).post("/users", body).status == 413


BAD_BODIES = [
    b"{",
    b"[]",
    b'"text"',
    b"null",
    b"{}{}",
    b'{"a": NaN}',
    b'{"a": Infinity}',
    b"\xff\xfe",
    b'{"username": "\\ud800"}',
    b'{"\\ud800": 1}',
    b'{"a": ' + b"9" * 10_000 + b"}",
    b'{"a": ' + b"[" * (DEPTH + 1) + b"]" * (DEPTH + 1) + b"}",
    b'{"a":' * 2000 + b"1" + b"}" * 2000,
    b"[" * 100_000,
    b'{"a":' * 100_000,
    json.dumps(dict.fromkeys(map(str, range(FIELDS + 1)))).encode(),
    json.dumps({"tags": ["a"] * VALUES}).encode(),
]


@pytest.mark.parametrize("body", BAD_BODIES, ids=lambda body: str(body[:12]))
def test_a_bad_body_is_400_and_never_500(body: bytes) -> None:
    reply = Site().post("/users", body)
    assert reply.status == 400
    assert set(reply.json) >= {"error", "code"}
    assert len(reply.body) < 500


def test_a_body_of_another_type_is_415() -> None:
    reply = Site().ask("POST", "/users", b"{}", content_type="text/plain")
    assert (reply.status, reply.json["code"]) == (415, "UnsupportedMediaType")


def test_a_form_is_read_like_json() -> None:
    form = b"username=joe&password=secret&address=joe%40example.org&encryptMessages=yes"
    site = Site()
    reply = site.ask("POST", "/users", form, content_type="application/x-www-form-urlencoded")
    assert reply.status == 200
    assert site.get(f"/users/{reply.json['id']}").json["encryptMessages"] is True


@pytest.mark.parametrize("form", [b"a=%ff", b"&".join([b"a=1"] * 300)])
def test_a_bad_form_is_400(form: bytes) -> None:
    kind = "application/x-www-form-urlencoded"
    assert Site().ask("POST", "/users", form, content_type=kind).status == 400


@pytest.mark.parametrize("query", ["a=%ff", "&".join(["a=1"] * 300)])
def test_a_bad_query_is_400(query: str) -> None:
    assert Site().get(f"/users?{query}").status == 400


# -- time and the end of a connection


def test_silence_and_slow_senders_are_cut_at_the_same_time() -> None:
    site = Site(settings=replace(HTTPSettings(), idle_timeout=60))
    silent, gone = site.connect()
    slow, cut = site.connect()
    del silent
    for byte in HEAD[:30]:
        slow.dataReceived(bytes([byte]))
        site.reactor.advance(1.9)
    assert not cut.disconnecting
    site.reactor.advance(4)
    assert cut.disconnecting
    assert gone.disconnecting


def test_a_kept_connection_gets_the_whole_time_for_each_request() -> None:
    site = Site(settings=replace(HTTPSettings(), idle_timeout=60))
    protocol, transport = site.connect()
    for _ in range(3):
        site.reactor.advance(50)
        protocol.dataReceived(HEAD + b"\r\n")
    assert len(replies(transport.value())) == 3
    assert not transport.disconnecting


def test_pipelined_requests_are_answered_in_order() -> None:
    answers = Site().raw((HEAD + b"\r\n") * 3 + b"GET /x HTTP/1.1\r\nHost: a\r\n\r\n")
    assert [reply.status for reply in answers] == [200, 200, 200, 404]


def test_a_long_pipeline_lets_other_connections_run() -> None:
    site = Site()
    ticks = itertools.count()
    site.reactor.seconds = lambda: next(ticks) * 0.001  # type: ignore[method-assign]
    protocol, transport = site.connect()
    protocol.dataReceived((HEAD + b"\r\n") * 50)
    at_once = len(replies(transport.value()))
    assert 0 < at_once < 10
    for _ in range(100):
        site.reactor.advance(0)
    assert [reply.status for reply in replies(transport.value())] == [200] * 50


def test_a_pipeline_whose_connection_is_lost_ends_there() -> None:
    site = Site()
    ticks = itertools.count()
    site.reactor.seconds = lambda: next(ticks) * 0.001  # type: ignore[method-assign]
    protocol, transport = site.connect()
    protocol.dataReceived((HEAD + b"\r\n") * 50)
    answered = len(transport.value())
    protocol.connectionLost(Failure(ConnectionDone()))
    for _ in range(100):
        site.reactor.advance(0)
    assert len(transport.value()) == answered


def slow_count(site: Site) -> Deferred[None]:
    """Makes the next listing of users wait."""
    gate: Deferred[None] = Deferred()
    inner = site.world.store.accounts.page

    async def page(**wanted: Any) -> object:
        await gate
        return await inner(**wanted)

    site.world.store.accounts.page = page  # type: ignore[method-assign,assignment]
    return gate


USERS = b"GET /users HTTP/1.1\r\nHost: localhost\r\n\r\n"


def test_at_shutdown_the_answer_in_progress_ends_and_idle_connections_close() -> None:
    site = Site()
    gate = slow_count(site)
    protocol, transport = site.connect()
    idle, other = site.connect()
    protocol.dataReceived(USERS)
    protocol.retire()
    idle.retire()
    assert other.disconnecting
    assert not transport.disconnecting
    gate.callback(None)
    (reply,) = replies(transport.value())
    assert (reply.status, reply.headers["connection"]) == (200, "close")
    assert transport.disconnecting


def test_what_was_begun_ends_when_the_client_goes() -> None:
    from twisted.internet.protocol import connectionDone

    site = Site()
    gate = slow_count(site)
    finished: list[bool] = []
    gate.addCallback(lambda _: finished.append(True))
    protocol, _ = site.connect()
    protocol.dataReceived(USERS)
    protocol.connectionLost(connectionDone)
    assert not gate.called
    gate.callback(None)
    assert finished == [True]


def test_a_defect_is_500_without_detail() -> None:
    site = Site()

    async def page(**_: object) -> object:
        raise ZeroDivisionError("secret detail")

    site.world.store.accounts.page = page  # type: ignore[method-assign,assignment]
    reply = site.get("/users")
    assert (reply.status, reply.json) == (
        500,
        {"error": "Internal failure", "code": "InternalError"},
    )


# -- the log


def test_the_log_has_route_status_and_time_and_no_secret() -> None:
    site = Site(settings=with_token("s3cret"))
    id = site.ask(
        "POST", "/users?accessToken=s3cret", {"username": "joe", "password": "hushhush"}
    ).json["id"]
    site.get(f"/users/{id}?accessToken=s3cret")
    site.get("/users?accessToken=wr0ng", x_access_token="wr0ng")
    events = site.world.log.named("request")
    assert [(event["method"], event["route"], event["outcome"]) for event in events] == [
        ("POST", "/users", "200"),
        ("GET", "/users/<user>", "200"),
        ("GET", "/users", "403"),
    ]
    assert all(event["peer"] == "127.0.0.1" for event in events)
    assert all(isinstance(event["duration"], float) for event in events)
    text = repr(site.world.log.events)
    for secret in ("s3cret", "wr0ng", "hushhush"):
        assert secret not in text


def test_application_is_a_factory_per_listener() -> None:
    here = world(people=())
    assert Site(world=here).factory is not Site(world=here).factory
    assert callable(application)
