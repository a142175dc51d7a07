"""What the log is told of a server of Redis, once for each change."""

from __future__ import annotations

import pytest

from mailhub.coord.redis.health import Standing
from mailhub.coord.redis.spread import key_of
from tests.fakes import FakeClock, ListLog


def test_going_and_coming_are_told_once() -> None:
    clock, log = FakeClock(), ListLog()
    standing = Standing(log, clock, "10.0.0.1:7000")
    standing.well()
    standing.well()
    standing.ill("refused")
    standing.ill("no answer within 2 s")
    assert standing.trouble == "no answer within 2 s"
    clock.advance(7)
    standing.well()
    assert standing.trouble == ""
    assert [(one["outcome"], one["node"]) for one in log.named("redis")] == [
        ("connected", "10.0.0.1:7000"),
        ("lost", "10.0.0.1:7000"),
        ("back", "10.0.0.1:7000"),
    ]
    assert log.named("redis")[1]["reason"] == "refused"
    assert log.named("redis")[2]["seconds"] == pytest.approx(7)


def test_what_somebody_has_to_mend_is_told_though_it_was_away_before() -> None:
    log = ListLog()
    standing = Standing(log, FakeClock())
    wrong, forbidden = "WRONGPASS invalid", "NOPERM no zadd"
    for reason in ("refused", wrong, wrong, "refused", forbidden):
        standing.ill(reason)
    assert [(one["outcome"], one["reason"]) for one in log.named("redis")] == [
        ("lost", "refused"),
        ("refused", wrong),
        ("refused", forbidden),
    ]


def test_a_node_that_is_not_needed_any_more() -> None:
    log = ListLog()
    standing = Standing(log, FakeClock(), "a:1")
    standing.well()
    standing.gone()
    standing.ill("refused")
    standing.gone()
    assert standing.trouble == ""
    assert [one["outcome"] for one in log.named("redis")] == ["connected", "lost", "left"]


def test_the_key_by_which_a_command_finds_its_node() -> None:
    assert key_of(("EVALSHA", "digest", 1, "{a}:b", "{}")) == "{a}:b"
    assert key_of(("EVAL", "return 1", 1, "{a}:b", "{}")) == "{a}:b"
    assert key_of(("SET", "a", 1, "EX", 10)) == "a"
