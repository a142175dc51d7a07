"""Tables: tokens, and who is told of changes."""

from __future__ import annotations

TABLES: tuple[str, ...] = ()
