"""A web in memory, as `ports.Fetch`, and a shelf, as `ports.Shelf`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from mailhub.model.errors import Invalid, NotPermitted, Unavailable
from mailhub.model.web import WebAnswer, WebRequest
from mailhub.wire import weburl


class FakeFetch:
    """Answers from `{url: document}`; an exception in place of a document is raised, any other
    URL is Unavailable. `documents` may be changed at any time; `asked`: every URL, in order."""

    def __init__(self, documents: Mapping[str, Any] | None = None) -> None:
        self.documents = dict(documents or {})
        self.asked: list[str] = []

    async def get(self, url: str, *, kind: str, size: int, seconds: float) -> bytes:
        """See `ports.Fetch`."""
        self.asked.append(url)
        found = self.documents.get(url, Unavailable("Connection refused"))
        if isinstance(found, Exception):
            raise found
        document: bytes = found
        if len(document) > size:
            raise Unavailable("The answer is too long")
        return document


class FakeWeb:
    """`ports.Web` that answers as `answer` says: a status, or an exception to raise. `asked`: every
    request, in order."""

    def __init__(self, answer: Callable[[WebRequest], Any] = lambda request: 200) -> None:
        self.answer = answer
        self.asked: list[WebRequest] = []

    def check(self, url: str, field: str = "url") -> None:
        """See `ports.Web`; no address is allowed."""
        if weburl.parse(url, field).is_address:
            raise Invalid("This address is not public", field)

    async def ask(self, request: WebRequest, message: object = None) -> WebAnswer:
        """See `ports.Web`."""
        self.asked.append(request)
        found = self.answer(request)
        if isinstance(found, Exception):
            raise found
        return found if isinstance(found, WebAnswer) else WebAnswer(found, "", b"", request.url)


class NoWeb(FakeWeb):
    """Of a server that reaches nobody."""

    def __init__(self) -> None:
        super().__init__(lambda request: NotPermitted("no public address"))


class FakeShelf:
    """Keeps at once. `value`: what lies there."""

    def __init__(self, value: Any = None) -> None:
        self.value = value

    def read(self) -> Any:
        """See `ports.Shelf`."""
        return self.value

    def keep(self, value: Callable[[], Any]) -> None:
        """See `ports.Shelf`."""
        self.value = value()
