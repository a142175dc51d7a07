"""What WildDuck's calls on new messages take and answer: upload, submit, forward."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema
from pydantic.alias_generators import to_camel
from pydantic_core import PydanticCustomError

from mailhub.core.composing import Relation
from mailhub.core.mailing import RECIPIENTS
from mailhub.http.wildduck.message_answers import Asked
from mailhub.http.wildduck.message_shapes import Date, MailboxMessages, Metadata, Uid, metadata_of
from mailhub.http.wildduck.shapes import Boolean, HexId, Result, Shown, Trimmed, UserCall

HEADERS = 100
"""Further header fields."""
ENCLOSED = 200
"""Attachments of one message."""
FILES = "files"
"""Where a draft's metadata name the files that it was written with."""


class Part(BaseModel):
    """The base of what parameters hold."""

    model_config = ConfigDict(alias_generator=to_camel, extra="forbid", frozen=True)


class Someone(Part):
    """An address, with a name."""

    name: Annotated[str, Field(max_length=255)] = ""
    address: Annotated[Trimmed, Field(min_length=3, max_length=512)]


class HeaderField(Part):
    """A header field of the application's own."""

    key: Annotated[Trimmed, Field(min_length=1, max_length=76)]
    value: Annotated[str, Field(max_length=100 * 1024)] = ""


class AttachedFile(Part):
    """A content. `content`: in base64, or in UTF-8 where `encoding` says so."""

    filename: Annotated[str, Field(max_length=255)] = ""
    content_type: Annotated[Trimmed, Field(max_length=255)] = ""
    encoding: Annotated[Trimmed, Field(max_length=20)] = "base64"
    content_transfer_encoding: Annotated[Trimmed, Field(max_length=20)] = ""
    content_disposition: Literal["inline", "attachment", ""] = ""
    cid: Annotated[Trimmed, Field(max_length=255)] = ""
    content: str


Ids = Annotated[
    bool | list[Annotated[str, Field(pattern=r"^ATT\d{5,}$", max_length=32)]],
    Field(union_mode="left_to_right"),
]


class ReferenceTo(Part):
    """The message that this one answers or forwards. `attachments`: those that are taken over."""

    mailbox: HexId
    id: Uid
    action: Relation
    attachments: Ids = False


class Previous(Part):
    """The message that this one replaces."""

    mailbox: HexId
    id: Uid


class EnvelopeGiven(Part):
    """Whom the message says to come from and to go to, on the way."""

    from_: Annotated[Someone | None, Field(alias="from")] = None
    to: Annotated[list[Someone], Field(max_length=RECIPIENTS)] = Field(default_factory=list)


def _headers(value: object) -> object:
    """A list of fields, or an object of them."""
    if isinstance(value, Mapping):
        pairs = []
        for name, given in value.items():
            several = given if isinstance(given, list) else [given]
            pairs += [{"key": name, "value": one} for one in several]
        return pairs
    return value


def _several(value: object) -> object:
    """One address is a list of one."""
    return [value] if isinstance(value, Mapping) else value


def _addresses(value: object) -> object:
    if isinstance(value, str):
        return [word for part in value.split(",") if (word := part.strip())]
    if not isinstance(value, list):
        raise PydanticCustomError("list_type", "must be an array")
    return value


People = Annotated[list[Someone], BeforeValidator(_several), Field(max_length=RECIPIENTS)]
FileIds = Annotated[list[HexId], Field(max_length=ENCLOSED)]
"""Of files that are kept with the user (`…/storage`)."""
Headers = Annotated[list[HeaderField], BeforeValidator(_headers), Field(max_length=HEADERS)]


class Written(UserCall):
    """A message in fields."""

    from_: Annotated[Someone | None, Field(alias="from")] = None
    reply_to: Someone | None = None
    to: People = Field(default_factory=list)
    cc: People = Field(default_factory=list)
    bcc: People = Field(default_factory=list)
    headers: Headers = Field(default_factory=list)
    subject: Annotated[str, Field(max_length=2048)] = ""
    text: Annotated[str, Field(max_length=1 << 20)] = ""
    html: Annotated[str, Field(max_length=1 << 20)] = ""
    attachments: Annotated[list[AttachedFile], Field(max_length=ENCLOSED)] = Field(
        default_factory=list
    )
    files: FileIds = Field(default_factory=list)
    reference: ReferenceTo | None = None
    meta_data: Metadata = ""

    @property
    def noted(self) -> str:
        """What is kept with the message: the application's own, and which files are in it."""
        if not self.files:
            return self.meta_data
        return json.dumps({**metadata_of(self.meta_data), FILES: self.files}, ensure_ascii=False)


class Upload(Written):
    """POST /users/{user}/mailboxes/{mailbox}/messages. `raw`: a whole message in base64, which is
    stored as it is; then the other fields say nothing."""

    mailbox: HexId
    raw: str = ""
    date: Date | None = None
    unseen: Boolean = False
    flagged: Boolean = False
    draft: Boolean = False
    replace_previous: Previous | None = None


class Submission(Written):
    """POST /users/{user}/submit. `mailbox`: for the copy. `is_draft`, `upload_only`: it is stored
    and not sent."""

    mailbox: HexId | None = None
    envelope: EnvelopeGiven | None = None
    send_time: Date | None = None
    is_draft: Boolean = False
    upload_only: Boolean = False
    delete_files: Boolean = False


class DraftSubmission(MailboxMessages):
    """POST …/messages/{message}/submit. `delete_files`: those that the draft was written with are
    kept no more."""

    message: Uid
    envelope: EnvelopeGiven | None = None
    send_time: Date | None = None
    delete_files: Boolean = False


Targets = Annotated[
    list[Annotated[Trimmed, Field(min_length=3, max_length=512)]],
    BeforeValidator(_addresses),
    Field(max_length=100),
    WithJsonSchema({"type": "array", "items": {"type": "string"}, "maxItems": 100}),
]


class Forwarding(MailboxMessages):
    """POST …/messages/{message}/forward. `target`: which of the user's own targets, from 1 on."""

    message: Uid
    target: Annotated[int | None, Field(ge=1, le=1000)] = None
    addresses: Targets = Field(default_factory=list)


# -- answers


class StoredAt(Shown):
    """Where a message was stored."""

    id: int | Literal[False]
    mailbox: str | Literal[False]
    size: Annotated[int | None, Asked] = None
    queue_id: Annotated[str | None, Asked] = None


class Uploaded(Result):
    """Of an upload. `previous_deleted`: the message to be replaced is gone."""

    message: StoredAt
    previous_deleted: Annotated[bool | None, Asked] = None


class Submitted(Result):
    """Of a submission. `over_quota`: no copy was kept, as there is no room."""

    message: StoredAt
    over_quota: Annotated[bool | None, Asked] = None


class DraftSubmitted(Submitted):
    """Of a draft that was sent."""

    queue_id: str


class Passed(Shown):
    """One address that a message goes on to."""

    seq: str
    type: Literal["mail"] = "mail"
    value: str


class Forwarded(Result):
    """Of a message that was passed on."""

    queue_id: str
    forwarded: Sequence[Passed]


def given(model: Written) -> dict[str, Any]:
    """The simple fields of a message, for `core.composing.Draft`."""
    return {"subject": model.subject, "text": model.text, "html": model.html}
