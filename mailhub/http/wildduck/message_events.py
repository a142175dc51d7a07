"""What became of a message, in WildDuck's words: rows of the journal as events."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Annotated, Any

from pydantic import Field

from mailhub.core.vouching import Trace
from mailhub.http.wildduck.message_answers import Asked, moment
from mailhub.http.wildduck.shapes import Result, Shown
from mailhub.model.change import JournalEntry

SOURCES = {"smtp": "MX", "lmtp": "LMTP", "submission": "SUBMIT", "http": "API", "imap": "IMAP"}
ACTIONS = {"delivered": "ACCEPTED", "deferred": "DEFERRED", "failed": "REJECTED"}


class EventShown(Shown):
    """Something that happened to a message."""

    id: str
    seq: Annotated[str | None, Asked] = None
    action: str
    source: Annotated[str | None, Asked] = None
    origin: Annotated[str | None, Asked] = None
    src: Annotated[str | None, Asked] = None
    dst: Annotated[str | None, Asked] = None
    response: Annotated[str | None, Asked] = None
    from_: Annotated[str, Field(alias="from")]
    to: list[str]
    transtype: Annotated[str | None, Asked] = None
    time: str


class Events(Result):
    """All of them, by time. `id`: the message's own, which it keeps in all mailboxes."""

    id: str
    events: list[EventShown]


def shown(entries: Sequence[JournalEntry], trace: Trace) -> list[EventShown]:
    """The events by time; `trace`: of the message itself."""
    events: list[EventShown] = []
    places: dict[int, str] = {}
    targets: dict[int, str] = {}
    details = [_detail(entry) for entry in entries]
    for detail in details:
        for place, number in enumerate(detail.get("entries", ()), start=1):
            places.setdefault(number, f"{place:03d}")
        if "recipient" in detail:
            targets[detail["entry"]] = detail["recipient"]
    for entry, detail in zip(entries, details, strict=True):
        if entry.kind == "arrived":
            events.append(_stored(entry, detail, trace))
        elif entry.kind == "queued":
            to = [targets[one] for one in detail.get("entries", ()) if one in targets]
            events.append(
                EventShown(
                    id=str(detail.get("transaction", "")),
                    action="FORWARD" if entry.account is None else "QUEUED",
                    from_=trace.sender,
                    to=to,
                    time=moment(entry.at),
                )
            )
        elif entry.kind in ACTIONS or entry.kind == "discarded":
            events.append(_tried(entry, detail, places))
    return events


def targets(entries: Sequence[JournalEntry]) -> list[str]:
    """Where the message was passed on to, as far as it was tried."""
    found = [
        detail["recipient"]
        for entry in entries
        if entry.kind in ACTIONS and (detail := _detail(entry)).get("recipient")
    ]
    return list(dict.fromkeys(found))


def _detail(entry: JournalEntry) -> dict[str, Any]:
    found = json.loads(entry.detail) if entry.detail else {}
    return found if isinstance(found, dict) else {}


def _stored(entry: JournalEntry, detail: dict[str, Any], trace: Trace) -> EventShown:
    service, _, origin = entry.actor.source.partition(" ")
    return EventShown(
        id=str(detail.get("transaction") or entry.number),
        action="STORE",
        source=SOURCES.get(service, service.upper() or "API"),
        origin=origin or None,
        from_=trace.sender,
        to=list(trace.recipients),
        transtype=trace.protocol or None,
        time=moment(entry.at),
    )


def _tried(entry: JournalEntry, detail: dict[str, Any], places: dict[int, str]) -> EventShown:
    """One try: what the other server said, word for word."""
    return EventShown(
        id=str(detail.get("transaction", "")),
        seq=places.get(int(detail.get("entry", 0))),
        action=ACTIONS.get(entry.kind, "DISCARDED"),
        src=str(detail.get("source") or "") or None,
        dst=str(detail.get("remote") or "") or None,
        response=str(detail.get("reply") or detail.get("status") or ""),
        from_=str(detail.get("sender", "")),
        to=[str(detail.get("recipient", ""))],
        time=moment(int(detail.get("at") or entry.at)),
    )
