"""The store on PostgreSQL."""

from mailhub.store.postgres.store import open_store

__all__ = ["open_store"]
