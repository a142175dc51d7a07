"""Every dialogue of tests/transcripts/pop3, whole and byte by byte."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.pop3.visits import Visits, put
from tests.transcript import play
from tests.world import APPS, world

FOLDER = Path(__file__).parent.parent / "transcripts" / "pop3"
STARTTLS: dict[str, Any] = {"tls": True}
IMPLICIT: dict[str, Any] = {"implicit": True}
LISTENERS: dict[str, dict[str, Any]] = {
    "errors": {"errors": 5},
    "language": STARTTLS,
    "newest": {**IMPLICIT, "newest": 2},
    "plaintext": {"tls": False, "plaintext_auth": True},
    "starttls": STARTTLS,
    "starttls-injection": STARTTLS,
}
WHOLE_ONLY = {"starttls-injection"}
"""What is injected is told by arriving together with the command before it."""


@pytest.mark.parametrize("piece", [0, 1])
@pytest.mark.parametrize("name", sorted(path.stem for path in FOLDER.glob("*.txt")))
def test_dialogue(name: str, piece: int) -> None:
    if piece and name in WHOLE_ONLY:
        return
    here = world(people=("joe@example.org", "ann@example.org"))
    put(
        here,
        "joe@example.org",
        b"Subject: one\r\n\r\nfirst\r\n.dot\r\n",
        b"Subject: two\r\n\r\nsecond",
        b"Subject: three\r\n\r\n",
    )
    if name == "second-factor":
        here.second_factor("ann@example.org", **APPS)
    visits = Visits(here, **LISTENERS.get(name, IMPLICIT))
    play((FOLDER / f"{name}.txt").read_text(), visits, piece=piece)


def test_every_listener_has_its_dialogue() -> None:
    assert {path.stem for path in FOLDER.glob("*.txt")} >= set(LISTENERS)
