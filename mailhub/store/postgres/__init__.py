"""The store on PostgreSQL."""

from mailhub.store.postgres.roll import Own
from mailhub.store.postgres.store import open_store

__all__ = ["Own", "open_store"]
