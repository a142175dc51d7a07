"""`docs/protocols.md` says what the server offers: nothing offered is missing there."""

from __future__ import annotations

from pathlib import Path

import pytest

from mailhub.imap.capabilities import CAPABILITIES
from mailhub.wire.sieve.vocabulary import EXTENSIONS

PAGE = (Path(__file__).parent.parent / "docs" / "protocols.md").read_text()
ROWS = [line for line in PAGE.splitlines() if line.startswith("| ") and "---" not in line]


def row(word: str) -> str:
    """The row that names `word` as a whole."""
    words = word.replace("/", " ")
    for line in ROWS:
        named = line.replace(",", " ").replace(":", " ").replace("/", " ").split()
        if words in named:
            return line
    raise AssertionError(f"docs/protocols.md does not name {word}")


@pytest.mark.parametrize("name", [one.name.partition("={")[0] for one in CAPABILITIES])
def test_every_capability_is_documented_as_offered(name: str) -> None:
    found = row(name)
    state = found.split("|")[3].strip()
    assert state.startswith("yes"), found


@pytest.mark.parametrize("line", ROWS)
def test_every_row_has_a_state(line: str) -> None:
    state = line.split("|")[3].strip()
    assert state.split(",")[0].split(";")[0].split(":")[0] in (
        "yes",
        "part",
        "later",
        "no",
        "state",
    )


@pytest.mark.parametrize("name", EXTENSIONS)
def test_every_sieve_extension_is_documented_as_offered(name: str) -> None:
    state = row(name).split("|")[3].strip()
    assert state.startswith(("yes", "part")), state
    manual = Path(__file__).parent.parent / "docs" / "sieve.md"
    assert f"`{name}`" in manual.read_text()
