"""Every dialogue of tests/transcripts/smtp, whole and byte by byte."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from mailhub.model.account import Role, Service
from mailhub.ports import Hooks
from tests.asked import Objecting
from tests.smtp.reception import Reception
from tests.transcript import play
from tests.world import APPS, World, world

FOLDER = Path(__file__).parent.parent / "transcripts" / "smtp"
LISTENERS: dict[str, dict[str, Any]] = {
    "addresses": {"errors": 100},
    "authentication": {"service": Service.SUBMISSION, "implicit": True, "errors": 100},
    "errors": {"errors": 5},
    "hooks": {"hooks": Objecting(), "errors": 100},
    "hooks-lmtp": {"hooks": Objecting(), "service": Service.LMTP},
    "future-release": {
        "service": Service.SUBMISSION,
        "implicit": True,
        "holding": 86400,
        "errors": 100,
    },
    "no-future-release": {"holding": 86400},
    "limits": {"recipients": 3, "messages": 2, "message_size": 200},
    "lmtp": {"service": Service.LMTP},
    "normalizing": {"bare_newlines": "normalize"},
    "order": {"errors": 100},
    "relay": {"trusted_networks": ("192.0.2.0/24",)},
    "second-factor": {"service": Service.SUBMISSION, "implicit": True},
    "submission": {"service": Service.SUBMISSION},
    "verify": {"vrfy": True},
    "xclient": {"service": Service.SUBMISSION, "xclient_from": ("192.0.2.7",)},
}
"""How a dialogue's listener differs from a plain one for other servers' mail."""


def people(hooks: Hooks | None) -> World:
    """example.org with a few people, one of whom has little room."""
    made = world(people=("joe@example.org", "ann@example.org"), hooks=hooks)
    made.account("small@example.org", storage=100)
    made.account("jöe@bücher.example")
    made.account("boss@example.org", role=Role.ADMIN)
    return made


@pytest.mark.parametrize("piece", [0, 1])
@pytest.mark.parametrize("name", sorted(path.stem for path in FOLDER.glob("*.txt")))
def test_dialogue(name: str, piece: int) -> None:
    options = LISTENERS.get(name, {})
    here = people(options.get("hooks"))
    if name == "second-factor":
        here.second_factor("ann@example.org", **APPS)
    listener = Reception(here, **options)
    play((FOLDER / f"{name}.txt").read_text(), listener, piece=piece)


def test_every_listener_has_its_dialogue() -> None:
    assert {path.stem for path in FOLDER.glob("*.txt")} >= set(LISTENERS)
