"""The states of a connection (RFC 9051 section 3)."""

from __future__ import annotations

from enum import Enum


class State(Enum):
    """NOT_AUTHENTICATED → AUTHENTICATED ⇄ SELECTED; LOGOUT from each of them."""

    NOT_AUTHENTICATED = "not authenticated"
    AUTHENTICATED = "authenticated"
    SELECTED = "selected"
    LOGOUT = "logout"
