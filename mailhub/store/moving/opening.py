"""Which store the settings speak of. PostgreSQL's library is imported where one is named."""

from __future__ import annotations

from pathlib import Path

from mailhub.model.settings import Settings
from mailhub.store.moving.places import FolderPlace, Place


def place(settings: Settings) -> Place:
    """The place of the store of these settings."""
    if settings.store.database:
        from mailhub.store.moving.database import DatabasePlace

        return DatabasePlace(settings)
    return FolderPlace(Path(settings.data) / "store", settings.store.segment_size)
