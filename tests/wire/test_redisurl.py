from __future__ import annotations

import pytest

from mailhub.model.errors import Invalid
from mailhub.wire.redisurl import RedisURL, parse_redis_url, parse_sentinel


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("redis://localhost", RedisURL(host="localhost")),
        ("redis://localhost:7000/", RedisURL(host="localhost", port=7000)),
        ("redis://10.0.0.1:7000/5", RedisURL(host="10.0.0.1", port=7000, database=5)),
        ("redis://h?db=6", RedisURL(host="h", database=6)),
        ("rediss://[2001:db8::1]:7000", RedisURL(host="2001:db8::1", port=7000, tls=True)),
        ("redis://:p%40ss@h", RedisURL(host="h", password="p@ss")),
        ("redis://ann:p%3A%2F@h/2", RedisURL(host="h", username="ann", password="p:/", database=2)),
        ("unix:///run/redis.sock", RedisURL(path="/run/redis.sock")),
        ("unix:///run/my%20redis?db=3", RedisURL(path="/run/my redis", database=3)),
        ("unix://:pw@/run/redis", RedisURL(path="/run/redis", password="pw")),
    ],
)
def test_urls(text: str, meant: RedisURL) -> None:
    assert parse_redis_url(text) == meant


@pytest.mark.parametrize(
    "text",
    [
        "",
        "localhost:6379",
        "http://localhost",
        "redis://",
        "redis:///0",
        "redis://h:port",
        "redis://h:99999",
        "redis://h/x",
        "redis://h/-1",
        "redis://h?db=1&x=2",
        "redis://h?x",
        "redis://h#f",
        "redis://[::1",
        "unix://host/path",
        "unix://",
        "unix:///run/redis?db=x",
    ],
)
def test_what_is_none(text: str) -> None:
    with pytest.raises(Invalid):
        parse_redis_url(text)


def test_complaints_do_not_tell_the_password() -> None:
    for text in ("redis://:secret@h:port", "http://:secret@h", "redis://:secret@h/db"):
        with pytest.raises(Invalid) as caught:
            parse_redis_url(text)
        assert "secret" not in caught.value.text


def test_sentinels() -> None:
    assert parse_sentinel("host") == ("host", 26379)
    assert parse_sentinel("10.0.0.1:7000") == ("10.0.0.1", 7000)
    assert parse_sentinel("[::1]:7000") == ("::1", 7000)
    for text in ("", ":7000", "h:port", "h/0", "u@h", "h:1:2", "h?x"):
        with pytest.raises(Invalid):
            parse_sentinel(text)
