"""What faces stand on that show mail to applications: its parts, made once for the process."""

from __future__ import annotations

from dataclasses import dataclass

from mailhub.core.arranging import Arranging
from mailhub.core.finding import Finds
from mailhub.core.listing import Listings
from mailhub.core.messages import Messages
from mailhub.core.selected import Selections
from mailhub.core.viewing import Views
from mailhub.model.settings import ArchiveSettings
from mailhub.ports import Clock, Storage, Workers


@dataclass(frozen=True, slots=True)
class Mailroom:
    """Lists, single messages, what changes them, and the operations that IMAP has too."""

    listings: Listings
    finds: Finds
    views: Views
    arranging: Arranging
    messages: Messages


def mailroom(
    storage: Storage,
    messages: Messages,
    selections: Selections,
    clock: Clock,
    workers: Workers | None,
    authserv_id: str,
    settings: ArchiveSettings,
) -> Mailroom:
    """All of it. `workers`: None where long texts may hold others up, as in tests."""
    listings = Listings(storage, clock)
    return Mailroom(
        listings,
        Finds(storage, messages, selections, clock),
        Views(storage, listings, messages.reading, clock, workers, authserv_id),
        Arranging(storage, clock, settings),
        messages,
    )
