"""Tables: the full-text index."""

from __future__ import annotations

TABLES: tuple[str, ...] = ()
