"""Acts on accounts whose mail still lives on another server."""

from __future__ import annotations

from typing import Any

import pytest

from mailhub.control.acts import ACTOR, Arguments
from mailhub.control.catalog import ACTS
from mailhub.model.errors import Invalid, NotFound
from tests.acting import services
from tests.support import run
from tests.world import world

JOE = "joe@example.org"


class Desk:
    """Asks one act after the other."""

    def __init__(self) -> None:
        self.here = world()
        self.services = services(self.here)

    def ask(self, act: str, **arguments: Any) -> Any:
        return run(ACTS[f"elsewhere-{act}"](self.services, Arguments(arguments)))  # type: ignore[arg-type]


@pytest.fixture
def desk() -> Desk:
    return Desk()


def test_an_account_from_elsewhere_to_here(desk: Desk) -> None:
    made = desk.ask("set", user=JOE, imap="imaps://old.example", mail="lmtp://[::1]:2424")
    shown = {
        "number": desk.here.people[JOE].number,
        "user": JOE,
        "phase": "elsewhere",
        "name": JOE,
        "imap": "imaps://old.example:993",
        "pop3": "",
        "mail": "lmtp://[::1]:2424",
        "since": int(desk.here.clock.now()),
    }
    assert made == desk.ask("show", user=JOE) == shown
    for phase in ("moving", "here"):
        desk.here.clock.advance(10)
        moved = desk.ask("phase", user=JOE, phase=phase)
        assert moved == {**shown, "phase": phase, "since": int(desk.here.clock.now())}
        assert desk.ask("list") == [moved]
        assert desk.ask("list", after=moved["number"]) == []
    desk.ask("clear", user=JOE)
    assert desk.ask("list") == []
    for act in ("show", "clear"):
        with pytest.raises(NotFound):
            desk.ask(act, user=JOE)


def test_who_is_removed_is_not_listed(desk: Desk) -> None:
    desk.ask("set", user=JOE, imap="imaps://old.example")
    account = desk.here.people[JOE]
    run(desk.here.store.accounts.remove(account.number, ACTOR, due=1 << 40))
    assert desk.ask("list") == []


BAD = (
    ({"imap": "http://old.example"}, "imap"),
    ({"imap": "pop3://old.example"}, "imap"),
    ({"imap": "imap://joe@old.example"}, "imap"),
    ({"imap": "imap://old.example/INBOX"}, "imap"),
    ({"imap": "imap://127.1"}, "imap"),
    ({"imap": "imap://old.example:0"}, "imap"),
    ({"imap": "imap://old.example:"}, "imap"),
    ({"imap": "imap://old.example:99999"}, "imap"),
    ({"imap": "imap://"}, "imap"),
    ({"pop3": "imap://old.example"}, "pop3"),
    ({"mail": "imap://old.example"}, "mail"),
    ({"imap": "imap://old.example", "name": "a\r\nb"}, "name"),
    ({"imap": "imap://old.example", "name": "a" * 256}, "name"),
    ({}, "imap"),
)


@pytest.mark.parametrize(("arguments", "field"), BAD)
def test_what_is_no_server(desk: Desk, arguments: dict[str, str], field: str) -> None:
    with pytest.raises(Invalid) as caught:
        desk.ask("set", user=JOE, **arguments)
    assert caught.value.field == field


def test_there_are_three_phases(desk: Desk) -> None:
    desk.ask("set", user=JOE, imap="imap://old.example")
    with pytest.raises(Invalid):
        desk.ask("phase", user=JOE, phase="gone")
