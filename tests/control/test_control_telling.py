"""Acts on webhooks."""

from __future__ import annotations

from typing import Any

import pytest

from mailhub.control.acts import Arguments
from mailhub.control.catalog import ACTS
from mailhub.model.errors import Invalid, NotFound
from tests.acting import services
from tests.support import run
from tests.world import world

JOE = "joe@example.org"


class Desk:
    """Asks one act after the other."""

    def __init__(self) -> None:
        self.world = world()
        self.services = services(self.world)

    def ask(self, act: str, **arguments: Any) -> Any:
        return run(ACTS[act](self.services, Arguments(arguments)))  # type: ignore[arg-type]


@pytest.fixture
def desk() -> Desk:
    return Desk()


def test_webhooks(desk: Desk) -> None:
    made = desk.ask("webhook-add", url="https://hooks.example/x", types=["message.*"], user=JOE)
    assert made["secret"].startswith("whsec_")
    (shown,) = desk.ask("webhook-list")
    assert "secret" not in shown
    assert shown == {key: value for key, value in made.items() if key != "secret"}
    assert shown["user"] == desk.world.people[JOE].id
    desk.world.deliver(JOE, b"Subject: x\r\n\r\n")
    replayed = desk.ask("webhook-replay", id=made["id"], behind="0" * 15 + "1" + "0" * 7 + "1")
    assert replayed["last"] == "000000000000000100000001"
    assert desk.ask("webhook-replay", id=made["id"])["last"].startswith("0" * 16)
    desk.ask("webhook-remove", id=made["id"])
    assert desk.ask("webhook-list") == []


def test_everything_is_told_unless_somebody_says_what(desk: Desk) -> None:
    assert desk.ask("webhook-add", url="https://hooks.example/x")["types"] == ["*"]


@pytest.mark.parametrize(
    ("act", "arguments", "error"),
    [
        ("webhook-add", {"url": "https://127.0.0.1/"}, Invalid),
        ("webhook-add", {"url": "https://a.example/", "types": ["A B"]}, Invalid),
        ("webhook-add", {"url": "https://a.example/", "user": "nobody@example.org"}, NotFound),
        ("webhook-remove", {"id": "0" * 24}, NotFound),
        ("webhook-replay", {"id": "0" * 24}, NotFound),
        ("webhook-replay", {"id": "0" * 24, "behind": "yesterday"}, Invalid),
    ],
)
def test_what_cannot_be_done(
    desk: Desk, act: str, arguments: dict[str, Any], error: type[Exception]
) -> None:
    with pytest.raises(error):
        desk.ask(act, **arguments)
