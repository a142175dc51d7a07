"""Tables: accounts that a directory keeps."""

from __future__ import annotations

TABLES: tuple[str, ...] = ()
