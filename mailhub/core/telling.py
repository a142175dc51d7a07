"""How an event is told: the one JSON shape of update streams and webhooks.

The commands are those of IMAP's untagged answers. Reads nothing and sends nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from mailhub.model.event import (
    ARRIVED,
    CREATED,
    DELETED,
    EXPUNGED,
    FLAGGED,
    RENAMED,
    Counted,
    Event,
)

COMMANDS = {
    ARRIVED: "EXISTS",
    FLAGGED: "FETCH",
    EXPUNGED: "EXPUNGE",
    CREATED: "CREATE",
    RENAMED: "RENAME",
    DELETED: "DELETE",
}


def told(event: Event) -> Mapping[str, object]:
    """The event for an application; what an event of its type does not have is left out."""
    command = COMMANDS.get(event.type)
    if command is None:
        return dict(event.detail)
    if not event.uid:
        return _mailbox(event, command)
    shape: dict[str, object] = {
        "command": command,
        "message": event.message,
        "mailbox": event.mailbox,
        "uid": event.uid,
    }
    if command != "EXPUNGE":
        shape |= {"flags": list(event.flags), "unseen": "\\Seen" not in event.flags}
    if event.thread and command == "EXISTS":
        shape |= {"thread": event.thread, "size": event.size, "idate": moment(event.date)}
    return shape


def _mailbox(event: Event, command: str) -> Mapping[str, object]:
    shape: dict[str, object] = {
        "command": command,
        "mailbox": event.mailbox,
        "name": event.path.rpartition("/")[2],
        "path": event.path,
    }
    return shape | ({"oldPath": event.old_path} if event.old_path else {})


def counters(one: Counted) -> Mapping[str, object]:
    """A mailbox's counters, which follow the events that changed them."""
    return {
        "command": "COUNTERS",
        "mailbox": one.mailbox,
        "total": one.total,
        "unseen": one.unseen,
    }


def moment(seconds: int) -> str:
    """Epoch seconds as JavaScript writes a date."""
    return datetime.fromtimestamp(seconds, UTC).isoformat()[:19] + ".000Z"
