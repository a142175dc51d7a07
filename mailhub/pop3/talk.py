"""What each POP3 command does: one coroutine a verb, one core call, one answer.

Knows neither sockets nor framing; `Wire` is all it sees of the connection.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

from mailhub.core.allowances import Kind
from mailhub.core.crossing import Guest
from mailhub.core.login import Exchange
from mailhub.core.maildrop import Maildrop
from mailhub.model.account import Principal, Service
from mailhub.model.errors import AuthenticationFailed, MailhubError, TooManyAttempts
from mailhub.pop3 import grammar, replies, transfer
from mailhub.pop3.machine import Event, Refused, Response, State
from mailhub.pop3.replies import Reply, ok, refused
from mailhub.pop3.session import Services, Wire

LISTING = 1000
"""Lines of a long listing made in one turn."""
MECHANISMS = ("SCRAM-SHA-256-PLUS", "SCRAM-SHA-256", "PLAIN")
"""What of core's mechanisms POP3 offers, the strongest first."""
LANGUAGES = {"i-default": "Default language", "en": "English"}
"""RFC 6856 section 3.2: the texts are written in English."""


class Talk:
    """One session. `session`: its id in the log."""

    def __init__(self, services: Services, wire: Wire, session: str) -> None:
        self._core = services
        self._wire = wire
        self._session = session
        self._began = services.clock.seconds()
        self._address = ""
        self._name = ""
        self._utf8 = False
        self._errors = 0
        self._retrieved = 0
        self._sent = 0
        self._removed = 0
        self._outcome = "lost"
        self._exchange: Exchange | None = None
        self._principal: Principal | None = None
        self._maildrop: Maildrop | None = None
        self._unwatch: Callable[[], None] | None = None

    # -- the frame

    async def answer(self, event: Event) -> None:
        """Answers one event; every error kind becomes its reply."""
        try:
            if isinstance(event, Refused):
                self._exchange = None
                self._refuse(refused(event.text))
            elif isinstance(event, Response):
                await self._respond(event)
            else:
                await VERBS[type(event)](self, event)
        except (AuthenticationFailed, TooManyAttempts) as error:
            self._refuse(replies.failure(error))
        except MailhubError as error:
            self._reply(replies.failure(error))

    def lost(self) -> None:
        """The connection is gone: the lock is released, nothing is deleted (RFC 1939 section 6)."""
        if self._unwatch is not None:
            self._unwatch()
        if self._maildrop is not None:
            self._maildrop.close()
        self._log(
            "disconnect",
            outcome=self._outcome,
            duration=self._core.clock.seconds() - self._began,
            retrieved=self._retrieved,
            octets=self._sent,
            deleted=self._removed,
        )

    def connected(self) -> None:
        """Greets, without a timestamp: APOP is not offered (RFC 1939 section 7)."""
        self._address = self._wire.peer().address
        self._log("connect")
        self._reply(ok(f"{self._wire.hostname} POP3 ready"))

    def _log(self, verb: str, **fields: object) -> None:
        self._core.log.event(
            verb,
            session=self._session,
            service="pop3",
            account=self._principal.username if self._principal is not None else None,
            peer=self._address,
            **fields,
        )

    def _reply(self, reply: Reply) -> None:
        self._wire.write(reply.encode())

    def _refuse(self, reply: Reply) -> None:
        """A refusal that counts: too many of them end the session."""
        self._reply(reply)
        self._errors += 1
        if self._errors >= self._core.settings.errors:
            self._reply(replies.TOO_MANY_ERRORS)
            self._close()

    def _close(self) -> None:
        self._wire.machine.move(State.CLOSED)
        self._wire.close()

    async def _list(self, first: Reply, lines: Iterable[str]) -> None:
        """A multi-line answer; a long one goes out in slices, which wait for the peer and let
        other sessions run."""
        write = self._wire.write
        write(first.encode())
        batch: list[str] = []
        for line in lines:
            batch.append(line)
            if len(batch) == LISTING:
                write("".join(batch).encode())
                batch.clear()
                await self._wire.drained()
                await self._core.clock.pause()
        batch.append(".\r\n")
        write("".join(batch).encode())

    @property
    def _drop(self) -> Maildrop:
        if self._maildrop is None:
            raise AssertionError("the machine lets no such command through before a login")
        return self._maildrop

    # -- both states

    async def capa(self, command: grammar.Capa) -> None:
        """RFC 2449 section 6; RFC 2595 section 4: STLS is announced only where it works."""
        before = self._wire.machine.state is State.AUTHORIZATION
        mechanisms = self._mechanisms()
        days = None if self._maildrop is None else self._maildrop.days
        expire = "EXPIRE NEVER" if days is None else f"EXPIRE {days}"
        lines = ["TOP", "UIDL", "RESP-CODES", "AUTH-RESP-CODE", "PIPELINING", expire]
        if self._secure():
            lines.append("USER")
        if mechanisms:
            lines.append("SASL " + " ".join(mechanisms))
        if before and self._wire.offers_tls:
            lines.append("STLS")
        lines += ["UTF8 USER", "LANG", "IMPLEMENTATION mailhub"]
        await self._list(ok("Capabilities follow"), (f"{line}\r\n" for line in lines))

    async def lang(self, command: grammar.Lang) -> None:
        """RFC 6856 section 3.2, with the lookup of RFC 4647 section 3.4."""
        if not command.tag:
            lines = (f"{tag} {words}\r\n" for tag, words in LANGUAGES.items())
            await self._list(ok("Language listing follows"), lines)
            return
        tag = command.tag.lower()
        if tag == "*":
            tag = "en"
        while tag not in LANGUAGES:
            tag, _, cut = tag.rpartition("-")
            if not cut:
                self._reply(refused("This language is not offered"))
                return
        self._reply(ok(f"{tag} {LANGUAGES[tag]}"))

    async def quit(self, command: grammar.Quit) -> None:
        """RFC 1939 section 6: only here, and only after a login, are messages deleted."""
        if self._maildrop is None:
            self._outcome = "quit"
            self._reply(ok("Bye"))
            self._close()
            return
        drop = self._maildrop
        self._wire.machine.move(State.UPDATE)
        try:
            await drop.commit()
        except MailhubError as error:
            reply = replies.failure(error)
            self._outcome = "not removed"
            self._reply(refused("Messages were not removed: " + reply.text, reply.code))
        else:
            self._outcome, self._removed = "quit", drop.deleted
            self._reply(ok(f"Bye, {drop.deleted} messages removed"))
        finally:
            drop.close()
        self._close()

    # -- AUTHORIZATION

    async def user(self, command: grammar.User) -> None:
        """RFC 1939 section 7. The answer is the same for names that do not exist."""
        self._check_secure()
        self._name = command.name
        self._reply(ok("Send the password"))

    async def password(self, command: grammar.Pass) -> None:
        """RFC 1939 section 7."""
        self._check_secure()
        name, self._name = self._name, ""
        if not name:
            self._reply(refused("USER comes first"))
            return
        peer = self._wire.peer()
        principal = await self._core.login.plain(name, command.password, peer, Service.POP3)
        await self._enter(principal)

    async def auth(self, command: grammar.Auth) -> None:
        """RFC 5034 section 4. All mechanisms offered let the client speak first."""
        self._check_secure()
        mechanisms = self._mechanisms()
        if not command.mechanism:
            lines = (f"{mechanism}\r\n" for mechanism in mechanisms)
            await self._list(ok("Mechanisms follow"), lines)
            return
        if command.mechanism not in mechanisms:
            self._refuse(refused("This mechanism is not offered"))
            return
        peer = self._wire.peer()
        self._exchange = self._core.login.exchange(command.mechanism, peer, Service.POP3)
        if command.initial is None:
            self._challenge(b"")
        else:
            await self._respond(Response(command.initial))

    async def _respond(self, response: Response) -> None:
        exchange, self._exchange = self._exchange, None
        if exchange is None:
            raise AssertionError("a response is read only while an exchange goes on")
        if response.data is None:
            self._refuse(refused("Authentication was cancelled"))
            return
        outcome = await exchange.step(response.data)
        if isinstance(outcome, Principal):
            await self._enter(outcome)
        else:
            self._exchange = exchange
            self._challenge(outcome)

    def _challenge(self, challenge: bytes) -> None:
        self._wire.machine.expect_response()
        self._wire.write(b"+ %s\r\n" % b64encode(challenge))

    async def _enter(self, principal: Principal) -> None:
        """To TRANSACTION, with the maildrop locked (RFC 1939 section 4)."""
        if isinstance(principal, Guest):
            self._pass_on(principal)
            return
        unwatch = self._core.watch.login(principal, self._login_ended)
        try:
            drop = await self._core.maildrops.open(principal, f"pop3 {self._address}")
        except MailhubError:
            unwatch()
            raise
        self._maildrop, self._unwatch = drop, unwatch
        self._principal = principal
        self._wire.machine.move(State.TRANSACTION)
        self._wire.expire_in(None)
        self._log("session", tls=self._wire.peer().tls is not None, messages=drop.count)
        self._reply(ok(f"{drop.count} messages ({drop.octets} octets)"))

    def _pass_on(self, guest: Guest) -> None:
        """The maildrop is at another server, which is where the session is from here on."""
        crossing = guest.crossing
        try:
            self._unwatch = self._core.watch.login(guest, self._login_ended)
        except MailhubError:
            crossing.close()
            raise
        self._principal = guest
        self._wire.machine.move(State.PASSED)
        self._wire.expire_in(None)
        self._log("session", tls=self._wire.peer().tls is not None, outcome="passed on")
        self._wire.write(crossing.greeting + b"\r\n")
        self._wire.pass_on(crossing)

    def _login_ended(self, reason: str) -> None:
        """A new password, or a disabled or removed account, ends the session at once; so does a
        mailbox that moves."""
        if self._wire.machine.state is State.PASSED:
            self._reply(replies.MOVED)
        self._wire.close()

    async def stls(self, command: grammar.Stls) -> None:
        """RFC 2595 section 4; RFC 6856 section 2.1 forbids it after UTF8."""
        if not self._wire.offers_tls or self._utf8:
            self._refuse(refused("STLS is not possible now"))
            return
        self._reply(ok("Begin TLS"))
        self._name = ""
        self._wire.begin_tls()

    async def utf8(self, command: grammar.Utf8) -> None:
        """RFC 6856 section 2. Messages are sent as stored with and without it."""
        self._utf8 = True
        self._reply(ok("UTF-8 enabled"))

    def _secure(self) -> bool:
        return self._core.settings.plaintext_auth or self._wire.peer().tls is not None

    def _check_secure(self) -> None:
        if not self._secure():
            raise AuthenticationFailed("Use STLS before you log in")

    def _mechanisms(self) -> list[str]:
        offered = self._core.login.mechanisms(self._wire.peer()) if self._secure() else ()
        return [mechanism for mechanism in MECHANISMS if mechanism in offered]

    # -- TRANSACTION

    async def stat(self, command: grammar.Stat) -> None:
        """RFC 1939 section 5."""
        drop = self._drop
        self._wire.write(b"+OK %d %d\r\n" % (drop.count, drop.octets))

    async def list(self, command: grammar.List) -> None:
        """RFC 1939 section 5: sizes in bytes as stored."""
        drop = self._drop
        if command.number is not None:
            self._reply(ok(f"{command.number} {drop.size(command.number)}"))
            return
        lines = (f"{number} {drop.size(number)}\r\n" for number in drop.numbers())
        await self._list(ok(f"{drop.count} messages ({drop.octets} octets)"), lines)

    async def uidl(self, command: grammar.Uidl) -> None:
        """RFC 1939 section 7."""
        drop = self._drop
        if command.number is not None:
            self._reply(ok(f"{command.number} {drop.unique_id(command.number)}"))
            return
        lines = (f"{number} {drop.unique_id(number)}\r\n" for number in drop.numbers())
        await self._list(ok("Unique ids follow"), lines)

    async def retr(self, command: grammar.Retr) -> None:
        """RFC 1939 section 5."""
        drop, number = self._drop, command.number
        await self._core.allowances.transfer(drop.account, Kind.POP3_DOWNLOAD, drop.size(number))
        self._sent += await transfer.whole(self._wire, drop, number)
        self._drop.was_read(command.number)
        self._retrieved += 1

    async def top(self, command: grammar.Top) -> None:
        """RFC 1939 section 7."""
        await transfer.top(self._wire, self._drop, command.number, command.lines)

    async def dele(self, command: grammar.Dele) -> None:
        """RFC 1939 section 5."""
        self._drop.mark(command.number)
        self._reply(ok("Marked"))

    async def rset(self, command: grammar.Rset) -> None:
        """RFC 1939 section 5."""
        self._drop.reset()
        self._reply(ok(f"{self._drop.count} messages ({self._drop.octets} octets)"))

    async def noop(self, command: grammar.Noop) -> None:
        """RFC 1939 section 5."""
        self._wire.write(b"+OK\r\n")


VERBS: dict[type[grammar.Command], Callable[[Talk, Any], Awaitable[None]]] = {
    grammar.Capa: Talk.capa,
    grammar.User: Talk.user,
    grammar.Pass: Talk.password,
    grammar.Auth: Talk.auth,
    grammar.Stls: Talk.stls,
    grammar.Utf8: Talk.utf8,
    grammar.Lang: Talk.lang,
    grammar.Stat: Talk.stat,
    grammar.List: Talk.list,
    grammar.Uidl: Talk.uidl,
    grammar.Retr: Talk.retr,
    grammar.Top: Talk.top,
    grammar.Dele: Talk.dele,
    grammar.Rset: Talk.rset,
    grammar.Noop: Talk.noop,
    grammar.Quit: Talk.quit,
}
