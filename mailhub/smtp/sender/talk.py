"""How a session begins: greeting, EHLO, STARTTLS, EHLO again, AUTH. One coroutine a step.

Decides which of that a hop must have and what its absence means; every way out is HopFailed or
one of `link`'s. What is sent inside the session is `transaction`'s.
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import replace

from mailhub.model.errors import Invalid
from mailhub.model.outbound import Answer, Stage
from mailhub.model.route import Credentials, Hop, TLSLevel
from mailhub.model.settings import SenderSettings
from mailhub.model.tlsreport import TLSReport, TLSResult
from mailhub.ports import Randomness
from mailhub.smtp.sender import auth, grammar
from mailhub.smtp.sender.grammar import Reply
from mailhub.smtp.sender.link import Closing, HopFailed, Layer, Link, Lost, Session, TLSFailed
from mailhub.smtp.sender.machine import State

NEXT_MECHANISM = frozenset({504, 534, 538})
"""The mechanism is at fault, not the credentials (RFC 4954 section 6)."""
WITHOUT_CERTIFICATE = frozenset({TLSLevel.NONE, TLSLevel.OPPORTUNISTIC})


class Introduction:
    """The beginning of one session. `clear`: TLS failed on the connection before, and this one
    goes without. `reports`: what is known of TLS so far."""

    def __init__(
        self,
        link: Link,
        hop: Hop,
        name: str,
        settings: SenderSettings,
        randomness: Randomness,
        *,
        clear: bool,
    ) -> None:
        self._link = link
        self._hop = hop
        self._name = name
        self._settings = settings
        self._randomness = randomness
        self._clear = clear
        self._tls = ""
        self._stage = Stage.GREETING
        self.reports: tuple[TLSReport, ...] = ()

    async def run(self, now: float) -> Session:
        """The session, ready for a transaction. Raises HopFailed; TLSFailed where a connection
        without TLS may be tried. The link is gone then."""
        try:
            await self._begin()
        except TLSFailed as failed:
            self._report(failed.result, failed.text)
            if self._may_go_clear:
                raise
            raise HopFailed(Answer(0, failed.status, failed.text, Stage.TLS)) from None
        except Lost as lost:
            raise HopFailed(Answer(0, lost.status, lost.text, self._stage)) from None
        except Closing as closing:
            self._link.abort()
            raise _refused(closing.reply, self._stage) from None
        except HopFailed:
            self._link.close()
            raise
        except BaseException:
            self._link.abort()
            raise
        limit = self._link.machine.capabilities.messages
        return Session(
            link=self._link,
            hop=self._hop,
            began=now,
            tls=self._tls,
            authenticated=self._hop.credentials is not None,
            limit=min(limit, self._settings.messages) if limit else self._settings.messages,
        )

    @property
    def _may_go_clear(self) -> bool:
        security = self._hop.security
        return security.level is TLSLevel.OPPORTUNISTIC and not security.implicit

    async def _begin(self) -> None:
        security = self._hop.security
        if security.implicit:
            await self._handshake()
        self._stage = Stage.GREETING
        greeting = await self._reply(self._settings.greeting_timeout)
        if greeting.code != 220:
            raise _refused(greeting, self._stage)
        self._link.machine.enter(State.HELLO)
        await self._hello()
        if security.level is not TLSLevel.NONE and not security.implicit and not self._clear:
            await self._start_tls()
        if self._hop.credentials is not None:
            self._stage = Stage.AUTH
            await self._authenticate(self._hop.credentials)

    async def _reply(self, seconds: float) -> Reply:
        reply = await self._link.reply(seconds)
        if reply.closing:
            raise Closing(reply)
        return reply

    async def _say(self, command: bytes) -> Reply:
        self._link.write(command)
        return await self._reply(self._settings.hello_timeout)

    # -- EHLO

    async def _hello(self) -> None:
        self._stage = Stage.HELLO
        machine = self._link.machine
        reply = await self._say(grammar.hello(b"LHLO" if self._hop.lmtp else b"EHLO", self._name))
        if reply.code == 250:
            machine.capabilities = grammar.capabilities(reply)
        elif reply.code < 500 or self._hop.lmtp:
            raise _refused(reply, self._stage)
        else:
            # RFC 5321 3.2: who does not know EHLO is asked with HELO; it has no STARTTLS to offer.
            if self._needs_tls:
                raise self._no_tls(f"no TLS, as EHLO was refused: {reply.code} {reply.text}")
            reply = await self._say(grammar.hello(b"HELO", self._name))
            if reply.code != 250:
                raise _refused(reply, self._stage)
            machine.capabilities = grammar.NO_CAPABILITIES
        machine.enter(State.READY)

    @property
    def _needs_tls(self) -> bool:
        """Whether the session must not go on as it is."""
        return not self._tls and self._hop.security.level not in WITHOUT_CERTIFICATE

    # -- TLS

    async def _start_tls(self) -> None:
        self._stage = Stage.TLS
        if not self._link.machine.capabilities.starttls:
            self._report(TLSResult.NO_STARTTLS, "STARTTLS was not offered")
            if self._needs_tls:
                raise self._no_tls("TLS is required, and was not offered")
            return
        reply = await self._say(b"STARTTLS\r\n")
        if reply.code != 220:
            # RFC 3207 section 4: the client decides whether to go on without.
            self._report(TLSResult.NO_STARTTLS, f"STARTTLS: {reply.code} {reply.text}")
            if self._needs_tls:
                raise self._no_tls(f"TLS is required, and was refused: {reply.code} {reply.text}")
            return
        await self._handshake()
        self._link.machine.enter(State.HELLO)
        await self._hello()

    async def _handshake(self) -> None:
        self._stage = Stage.TLS
        layer: Layer = await self._link.start_tls(self._hop, self._settings.tls_timeout)
        self._tls = layer.version
        self._report(layer.result, layer.reason)

    def _no_tls(self, text: str) -> HopFailed:
        return HopFailed(Answer(0, "4.7.4", text, Stage.TLS))

    def _report(self, result: TLSResult, reason: str) -> None:
        policy = self._hop.security.applied
        if policy is not None:
            link = self._link
            report = TLSReport(policy, result, self._hop.host, link.address, link.source, reason)
            self.reports = (report,)

    # -- AUTH (RFC 4954)

    async def _authenticate(self, credentials: Credentials) -> None:
        offered = self._link.machine.capabilities.mechanisms
        private = bool(self._tls) or self._hop.security.level is TLSLevel.NONE
        names = auth.choose(credentials, offered, private=private)
        refusal: Reply | None = None
        for name in names:
            try:
                nonce = base64.b64encode(self._randomness.token(18)).decode()
                mechanism = auth.MECHANISMS[name](credentials, nonce)
                reply = await self._exchange(name, mechanism)
            except Invalid as error:
                raise _no_login(error.text) from None
            if reply.code == 235:
                if not mechanism.finished:
                    raise _no_login(f"{name} ended before the server proved itself")
                return
            refusal = reply
            if reply.code not in NEXT_MECHANISM:
                break
        if refusal is None:
            what = " ".join(offered) or "none"
            hint = "" if private else "; without TLS no password is shown"
            raise _no_login(f"no usable AUTH mechanism; offered: {what}{hint}")
        # A login that fails is for an administrator to mend: mail waits for that, and is not
        # returned to somebody who cannot do anything about it.
        answer = _answer(refusal, Stage.AUTH)
        raise HopFailed(replace(answer, status="4" + answer.status[1:]), host=refusal.code >= 500)

    async def _exchange(self, name: str, mechanism: auth.Mechanism) -> Reply:
        initial = mechanism.initial
        reply = await self._say(
            grammar.auth(name, None if initial is None else base64.b64encode(initial))
        )
        while reply.code == 334:
            try:
                challenge = base64.b64decode(reply.lines[-1], validate=True)
                response = base64.b64encode(mechanism.respond(challenge))
            except (binascii.Error, ValueError, Invalid) as error:
                # RFC 4954 section 4: `*` ends the exchange, and the server says 501.
                await self._say(b"*\r\n")
                text = error.text if isinstance(error, Invalid) else "a challenge is not base64"
                raise Invalid(text) from None
            reply = await self._say(response + b"\r\n")
        return reply


def _answer(reply: Reply, stage: Stage) -> Answer:
    """A refusal; a reply that makes no sense here is one for now."""
    status = reply.status if reply.code >= 400 else "4.5.0"
    return Answer(reply.code if reply.code >= 400 else 0, status, reply.text, stage)


def _refused(reply: Reply, stage: Stage) -> HopFailed:
    return HopFailed(_answer(reply, stage))


def _no_login(text: str) -> HopFailed:
    return HopFailed(Answer(0, "4.7.0", f"AUTH: {text}", Stage.AUTH))
