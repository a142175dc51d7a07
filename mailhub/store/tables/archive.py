"""Tables: what became of deleted messages, and what goes with a message."""

from __future__ import annotations

TABLES: tuple[str, ...] = ()
