"""What every HTTP listener answers under `/.well-known`, to whoever asks: no API, no secrets."""

from __future__ import annotations

import re
from collections.abc import Iterable

from mailhub.core.certificates import Certificates
from mailhub.http.call import Answer, Call
from mailhub.http.routing import MethodNotAllowed, Route, route, routes_of
from mailhub.model.errors import MailhubError, NotFound, Unavailable

TEXT = "text/plain; charset=utf-8"
_TOKEN = re.compile(r"[A-Za-z0-9_-]{1,512}")


class WellKnown:
    """The dialect of these paths."""

    name = "well-known"

    def __init__(self, certificates: Certificates) -> None:
        self._certificates = certificates

    def routes(self) -> Iterable[Route]:
        """Those below."""
        return routes_of(self)

    @route("GET", "/acme-challenge/<token>")
    async def challenge(self, call: Call) -> Answer:
        """Proves to an authority that this name leads here (RFC 8555 8.3)."""
        token = call.arguments["token"]
        content = None
        if _TOKEN.fullmatch(token) is not None:
            content = await self._certificates.answer(token)
        if content is None:
            raise NotFound("No such challenge")
        return Answer(200, content.encode(), "application/octet-stream")

    def failure(self, error: MailhubError | None) -> Answer:
        """Words, for who reads them in a browser."""
        status = 500
        if isinstance(error, MethodNotAllowed):
            status = 405
        elif isinstance(error, NotFound):
            status = 404
        elif isinstance(error, Unavailable):
            status = 503
        text = error.text if error is not None else "Internal failure"
        return Answer(status, f"{text}\n".encode(), TEXT)
