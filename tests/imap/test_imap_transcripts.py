"""Every dialogue of tests/transcripts/imap, whole, byte by byte and in odd pieces."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.imap.listener import IMAPListener
from tests.transcript import play
from tests.world import APPS, World, world

pytestmark = pytest.mark.thorough

FOLDER = Path(__file__).parent.parent / "transcripts" / "imap"
LISTENERS: dict[str, dict[str, Any]] = {
    "literals": {"line": 1000},
    "no-tls-here": {"plaintext_auth": False},
    "starttls": {"plaintext_auth": False, "tls": True},
    "starttls-injection": {"plaintext_auth": False, "tls": True},
}
"""How a dialogue's listener differs from one that takes passwords in clear and has no TLS."""
ONE_WRITE = {"compress-refused", "starttls-injection"}
"""Dialogues about what comes in one write with a command, which in pieces is another matter."""
MESSAGES = (
    b"From: Ann <ann@example.org>\r\nTo: joe@example.org\r\nSubject: First\r\n"
    b"Date: Mon, 7 Feb 1994 21:52:25 -0800\r\nMessage-ID: <1@example.org>\r\n\r\nOne.\r\n",
    b"From: Bob <bob@example.net>\r\nTo: joe@example.org\r\nSubject: Re: First\r\n"
    b"Date: Tue, 8 Feb 1994 08:00:00 +0100\r\nMessage-ID: <2@example.net>\r\n"
    b"In-Reply-To: <1@example.org>\r\n\r\nTwo.\r\n",
)


def people() -> World:
    """Joe has two messages; ann none; small has 100 KiB."""
    made = world(people=("joe@example.org", "ann@example.org"))
    made.account("small@example.org", storage=100 << 10)
    for message in MESSAGES:
        made.deliver("joe@example.org", message)
    return made


CASES = [
    (path.stem, piece)
    for path in sorted(FOLDER.glob("*.txt"))
    for piece in ((0,) if path.stem in ONE_WRITE else (0, 1, 7))
]


@pytest.mark.parametrize(("name", "piece"), CASES)
def test_dialogue(name: str, piece: int) -> None:
    here = people()
    if name == "second-factor":
        here.second_factor("ann@example.org", **APPS)
    listener = IMAPListener(here, **LISTENERS.get(name, {}))
    play((FOLDER / f"{name}.txt").read_text(), listener, piece=piece)


def test_every_listener_has_its_dialogue() -> None:
    assert {path.stem for path in FOLDER.glob("*.txt")} >= set(LISTENERS)
