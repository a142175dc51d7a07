"""Filters as WildDuck spells them: flat names of its first years, nested ones since, both ways."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated, Any, ClassVar, TypeVar

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
)
from pydantic.alias_generators import to_camel

from mailhub.http.wildduck.message_shapes import Metadata
from mailhub.http.wildduck.shapes import (
    Boolean,
    FieldErrors,
    HexId,
    Page,
    Signed,
    TagWords,
    Trimmed,
    UserCall,
)
from mailhub.model.errors import Invalid
from mailhub.model.filter import Actions, Conditions

Values = TypeVar("Values", Conditions, Actions)


def _cleared(value: object) -> object:
    """An empty text clears, as null does."""
    return None if value == "" else value


Clears = BeforeValidator(_cleared)
Text = Annotated[Annotated[Trimmed, Field(max_length=255)] | None, Clears]
Flag = Annotated[Boolean | None, Clears]
Size = Annotated[Signed | None, Clears]
Id = Annotated[HexId | None, Clears]
Words = Annotated[TagWords | None, Clears]


class Query(BaseModel):
    """Conditions. `ha`: with (true) or without attachments; `size`: larger than, or, negative,
    smaller than."""

    model_config = ConfigDict(alias_generator=to_camel, extra="forbid", frozen=True)

    from_: Text = Field(default=None, alias="from")
    to: Text = None
    subject: Text = None
    list_id: Text = None
    text: Text = None
    ha: Flag = None
    size: Size = None


class Action(BaseModel):
    """What is done. `targets`: addresses that the message goes on to, URLs that it is posted to."""

    model_config = ConfigDict(alias_generator=to_camel, extra="forbid", frozen=True)

    seen: Flag = None
    flag: Flag = None
    delete: Flag = None
    spam: Flag = None
    mailbox: Id = None
    targets: Words = None


QUERY = {
    "from_": "sender",
    "to": "recipient",
    "subject": "subject",
    "list_id": "list_id",
    "text": "text",
    "ha": "attachments",
    "size": "size",
}
_FLAT_QUERY = {f"query_{name.rstrip('_')}": ours for name, ours in QUERY.items()}
ACTION = {name: name for name in ("seen", "flag", "delete", "spam")}
_FLAT_ACTION = {f"action_{name}": name for name in ACTION}
_FIELDS = {
    **{ours: alias for alias, ours in _FLAT_QUERY.items()},
    "list_id": "query_listId",
    "forwards": "action_forward",
    "uploads": "action_targetUrl",
}
"""What our fields are called, where one is at fault."""


class FilterChange(UserCall):
    """What can be set, on a new filter and on an old one; what is not given stays as it is."""

    clearable: ClassVar[frozenset[str]] = frozenset(
        {
            *(name for name in _FLAT_QUERY if name != "query_list_id"),
            *_FLAT_ACTION,
            *("name", "query_listId", "action_mailbox", "action_forward", "action_targetUrl"),
            *("query", "action", "disabled", "metaData"),
        }
    )

    name: Text = None
    query: Annotated[Query | None, Clears] = None
    action: Annotated[Action | None, Clears] = None
    disabled: Flag = None
    meta_data: Metadata | None = None
    query_from: Text = Field(default=None, alias="query_from")
    query_to: Text = Field(default=None, alias="query_to")
    query_subject: Text = Field(default=None, alias="query_subject")
    query_list_id: Text = Field(default=None, alias="query_listId")
    query_text: Text = Field(default=None, alias="query_text")
    query_ha: Flag = Field(default=None, alias="query_ha")
    query_size: Size = Field(default=None, alias="query_size")
    action_seen: Flag = Field(default=None, alias="action_seen")
    action_flag: Flag = Field(default=None, alias="action_flag")
    action_delete: Flag = Field(default=None, alias="action_delete")
    action_spam: Flag = Field(default=None, alias="action_spam")
    action_mailbox: Id = Field(default=None, alias="action_mailbox")
    action_forward: Text = Field(default=None, alias="action_forward")
    action_target_url: Annotated[Annotated[Trimmed, Field(max_length=2048)] | None, Clears] = Field(
        default=None, alias="action_targetUrl"
    )

    @property
    def changes(self) -> bool:
        """Whether anything is given that can change."""
        return bool(self.model_fields_set - {"user", "filter", "sess", "ip"})

    def conditions(self, before: Conditions) -> Conditions:
        """`before` with what is given."""
        given = {**_given(self, _FLAT_QUERY), **_given(self.query, QUERY)}
        return _applied(before, given)

    @property
    def mailbox(self) -> str | None:
        """The id of a mailbox that is given; empty: none shall be, None: it stays."""
        for shape, name in ((self.action, "mailbox"), (self, "action_mailbox")):
            if shape is not None and name in shape.model_fields_set:
                return getattr(shape, name) or ""
        return None

    def actions(self, before: Actions, mailbox: int | None) -> Actions:
        """`before` with what is given. `mailbox`: its number, 0 for none, None: it stays."""
        given = {**_given(self, _FLAT_ACTION), **_given(self.action, ACTION)}
        if mailbox is not None:
            given["mailbox"] = mailbox
        if "action_forward" in self.model_fields_set:
            given["forwards"] = _words(self.action_forward)
        if "action_target_url" in self.model_fields_set:
            url = self.action_target_url
            given["uploads"] = (url,) if url else ()
        if self.action is not None and "targets" in self.action.model_fields_set:
            targets = self.action.targets or ()
            given["forwards"] = tuple(one for one in targets if "://" not in one)
            given["uploads"] = tuple(one for one in targets if "://" in one)
        return _applied(before, given)


class NewFilter(FilterChange):
    """POST /users/{user}/filters. `filter`: WildDuck's document asks for it; there is none yet."""

    filter: Id = None


class FilterList(UserCall):
    """GET /users/{user}/filters. `meta_data`: with what applications keep."""

    meta_data: Boolean = False


class AllFilters(Page):
    """GET /filters. `forward`: part of an address or a URL that mail is passed on to."""

    forward: Annotated[Trimmed, Field(max_length=255)] = ""
    meta_data: Boolean = False


class FilterCall(UserCall):
    """A call on one filter."""

    filter: HexId


class OldFilter(FilterChange):
    """PUT /users/{user}/filters/{filter}."""

    filter: HexId


def _given(shape: BaseModel | None, names: Mapping[str, str]) -> dict[str, Any]:
    if shape is None:
        return {}
    return {ours: getattr(shape, name) for name, ours in names.items() if name in _set(shape)}


def _set(shape: BaseModel) -> set[str]:
    return shape.model_fields_set


def _applied(before: Values, given: Mapping[str, Any]) -> Values:
    fresh = type(before)()
    values = {
        name: getattr(fresh, name) if value is None else value for name, value in given.items()
    }
    return replace(before, **values)


def _words(text: str | None) -> tuple[str, ...]:
    return tuple(word for part in (text or "").split(",") if (word := part.strip()))


def spelled(error: Invalid) -> Invalid:
    """The error with the field as clients know it."""
    if error.field not in _FIELDS:
        return error
    name = _FIELDS[error.field]
    return FieldErrors({name: f'"{name}": {error.text}'})
