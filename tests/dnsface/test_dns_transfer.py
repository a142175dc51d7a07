"""Zones for secondaries, and telling them."""

from __future__ import annotations

import dns.message
import dns.query
import dns.rdatatype
import dns.xfr
import dns.zone
import pytest

from mailhub.dns import history, transfer
from mailhub.dns.contents import Contents
from mailhub.dns.grammar import parse
from mailhub.dns.notices import WAITS, Notices
from mailhub.dns.talk import Talk
from mailhub.wire.slices import finish
from tests.dns_packets import HOST, question, talk, zone
from tests.fakes import SeededRandomness

pytestmark = pytest.mark.thorough


@pytest.mark.parametrize("extra", [0, 100])
def test_a_secondary_gets_all_of_a_zone(extra: int) -> None:
    asked = question("example.org", "AXFR", edns=-1)
    messages = list(talk("192.0.2.0/24", extra=extra).over_tcp(asked.to_wire(), HOST))
    assert (len(messages) > 1) is bool(extra)
    assert all(len(one) <= 16384 + 1024 for one in messages)
    made = dns.zone.Zone("example.org", relativize=False)
    with dns.xfr.Inbound(made, dns.rdatatype.AXFR) as inbound:
        ended = [inbound.process_message(dns.message.from_wire(one, xfr=True)) for one in messages]
    assert ended == [False] * (len(messages) - 1) + [True]
    held = zone(extra=extra)
    assert {name.to_wire() for name in made} == {name for name, node in held.nodes.items() if node}
    sets = [one for node in held.nodes.values() for one in node.values()]
    rows = sum(len(one.rows) + len(one.signatures) for one in sets)
    assert sum(len(one) for node in made.values() for one in node) == rows


def test_nobody_else_does() -> None:
    for name, peer in (("example.org", "198.51.100.1"), ("mx.example.org", HOST), ("x.test", HOST)):
        for kind in ("AXFR", "IXFR"):
            asked = question(name, kind, edns=-1).to_wire()
            answers = list(talk("192.0.2.0/24").over_tcp(asked, peer))
            assert [dns.message.from_wire(one).rcode() for one in answers] == [5]
            assert dns.message.from_wire(talk().over_udp(asked, peer, 0.0)).rcode() == 5


def test_who_has_the_newest_version_is_told_so() -> None:
    made = dns.zone.from_text("@ 300 IN SOA a b 2026112100 1 1 1 1\n@ 300 IN NS a", "example.org")
    asked, _ = dns.xfr.make_query(made)
    said = talk("192.0.2.0/24")
    (answer,) = said.over_tcp(asked.to_wire(), HOST)
    assert len(dns.message.from_wire(answer, xfr=True).answer) == 1
    over_udp = said.over_udp(asked.to_wire(), HOST, 0.0)
    assert len(dns.message.from_wire(over_udp, xfr=True).answer) == 1
    older, _ = dns.xfr.make_query(made, serial=7)
    (answer,) = said.over_tcp(older.to_wire(), HOST)
    assert len(dns.message.from_wire(answer, xfr=True).answer) > 1


def test_secondaries_are_told_until_they_hear() -> None:
    notices = Notices(SeededRandomness())
    assert notices.wait(0.0) is None
    notices.put(zone(1), ["192.0.2.7", "2001:db8::7"], 0.0)
    notices.put(zone(2), ["192.0.2.7"], 0.0)
    sent = dict(notices.due(0.0))
    read = dns.message.from_wire(sent["192.0.2.7"])
    assert (read.opcode(), read.question[0].rdtype, read.answer[0][0].serial) == (4, 6, 2)
    assert notices.due(WAITS[0] - 0.1) == []
    assert notices.wait(1.0) == 1.0
    reply = dns.message.make_response(read).to_wire()
    assert not notices.heard(reply, "192.0.2.8")
    assert not notices.heard(reply[:5], "192.0.2.7")
    assert notices.heard(reply, "192.0.2.7")
    now, tries = 0.0, 1
    while (wait := notices.wait(now)) is not None:
        now += wait
        tries += len(notices.due(now))
    assert tries == len(WAITS)
    assert now == sum(WAITS)


def test_an_error_may_pass_and_a_refusal_stays() -> None:
    asked = dns.message.from_wire(transfer.notify(9, zone()))
    for code, wanted in ((0, True), (5, True), (2, False)):
        answer = dns.message.make_response(asked)
        answer.set_rcode(code)
        assert transfer.acknowledges(answer.to_wire(), 9) is wanted


def test_a_secondary_that_is_behind_gets_what_changed() -> None:
    versions = [zone(serial, extra=serial) for serial in (1, 2, 3)]
    held = versions[0]
    for one in versions[1:]:
        held = finish(history.follow(held, one))
    said = Talk(100)
    said.serve({held.origin: held}, ["192.0.2.0/24"])
    for known in (1, 2):
        older, _ = dns.xfr.make_query(_received(versions[known - 1]))
        made = _received(versions[known - 1])
        packets = list(said.over_tcp(older.to_wire(), HOST))
        with dns.xfr.Inbound(made, dns.rdatatype.IXFR, serial=known) as inbound:
            ended = [inbound.process_message(_read(one)) for one in packets]
        assert ended[-1]
        assert made == _received(versions[2])
        whole = transfer.messages(parse(question("example.org", "AXFR").to_wire()), versions[2])
        assert sum(map(len, packets)) < sum(map(len, whole)) / 2
    unknown, _ = dns.xfr.make_query(_received(zone(9)))
    (packet,) = said.over_tcp(unknown.to_wire(), HOST)
    assert len(_read(packet).answer) > 20


def test_what_is_no_shorter_than_the_zone_is_not_remembered() -> None:
    held = finish(history.follow(zone(1, extra=100), zone(2)))
    assert held.changes == ()
    for serial in range(3, 5 + history.VERSIONS):
        held = finish(history.follow(held, zone(serial)))
    assert 0 < len(held.changes) <= history.VERSIONS
    assert held.changes[-1].serial == serial - 1


def _read(packet: bytes) -> dns.message.Message:
    return dns.message.from_wire(packet, xfr=True, one_rr_per_rrset=True)


def _received(held: Contents) -> dns.zone.Zone:
    """The zone as a secondary has it."""
    made = dns.zone.Zone("example.org", relativize=False)
    asked = parse(question("example.org", "AXFR").to_wire())
    with dns.xfr.Inbound(made, dns.rdatatype.AXFR) as inbound:
        for packet in transfer.messages(asked, held):
            inbound.process_message(_read(packet))
    return made
