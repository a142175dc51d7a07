"""What is wrong with the settings of several processes that act as one server."""

from __future__ import annotations

from mailhub.model.settings import Settings


def faults(settings: Settings) -> list[tuple[tuple[str | int, ...], str]]:
    """Where, and what. Processes with a store each would give every client another server."""
    if not settings.node.share_ports:
        return []
    found = []
    for missing, what in (
        (settings.store.database, "store.database"),
        (settings.redis.url or settings.redis.sentinels, "redis.url"),
    ):
        if not missing:
            text = f"node.share_ports: only for processes of one store: {what} is missing"
            found.append((("node", "share_ports"), text))
    return [(tuple(where), text) for where, text in found]
