"""A wall clock of one server's own, which tests set. Its monotonic one cannot be set."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tests.programs import missing


def library() -> str:
    """libfaketime. In CI a missing one fails the test."""
    found = sorted(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))
    return str(found[0]) if found else missing("libfaketime")


@dataclass(frozen=True)
class WallClock:
    """`file`: says how far it is from the true time."""

    file: Path

    def set(self, seconds: int) -> None:
        """Moves the clock to so far from the true time."""
        fresh = self.file.with_suffix(".new")
        fresh.write_text(f"{seconds:+}\n")
        fresh.rename(self.file)

    def environment(self) -> dict[str, str]:
        """What a process that goes by it is started with."""
        return {
            "LD_PRELOAD": library(),
            "PYTHONPATH": str(Path(__file__).with_name("clocked")),
            "FAKETIME_TIMESTAMP_FILE": str(self.file),
            "FAKETIME_NO_CACHE": "1",
            "DONT_FAKE_MONOTONIC": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        }
