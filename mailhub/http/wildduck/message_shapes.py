"""What WildDuck's message calls take: ranges of UIDs, dates, what to change."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, WithJsonSchema
from pydantic_core import PydanticCustomError

from mailhub.http.wildduck.shapes import Boolean, HexId, Page, UserCall
from mailhub.model.listing import Heads, Showing
from mailhub.model.uids import MAX_UID, UidSet

RANGE = 8192
"""Characters of a range."""
METADATA = 64 * 1024
"""Characters of what an application keeps with a message."""
HEADERS = 50
"""Header fields that a list shows."""
_UID = re.compile(r"[1-9][0-9]{0,9}")
_PART = re.compile(r"([1-9][0-9]{0,9})(?::([1-9][0-9]{0,9}|\*))?")
_FIELD = re.compile(r"[!-9;-~]{1,100}")
_LAST_SECOND = 253_402_300_799
"""The end of the year 9999."""


def uids(text: str) -> UidSet:
    """`5`, `1,2`, `3:9`, `3:*`. Raises ValueError."""
    ranges: list[tuple[int, int]] = []
    for part in text.split(","):
        found = _PART.fullmatch(part.strip())
        if found is None:
            raise ValueError
        low = int(found[1])
        high = MAX_UID if found[2] == "*" else int(found[2] or low)
        if max(low, high if found[2] != "*" else 0) > MAX_UID:
            raise ValueError
        ranges.append((low, high))
    return UidSet.of(ranges)


def _uid(value: object) -> object:
    text = str(value) if isinstance(value, (str, int)) and not isinstance(value, bool) else ""
    if not _UID.fullmatch(text) or int(text) > MAX_UID:
        raise PydanticCustomError("number", "must be a positive number")
    return int(text)


def _uids(value: object) -> object:
    text = str(value) if isinstance(value, (str, int)) and not isinstance(value, bool) else ""
    try:
        if len(text) > RANGE:
            raise ValueError
        uids(text)
    except ValueError:
        raise PydanticCustomError("range", "fails to match the required pattern") from None
    return text


def _order(value: object) -> object:
    if value not in ("asc", "desc", "any"):
        raise PydanticCustomError("order", "must be one of [asc, desc]")
    return "desc" if value == "any" else value


def _date(value: object) -> object:
    """Epoch seconds of an ISO date or of a JavaScript timestamp."""
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        raise PydanticCustomError("date", "must be a valid date")
    text = str(value).strip()
    try:
        if re.fullmatch(r"[0-9]{1,16}(\.[0-9]{1,9})?", text):
            seconds = float(text) / 1000
        else:
            found = datetime.fromisoformat(text)
            seconds = (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        seconds = -1.0
    if not 0 < seconds <= _LAST_SECOND:
        raise PydanticCustomError("date", "must be a valid date")
    return max(1, int(seconds))


def _end(value: object) -> object:
    """A date, or false for none: 0."""
    if value is False or (isinstance(value, str) and value.lower() in {"false", "no", "n", "off"}):
        return 0
    return _date(value)


def _metadata(value: object) -> object:
    """JSON text of an object, given as one or as its text; empty for false or null."""
    if value in (None, False, "", "false"):
        return ""
    try:
        read = json.loads(value) if isinstance(value, str) else value
        if not isinstance(read, dict):
            raise ValueError
        text = json.dumps(read, ensure_ascii=False, separators=(",", ":"))
    except (ValueError, TypeError, RecursionError):
        raise PydanticCustomError("object", "must be a valid JSON object") from None
    if len(text) > METADATA:
        raise PydanticCustomError(
            "long",
            "length must be less than or equal to {limit} characters long",
            {"limit": METADATA},
        )
    return text


def _fields(value: object) -> object:
    if isinstance(value, str):
        value = [word for part in value.split(",") if (word := part.strip())]
    if not isinstance(value, list) or not all(
        isinstance(one, str) and _FIELD.fullmatch(one) for one in value
    ):
        raise PydanticCustomError("fields", "must be names of header fields")
    return [one.lower() for one in value][:HEADERS]


Uid = Annotated[
    int,
    BeforeValidator(_uid),
    WithJsonSchema({"type": "integer", "minimum": 1, "maximum": MAX_UID}),
]
UidRange = Annotated[
    str,
    BeforeValidator(_uids),
    WithJsonSchema({"type": "string", "pattern": r"^[1-9][0-9]{0,8}(:([1-9][0-9]{0,8}|\*))?$"}),
]
Order = Annotated[
    Literal["asc", "desc"],
    BeforeValidator(_order),
    WithJsonSchema({"type": "string", "enum": ["asc", "desc"]}),
]
Date = Annotated[
    int, BeforeValidator(_date), WithJsonSchema({"type": "string", "format": "date-time"})
]
End = Annotated[
    int,
    BeforeValidator(_end),
    WithJsonSchema({"anyOf": [{"type": "string", "format": "date-time"}, {"const": False}]}),
]
Metadata = Annotated[
    str, BeforeValidator(_metadata), WithJsonSchema({"anyOf": [{"type": "object"}, {"const": ""}]})
]
Fields = Annotated[
    list[str], BeforeValidator(_fields), WithJsonSchema({"type": "string", "maxLength": 1024})
]


class MessagePage(Page):
    """What all lists of messages take. `include_headers`: names, separated by commas."""

    user: HexId
    order: Order = "desc"
    thread_counters: Boolean = False
    meta_data: Boolean = False
    include_headers: Fields = Field(default_factory=list)


class MessageList(MessagePage):
    """GET /users/{user}/mailboxes/{mailbox}/messages."""

    mailbox: HexId
    unseen: Boolean = False
    collapse_threads: Boolean = False

    @property
    def showing(self) -> Showing:
        """What the list shows."""
        heads = heads_of(self.collapse_threads, self.order)
        return Showing(self.unseen, heads, self.thread_counters, self.meta_data)


def heads_of(collapsed: bool, order: str) -> Heads:
    """Of each thread, where they are collapsed, the first message that the list's order comes to;
    whichever way it is walked."""
    if not collapsed:
        return Heads.ALL
    return Heads.NEWEST if order == "desc" else Heads.OLDEST


class MailboxMessages(UserCall):
    """A call on a mailbox's messages."""

    mailbox: HexId


class MessageCall(MailboxMessages):
    """A call on one message."""

    message: Uid


class MessageDetail(MessageCall):
    """GET /users/{user}/mailboxes/{mailbox}/messages/{message}."""

    mark_as_seen: Boolean = False
    replace_cid_links: Boolean = False


class AttachmentCall(MessageCall):
    """GET …/attachments/{attachment}."""

    attachment: Annotated[str, Field(pattern=r"^ATT\d{5,}$", max_length=32)]


class MessageUpdate(MailboxMessages):
    """PUT …/messages/{message}, or with the messages in the body."""

    message: UidRange
    move_to: HexId | None = None
    seen: Boolean | None = None
    flagged: Boolean | None = None
    draft: Boolean | None = None
    deleted: Boolean | None = None
    expires: End | None = None
    meta_data: Metadata | None = None

    @property
    def changes(self) -> bool:
        """Whether anything is to be done."""
        return bool(
            self.model_fields_set
            & {"move_to", "seen", "flagged", "draft", "deleted", "expires", "meta_data"}
        )


class MessageRemoval(MailboxMessages):
    """DELETE …/messages/{message}: one, or a range."""

    message: UidRange


class AllRemoval(MailboxMessages):
    """DELETE …/messages. `skip_archive`: nothing can be had back."""

    # `async` is taken for WildDuck's clients: the answer comes when all is done in any case.
    run_async: Annotated[Boolean, Field(alias="async")] = False
    skip_archive: Boolean = False


class ArchivedCall(UserCall):
    """A call on one deleted message."""

    message: HexId


class ArchivedDetail(ArchivedCall):
    """GET /users/{user}/archived/{message}."""

    replace_cid_links: Boolean = False


class ArchivedAttachment(ArchivedCall):
    """GET …/archived/{message}/attachments/{attachment}."""

    attachment: Annotated[str, Field(pattern=r"^ATT\d{5,}$", max_length=32)]


class Restoring(ArchivedCall):
    """POST …/archived/{message}/restore."""

    mailbox: HexId | None = None


class RestoringAll(UserCall):
    """POST …/archived/restore: what was deleted between two moments."""

    start: Date
    end: Date


def metadata_of(text: str) -> dict[str, Any]:
    """What an application keeps, read back."""
    try:
        found = json.loads(text) if text else {}
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
