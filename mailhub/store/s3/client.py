"""Asks the S3 server on the reactor: one request at a time a connection, tried again while it makes
sense and there is time.

What a request is made of and what an answer means stands in `requests`. Memory for a request is
its body, which is not copied, and for an answer its bound.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from random import uniform
from typing import Any

from treq.client import HTTPClient
from twisted.internet.abstract import isIPAddress, isIPv6Address
from twisted.internet.defer import CancelledError, Deferred, DeferredSemaphore
from twisted.internet.endpoints import (
    HostnameEndpoint,
    TCP4ClientEndpoint,
    TCP6ClientEndpoint,
    wrapClientTLS,
)
from twisted.internet.interfaces import IDelayedCall
from twisted.internet.protocol import Protocol, connectionDone
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.web.client import (
    Agent,
    BrowserLikePolicyForHTTPS,
    HTTPConnectionPool,
    ResponseDone,
    _HTTP11ClientFactory,
)
from twisted.web.http_headers import Headers
from twisted.web.iweb import IAgentEndpointFactory, IBodyProducer
from zope.interface import implementer

from mailhub.model.errors import MailhubError, StorageFull, Unavailable
from mailhub.model.settings_s3 import S3Settings
from mailhub.store.s3.requests import ANSWER, Answer, Place, Request, Verdict, moment, verdict

PIECE = 64 * 1024
"""Octets that are written at once."""
FIRST_PAUSE, LONGEST_PAUSE = 0.1, 5.0
"""Seconds between two tries: about doubled each time."""
KEPT_OPEN = 30
"""Seconds that an idle connection is kept."""
WAITING = 2000
"""Requests that wait for a connection; more are Unavailable at once."""


class GoneError(MailhubError):
    """There is no such object."""


class Client:
    """`now`: epoch seconds by this machine's clock. Raises Unavailable at birth for files that
    cannot be read."""

    _log = Logger()

    def __init__(self, settings: S3Settings, reactor: Any, now: Callable[[], float]) -> None:
        self._place = Place(settings)
        self._reactor = reactor
        self._now = now
        self._silence = float(settings.timeout)
        self._patience = float(settings.patience)
        self._turns = DeferredSemaphore(settings.connections)
        self._pool: Any = HTTPConnectionPool(reactor)  # type: ignore[no-untyped-call]
        self._pool.maxPersistentPerHost = settings.connections
        self._pool.cachedConnectionTimeout = KEPT_OPEN
        # One that was kept may close as it is used again; that costs a try here, not a pause.
        self._pool.retryAutomatically = False
        self._pool._factory = _Quiet
        agent: Any = Agent.usingEndpointFactory(  # type: ignore[no-untyped-call]
            reactor, _Endpoints(settings, reactor), self._pool
        )
        self._http = HTTPClient(agent)
        self._ahead: float = 0.0
        """Seconds that the server's clock is ahead of ours."""
        self._well = True
        self.failed = 0
        """Tries that came to nothing: no answer, or one that asks to try again or refuses."""

    @property
    def well(self) -> bool:
        """Whether the last request that was done or given up was done."""
        return self._well

    @property
    def waiting(self) -> int:
        """Requests that wait for a connection."""
        return len(self._turns.waiting)

    def server_time(self) -> float:
        """Epoch seconds by the server's clock, as far as it is known."""
        return self._now() + self._ahead

    async def ask(self, request: Request, patience: float = 0.0) -> Answer:
        """A good answer. Raises GoneError, StorageFull, Unavailable (also after `patience`
        seconds, 0: as set)."""
        if len(self._turns.waiting) > WAITING:
            raise Unavailable("Too many requests wait for S3")
        end = self._reactor.seconds() + (patience or self._patience)
        pause = 0.0
        while True:
            answer, problem = await self._tried(request)
            wait = True
            if answer is not None:
                match verdict(answer):
                    case Verdict.GOOD:
                        self._answers()
                        return answer
                    case Verdict.MISSING:
                        raise GoneError
                    case Verdict.FULL:
                        self.failed += 1
                        self._fails("S3 is full", answer)
                        raise StorageFull
                    case Verdict.REFUSED:
                        self.failed += 1
                        self._fails("S3 refuses", answer)
                        raise Unavailable
                    case Verdict.SKEWED:
                        wait = not self._set_clock(answer)
                problem = f"{answer.status} {answer.code}"
            self.failed += 1
            if wait:
                pause = min(pause * 2 or FIRST_PAUSE, LONGEST_PAUSE)
            delay = uniform(0.5, 1) * pause if wait else 0.0  # noqa: S311
            if self._reactor.seconds() + delay >= end:
                self._fails(f"S3 does not do its work: {problem}", None)
                raise Unavailable
            await self._sleep(delay)

    async def _tried(self, request: Request) -> tuple[Answer | None, str]:
        """What was answered, or why nothing was."""
        await self._turns.acquire()
        try:
            one = _Exchange(self._reactor, self._silence)
            return await one.carry_out(self._http, *self._written(request), request), ""
        except MailhubError:
            raise
        except CancelledError:
            if not one.late:
                raise
            return None, "silence"
        except Exception as error:
            reasons = getattr(error, "reasons", ())
            names = {reason.type.__name__ for reason in reasons if reason.type}
            return None, ", ".join(sorted(names)) or type(error).__name__
        finally:
            self._turns.release()

    def _written(self, request: Request) -> tuple[str, Headers]:
        url, fields = self._place.signed(request, self._now() + self._ahead)
        headers = Headers({"User-Agent": ["mailhub"]})
        for name, value in fields.items():
            headers.setRawHeaders(name, [value])
        return url, headers

    def _set_clock(self, answer: Answer) -> bool:
        """Takes the server's time for the next try; whether that changes anything."""
        there = moment(answer)
        if there is None or abs(there - self.server_time()) < 60:
            return False
        self._ahead = there - self._now()
        self._log.warn(
            "The clocks here and at the S3 server are {seconds} seconds apart",
            seconds=int(self._ahead),
        )
        return True

    def _fails(self, words: str, answer: Answer | None) -> None:
        """Said once, until it works again."""
        if not self._well:
            return
        self._well = False
        more = f": {answer.status} {answer.code}" if answer is not None else ""
        self._log.error("{words}{more}", words=words, more=more)

    def _answers(self) -> None:
        if not self._well:
            self._well = True
            self._log.info("S3 works again")

    def _sleep(self, seconds: float) -> Deferred[None]:
        done: Deferred[None] = Deferred()
        self._reactor.callLater(seconds, done.callback, None)
        return done

    def stop(self) -> Deferred[None]:
        """Closes the connections that are kept."""
        closed: Deferred[None] = self._pool.closeCachedConnections()
        return closed


class _Quiet(_HTTP11ClientFactory):
    noisy = False


@implementer(IAgentEndpointFactory)
class _Endpoints:
    """Where the server is. The administrator named it: it may be anywhere."""

    def __init__(self, settings: S3Settings, reactor: Any) -> None:
        trusted = _authority(settings.authority)
        self._policy: Any = BrowserLikePolicyForHTTPS(trusted)  # type: ignore[no-untyped-call]
        self._timeout = settings.connect_timeout
        self._reactor = reactor

    def endpointForURI(self, uri: Any) -> Any:
        """See IAgentEndpointFactory."""
        kind: Any = HostnameEndpoint
        if isIPAddress(uri.host):
            kind = TCP4ClientEndpoint
        elif isIPv6Address(uri.host.decode("ascii")):
            kind = TCP6ClientEndpoint
        plain = kind(self._reactor, uri.host, uri.port, self._timeout)
        if uri.scheme != b"https":
            return plain
        return wrapClientTLS(self._policy.creatorForNetloc(uri.host, uri.port), plain)


def _authority(path: str) -> Any:
    from twisted.internet.ssl import Certificate, platformTrust, trustRootFromCertificates

    if not path:
        return platformTrust()  # type: ignore[no-untyped-call]
    end = b"-----END CERTIFICATE-----"
    try:
        text = Path(path).read_bytes()
    except OSError as error:
        raise Unavailable(f"s3.authority: {path}: {error.strerror}") from None
    blocks = [block + end for block in text.split(end) if b"BEGIN CERTIFICATE" in block]
    if not blocks:
        raise Unavailable(f"s3.authority: {path}: there is no certificate in it")
    return trustRootFromCertificates(  # type: ignore[no-untyped-call]
        [Certificate.loadPEM(block) for block in blocks]
    )


class _Exchange:
    """One request and its answer. Ends where nothing moves for `silence` seconds."""

    def __init__(self, reactor: Any, silence: float) -> None:
        self._reactor = reactor
        self._silence = silence
        self._timer: IDelayedCall | None = None
        self._waited: Deferred[Any] | None = None
        self.late = False
        """Whether nothing moved for too long."""

    async def carry_out(
        self, http: HTTPClient, url: str, headers: Headers, request: Request
    ) -> Answer:
        """Raises what the connection does, CancelledError for silence."""
        self._timer = self._reactor.callLater(self._silence, self._late)
        body = request.body
        try:
            response = await self._wait(
                http.request(
                    request.method,
                    url,
                    headers=headers,
                    data=_Octets(body, self.moved) if len(body) else None,
                    allow_redirects=False,
                    unbuffered=True,
                    reactor=self._reactor,
                )
            )
            good = 200 <= response.code < 300
            taken = _Taken(request.most if good else ANSWER, self.moved)
            response.deliverBody(taken)
            octets = await self._wait(taken.done)
        finally:
            if self._timer.active():
                self._timer.cancel()
        fields = {
            name.decode("latin-1").lower(): values[-1].decode("latin-1")
            for name, values in response.headers.getAllRawHeaders()
        }
        return Answer(response.code, fields, octets)

    def _wait(self, awaited: Deferred[Any]) -> Deferred[Any]:
        self._waited = awaited
        return awaited

    def moved(self) -> None:
        """Octets went one way or the other."""
        if self._timer is not None and self._timer.active():
            self._timer.reset(self._silence)

    def _late(self) -> None:
        self.late = True
        if self._waited is not None:
            self._waited.cancel()


@implementer(IBodyProducer)
class _Octets:
    """A request's body, written as fast as the server takes it."""

    def __init__(self, octets: bytes | memoryview, moved: Callable[[], None]) -> None:
        self._octets = memoryview(octets)
        self.length = len(octets)
        self._at = 0
        self._moved = moved
        self._consumer: Any = None
        self._paused = False
        self._done: Deferred[None] = Deferred()

    def startProducing(self, consumer: Any) -> Deferred[None]:
        """See IBodyProducer."""
        self._consumer = consumer
        self._pour()
        return self._done

    def _pour(self) -> None:
        while self._consumer is not None and not self._paused and self._at < self.length:
            piece = bytes(self._octets[self._at : self._at + PIECE])
            self._at += len(piece)
            self._moved()
            self._consumer.write(piece)
        if self._consumer is not None and self._at >= self.length and not self._done.called:
            self._done.callback(None)

    def pauseProducing(self) -> None:
        """See IBodyProducer."""
        self._paused = True

    def resumeProducing(self) -> None:
        """See IBodyProducer."""
        self._paused = False
        self._pour()

    def stopProducing(self) -> None:
        """See IBodyProducer."""
        self._consumer = None


class _Taken(Protocol):
    """Collects an answer of at most `most` octets; `done` has it."""

    def __init__(self, most: int, moved: Callable[[], None]) -> None:
        self._most = most
        self._moved = moved
        self._pieces: list[bytes] = []
        self._size = 0
        self.done: Deferred[bytes] = Deferred(lambda _: self._hang_up())

    def dataReceived(self, data: bytes) -> None:
        """Takes a piece."""
        self._moved()
        self._size += len(data)
        if self._size <= self._most:
            self._pieces.append(data)
        elif not self.done.called:
            self.done.errback(Unavailable("S3 answers more than was asked for"))
            self._hang_up()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """It is complete, or was cut short."""
        if self.done.called:
            return
        if reason.check(ResponseDone):  # type: ignore[no-untyped-call]
            self.done.callback(b"".join(self._pieces))
        else:
            self.done.errback(reason)

    def _hang_up(self) -> None:
        transport: Any = self.transport
        if transport is not None and hasattr(transport, "abortConnection"):
            transport.abortConnection()
