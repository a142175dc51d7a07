"""Web servers that are not there: `ports.Web` that keeps what it is asked."""

from __future__ import annotations

from dataclasses import dataclass, field

from mailhub.model.errors import Unavailable
from mailhub.model.web import WebAnswer, WebRequest
from mailhub.ports import Message
from mailhub.wire.weburl import parse


@dataclass
class FakeWeb:
    """`statuses`: of the next answers, in order; 0: nobody answers. At their end it is 200."""

    statuses: list[int] = field(default_factory=list)
    asked: list[tuple[WebRequest, bytes]] = field(default_factory=list)
    body: bytes = b""

    def check(self, url: str, field: str = "url") -> None:
        parse(url, field)

    async def ask(self, request: WebRequest, message: Message | None = None) -> WebAnswer:
        self.check(request.url)
        body = request.body if message is None else await message.read(0, message.size)
        self.asked.append((request, body))
        status = self.statuses.pop(0) if self.statuses else 200
        if not status:
            raise Unavailable("Nobody answers")
        return WebAnswer(status, "text/plain", self.body, request.url)
