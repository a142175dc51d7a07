"""WildDuck's calls on automatic replies: decode, one core call, encode."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, Field, WithJsonSchema
from pydantic_core import PydanticCustomError

from mailhub.core.filters import BODY, SUBJECT, Filters
from mailhub.core.rights import Resource, deletes, reads, updates
from mailhub.core.telling import moment
from mailhub.http.about import About
from mailhub.http.call import Answer, Call
from mailhub.http.routing import route
from mailhub.http.wildduck import replies, shapes
from mailhub.http.wildduck.shapes import Boolean, Trimmed
from mailhub.http.wildduck.subject import Subjects
from mailhub.model.errors import NotFound
from mailhub.model.filter import Autoreply

_DATE = "must be a valid date"


def _date(value: object) -> object:
    """Epoch seconds of an ISO 8601 time, or of milliseconds as JavaScript counts them; None for
    what clears it."""
    if value is None or value is False or value in ("", "false"):
        return None
    try:
        if isinstance(value, str) and not value.lstrip("-").isdigit():
            found = datetime.fromisoformat(value.strip())
            return int((found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp())
        if isinstance(value, (str, int, float)) and not isinstance(value, bool):
            seconds = int(value) // 1000
            datetime.fromtimestamp(seconds, UTC)
            return seconds
    except (ValueError, OverflowError, OSError):
        pass
    raise PydanticCustomError("date", _DATE)


Date = Annotated[
    int | None,
    BeforeValidator(_date),
    WithJsonSchema(
        {"anyOf": [{"type": "string", "format": "date-time"}, {"enum": ["", False, None]}]}
    ),
]


class AutoreplyChange(shapes.UserCall):
    """PUT /users/{user}/autoreply: what is not given stays as it is; empty or null clears."""

    clearable: ClassVar[frozenset[str]] = frozenset(
        {"name", "subject", "text", "html", "start", "end"}
    )

    status: Boolean | None = None
    name: Annotated[Trimmed, Field(max_length=255)] | None = None
    subject: Annotated[Trimmed, Field(max_length=SUBJECT)] | None = None
    text: Annotated[str, Field(max_length=BODY)] | None = None
    html: Annotated[str, Field(max_length=BODY)] | None = None
    start: Date = None
    end: Date = None

    def applied(self, before: Autoreply) -> Autoreply:
        """`before` with what is given."""
        names = {"start": "starts", "end": "ends"}
        given: dict[str, Any] = {
            names.get(name, name): getattr(self, name)
            for name in ("status", "name", "subject", "text", "html", "start", "end")
            if name in self.model_fields_set
        }
        if given.get("status", False) is None:
            del given["status"]
        return replace(before, **given)


class AutoreplyShown(shapes.Result):
    """GET /users/{user}/autoreply. `message`: the text, as it was called first."""

    status: bool
    name: str
    subject: str
    text: str
    html: str
    message: str
    start: str | Literal[False]
    end: str | Literal[False]


class Autoreplies:
    """The calls."""

    def __init__(self, subjects: Subjects, filters: Filters) -> None:
        self._subjects = subjects
        self._filters = filters

    @route(
        "GET",
        "/users/<user>/autoreply",
        about=About(takes=shapes.UserCall, answers={200: AutoreplyShown}),
        right=reads(Resource.AUTOREPLIES),
    )
    async def show(self, call: Call) -> Answer:
        """What is set; a status of false where nothing is."""
        account = await self._subjects.of(shapes.read(shapes.UserCall, call).user)
        found = await self._filters.autoreply(account.number)
        return replies.shown(
            AutoreplyShown(
                status=found.status,
                name=found.name,
                subject=found.subject,
                text=found.text,
                html=found.html,
                message=found.text,
                start=False if found.starts is None else moment(found.starts),
                end=False if found.ends is None else moment(found.ends),
            )
        )

    @route(
        "PUT",
        "/users/<user>/autoreply",
        about=About(takes=AutoreplyChange, answers={200: shapes.Result}),
        right=updates(Resource.AUTOREPLIES),
    )
    async def update(self, call: Call) -> Answer:
        """Changes what is given."""
        wanted = shapes.read(AutoreplyChange, call)
        account = await self._subjects.of(wanted.user)
        changed = wanted.applied(await self._filters.autoreply(account.number))
        try:
            await self._filters.set_autoreply(changed, shapes.actor(call, wanted))
        except NotFound:
            raise replies.user_not_found() from None
        return replies.shown(shapes.Result())

    @route(
        "DELETE",
        "/users/<user>/autoreply",
        about=About(takes=shapes.UserCall, answers={200: shapes.Result}),
        right=deletes(Resource.AUTOREPLIES),
    )
    async def remove(self, call: Call) -> Answer:
        """Removes it; done again it succeeds again."""
        wanted = shapes.read(shapes.UserCall, call)
        account = await self._subjects.of(wanted.user)
        await self._filters.remove_autoreply(account.number, shapes.actor(call, wanted))
        return replies.shown(shapes.Result())
