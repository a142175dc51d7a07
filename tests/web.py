"""A web in memory, as `ports.Fetch`, and a shelf, as `ports.Shelf`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from mailhub.model.errors import Unavailable


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
