"""Inputs to begin with: what clients say in `tests/transcripts`, and the corpus of messages."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from tests import corpus
from tests.transcript import LINE, SLOT, unescaped

TRANSCRIPTS = Path(__file__).parent.parent / "tests" / "transcripts"
LONGEST = 8192
"""Bytes of an input; longer ones find nothing that these do not, and take their time."""


def dialogues(protocol: str) -> Iterator[bytes]:
    """What each client of each dialogue sends, from its greeting to its end."""
    for path in sorted((TRANSCRIPTS / protocol).glob("*.txt")):
        clients: dict[str, bytes] = {}
        for line in path.read_text().splitlines():
            match = LINE.fullmatch(line)
            if match is None or line.startswith("#") or match["side"] != "C":
                continue
            text = SLOT.sub("1", match["text"])
            what = match["what"].strip()
            if what:
                sent = f"{text}\r\n" if what == ":" else unescaped(text)
                wire = sent.encode("utf-8", "surrogateescape")
                clients[match["name"]] = clients.get(match["name"], b"") + wire
        yield from (wire[:LONGEST] for wire in clients.values())


def messages() -> Iterator[bytes]:
    """The messages of the corpus that are short enough."""
    return (data for _, data in corpus.messages() if len(data) <= LONGEST)
