"""Zones of another server that takes updates of them."""

from __future__ import annotations

import base64
from collections.abc import Iterator

import pytest

from tests.live.nameservers import KNOT_UPDATED, dig, knotd
from tests.live.peers import ROOT, new_address, open_folder, until
from tests.live.server import Server

PORT = 5353
ZONE = "updated.test"
SECRET = base64.b64encode(b"k" * 32).decode()
FOREIGN = (
    f"@ 300 IN SOA ns.{ZONE}. host.{ZONE}. 1 3600 600 86400 60\n@ 300 IN NS ns\n"
    'ns 300 IN A 192.0.2.53\n@ 300 IN TXT "somebody\'s own"\n'
)
SECTIONS = """
[dns]
addresses = ["192.0.2.1"]
host_keys = ""
update = "{address}:{port}"
update_key = "hmac-sha256:mailhub:{secret}"
"""

pytestmark = ROOT


@pytest.fixture(scope="module")
def updated() -> Iterator[tuple[Server, str]]:
    """A server, and the address of another name server that has its zone."""
    with open_folder() as folder:
        address = new_address()
        (folder / f"{ZONE}.zone").write_text(FOREIGN)
        more = KNOT_UPDATED.format(key="mailhub", secret=SECRET, zone=ZONE, folder=folder)
        sections = SECTIONS.format(address=address, port=PORT, secret=SECRET)
        server = Server(folder / "hub", sections, hostname=f"mail.{ZONE}")
        with knotd(folder, address, PORT, more):
            server.start()
            try:
                server.add_domain(ZONE)
                yield server, address
            finally:
                assert server.stop() == 0, server.log.read_text()[-3000:]


def test_what_is_ours_comes_and_goes_and_the_rest_stays(updated: tuple[Server, str]) -> None:
    server, address = updated

    def ask(name: str, kind: str) -> str:
        return dig(address, PORT, "+short", name, kind)

    assert until(lambda: ask(ZONE, "MX") == f"10 mail.{ZONE}.\n")
    assert sorted(ask(ZONE, "TXT").splitlines()) == ['"somebody\'s own"', '"v=spf1 mx -all"']
    assert ask(ZONE, "NS") == f"ns.{ZONE}.\n"
    server.command("dns", "custom", "add", f"web.{ZONE}", "A", "192.0.2.7")
    assert until(lambda: ask(f"web.{ZONE}", "A") == "192.0.2.7\n")
    assert server.stop() == 0
    server.start()
    server.command("dns", "custom", "set", f"web.{ZONE}", "A", "192.0.2.8")
    assert until(lambda: ask(f"web.{ZONE}", "A") == "192.0.2.8\n")
    server.command("dns", "custom", "remove", f"web.{ZONE}", "A")
    assert until(lambda: ask(f"web.{ZONE}", "A") == "")
    assert ask("ns." + ZONE, "A") == "192.0.2.53\n"
    keys = {
        line.split()[-1].lower() for line in server.command("dns", "ds", ZONE).stdout.splitlines()
    }
    assert len(keys) == 2
    server.command("domain", "remove", ZONE)
    assert until(lambda: ask(ZONE, "MX") == "")
    assert ask(ZONE, "TXT") == '"somebody\'s own"\n'
