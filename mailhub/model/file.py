"""Files that applications keep for messages still to be written, as values."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class StoredFile:
    """One file of an account. `number`: given by the store, growing; `id`: 24 hex digits; `media`:
    its type, maybe with parameters; `cid`: the Content-ID it shall have, or empty. `size`: octets.
    `created`: epoch seconds."""

    account: int
    id: str
    name: str
    media: str
    size: int
    created: int
    cid: str = ""
    number: int = 0
