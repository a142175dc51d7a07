"""Tables: Sieve scripts."""

from __future__ import annotations

TABLES: tuple[str, ...] = ()
