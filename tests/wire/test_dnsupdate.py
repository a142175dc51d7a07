"""Updates of another server's zones, and what is believed of its answers."""

from __future__ import annotations

import base64

import dns.message
import dns.rcode
import dns.update
import pytest

from mailhub.model.errors import Invalid, Unavailable
from mailhub.model.zone import SOA, Record, Zone, ZoneState
from mailhub.wire import dnsupdate

SECRET = base64.b64encode(b"s" * 32).decode()
KEY = dnsupdate.parse_key(f"hmac-sha256:mailhub:{SECRET}")
ZONE = Zone(
    "example.org",
    (
        Record("example.org", "NS", "ns1.example.org.", 300),
        Record("example.org", "MX", "10 mx.example.org.", 300),
        Record("example.org", "TXT", 'say "a" ' + "x" * 300, 300),
        Record("sub.example.org", "NS", "ns.example.net.", 300),
    ),
    SOA("ns1.example.org", "hostmaster.example.org"),
    ZoneState("example.org", 1, "digest", 0),
)


def test_an_update_adds_what_is_ours_and_removes_what_was() -> None:
    gone = [("old.example.org", "A", "192.0.2.1")]
    (asked,) = dnsupdate.updates("example.org", dnsupdate.rows(ZONE), gone, KEY)
    read = dns.message.from_wire(asked.packet, keyring=KEY)
    assert isinstance(read, dns.update.UpdateMessage)
    assert read.had_tsig
    assert read.zone[0].name.to_text() == "example.org."
    said = [(one.name.to_text(), one.rdtype.name, one.deleting is not None) for one in read.update]
    assert said == [
        ("old.example.org.", "A", True),
        ("example.org.", "MX", False),
        ("example.org.", "TXT", False),
        ("sub.example.org.", "NS", False),
    ]
    assert read.update[1][0].to_text() == "10 mx.example.org."
    assert [len(text) for text in read.update[2][0].strings] == [255, 53]


def test_large_updates_are_several() -> None:
    rows = [
        ((f"n{number}.example.org", "TXT", '"' + "x" * 200 + '"'), 300) for number in range(400)
    ]
    steps = list(dnsupdate.updates("example.org", rows, [], None))
    assert len(steps) > 1
    assert all(len(one.packet) < 65536 for one in steps)
    assert list(dnsupdate.updates("example.org", [], [], None)) == []


def test_answers_are_believed_when_they_are_signed() -> None:
    asked = dnsupdate.question("example.org", "DNSKEY", KEY)
    came = dns.message.from_wire(asked.packet, keyring=KEY)
    good = dns.message.make_response(came)
    assert dnsupdate.answer(good.to_wire(), asked) == []
    refused = dns.message.make_response(came)
    refused.set_rcode(dns.rcode.NOTAUTH)
    unsigned = dns.message.make_response(dns.message.from_wire(asked.packet, keyring=KEY))
    unsigned.tsig = None
    forged = bytearray(dns.message.make_response(came).to_wire())
    forged[-20] ^= 1
    for data in (refused.to_wire(), unsigned.to_wire(), bytes(forged), b"", b"\0" * 12):
        with pytest.raises(Unavailable):
            dnsupdate.answer(data, asked)


@pytest.mark.parametrize("text", ["", "a", f"md5:a:{SECRET}", "hmac-sha256:a:?", "hmac-sha256:a:"])
def test_what_is_no_key(text: str) -> None:
    with pytest.raises(Invalid):
        dnsupdate.parse_key(text)
