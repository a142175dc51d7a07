"""What an API token stands for, as kept: a record that only its maker understands."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class KeptSession:
    """`record`: text, signed by who made it; empty for a session that was ended. `expires`: epoch
    seconds."""

    record: str
    expires: int
