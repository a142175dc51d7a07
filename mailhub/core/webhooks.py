"""Webhooks: who is told of events by HTTP, and how a request is made and signed.

Requests follow Standard Webhooks, for which many languages have libraries that verify them. When
they are sent is `core.webhook_calls`'.
"""

from __future__ import annotations

import hmac
import json
from base64 import b64decode, b64encode
from collections.abc import Sequence

from mailhub.core.ids import Ids
from mailhub.core.telling import moment, told
from mailhub.model.account import Account
from mailhub.model.change import Actor
from mailhub.model.errors import LimitReached, NotFound
from mailhub.model.event import Event, Place
from mailhub.model.web import WebRequest
from mailhub.model.webhook import Webhook
from mailhub.ports import Clock, Randomness, Storage, Web

MOST = 100
"""Webhooks of a server."""
SECRET = "whsec_"  # noqa: S105  (what a secret begins with)
SECRET_OCTETS = 32
ANSWER = 4096
"""Octets of an answer that are read; nobody looks at them."""


class Webhooks:
    """Every webhook of the server."""

    def __init__(
        self, storage: Storage, web: Web, clock: Clock, ids: Ids, randomness: Randomness
    ) -> None:
        self._storage = storage
        self._web = web
        self._clock = clock
        self._ids = ids
        self._randomness = randomness

    async def add(
        self, url: str, types: Sequence[str], account: Account | None, actor: Actor
    ) -> Webhook:
        """A new one, told of what happens from now on. `types`: of events, `*` at an end for all
        that begin so. `account`: whose events, None: everybody's.

        Raises Invalid (`url`, `type`), LimitReached.
        """
        self._web.check(url)
        if len(await self._storage.webhooks.all()) >= MOST:
            raise LimitReached(f"There are {MOST} webhooks already")
        hook = Webhook(
            id=self._ids.new(),
            types=tuple(dict.fromkeys(types)),
            url=url,
            secret=SECRET + b64encode(self._randomness.token(SECRET_OCTETS)).decode(),
            created=int(self._clock.now()),
            account=account.number if account is not None else None,
            user=account.id if account is not None else "",
        )
        return await self._storage.webhooks.add(hook, actor)

    async def all(self) -> Sequence[Webhook]:
        """In the order they were made."""
        return await self._storage.webhooks.all()

    async def get(self, id: str) -> Webhook:
        """Raises NotFound."""
        for hook in await self._storage.webhooks.all():
            if hook.id == id:
                return hook
        raise NotFound("No such webhook")

    async def remove(self, id: str, actor: Actor) -> None:
        """It is told no more. Raises NotFound."""
        await self._storage.webhooks.remove((await self.get(id)).number, actor)

    async def replay(self, id: str, behind: Place, actor: Actor) -> Webhook:
        """It is told again what came behind that place, as far as the journal still has it. Raises
        NotFound."""
        hook = await self.get(id)
        return await self._storage.webhooks.replay(hook.number, behind, actor)


def body(event: Event) -> bytes:
    """What a webhook is sent about an event, as JSON."""
    shape = {
        "id": event.place.text(),
        "type": event.type,
        "ev": event.type,  # as WildDuck calls it
        "timestamp": moment(event.at),
        "user": event.user,
        "data": told(event),
    }
    return json.dumps(shape, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")


def request(hook: Webhook, event: Event, now: float, seconds: float) -> WebRequest:
    """The signed request. Its id is the same whenever the event is told again."""
    content, id, timestamp = body(event), f"evt_{event.place.text()}", str(int(now))
    return WebRequest(
        url=hook.url,
        method="POST",
        headers=(
            ("Content-Type", "application/json"),
            ("webhook-id", id),
            ("webhook-timestamp", timestamp),
            ("webhook-signature", signature(hook.secret, id, timestamp, content)),
        ),
        body=content,
        size=ANSWER,
        cut=True,
        seconds=seconds,
    )


def signature(secret: str, id: str, timestamp: str, content: bytes) -> str:
    """`v1,` and the HMAC-SHA256 of id, time and content."""
    key = b64decode(secret.removeprefix(SECRET))
    signed = f"{id}.{timestamp}.".encode() + content
    return "v1," + b64encode(hmac.digest(key, signed, "sha256")).decode()
