"""Sessions of APIs and browsers, as kept."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class KeptSession:
    """What a token stands for, a record that only its maker understands. `record`: text, signed by
    who made it; empty for a session that was ended. `expires`: epoch seconds."""

    record: str
    expires: int


@dataclass(frozen=True, slots=True)
class SignIn:
    """A browser that is signed in. `id`: 24 hex digits, for its owner to name it; `key`: of its
    session. `made`, `seen`: epoch seconds; `address`: where it was seen last; `agent`: which
    browser, in a word."""

    account: int
    id: str
    key: str
    auth_version: int
    made: int
    seen: int
    address: str
    agent: str
