"""The /dkim calls, which tmail has as a command alone. Private keys never leave by HTTP."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from mailhub.core.signing import Keys, record, record_name
from mailhub.http.about import About
from mailhub.http.basic import BasicGuard
from mailhub.http.call import Answer, Call
from mailhub.http.routing import route
from mailhub.http.tmail import replies, shapes
from mailhub.http.tmail.hosts import HostPath
from mailhub.http.tmail.shapes import Shown
from mailhub.model.dkim import DkimKey
from mailhub.model.errors import NotFound
from mailhub.wire import zonefile


class Key(Shown):
    """A key that signs, will sign or has signed. `dns_record`: as a zone file has it."""

    selector: str
    algorithm: Literal["rsa", "ed25519"]
    state: Literal["pending", "active", "retiring", "retired", "paused"]
    pub_key: str
    dns_record: str


class KeyCalls:
    """The calls."""

    def __init__(self, keys: Keys, guard: BasicGuard) -> None:
        self._keys = keys
        self._guard = guard

    @route("GET", "/dkim/<hostname>", About(path=HostPath, answers={200: list[Key]}, errors=(404,)))
    async def all(self, call: Call) -> Answer:
        """The keys of a domain, newest first."""
        await self._guard.actor(call)
        return _answer(await self._of(call))

    @route(
        "POST",
        "/dkim/<hostname>",
        About(path=HostPath, answers={200: list[Key]}, errors=(404, 422)),
    )
    async def enable(self, call: Call) -> Answer:
        """Mail of the domain is signed; keys are made where there are none."""
        actor = await self._guard.actor(call)
        await self._of(call)
        await self._keys.enable(call.arguments["hostname"], actor)
        return _answer(await self._of(call))

    @route("DELETE", "/dkim/<hostname>", About(path=HostPath, answers={200: None}, errors=(404,)))
    async def disable(self, call: Call) -> Answer:
        """Mail of the domain is signed no more; its keys stay."""
        actor = await self._guard.actor(call)
        await self._of(call)
        await self._keys.disable(call.arguments["hostname"], actor)
        return replies.empty()

    async def _of(self, call: Call) -> Sequence[DkimKey]:
        written = call.arguments["hostname"]
        try:
            return await self._keys.all(written)
        except NotFound:
            raise replies.missing("domain", written) from None


def _answer(keys: Sequence[DkimKey]) -> Answer:
    rows = [
        Key.model_validate(
            {
                "selector": key.selector,
                "algorithm": key.algorithm,
                "state": key.state.value,
                "pub_key": key.public,
                "dns_record": zonefile.line(record_name(key), "TXT", record(key)),
            }
        )
        for key in keys
    ]
    return replies.raw_json(shapes.array(map(shapes.dumped, rows)))
