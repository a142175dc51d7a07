"""tmail's queued messages: one for each recipient, as JSON. Pure."""

from __future__ import annotations

from datetime import UTC, datetime
from enum import IntEnum

from pydantic import AwareDatetime

from mailhub.http.tmail.shapes import Shown
from mailhub.model.queue import QueueEntry

NEVER = datetime.min.replace(tzinfo=UTC)
"""The zero of Go's clock, which tmail has where there is no time."""


class Status(IntEnum):
    """What tmail's numbers mean. mailhub discards and bounces at once, so nothing waits for it."""

    IN_PROGRESS = 0
    TO_BE_DISCARDED = 1
    SCHEDULED = 2
    TO_BE_BOUNCED = 3


class QueuedMessage(Shown):
    """A queued message for one recipient. All recipients of a message have its `uuid`, each has a
    `key` of its own; `message_id` is without angle brackets. All times are UTC."""

    id: int
    uuid: str
    key: str
    mail_from: str
    auth_user: str
    rcpt_to: str
    message_id: str
    host: str
    last_update: AwareDatetime
    added_at: AwareDatetime
    next_delivery_scheduled_at: AwareDatetime
    status: Status
    delivery_failed_count: int


def shown(entry: QueueEntry, user: str, in_progress: bool) -> QueuedMessage:
    """`user`: the name of who submitted it; `in_progress`: it is being tried. One that is held
    back has no next time."""
    sender = entry.sender
    return QueuedMessage(
        id=entry.number,
        uuid=sender.transaction,
        key=f"{sender.transaction}{entry.number:08x}",
        mail_from=sender.address,
        auth_user=user,
        rcpt_to=entry.recipient,
        message_id=sender.message_id.removeprefix("<").removesuffix(">"),
        host=entry.recipient.rpartition("@")[2],
        last_update=_time(entry.tried or entry.created),
        added_at=_time(entry.created),
        next_delivery_scheduled_at=NEVER if entry.held else _time(entry.due),
        status=Status.IN_PROGRESS if in_progress else Status.SCHEDULED,
        delivery_failed_count=entry.attempts,
    )


def _time(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
