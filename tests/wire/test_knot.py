"""Knot's control protocol, and how a zone is brought to say what it should."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailhub.model.errors import Invalid
from mailhub.model.zone import SOA, Record, Zone, ZoneState
from mailhub.wire import knot
from mailhub.wire.knot import Answers, Field, Row

# As knotc and knotd of version 3.2 write them.
SET = (
    b"\1\x10\0\x08zone-set\x16\0\x0bexample.org\x17\0\3ns1\x18\0\x043600"
    b"\x19\0\1A\x1a\0\t192.0.2.1\3"
)
REFUSED = b"\1\x10\0\x08conf-set\x12\0\x15no active transaction\x13\0\4zone\3"
DOMAINS = (
    b"\1\x13\0\4zone\x14\0\6domain\x1a\0\x08two.org."
    b"\1\x13\0\4zone\x14\0\6domain\x1a\0\x0cexample.org.\3"
)


def test_a_request_is_written_as_knotc_does() -> None:
    asked = knot.request(
        "zone-set", zone="example.org", owner="ns1", ttl="3600", type="A", data="192.0.2.1"
    )
    assert asked == SET


@given(st.integers(0, len(DOMAINS)), st.integers(0, len(DOMAINS)))
def test_answers_are_read_in_any_pieces(first: int, second: int) -> None:
    cuts = sorted((first, second))
    answers, found = Answers(), []
    for start, end in zip([0, *cuts], [*cuts, len(DOMAINS)], strict=True):
        units = answers.receive(DOMAINS[start:end]) if end > start else None
        if units is not None:
            found.append([unit[Field.DATA] for unit in units])
    assert found == [["two.org.", "example.org."]]


def test_answers_say_what_is_wrong() -> None:
    units = Answers().receive(REFUSED)
    assert units is not None
    assert units[0][Field.ERROR] == "no active transaction"
    assert Answers().receive(b"\3") == []
    for odd in (b"\x05\3", b"\x10\0\0\3"):
        with pytest.raises(Invalid):
            Answers().receive(odd)


@given(st.binary(max_size=40))
def test_noise_is_refused_or_waited_for(data: bytes) -> None:
    try:
        units = Answers().receive(data)
    except Invalid:
        return
    assert units is None or data.endswith(b"\3")


ZONE = Zone(
    "example.org",
    (
        Record("example.org", "NS", "ns1.example.org.", 300),
        Record("example.org", "TXT", 'a "word" ' + "x" * 300, 300),
        Record("ns1.example.org", "A", "192.0.2.1", 300),
    ),
    SOA("ns1.example.org", "hostmaster.example.org"),
    ZoneState("example.org", 2026112100, "digest", 0),
)


def unit(owner: str, kind: str, data: str, ttl: str = "300") -> Mapping[int, str]:
    """A record as Knot shows it."""
    return {Field.OWNER: owner, Field.TTL: ttl, Field.TYPE: kind, Field.DATA: data}


def test_an_empty_zone_gets_all() -> None:
    removed, added = knot.changes(ZONE, [])
    assert not removed
    assert [row.kind for row in added] == ["SOA", "NS", "TXT", "A"]
    assert added[0].data.split()[2] == "2026112100"
    assert added[2].data.startswith('"a \\"word\\" xxx')


def test_only_what_differs_is_said() -> None:
    soa = "ns1.Example.org. hostmaster.example.org. 2026119999 7200 3600 1209600 86400"
    present = [
        unit("example.org.", "SOA", soa, "86400"),
        unit("example.org.", "RRSIG", "SOA 13 2 …"),
        unit("Example.ORG.", "NS", "ns1.example.org."),
        unit("ns1.example.org.", "A", "192.0.2.1", "60"),
        unit("old.example.org.", "A", "192.0.2.2"),
    ]
    removed, added = knot.changes(ZONE, present)
    assert [(row.owner, row.ttl, row.kind) for row in removed] == [
        ("ns1.example.org.", "60", "A"),
        ("old.example.org.", "300", "A"),
    ]
    assert [row.kind for row in added] == ["TXT", "A"]
    same = [*present[:3], *(unit(row.owner, row.kind, row.data) for row in added)]
    assert knot.changes(ZONE, same) == ([], [])


def test_another_start_of_authority_gets_a_later_serial() -> None:
    soa = "ns9.example.org. hostmaster.example.org. 7 7200 3600 1209600 86400"
    _, added = knot.changes(ZONE, [unit("example.org.", "SOA", soa)])
    assert added[0] == Row(
        "example.org.",
        "86400",
        "SOA",
        "ns1.example.org. hostmaster.example.org. 8 7200 3600 1209600 86400",
    )


def test_what_is_no_record_is_refused() -> None:
    for odd in ({Field.OWNER: "x."}, unit("x.", "A", "no address"), unit("x.", "NONE", "")):
        with pytest.raises(Invalid):
            knot.changes(ZONE, [odd])
