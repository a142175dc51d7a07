"""Settings of the store."""

from __future__ import annotations

from dataclasses import dataclass

from mailhub.model.setting import STRICT, setting


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreSettings:
    """`[store]`: where mail and accounts are kept."""

    __pydantic_config__ = STRICT

    database: str = setting(
        "",
        "PostgreSQL's address, as postgresql://mailhub@db.example/mailhub; empty: SQLite and files "
        "in the data folder",
    )
    segment_size: int = setting(256 << 20, "size at which a new segment is begun", "bytes")
    pending: int = setting(256 << 20, "message bytes waiting for a commit before 451", "bytes")
    readers: int = setting(2, "threads that read")
    spool_memory: int = setting(256 << 10, "a message grows past this: it goes to a file", "bytes")
    index_memory: int = setting(256 << 20, "cached mailbox arrays", "bytes")
    quota: int = setting(0, "default bytes of mail an account may keep; 0: no limit", "bytes")
