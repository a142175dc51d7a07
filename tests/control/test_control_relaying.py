"""Acts on routes, networks that may relay, relay domains, and what stands behind an alias."""

from __future__ import annotations

from typing import Any

import pytest

from mailhub.control.acts import Arguments
from mailhub.control.catalog import ACTS, PARTS
from mailhub.model.errors import Invalid, NotFound
from tests.acting import services
from tests.support import run
from tests.world import World, world

JOE = "joe@example.org"


class Desk:
    """Asks one act after the other."""

    def __init__(self, here: World) -> None:
        self.services = services(here)

    def ask(self, act: str, **arguments: Any) -> Any:
        return run(ACTS[act](self.services, Arguments(arguments)))  # type: ignore[arg-type]


@pytest.fixture
def desk() -> Desk:
    return Desk(world())


def test_a_route_from_beginning_to_end(desk: Desk) -> None:
    made = desk.ask(
        "route-add",
        destination="*",
        host="smart.example",
        port=587,
        user=JOE,
        sources=["192.0.2.1"],
        username="me",
        password="Very-Secret",
        tls="verified",
    )
    assert made["user"] == JOE
    assert "Very-Secret" not in str(made)
    (listed,) = desk.ask("route-list")
    assert listed == made
    (stored,) = run(desk.services.routes.all())
    assert (stored.password, stored.sources) == ("Very-Secret", ("192.0.2.1",))
    desk.ask("user-remove", name=JOE)
    assert desk.ask("route-list")[0]["user"].startswith("(gone")
    desk.ask("route-remove", number=made["number"])
    assert desk.ask("route-list") == []
    with pytest.raises(NotFound):
        desk.ask("route-remove", number=made["number"])
    with pytest.raises(NotFound):
        desk.ask("route-add", destination="*", user="nobody")


def test_networks(desk: Desk) -> None:
    assert desk.ask("relay-allow", network="192.0.2.0/24") == {"network": "192.0.2.0/24"}
    assert desk.ask("relay-list") == [{"network": "192.0.2.0/24"}]
    desk.ask("relay-disallow", network="192.0.2.0/24")
    assert desk.ask("relay-list") == []


def test_a_relay_domain(desk: Desk) -> None:
    assert desk.ask("domain-add", name="relay.example", relay=True)["relay"] is True
    assert desk.ask("domain-set", name="relay.example", relay=False)["relay"] is False
    assert desk.ask("domain-show", name="example.org")["relay"] is False


def test_who_may_send(desk: Desk) -> None:
    assert desk.ask("user-show", name=JOE)["sending"] == "own"
    assert desk.ask("user-set", name=JOE, sending="local")["sending"] == "local"
    assert desk.ask("user-set", name=JOE, full_name="Joe")["sending"] == "local"
    order = {"name": "printer", "password": "Secret-1234", "address": "", "sending": "any"}
    assert desk.ask("user-add", **order)["sending"] == "any"
    with pytest.raises(Invalid):
        desk.ask("user-set", name=JOE, sending="everything")


def test_a_program_and_a_minilist(desk: Desk) -> None:
    made = desk.ask("alias-add", address="cmd@example.org", program=["archive", "-v"])
    assert (made["program"], made["minilist"], made["targets"]) == (["archive", "-v"], False, [])
    changed = desk.ask("alias-set", address="cmd@example.org", targets=[JOE], minilist=True)
    assert (changed["program"], changed["minilist"]) == (["archive", "-v"], True)
    changed = desk.ask("alias-set", address="cmd@example.org", program=[])
    assert (changed["program"], changed["targets"]) == ([], [JOE])


def test_no_act_hides_another() -> None:
    assert len(ACTS) == sum(map(len, PARTS))
