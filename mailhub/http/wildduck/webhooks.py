"""WildDuck's /webhooks calls: decode, one core call, encode."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from mailhub.core.rights import Resource, creates, deletes, reads
from mailhub.core.telling import moment
from mailhub.core.webhooks import Webhooks as CoreWebhooks
from mailhub.http.about import About
from mailhub.http.call import Answer, Call
from mailhub.http.routing import route
from mailhub.http.wildduck import paging, replies, shapes
from mailhub.http.wildduck.subject import Subjects
from mailhub.model.errors import NotFound
from mailhub.model.webhook import TYPES_LIMIT, Webhook

Types = Annotated[shapes.TagWords, Field(min_length=1, max_length=TYPES_LIMIT)]


class WebhookList(shapes.Page):
    """`type`: only those that are told of such events; `user`: only those of one user."""

    type: Annotated[str, Field(max_length=128)] = ""
    user: shapes.HexId | None = None


class NewWebhook(shapes.Parameters):
    """`type`: of events, an array or words with commas; `*` at an end stands for any. `user`: whose
    events; without it everybody's."""

    type: Types
    url: Annotated[shapes.Trimmed, Field(min_length=1, max_length=2048)]
    user: shapes.HexId | None = None


class WebhookCall(shapes.Parameters):
    """A call on one webhook."""

    webhook: shapes.HexId


class Shown(shapes.Shown):
    """A webhook. `last_event`: the id of the last event it was told. `failure`: what goes wrong at
    present, false for nothing."""

    id: str
    type: list[str]
    user: str | None
    url: str
    created: str
    last_event: str
    failure: str | bool


class Listed(shapes.Result):
    """Webhooks in the order they were made."""

    total: int
    page: int
    previous_cursor: str | bool
    next_cursor: str | bool
    results: list[Shown]


class Made(shapes.Result):
    """`secret`: what its requests are signed with; shown here and never again."""

    id: str
    secret: str


class Webhooks:
    """The calls."""

    def __init__(self, subjects: Subjects, webhooks: CoreWebhooks) -> None:
        self._subjects = subjects
        self._webhooks = webhooks

    @route(
        "GET",
        "/webhooks",
        about=About(takes=WebhookList, answers={200: Listed}),
        right=reads(Resource.WEBHOOKS),
    )
    async def page(self, call: Call) -> Answer:
        """Who is told of events."""
        wanted = shapes.read(WebhookList, call)
        where = paging.span(wanted)
        hooks = [hook for hook in await self._webhooks.all() if _matches(hook, wanted)]
        if where.before:
            rows = [hook for hook in hooks if hook.number < where.before][-wanted.limit - 1 :]
        else:
            rows = [hook for hook in hooks if hook.number > where.after][: wanted.limit + 1]
        shown, frame = paging.listed(wanted, where, rows, len(hooks))
        listed = {"results": [_shown(hook) for hook in shown], **frame}
        return replies.shown(Listed.model_validate(listed))

    @route(
        "POST",
        "/webhooks",
        about=About(takes=NewWebhook, answers={200: Made}),
        right=creates(Resource.WEBHOOKS),
    )
    async def create(self, call: Call) -> Answer:
        """One more is told."""
        wanted = shapes.read(NewWebhook, call)
        account = await self._subjects.of(wanted.user) if wanted.user else None
        made = await self._webhooks.add(
            wanted.url, wanted.type, account, shapes.actor(call, wanted)
        )
        return replies.shown(Made(id=made.id, secret=made.secret))

    @route(
        "DELETE",
        "/webhooks/<webhook>",
        about=About(takes=WebhookCall, answers={200: shapes.Result}),
        right=deletes(Resource.WEBHOOKS),
    )
    async def remove(self, call: Call) -> Answer:
        """One is told no more."""
        wanted = shapes.read(WebhookCall, call)
        try:
            await self._webhooks.remove(wanted.webhook, shapes.actor(call, wanted))
        except NotFound:
            text = "Invalid or unknown webhook identifier"
            raise replies.Refusal(404, "WebhookNotFound", text) from None
        return replies.shown(shapes.Result())


def _matches(hook: Webhook, wanted: WebhookList) -> bool:
    if wanted.user and hook.user != wanted.user:
        return False
    return not wanted.type or any(type in (wanted.type, "*") for type in hook.types)


def _shown(hook: Webhook) -> Shown:
    return Shown(
        id=hook.id,
        type=list(hook.types),
        user=hook.user or None,
        url=hook.url,
        created=moment(hook.created),
        last_event=hook.place.text(),
        failure=hook.failure or False,
    )
