"""Hash slots, maps of them and redirections of Redis Cluster."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailhub.wire.redisslots import (
    SLOTS,
    Redirection,
    SlotMap,
    parse_redirection,
    parse_slots,
    slot_of,
)

ASKED = ("10.0.0.9", 7000)


@pytest.mark.parametrize(
    ("key", "slot"),
    [
        ("123456789", 0x31C3),  # the specification's own example of its CRC16
        ("foo", 12182),
        ("{foo}bar", 12182),
        ("a{foo}{zap}", 12182),
        ("{mailhub}:state", 11626),
        ("", 0),
    ],
)
def test_the_slot_of_a_key(key: str, slot: int) -> None:
    assert slot_of(key) == slot


@pytest.mark.parametrize("key", ["foo{}{bar}", "{", "}{", "a{b", "{}x"])
def test_what_is_no_tag_counts_with_all_of_it(key: str) -> None:
    assert slot_of(key) == slot_of("{" + key + "}") or "}" in key
    assert slot_of(key) != slot_of(key + "x")


@given(st.text(st.characters(codec="utf-8", exclude_characters="{}"), min_size=1), st.text())
def test_keys_with_one_tag_have_one_slot(tag: str, rest: str) -> None:
    assert slot_of(f"{{{tag}}}{rest}") == slot_of(f"{{{tag}}}") == slot_of(tag)
    assert 0 <= slot_of(tag) < SLOTS


def node(host: object, port: int) -> list[Any]:
    return [host, port, b"07c37dfeb235213a872192d90877d0cd55635b91", []]


def test_a_map_with_replicas() -> None:
    found = parse_slots(
        [
            [0, 8191, node(b"10.0.0.1", 7001), node(b"10.0.0.3", 7003)],
            [8192, SLOTS - 1, node(b"fd00::2", 7002), node(b"10.0.0.3", 7003)],
        ],
        ASKED,
    )
    assert found.owner(0) == found.owner(8191) == ("10.0.0.1", 7001)
    assert found.owner(8192) == found.owner(SLOTS - 1) == ("fd00::2", 7002)
    assert list(found.owners()) == [("10.0.0.1", 7001), ("fd00::2", 7002)]
    assert found.replicas == (("10.0.0.3", 7003),)


@pytest.mark.parametrize("host", [None, b""])
def test_a_node_that_does_not_know_its_address_is_the_one_that_was_asked(host: object) -> None:
    assert parse_slots([[0, 9, node(host, 7001)]], ASKED).owner(5) == ("10.0.0.9", 7001)


def test_who_cannot_be_reached_has_nothing() -> None:
    found = parse_slots([[0, 9, node(b"?", 7001), node(b"10.0.0.3", 7003)]], ASKED)
    assert found.owner(5) is None
    assert found.replicas == (("10.0.0.3", 7003),)


def test_slots_of_nobody() -> None:
    assert parse_slots([], ASKED) == SlotMap()
    assert SlotMap().owner(1) is None


@pytest.mark.parametrize(
    "reply", [None, b"OK", 3, [1], [[1]], [[0, 9]], [[0, 9, [b"h"]]], [[0, 9, [b"h", b"x"]]]]
)
def test_what_is_no_map(reply: Any) -> None:
    with pytest.raises(ValueError, match="no map"):
        parse_slots(reply, ASKED)


def test_one_slot_moves() -> None:
    found = (
        parse_slots([[0, SLOTS - 1, node(b"a", 1)]], ASKED).moved(7, ("b", 2)).moved(7, ("c", 3))
    )
    assert [found.owner(slot) for slot in (6, 7, 8)] == [("a", 1), ("c", 3), ("a", 1)]
    assert list(found.owners()) == [("a", 1), ("b", 2), ("c", 3)]


@pytest.mark.parametrize(
    ("error", "found"),
    [
        ("MOVED 3999 127.0.0.1:6381", Redirection(3999, ("127.0.0.1", 6381), False)),
        ("ASK 3999 127.0.0.1:6381", Redirection(3999, ("127.0.0.1", 6381), True)),
        ("MOVED 1 fd00::1:6381", Redirection(1, ("fd00::1", 6381), False)),
        ("MOVED 1 redis.example.org:6381", Redirection(1, ("redis.example.org", 6381), False)),
        ("MOVED 1 :6381", Redirection(1, ("10.0.0.9", 6381), False)),
        ("MOVED 16384 a:1", None),
        ("MOVED x a:1", None),
        ("MOVED 1 a", None),
        ("MOVED 1 a:x", None),
        ("MOVED", None),
        ("TRYAGAIN Multiple keys request during rehashing of slot", None),
        ("", None),
    ],
)
def test_redirections(error: str, found: Redirection | None) -> None:
    assert parse_redirection(error, ASKED) == found
