"""`ports.Resolver` over recursive resolvers: caches, shares, retries, and never does too much.

The packets are `codec`'s, the sockets `carry`'s, the servers' order `servers`'. May not walk the
DNS from its root, nor validate signatures: that is what the resolvers behind it are for.
"""

from __future__ import annotations

from collections import deque
from typing import Any

from twisted.internet.defer import CancelledError, Deferred, TimeoutError, fail, succeed
from twisted.python.failure import Failure

from mailhub.model.dns import DNSAnswer
from mailhub.model.errors import Invalid, NotFound, Unavailable
from mailhub.model.settings import ResolverSettings
from mailhub.net.resolver.cache import Cache, Key
from mailhub.net.resolver.carry import Unanswered, carry
from mailhub.net.resolver.codec import (
    LONGEST_TTL,
    Question,
    Refused,
    Verdict,
    decode,
    known,
    not_there,
)
from mailhub.net.resolver.servers import Server, Servers
from mailhub.ports import Log, Randomness
from mailhub.wire.dnsname import query_name

WAITING = 20_000
"""Questions that wait for a socket; more are Unavailable at once."""
FAILURE_TTL = 5.0
"""Seconds for which a question without an answer is not asked again (RFC 9520 3.2)."""

Outcome = DNSAnswer | Unavailable | None


class StubResolver:
    """Answers from a cache, else asks. `servers`: for tests, else from `settings`."""

    def __init__(
        self,
        settings: ResolverSettings,
        reactor: Any,
        randomness: Randomness,
        log: Log,
        servers: Servers | None = None,
    ) -> None:
        self._settings = settings
        self._reactor = reactor
        self._randomness = randomness
        self._log = log
        self._servers = servers or Servers(settings, reactor.seconds, self._changed)
        self._cache = Cache(settings.cache, reactor.seconds)
        self._shared: dict[Key, list[Deferred[DNSAnswer]]] = {}
        self._work: dict[Key, Deferred[Any]] = {}
        self._free = max(1, settings.sockets)
        self._waiting: deque[Deferred[None]] = deque()
        self._without_edns: set[Server] = set()

    # -- asking

    def query(self, name: str, kind: str) -> Deferred[DNSAnswer]:
        """See `ports.Resolver`. The question is under way when this returns; cancelling the
        answer ends the wait of this one caller. Raises Invalid for a type that is not known."""
        kind = known(kind)
        try:
            key = (query_name(name), kind)
        except Invalid:
            # No such name can be in the DNS, whoever wrote it.
            return fail(not_there(name))
        kept = self._cache.get(key)
        if kept is not None:
            return _told(key[0], kept.outcome)
        waiter: Deferred[DNSAnswer] = Deferred(lambda it: self._leave(key, it))
        waiters = self._shared.get(key)
        if waiters is not None:
            waiters.append(waiter)
            return waiter
        if len(self._waiting) >= WAITING:
            return fail(Unavailable("Too many DNS questions wait already"))
        self._shared[key] = [waiter]
        self._start(key)
        return waiter

    def stop(self) -> None:
        """Ends every question as Unavailable."""
        for work in list(self._work.values()):
            work.cancel()

    @property
    def under_way(self) -> int:
        """Questions that are asked or wait."""
        return len(self._work)

    def forget(self) -> None:
        """Empties the cache."""
        self._cache.clear()

    def _leave(self, key: Key, waiter: Deferred[DNSAnswer]) -> None:
        waiters = self._shared.get(key, [])
        if waiter in waiters:
            waiters.remove(waiter)

    # -- one question, for all who wait for it

    def _start(self, key: Key) -> None:
        work = Deferred.fromCoroutine(self._find(key))
        self._work[key] = work
        work.addTimeout(self._settings.deadline, self._reactor)
        work.addBoth(self._ended, key)

    def _ended(self, result: Verdict | Failure, key: Key) -> None:
        del self._work[key]
        outcome = self._remember(key, result)
        for waiter in self._shared.pop(key):
            _tell(waiter, key[0], outcome)

    def _remember(self, key: Key, result: Verdict | Failure) -> Outcome:
        if isinstance(result, Verdict):
            self._cache.put(key, result.answer, min(result.ttl, LONGEST_TTL))
            return result.answer
        error = result.value
        if isinstance(error, CancelledError):
            return Unavailable("The server stops")
        if isinstance(error, TimeoutError):
            error = Unavailable(f"No DNS answer in {self._settings.deadline} s")
        elif not isinstance(error, Unavailable):
            self._log.event("resolver", outcome="failed", error=repr(error), level="error")
            error = Unavailable("The DNS question failed")
        # Without its traceback, which holds on to all that was at work when it was raised.
        self._cache.put(key, Unavailable(error.text), FAILURE_TTL)
        return error

    async def _find(self, key: Key) -> Verdict:
        await self._enter()
        try:
            return await self._ask(key)
        finally:
            # Not at once: a question that fails at once would start the next one inside itself.
            self._reactor.callLater(0, self._pass_on)

    async def _enter(self) -> None:
        """Waits for a socket."""
        if self._free:
            self._free -= 1
            return
        turn: Deferred[None] = Deferred(self._waiting.remove)
        self._waiting.append(turn)
        await turn

    def _pass_on(self) -> None:
        if self._waiting:
            self._waiting.popleft().callback(None)
        else:
            self._free += 1

    async def _ask(self, key: Key) -> Verdict:
        """The first answer that a server gives. Who does not answer is asked again in the next
        round, who answered with an error is not."""
        problem = Unavailable("No DNS server answers")
        refused: set[Server] = set()
        for _ in range(max(1, self._settings.tries)):
            for server in self._servers.order():
                if server in refused:
                    continue
                try:
                    verdict = await self._ask_server(server, key)
                except Unanswered as error:
                    self._servers.failed(server)
                    problem = error
                except Unavailable as error:
                    self._servers.answered(server)
                    refused.add(server)
                    problem = error
                else:
                    self._servers.answered(server)
                    return verdict
        raise problem

    async def _ask_server(self, server: Server, key: Key) -> Verdict:
        edns = server not in self._without_edns
        try:
            return await self._ask_once(server, key, edns)
        except Refused as error:
            if not error.edns:
                raise
            verdict = await self._ask_once(server, key, False)
            self._without_edns.add(server)
            return verdict

    async def _ask_once(self, server: Server, key: Key, edns: bool) -> Verdict:
        question = Question(*key, int.from_bytes(self._randomness.token(2), "big"), edns)
        data = await carry(self._reactor, server, question, self._settings.timeout)
        return decode(data, question, trusted=server.trusted)

    def _changed(self, server: str, up: bool) -> None:
        outcome = "answers" if up else "silent"
        self._log.event("resolver", server=server, outcome=outcome, level="info" if up else "warn")


def _told(name: str, outcome: Outcome) -> Deferred[DNSAnswer]:
    if isinstance(outcome, DNSAnswer):
        return succeed(outcome)
    return fail(_error(name, outcome))


def _tell(waiter: Deferred[DNSAnswer], name: str, outcome: Outcome) -> None:
    if isinstance(outcome, DNSAnswer):
        waiter.callback(outcome)
    else:
        waiter.errback(_error(name, outcome))


def _error(name: str, outcome: Unavailable | None) -> NotFound | Unavailable:
    """A new exception for everyone who gets it: a raised one collects tracebacks."""
    return not_there(name) if outcome is None else Unavailable(outcome.text)
