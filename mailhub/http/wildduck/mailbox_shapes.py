"""Mailboxes as WildDuck spells them: parameters of its calls, and what it shows."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from mailhub.core import names
from mailhub.http.wildduck.shapes import Boolean, HexId, Number, Result, Shown, UserCall
from mailhub.model.mailbox import Mailbox

RESOLVE = "resolve"
"""What stands in place of an id where a path names the mailbox."""
PATH_LIMIT = names.DEPTH * (names.LEVEL + 1)


def _path(value: str) -> str:
    if "//" in value or value.endswith(names.SEPARATOR):
        raise PydanticCustomError("path", "must not have an empty level")
    return value


def _id(value: object) -> object:
    return value.lower() if isinstance(value, str) and value.lower() == RESOLVE else value


Path = Annotated[str, Field(min_length=1, max_length=PATH_LIMIT), AfterValidator(_path)]
Retention = Annotated[Number, Field(description="milliseconds; 0: for ever")]


class MailboxList(UserCall):
    """GET /users/{user}/mailboxes."""

    special_use: Boolean = False
    show_hidden: Boolean = False
    counters: Boolean = False
    sizes: Boolean = False


class MailboxCall(UserCall):
    """A call on one mailbox."""

    mailbox: HexId


class MailboxLook(UserCall):
    """GET /users/{user}/mailboxes/{mailbox}: by id, or by `path` where the id is `resolve`."""

    mailbox: Annotated[HexId | Literal["resolve"], BeforeValidator(_id)]
    path: Path = ""

    @model_validator(mode="after")
    def _named(self) -> MailboxLook:
        if self.mailbox == RESOLVE and not self.path:
            raise PydanticCustomError("missing_path", "A path is required to resolve")
        return self


class NewMailbox(UserCall):
    """POST /users/{user}/mailboxes."""

    path: Path
    retention: Retention | None = None
    hidden: Boolean = False


class OldMailbox(MailboxCall):
    """PUT /users/{user}/mailboxes/{mailbox}: only what is given changes."""

    path: Path | None = None
    retention: Retention | None = None
    subscribed: Boolean | None = None
    hidden: Boolean | None = None

    def changes(self) -> bool:
        """Whether anything is given that can change."""
        given = (self.path, self.retention, self.subscribed, self.hidden)
        return any(value is not None for value in given)


Asked = Annotated[int | None, Field(exclude_if=lambda value: value is None)]


class Facts(Shown):
    """What is shown of a mailbox everywhere."""

    id: str
    name: str
    path: str
    special_use: str | None
    modify_index: int
    subscribed: bool
    hidden: bool
    retention: int | Literal[False]


class Row(Facts):
    """A row of the list; counts and size are there where they are asked for."""

    total: Asked = None
    unseen: Asked = None
    size: Asked = None


class Mailboxes(Result):
    """GET /users/{user}/mailboxes."""

    results: list[Row]


class One(Facts, Result):
    """GET /users/{user}/mailboxes/{mailbox}."""

    total: int
    unseen: int
    size: int


def row(box: Mailbox, *, counters: bool, sizes: bool) -> Row:
    """A row of the list."""
    return Row(
        **_facts(box),
        total=box.messages if counters else None,
        unseen=box.unseen if counters else None,
        size=box.size if sizes else None,
    )


def one(box: Mailbox) -> One:
    """A whole mailbox."""
    return One(**_facts(box), total=box.messages, unseen=box.unseen, size=box.size)


def _facts(box: Mailbox) -> dict[str, Any]:
    return {
        "id": box.id,
        "name": box.name.rpartition(names.SEPARATOR)[2],
        "path": box.name,
        "special_use": box.special_use or None,
        "modify_index": box.highestmodseq,
        "subscribed": box.subscribed,
        "hidden": box.hidden,
        "retention": box.retention or False,
    }
