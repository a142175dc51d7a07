from __future__ import annotations

import re
from typing import Any

import pytest

from mailhub.control.acts import Arguments, Services
from mailhub.control.catalog import ACTS
from mailhub.core.records import Records
from mailhub.model.errors import Conflict, InUse, Invalid, NotFound, Unavailable
from mailhub.model.settings import ReportSettings
from tests.acting import services
from tests.signed import pair
from tests.support import run
from tests.world import DOMAIN, HOSTNAME, World, world

pytestmark = pytest.mark.thorough


class Desk:
    def __init__(self, here: World) -> None:
        self.world = here
        self.services: Services = services(here)

    def ask(self, act: str, **arguments: Any) -> Any:
        return run(ACTS[act](self.services, Arguments(arguments)))  # type: ignore[arg-type]


@pytest.fixture
def desk() -> Desk:
    return Desk(world(people=()))


def test_keys_from_beginning_to_end(desk: Desk) -> None:
    assert desk.ask("dkim-list") == []
    enabled = desk.ask("dkim-enable", domain="EXAMPLE.org")
    assert {(key["algorithm"], key["state"]) for key in enabled} == {
        ("rsa", "active"),
        ("ed25519", "active"),
    }
    made = desk.ask("dkim-rotate", domain=DOMAIN, selector="next")
    assert [key["selector"] for key in made] == ["next", "nexte"]
    with pytest.raises(Conflict):
        desk.ask("dkim-rotate", domain=DOMAIN)
    with pytest.raises(InUse):
        desk.ask("dkim-remove", domain=DOMAIN, selector=enabled[0]["selector"])
    changed = desk.ask("dkim-activate", domain=DOMAIN, selectors=["next"])
    states = {key["selector"]: key["state"] for key in changed}
    assert (states["next"], states["nexte"]) == ("active", "pending")
    desk.ask("dkim-remove", domain=DOMAIN, selector="nexte")
    desk.ask("dkim-disable", domain=DOMAIN)
    assert "active" not in {key["state"] for key in desk.ask("dkim-list", domain=DOMAIN)}
    with pytest.raises(NotFound):
        desk.ask("dkim-show", domain=DOMAIN, selector="nexte")


def test_a_private_key_is_shown_only_to_who_asks_for_it(desk: Desk) -> None:
    own = pair("elsewhere.example")[1]
    desk.ask("dkim-add", domain=DOMAIN, selector="own", private=own.private)
    shown = desk.ask("dkim-show", domain=DOMAIN, selector="own")
    assert "private" not in shown
    assert "PRIVATE KEY" not in str((shown, desk.ask("dkim-list")))
    assert shown["record"] == (
        f'own._domainkey.{DOMAIN}. IN TXT "v=DKIM1; k=ed25519; p={own.public}"'
    )
    asked = desk.ask("dkim-show", domain=DOMAIN, selector="own", private=True)
    assert asked["private"] == own.private
    with pytest.raises(Invalid) as raised:
        desk.ask("dkim-add", domain=DOMAIN, selector="bad", private="nothing")
    assert raised.value.field == "private"


def lines(rows: list[dict[str, str]]) -> list[str]:
    return [row["line"] for row in rows]


def test_the_records_of_a_domain(desk: Desk) -> None:
    desk.ask("dkim-enable", domain=DOMAIN)
    found = lines(desk.ask("domain-dns", name=DOMAIN))
    assert found[:2] == [
        f"{DOMAIN}. IN MX 10 {HOSTNAME}.",
        f'{DOMAIN}. IN TXT "v=spf1 mx -all"',
    ]
    assert found[-1] == f'_dmarc.{DOMAIN}. IN TXT "v=DMARC1; p=quarantine"'
    key = next(line for line in found if "k=rsa" in line)
    strings = re.findall(r'"([^"]*)"', key)
    assert [len(one) for one in strings[:-1]] == [255]
    assert "".join(strings).startswith("v=DKIM1; k=rsa; p=MII")


def test_where_reports_go(desk: Desk) -> None:
    here = desk.world
    settings = ReportSettings(receive="reports@other.example")
    records = Records(here.domains, here.keys, here.resolver, HOSTNAME, settings)
    found = {one.name: one.data for one in run(records.of(DOMAIN))}
    assert found[f"_dmarc.{DOMAIN}"].endswith("; rua=mailto:reports@other.example")
    assert found[f"_smtp._tls.{DOMAIN}"] == "v=TLSRPTv1; rua=mailto:reports@other.example"
    assert found[f"{DOMAIN}._report._dmarc.other.example"] == "v=DMARC1"


def test_what_the_dns_has_of_them(desk: Desk) -> None:
    here = desk.world

    def states() -> dict[str, str]:
        rows = desk.ask("domain-dns", name=DOMAIN, check=True)
        return {f"{row['type']} {row['name']}": row["state"] for row in rows}

    assert set(states().values()) == {"missing"}
    here.resolver.set(DOMAIN, "MX", [(5, "other.example")])
    here.resolver.set(DOMAIN, "TXT", ["unrelated", "v=spf1  mx  -all"])
    here.resolver.set(f"_dmarc.{DOMAIN}", "TXT", ["v=DMARC1; p=none"])
    assert states() == {
        f"MX {DOMAIN}": "different",
        f"TXT {DOMAIN}": "ok",
        f"TXT _dmarc.{DOMAIN}": "different",
    }
    here.resolver.set(DOMAIN, "MX", [(5, HOSTNAME), (10, "other.example")])
    here.resolver.set(f"_dmarc.{DOMAIN}", "TXT", Unavailable())
    assert states()[f"MX {DOMAIN}"] == "ok"
    assert states()[f"TXT _dmarc.{DOMAIN}"] == "unknown"
