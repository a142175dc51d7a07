"""Tables: app passwords, second factors and the log of logins."""

from __future__ import annotations

TABLES: tuple[str, ...] = ()
