"""AUTHENTICATE (RFC 9051 6.2.2, RFC 4959): SASL in base64 lines; mechanisms are core's."""

from __future__ import annotations

from binascii import b2a_base64

from mailhub.core.login import Exchange
from mailhub.imap.commands.login import require_privacy, welcome
from mailhub.imap.grammar import access
from mailhub.imap.grammar.values import Authenticate
from mailhub.imap.replies import Refusal, Reply, bad, no
from mailhub.imap.session import Session
from mailhub.imap.verb import NOT_AUTHENTICATED, Updates, Verb
from mailhub.model.account import Principal, Service
from mailhub.model.errors import Invalid

CALLED_OFF = bad("The exchange was called off")


class Conversation:
    """An exchange between two lines of the client."""

    __slots__ = ("_exchange",)

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange

    async def line(self, session: Session, line: bytes) -> Reply | None:
        """One response of the client; `*` calls the exchange off."""
        if line == b"*":
            return CALLED_OFF
        try:
            response = access.base64(line)
        except Invalid as error:
            return bad(error.text)
        return await self.step(session, response)

    async def step(self, session: Session, response: bytes) -> Reply | None:
        """Hands a response on; the next challenge, or the tagged answer."""
        try:
            result = await self._exchange.step(response)
        except Invalid as error:
            raise Refusal(no(error.text, b"AUTHENTICATIONFAILED")) from None
        if isinstance(result, Principal):
            return await welcome(session, result)
        session.write(b"+ %b\r\n" % b2a_base64(result, newline=False))
        return None

    def news(self, session: Session) -> None:
        """Nothing waits to be sent here."""

    def end(self) -> None:
        """The exchange keeps nothing that must be let go."""


async def run(session: Session, command: Authenticate) -> Reply | None:
    require_privacy(session)
    exchange = session.site.login.exchange(command.mechanism, session.peer, Service.IMAP)
    conversation = Conversation(exchange)
    reply = await conversation.step(session, command.initial or b"")
    if reply is None:
        session.converse(conversation)
    return reply


AUTHENTICATE = Verb(b"AUTHENTICATE", access.authenticate, run, NOT_AUTHENTICATED, Updates.NONE)
