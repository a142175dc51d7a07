"""The call that hands out a dialect's description, which takes a third of a second to make.

It is made when it is first asked for, beside the reactor, and kept: whoever reaches the server may
ask for it, and nobody shall be held up by that.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Iterable

from twisted.internet.defer import DeferredLock

from mailhub.http import openapi
from mailhub.http.call import Answer, Call
from mailhub.http.routing import Route

PATH = "/openapi.json"
Aside = Callable[[Callable[[], bytes]], Awaitable[bytes]]
"""Does work that takes long where it holds nobody up."""
_SERVER = "https://server.invalid/"


class Described:
    """One dialect's description. `routes`: asked for once, in the thread that `aside` has."""

    def __init__(
        self, what: openapi.Description, routes: Callable[[], Iterable[Route]], aside: Aside
    ) -> None:
        self._what = what
        self._routes = routes
        self._aside = aside
        self._lock = DeferredLock()
        self._made = b""

    async def answer(self, call: Call) -> Answer:
        """The description, with the address under which it was asked for."""
        if not self._made:
            await self._lock.acquire()
            try:
                if not self._made:
                    self._made = await self._aside(self._make)
            finally:
                self._lock.release()
        server = json.dumps(call.path.removesuffix(PATH) or "/").encode()
        return Answer(200, self._made.replace(json.dumps(_SERVER).encode(), server, 1))

    def _make(self) -> bytes:
        whole = openapi.document(self._what, self._routes(), _SERVER)
        return json.dumps(whole, ensure_ascii=False, separators=(",", ":")).encode()


async def at_once(work: Callable[[], bytes]) -> bytes:
    """For who has nobody to hold up, as tests."""
    return work()
