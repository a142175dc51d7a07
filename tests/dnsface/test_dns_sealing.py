"""What a key that secondaries share with us is asked for, and what strangers hear (RFC 8945)."""

from __future__ import annotations

import dns.message
import dns.rcode
import dns.rdatatype
import dns.tsig
import dns.xfr
import dns.zone
import pytest

from mailhub.dns.notices import Notices
from mailhub.dns.sealing import FUDGE, Sealing
from mailhub.dns.talk import Talk
from tests.dns_packets import HOST, question, zone
from tests.fakes import SeededRandomness

NOW = 1_790_000_000.0
KEY = dns.tsig.Key("shared.example", b"k" * 32, "hmac-sha256")
OTHERS = {
    "another name": (dns.tsig.Key("other.example", b"k" * 32, "hmac-sha256"), dns.rcode.BADKEY),
    "another algorithm": (dns.tsig.Key(KEY.name, KEY.secret, "hmac-sha512"), dns.rcode.BADKEY),
    "another secret": (dns.tsig.Key(KEY.name, b"x" * 32, "hmac-sha256"), dns.rcode.BADSIG),
}


def talk(*, key: dns.tsig.Key | None = KEY, extra: int = 0) -> Talk:
    """A name server whose secondaries have `key`."""
    made, held = Talk(100, sealing=Sealing(key, lambda: NOW)), zone(extra=extra)
    made.serve({held.origin: held}, ["192.0.2.0/24"])
    return made


def sealed(kind: str, key: dns.tsig.Key = KEY) -> dns.message.QueryMessage:
    """A question with its seal, of this hour."""
    asked = question("example.org", kind, edns=-1)
    asked.use_tsig(key)
    return asked


def at(monkeypatch: pytest.MonkeyPatch, now: float) -> None:
    """The hour of dnspython."""
    monkeypatch.setattr("time.time", lambda: now)


@pytest.mark.parametrize("extra", [0, 200])
def test_a_transfer_needs_the_key(monkeypatch: pytest.MonkeyPatch, extra: int) -> None:
    at(monkeypatch, NOW)
    said = talk(extra=extra)
    bare = question("example.org", "AXFR", edns=-1).to_wire()
    assert dns.message.from_wire(next(iter(said.over_tcp(bare, HOST)))).rcode() == 5
    asked = sealed("AXFR")
    made, running = dns.zone.Zone("example.org", relativize=False), None
    with dns.xfr.Inbound(made, dns.rdatatype.AXFR) as inbound:
        for packet in said.over_tcp(asked.to_wire(), HOST):
            read = dns.message.from_wire(
                packet, keyring=KEY, request_mac=asked.mac, xfr=True, tsig_ctx=running,
                multi=True, one_rr_per_rrset=True,
            )  # fmt: skip
            assert read.had_tsig
            running = read.tsig_ctx
            ended = inbound.process_message(read)
    assert ended
    stranger = next(iter(said.over_tcp(asked.to_wire(), "198.51.100.1")))
    assert dns.message.from_wire(stranger, keyring=KEY, request_mac=asked.mac).rcode() == 5


def test_answers_to_sealed_questions_are_sealed(monkeypatch: pytest.MonkeyPatch) -> None:
    at(monkeypatch, NOW)
    for kind, wanted in (("SOA", 0), ("TXT", 0), ("AXFR", 5)):
        asked = sealed(kind)
        packet = talk().over_udp(asked.to_wire(), "198.51.100.1", 0.0)
        assert len(packet) <= 512
        read = dns.message.from_wire(packet, keyring=KEY, request_mac=asked.mac)
        assert (read.had_tsig, read.rcode()) == (True, wanted)


@pytest.mark.parametrize("which", OTHERS)
def test_strangers_hear_what_is_wrong(monkeypatch: pytest.MonkeyPatch, which: str) -> None:
    at(monkeypatch, NOW)
    key, error = OTHERS[which]
    packet = talk().over_udp(sealed("SOA", key).to_wire(), HOST, 0.0)
    read = dns.message.from_wire(packet, keyring=False)
    assert read.rcode() == dns.rcode.NOTAUTH
    assert read.answer == []
    assert read.tsig is not None
    assert (read.tsig[0].error, read.tsig[0].mac) == (error, b"")


def test_without_a_key_no_seal_is_believed(monkeypatch: pytest.MonkeyPatch) -> None:
    at(monkeypatch, NOW)
    (packet,) = talk(key=None).over_tcp(sealed("AXFR").to_wire(), HOST)
    read = dns.message.from_wire(packet, keyring=False)
    assert read.tsig is not None
    assert (read.rcode(), read.tsig[0].error) == (9, dns.rcode.BADKEY)


@pytest.mark.parametrize("away", [-FUDGE - 1, FUDGE + 1])
def test_another_hour_is_told_ours(monkeypatch: pytest.MonkeyPatch, away: int) -> None:
    at(monkeypatch, NOW + away)
    asked = sealed("SOA")
    packet = talk().over_udp(asked.to_wire(), HOST, 0.0)
    with pytest.raises(dns.tsig.PeerBadTime):
        dns.message.from_wire(packet, keyring=KEY, request_mac=asked.mac)
    read = dns.message.from_wire(packet, keyring=False)
    assert read.tsig is not None
    assert int.from_bytes(read.tsig[0].other) == NOW
    assert read.tsig[0].mac


def test_a_seal_that_was_cut_off_or_is_not_last_is_no_question(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    at(monkeypatch, NOW)
    whole = sealed("SOA").to_wire()
    assert isinstance(whole, bytes)
    for size in range(13, len(whole)):
        packet = talk().over_udp(whole[:size], HOST, 0.0)
        assert dns.message.from_wire(packet, keyring=False).rcode() in (1, 9)
    twice = whole[:11] + b"\2" + whole[12:] + b"\0" + bytes((0, 41, 4, 208, 0, 0, 0, 0, 0, 0))
    assert dns.message.from_wire(talk().over_udp(twice, HOST, 0.0)).rcode() == 1


def test_notices_are_sealed(monkeypatch: pytest.MonkeyPatch) -> None:
    at(monkeypatch, NOW)
    notices = Notices(SeededRandomness(), Sealing(KEY, lambda: NOW))
    notices.put(zone(), [HOST], 0.0)
    ((_, packet),) = notices.due(0.0)
    assert dns.message.from_wire(packet, keyring=KEY).had_tsig
