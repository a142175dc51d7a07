"""Tables: what an account and its mailboxes may be set to."""

from __future__ import annotations

TABLES: tuple[str, ...] = ()
