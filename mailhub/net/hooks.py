"""Reaches hooks: functions of other Python packages, and servers by HTTP.

What they are asked and what their answers mean is `model.hook`'s; what a refusal leads to, the
caller's. Whatever they do or fail to do, mail waits no longer for them than their timeout.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import entry_points
from inspect import iscoroutine
from typing import Any, Protocol
from urllib.parse import urlsplit

from treq.client import HTTPClient
from treq.content import collect
from twisted.internet.defer import Deferred, ensureDeferred
from twisted.internet.error import ConnectionDone, ConnectionLost
from twisted.web.client import Agent, HTTPConnectionPool, ResponseNeverReceived
from twisted.web.http_headers import Headers

from mailhub.model.errors import Invalid
from mailhub.model.hook import HookAction, HookAnswer, HookFacts, HookStage
from mailhub.model.settings import HookSettings
from mailhub.ports import Log

GROUP = "mailhub.hooks"
"""Entry points: functions from `HookFacts` to `HookAnswer` or None, at once or by a coroutine or
Deferred. None accepts."""
ANSWER = 16 * 1024
"""Octets of an answer that are read."""
CONNECTIONS = 8
"""Idle connections that are kept for each server."""
PENDING = 1000
"""Hooks that are told something at one time; past them nobody is told."""

Function = Callable[[HookFacts], Any]


class Hook(Protocol):
    """One hook, however it is reached. Raises whatever goes wrong."""

    def __call__(self, facts: HookFacts) -> Coroutine[Any, Any, HookAnswer]: ...


@dataclass(frozen=True, slots=True)
class _Placed:
    """A hook where the configuration puts it."""

    hook: Hook
    name: str
    settings: HookSettings


class ServerHooks:
    """`ports.Hooks` of the configuration. Raises Invalid for an entry that is not installed."""

    def __init__(
        self, settings: Sequence[HookSettings], reactor: Any, log: Log, client: HTTPClient | None
    ) -> None:
        self._reactor = reactor
        self._log = log
        self._telling = 0
        client = client or _client(reactor)
        placed = [_Placed(_hook(one, client), _name(one), one) for one in settings]
        self._stages: Mapping[HookStage, Sequence[_Placed]] = {
            stage: [one for one in placed if one.settings.stage == stage.value]
            for stage in HookStage
        }

    def has(self, stage: HookStage) -> bool:
        """See `ports.Hooks`."""
        return bool(self._stages[stage])

    async def ask(self, facts: HookFacts) -> HookAnswer:
        """See `ports.Hooks`."""
        for one in self._stages[facts.stage]:
            answer = await self._one(one, facts)
            if answer.action is not HookAction.ACCEPT:
                return answer
        return HookAnswer()

    def tell(self, facts: HookFacts) -> None:
        """See `ports.Hooks`."""
        if self._telling < PENDING:
            self._telling += 1
            ensureDeferred(self._tell(facts))

    async def _tell(self, facts: HookFacts) -> None:
        try:
            for one in self._stages[facts.stage]:
                await self._one(one, facts)
        finally:
            self._telling -= 1

    async def _one(self, one: _Placed, facts: HookFacts) -> HookAnswer:
        work: Deferred[HookAnswer] = ensureDeferred(one.hook(facts))
        work.addTimeout(one.settings.timeout, self._reactor, onTimeoutCancel=_late)
        try:
            return await work
        except Exception as error:
            self._log.event(
                "hook",
                outcome="failed",
                level="warn",
                stage=facts.stage.value,
                hook=one.name,
                error=type(error).__name__,
                reason=str(error)[:200],
            )
        later = one.settings.on_failure == "defer"
        return HookAnswer(HookAction.DEFER if later else HookAction.ACCEPT)


@dataclass(frozen=True, slots=True)
class FunctionHook:
    """A function in this process. It shares the reactor: what takes long belongs elsewhere."""

    function: Function

    async def __call__(self, facts: HookFacts) -> HookAnswer:
        """Its answer. Raises TypeError for what is none."""
        answer = self.function(facts)
        if iscoroutine(answer) or isinstance(answer, Deferred):
            answer = await answer
        if answer is None:
            return HookAnswer()
        if not isinstance(answer, HookAnswer):
            raise TypeError(f"a {type(answer).__name__} is no HookAnswer")
        return answer


@dataclass(frozen=True, slots=True)
class HTTPHook:
    """A server that is sent the facts as JSON. It answers 204, or 200 with
    `{"action": "accept" | "defer" | "reject", "text": "…"}`."""

    url: str
    client: HTTPClient

    async def __call__(self, facts: HookFacts) -> HookAnswer:
        """Its answer. Raises ValueError for what is none."""
        question = json.dumps(facts.as_json()).encode()
        try:
            response = await self._post(question)
        except ResponseNeverReceived as error:
            if not all(reason.check(ConnectionDone, ConnectionLost) for reason in error.reasons):
                raise
            # A connection that was kept may end as it is used again (RFC 9112 section 9.3.1).
            response = await self._post(question)
        body = bytearray()

        def take(piece: bytes) -> None:
            if len(body) <= ANSWER:
                body.extend(piece)

        await collect(response, take)
        if response.code == 204:
            return HookAnswer()
        if response.code != 200 or len(body) > ANSWER:
            raise ValueError(f"status {response.code}, {len(body)} octets")
        return _read(json.loads(body))

    def _post(self, question: bytes) -> Deferred[Any]:
        posting: Deferred[Any] = self.client.post(
            self.url,
            data=question,
            headers=Headers({"Content-Type": ["application/json"]}),
            allow_redirects=False,
        )
        return posting


def _late(result: object, seconds: float) -> None:
    """In place of what a hook makes of being cancelled, which says nothing to anybody."""
    raise TimeoutError(f"no answer within {seconds:g} s")


def _read(answer: Any) -> HookAnswer:
    if not isinstance(answer, dict):
        raise ValueError("the answer is no JSON object")
    text = answer.get("text", "")
    if not isinstance(text, str):
        raise ValueError("the answer's text is no text")
    return HookAnswer(HookAction(answer.get("action")), text)


def _name(settings: HookSettings) -> str:
    """As the log calls it: without what may be secret in a URL."""
    url = urlsplit(settings.url)
    return settings.entry or f"{url.scheme}://{url.netloc.rpartition('@')[2]}{url.path}"


def _hook(settings: HookSettings, client: HTTPClient) -> Hook:
    if settings.url:
        return HTTPHook(settings.url, client)
    found = entry_points(group=GROUP, name=settings.entry)
    if not found:
        raise Invalid(f"no package offers {settings.entry!r} in {GROUP}", field="hook")
    return FunctionHook(next(iter(found)).load())


def _client(reactor: Any) -> HTTPClient:
    pool: Any = HTTPConnectionPool(reactor, persistent=True)  # type: ignore[no-untyped-call]
    pool.maxPersistentPerHost = CONNECTIONS
    return HTTPClient(Agent(reactor, pool=pool))  # type: ignore[no-untyped-call]
