"""The name server as others see it: dig and kdig, a validating Unbound, NSD as a secondary, and
the verifier of ldns over a whole zone."""

from __future__ import annotations

import base64
import json
import re
import subprocess
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.live.nameservers import dig, nsd, unbound
from tests.live.peers import ROOT, new_address, open_folder, until
from tests.live.server import Server
from tests.programs import program

PORT = 5353
ZONE = "named.test"
HOST = f"mail.{ZONE}"
SECTIONS = """
[dns]
listen = ["{address}:{port}"]
addresses = ["192.0.2.1", "2001:db8::1"]
host_keys = ""
rate = 10000
transfer_key = "hmac-sha256:{key}:{secret}"
"""
KEY = ("shared.named.test", base64.b64encode(b"shared by two").decode())
CUSTOM = (
    ("*.wild", "TXT", "star"),
    ("a.b.deep", "A", "192.0.2.8"),
    ("sub", "NS", "ns.sub.named.test"),
    ("ns.sub", "A", "192.0.2.9"),
    ("large", "TXT", "x" * 1500),
    ("out", "CNAME", f"mail.{ZONE}"),
    ("odd", "TXT", 'quoted " and \\ and ; ü'),
)


@dataclass(frozen=True)
class Named:
    """A server with a zone, and the address from which it may be fetched."""

    server: Server
    address: str
    secondary: str

    def ask(self, *words: str) -> str:
        return dig(self.address, PORT, *words)

    def transfer(self, *words: str) -> str:
        """What a secondary gets, which shows our key."""
        key = f"hmac-sha256:{KEY[0]}:{KEY[1]}"
        return self.ask("-b", self.secondary, "-y", key, ZONE, *words)

    def command(self, *words: str) -> str:
        return self.server.command("dns", *words).stdout


@pytest.fixture(scope="module")
def named() -> Iterator[Named]:
    """One server for all tests here."""
    with open_folder() as folder:
        address, secondary = new_address(), new_address()
        sections = SECTIONS.format(address=address, port=PORT, key=KEY[0], secret=KEY[1])
        server = Server(folder / "hub", sections, hostname=HOST)
        server.start()
        try:
            server.add_domain(ZONE)
            here = Named(server, address, secondary)
            for name, kind, value in CUSTOM:
                here.command("custom", "add", f"{name}.{ZONE}", kind, value)
            here.command("secondary", f"xfr:{secondary}")
            assert until(lambda: here.ask("+short", f"odd.{ZONE}", "TXT"))
            yield here
        finally:
            assert server.stop() == 0, server.log.read_text()[-3000:]


SHORT = [
    ((ZONE, "MX"), f"10 {HOST}."),
    ((ZONE, "NS"), f"ns1.{HOST}.\nns2.{HOST}."),
    ((HOST, "A"), "192.0.2.1"),
    ((HOST, "AAAA"), "2001:db8::1"),
    (("+tcp", HOST, "A"), "192.0.2.1"),
    ((ZONE, "TXT"), '"v=spf1 mx -all"'),
    ((f"_dmarc.{ZONE}", "TXT"), '"v=DMARC1; p=quarantine;"'),
    ((f"www.{ZONE}", "MX"), "0 ."),
    ((f"x.y.wild.{ZONE}", "TXT"), '"star"'),
    ((f"out.{ZONE}", "A"), f"{HOST}.\n192.0.2.1"),
    ((f"odd.{ZONE}", "TXT"), '"quoted \\" and \\\\ and ; \\195\\188"'),
]


@pytest.mark.parametrize(("words", "wanted"), SHORT)
def test_dig_finds_what_a_domain_needs(named: Named, words: tuple[str, ...], wanted: str) -> None:
    assert "\n".join(sorted(named.ask("+short", *words).splitlines())) == "\n".join(
        sorted(wanted.splitlines())
    )


def test_codes_and_flags(named: Named) -> None:
    missing = named.ask(f"none.{ZONE}", "A")
    assert "status: NXDOMAIN" in missing
    assert "flags: qr aa rd;" in missing
    assert "status: REFUSED" in named.ask("elsewhere.test", "A")
    assert "status: REFUSED" in named.ask("version.bind", "CH", "TXT")
    assert "status: BADVERS" in named.ask("+edns=1", "+noednsneg", ZONE, "SOA")
    assert "flags: qr aa tc" in named.ask("+ignore", "+bufsize=512", f"large.{ZONE}", "TXT")
    assert named.ask("+short", f"large.{ZONE}", "TXT").count("x") == 1500
    referral = named.ask(f"x.sub.{ZONE}", "A")
    assert "flags: qr rd;" in referral
    assert "192.0.2.9" in referral
    assert "Transfer failed" in named.ask(ZONE, "AXFR")


def test_many_questions_in_one_stream(named: Named) -> None:
    words = [program("kdig"), f"@{named.address}", "-p", str(PORT), "+tcp", "+keepopen"]
    for name in (ZONE, HOST, f"none.{ZONE}", f"_dmarc.{ZONE}"):
        words += ["-q", name, "-t", "TXT"]
    said = subprocess.run(words, capture_output=True, text=True, timeout=20, check=True).stdout
    assert said.count("status: NOERROR") == 3
    assert said.count("status: NXDOMAIN") == 1


def test_the_whole_zone_is_signed_well(named: Named, tmp_path: Path) -> None:
    assert "Transfer failed" in named.ask("-b", named.secondary, ZONE, "AXFR")
    said = named.transfer("AXFR", "+onesoa", "+nocomments", "+nocmd", "+nostats")
    said = "".join(line for line in said.splitlines(True) if "\tTSIG\t" not in line)
    file = tmp_path / "zone"
    file.write_text(said)
    done = subprocess.run(
        [program("ldns-verify-zone"), "-V", "3", file],
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Zone is verified and complete" in done.stdout + done.stderr


@pytest.fixture(scope="module")
def resolver(named: Named) -> Iterator[str]:
    """The address of an Unbound that believes our key."""
    with open_folder() as folder:
        address = new_address()
        anchor = named.command("ds", ZONE)
        with unbound(folder, address, PORT, (named.address, PORT), ZONE, anchor):
            yield address


PROVEN = [
    (ZONE, "MX", "NOERROR"),
    (HOST, "A", "NOERROR"),
    (ZONE, "DNSKEY", "NOERROR"),
    (f"none.{ZONE}", "A", "NXDOMAIN"),
    (f"a.none.deep.{ZONE}", "A", "NXDOMAIN"),
    (ZONE, "SRV", "NOERROR"),
    (f"b.deep.{ZONE}", "A", "NOERROR"),
    (f"x.wild.{ZONE}", "TXT", "NOERROR"),
    (f"x.wild.{ZONE}", "A", "NOERROR"),
    (f"wild.{ZONE}", "A", "NOERROR"),
    (f"out.{ZONE}", "AAAA", "NOERROR"),
    (f"out.{ZONE}", "TXT", "NOERROR"),
    (f"large.{ZONE}", "TXT", "NOERROR"),
    (f"sub.{ZONE}", "DS", "NOERROR"),
]


@pytest.mark.parametrize(("name", "kind", "code"), PROVEN)
def test_unbound_proves_what_is_and_what_is_not(
    resolver: str, name: str, kind: str, code: str
) -> None:
    said = dig(resolver, PORT, "+dnssec", name, kind)
    assert f"status: {code}" in said
    assert " ad;" in said


@ROOT
def test_nsd_fetches_zones_and_hears_of_new_ones(named: Named) -> None:
    def serial(address: str, port: int) -> str:
        words = dig(address, port, "+short", ZONE, "SOA").split()
        return words[2] if len(words) > 2 else ""

    def same() -> bool:
        mine = serial(named.address, PORT)
        return bool(mine) and serial(named.secondary, 53) == mine

    with (
        open_folder() as folder,
        nsd(folder, named.secondary, (named.address, PORT), [ZONE], KEY),
    ):
        assert until(same), (folder / "log").read_text()
        before = serial(named.address, PORT)
        named.command("custom", "set", f"fresh.{ZONE}", "A", "192.0.2.77")
        fresh = ("+short", f"fresh.{ZONE}", "A")
        assert until(lambda: dig(named.secondary, 53, *fresh) == "192.0.2.77\n")
        assert int(serial(named.secondary, 53)) == int(before) + 1
        signed = dig(named.secondary, 53, "+dnssec", f"none.{ZONE}", "A")
        assert signed.count("NSEC") >= 3
        named.command("custom", "remove", f"fresh.{ZONE}", "A")


def settled(named: Named) -> str:
    """The serial of what is served, once nothing newer is to come."""
    serial = named.command("zones").split()[1]
    assert until(lambda: f" {serial} " in named.ask("+short", ZONE, "SOA"))
    return serial


def test_who_has_an_older_version_gets_what_changed(named: Named) -> None:
    before = settled(named)
    named.command("custom", "set", f"step.{ZONE}", "A", "192.0.2.78")
    now = settled(named)
    assert int(now) == int(before) + 1
    said = named.transfer(f"IXFR={before}", "+nocomments", "+nocmd", "+nostats")
    rows = [line.split() for line in said.splitlines() if line and not line.startswith(";")]
    kinds = Counter(row[3] for row in rows if len(row) > 4)
    assert kinds["SOA"] == 4
    assert [row[4] for row in rows if row[3] == "A"] == ["192.0.2.78"]
    assert f"10 {HOST}." not in said
    current = named.transfer(f"IXFR={now}", "+nocomments", "+nocmd", "+nostats")
    assert current.count("\tSOA\t") == 1
    assert "BADSIG" in named.ask("-y", f"hmac-sha256:{KEY[0]}:AAAA", ZONE, "SOA")
    named.command("custom", "remove", f"step.{ZONE}", "A")


def test_cookies_are_given_and_known_again(named: Named) -> None:
    said = named.ask("+cookie=0123456789abcdef", ZONE, "SOA")
    (cookie,) = re.findall(r"COOKIE: (0123456789abcdef[0-9a-f]{32}) \(good\)", said)
    assert f"COOKIE: {cookie} (good)" in named.ask(f"+cookie={cookie}", ZONE, "SOA")


def test_another_key_comes_and_is_told_of(named: Named, resolver: str) -> None:
    (key,) = json.loads(named.command("keys", ZONE, "--json"))
    ds = named.command("ds", ZONE).split()
    assert named.ask("+short", "+nosplit", ZONE, "CDS").lower().split() == [
        one.lower() for one in ds[3:7]
    ]
    assert named.ask("+short", ZONE, "CDNSKEY") == named.ask("+short", ZONE, "DNSKEY")
    named.command("rollover", ZONE)
    assert until(lambda: len(named.ask("+short", ZONE, "DNSKEY").splitlines()) == 2)
    signed = named.ask("+dnssec", ZONE, "DNSKEY")
    tags = {one["tag"] for one in json.loads(named.command("keys", ZONE, "--json"))}
    assert {int(tag) for tag in re.findall(r"\s(\d+) named\.test\. ", signed)} == tags
    assert key["tag"] in tags
    assert len(tags) == 2
    test_the_zone_is_proven(resolver)


def test_the_zone_is_proven(resolver: str) -> None:
    for name, kind in ((ZONE, "MX"), (f"none.{ZONE}", "A"), (ZONE, "CDS")):
        assert " ad;" in dig(resolver, PORT, "+dnssec", name, kind)


def test_another_start_says_the_same(named: Named) -> None:
    settled(named)
    before = named.ask("+dnssec", "+short", ZONE, "SOA")
    assert named.server.stop() == 0
    named.server.start()
    assert until(lambda: named.ask("+short", ZONE, "SOA"))
    assert named.ask("+dnssec", "+short", ZONE, "SOA") == before
