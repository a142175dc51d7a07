"""Filters as WildDuck shows them: flat and nested, and in words for people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

from pydantic import Field, SerializerFunctionWrapHandler, model_serializer

from mailhub.core.telling import moment
from mailhub.http.wildduck import filter_shapes
from mailhub.http.wildduck.message_answers import Asked, Listing
from mailhub.http.wildduck.message_shapes import metadata_of
from mailhub.http.wildduck.shapes import Result, Shown
from mailhub.http.wildduck.user_answers import Room
from mailhub.model.filter import Actions, Conditions, Filter, OwnedFilter


class Sparse(Shown):
    """Shows what is set, and nothing else."""

    @model_serializer(mode="wrap")
    def _sparse(self, whole: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return {name: value for name, value in whole(self).items() if value is not None}


class QueryShown(Sparse):
    """As in `Query`."""

    from_: str | None = Field(default=None, alias="from")
    to: str | None = None
    subject: str | None = None
    list_id: str | None = None
    text: str | None = None
    ha: bool | None = None
    size: int | None = None


class ActionShown(Sparse):
    """As in `Action`."""

    seen: bool | None = None
    flag: bool | None = None
    delete: bool | None = None
    spam: bool | None = None
    mailbox: str | None = None
    targets: list[str] | None = None


class FilterShown(Sparse, Result):
    """GET /users/{user}/filters/{filter}. `target_key`: what posted messages are signed with."""

    id: str
    name: str | Literal[False]
    created: str
    disabled: bool
    query: QueryShown
    action: ActionShown
    query_from: str | None = Field(default=None, alias="query_from")
    query_to: str | None = Field(default=None, alias="query_to")
    query_subject: str | None = Field(default=None, alias="query_subject")
    query_list_id: str | None = Field(default=None, alias="query_listId")
    query_text: str | None = Field(default=None, alias="query_text")
    query_ha: bool | None = Field(default=None, alias="query_ha")
    query_size: int | None = Field(default=None, alias="query_size")
    action_seen: bool | None = Field(default=None, alias="action_seen")
    action_flag: bool | None = Field(default=None, alias="action_flag")
    action_delete: bool | None = Field(default=None, alias="action_delete")
    action_spam: bool | None = Field(default=None, alias="action_spam")
    action_mailbox: str | None = Field(default=None, alias="action_mailbox")
    action_forward: str | None = Field(default=None, alias="action_forward")
    action_target_url: str | None = Field(default=None, alias="action_targetUrl")
    target_key: str | None = None
    meta_data: dict[str, Any] | None = None


class FilterRow(Shown):
    """One filter of a list, in words for people: pairs of a key that can be translated, and what
    it is about."""

    id: str
    name: str | Literal[False]
    query: list[list[str]]
    action: list[list[str]]
    disabled: bool
    created: str
    meta_data: Annotated[dict[str, Any] | None, Asked] = None


class OwnedRow(FilterRow):
    """The same in a list of everybody's. `targets`: where mail is passed on to."""

    user: str
    targets: list[str]


class Filters(Result):
    """GET /users/{user}/filters."""

    limits: Room
    results: list[FilterRow]


class EveryFilter(Listing):
    """GET /filters."""

    results: list[OwnedRow]


class FilterMade(Result):
    """POST /users/{user}/filters."""

    id: str


def shown(one: Filter, mailboxes: Mapping[int, tuple[str, str]], key: str) -> FilterShown:
    """One filter, in both spellings. `mailboxes`: number to id and path."""
    query, fresh = {}, Conditions()
    for name, ours in filter_shapes.QUERY.items():
        value = getattr(one.conditions, ours)
        if value != getattr(fresh, ours):
            query[name] = value
    wanted = one.actions
    action: dict[str, Any] = {name: getattr(wanted, name) for name in filter_shapes.ACTION}
    action["mailbox"] = mailboxes[wanted.mailbox][0] if wanted.mailbox in mailboxes else None
    flat = {f"query_{name.rstrip('_')}": value for name, value in query.items()}
    flat |= {f"action_{name}": value for name, value in action.items()}
    flat["action_forward"] = ", ".join(wanted.forwards) or None
    flat["action_target_url"] = wanted.uploads[0] if wanted.uploads else None
    action["targets"] = [*wanted.forwards, *wanted.uploads] or None
    return FilterShown(
        id=one.id,
        name=one.name or False,
        created=moment(one.created),
        disabled=one.disabled,
        query=QueryShown(**query),
        action=ActionShown(**action),
        target_key=key if wanted.uploads else None,
        meta_data=metadata_of(one.metadata) or None,
        **flat,
    )


def row(
    one: Filter, mailboxes: Mapping[int, tuple[str, str]], *, metadata: bool = False
) -> FilterRow:
    """One filter of a list."""
    return FilterRow.model_validate(_fields(one, mailboxes, metadata))


def owned(one: OwnedFilter, *, metadata: bool = False) -> OwnedRow:
    """One filter of everybody's."""
    actions = one.filter.actions
    mailboxes = {actions.mailbox: one.mailbox} if one.mailbox[0] else {}
    fields = _fields(one.filter, mailboxes, metadata)
    return OwnedRow.model_validate(
        {**fields, "user": one.owner, "targets": [*actions.forwards, *actions.uploads]}
    )


def _fields(
    one: Filter, mailboxes: Mapping[int, tuple[str, str]], metadata: bool
) -> dict[str, object]:
    return {
        "id": one.id,
        "name": one.name or False,
        "query": _query_words(one.conditions),
        "action": _action_words(one.actions, mailboxes),
        "disabled": one.disabled,
        "created": moment(one.created),
        "meta_data": metadata_of(one.metadata) if metadata else None,
    }


def _query_words(wanted: Conditions) -> list[list[str]]:
    found = [
        [key, f"({value})"]
        for key, value in (
            ("from", wanted.sender),
            ("to", wanted.recipient),
            ("subject", wanted.subject),
            ("listId", wanted.list_id),
        )
        if value
    ]
    if wanted.text:
        found.append(["text", f'"{wanted.text}"'])
    if wanted.attachments is not None:
        found.append(["has attachment" if wanted.attachments else "no attachments"])
    if wanted.size:
        found.append(["larger" if wanted.size > 0 else "smaller", _octets(abs(wanted.size))])
    return found


def _octets(size: int) -> str:
    for unit, name in ((1 << 20, "MB"), (1 << 10, "kB")):
        if size % unit == 0:
            return f"{size // unit}{name}"
    return f"{size}B"


_DONE: Sequence[tuple[str, str, str]] = (
    ("seen", "mark as read", "do not mark as read"),
    ("flag", "flag it", "do not flag it"),
    ("spam", "mark it as spam", "do not mark it as spam"),
    ("delete", "delete it", "do not delete it"),
)


def _action_words(wanted: Actions, mailboxes: Mapping[int, tuple[str, str]]) -> list[list[str]]:
    found = []
    for name, yes, no in _DONE:
        value = getattr(wanted, name)
        if value is not None:
            found.append([yes if value else no])
    if wanted.mailbox in mailboxes:
        found.append(["move to folder", mailboxes[wanted.mailbox][1]])
    if wanted.forwards:
        found.append(["forward to", ", ".join(wanted.forwards)])
    if wanted.uploads:
        found.append(["upload to", ", ".join(wanted.uploads)])
    return found
