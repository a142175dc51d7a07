"""Zones that a Knot DNS server gets by its control socket, and signs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.live.nameservers import dig, knotd, unbound
from tests.live.peers import ROOT, new_address, open_folder, until
from tests.live.server import Server

PORT = 5353
ZONE = "handed.test"
SECTIONS = """
[dns]
addresses = ["192.0.2.1"]
host_keys = ""
knot = "{socket}"
"""

pytestmark = ROOT


@dataclass(frozen=True)
class Handed:
    """A server, and the Knot that has its zones."""

    server: Server
    address: str
    folder: Path

    def ask(self, *words: str) -> str:
        return dig(self.address, PORT, *words)

    def command(self, *words: str) -> str:
        return self.server.command("dns", *words).stdout


@pytest.fixture(scope="module")
def handed() -> Iterator[Handed]:
    """One of each for all tests here."""
    with open_folder() as folder:
        address = new_address()
        server = Server(
            folder / "hub", SECTIONS.format(socket=folder / "knot.sock"), hostname=f"mail.{ZONE}"
        )
        with knotd(folder, address, PORT):
            server.start()
            try:
                server.add_domain(ZONE)
                yield Handed(server, address, folder)
            finally:
                assert server.stop() == 0, server.log.read_text()[-3000:]


def test_knot_answers_for_our_zones_and_is_told_of_changes(handed: Handed) -> None:
    assert until(lambda: handed.ask("+short", ZONE, "MX") == f"10 mail.{ZONE}.\n")
    assert "RRSIG" in handed.ask("+dnssec", f"none.{ZONE}", "A")
    text = 'quoted " and \\ and ; ' + "x" * 300
    handed.command("custom", "add", f"odd.{ZONE}", "TXT", text)
    handed.command("custom", "add", f"web.{ZONE}", "A", "192.0.2.7")
    assert until(lambda: handed.ask("+short", f"web.{ZONE}", "A") == "192.0.2.7\n")
    shown = handed.ask("+short", f"odd.{ZONE}", "TXT")
    assert shown.replace('" "', "").count("x") == 300
    assert '"quoted \\" and \\\\ and ; xxx' in shown
    handed.command("custom", "set", f"web.{ZONE}", "A", "192.0.2.8")
    assert until(lambda: handed.ask("+short", f"web.{ZONE}", "A") == "192.0.2.8\n")
    handed.command("custom", "remove", f"web.{ZONE}", "A")
    assert until(lambda: "NXDOMAIN" in handed.ask(f"web.{ZONE}", "A"))


def test_its_keys_are_those_that_the_zone_above_is_told(handed: Handed) -> None:
    assert until(lambda: handed.ask("+short", ZONE, "DNSKEY"))
    with open_folder() as folder:
        resolver, anchor = new_address(), handed.command("ds", ZONE)
        with unbound(folder, resolver, PORT, (handed.address, PORT), ZONE, anchor):
            for name, kind in ((ZONE, "MX"), (f"none.{ZONE}", "A")):
                assert " ad;" in dig(resolver, PORT, "+dnssec", name, kind)


def test_a_zone_that_is_no_more_is_taken_back(handed: Handed) -> None:
    handed.server.add_domain("passing.test")
    assert until(lambda: handed.ask("+short", "passing.test", "MX"))
    handed.server.command("domain", "remove", "passing.test")
    assert until(lambda: "REFUSED" in handed.ask("passing.test", "MX"))
