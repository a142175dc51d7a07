"""Every dialogue of tests/transcripts/managesieve, whole and byte by byte."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.managesieve.sievers import Sievers
from tests.transcript import play
from tests.world import APPS, world

FOLDER = Path(__file__).parent.parent / "transcripts" / "managesieve"
STARTTLS: dict[str, Any] = {"tls": True}
IMPLICIT: dict[str, Any] = {"implicit": True}
LISTENERS: dict[str, dict[str, Any]] = {
    "starttls": STARTTLS,
    "starttls-injection": STARTTLS,
    "too-many-errors": {**IMPLICIT, "errors": 3},
}
WHOLE_ONLY = {"starttls-injection"}
"""What is injected is told by arriving together with the command before it."""


@pytest.mark.parametrize("piece", [0, 1])
@pytest.mark.parametrize("name", sorted(path.stem for path in FOLDER.glob("*.txt")))
def test_dialogue(name: str, piece: int) -> None:
    if piece and name in WHOLE_ONLY:
        return
    here = world(people=("joe@example.org", "ann@example.org"))
    if name == "second-factor":
        here.second_factor("ann@example.org", **APPS)
    sievers = Sievers(here, **LISTENERS.get(name, IMPLICIT))
    play((FOLDER / f"{name}.txt").read_text(), sievers, piece=piece)


def test_every_listener_has_its_dialogue() -> None:
    assert {path.stem for path in FOLDER.glob("*.txt")} >= set(LISTENERS)
