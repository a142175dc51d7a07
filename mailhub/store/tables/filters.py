"""Tables: filters and automatic replies."""

from __future__ import annotations

TABLES: tuple[str, ...] = ()
