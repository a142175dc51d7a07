"""What each ManageSieve command does: one coroutine a verb, one core call, one answer.

Knows neither sockets nor framing; `Wire` is all it sees of the connection.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from mailhub.core.login import Exchange, Login
from mailhub.core.scripts import Scripts
from mailhub.core.watch import Watch
from mailhub.managesieve import grammar, replies
from mailhub.managesieve.grammar import string
from mailhub.managesieve.machine import Event, Fatal, Machine, Refused, Response, State
from mailhub.managesieve.replies import Reply, no, ok
from mailhub.model.account import Principal, Service
from mailhub.model.change import Actor
from mailhub.model.envelope import Peer
from mailhub.model.errors import AuthenticationFailed, MailhubError, TooManyAttempts
from mailhub.model.settings_sieve import ManageSieveSettings
from mailhub.ports import Clock, Log
from mailhub.wire.sieve.vocabulary import EXTENSIONS

MECHANISMS = ("SCRAM-SHA-256-PLUS", "SCRAM-SHA-256", "PLAIN")
"""What of core's mechanisms is offered, the strongest first."""
VERIFIER = b"v="
"""What a last SCRAM message of the server starts with (RFC 5802 section 7)."""


class Wire(Protocol):
    """The connection as a talk sees it."""

    machine: Machine
    hostname: str

    def write(self, data: bytes) -> None: ...
    def close(self) -> None: ...
    def expire_in(self, seconds: float | None) -> None: ...
    def peer(self) -> Peer: ...
    @property
    def offers_tls(self) -> bool:
        """Whether STARTTLS can be answered: a certificate is there, and no TLS yet."""
        ...

    def begin_tls(self) -> None:
        """After the answer: TLS, a new machine, and the greeting once it stands; closes if input
        was there already."""
        ...


@dataclass(frozen=True, slots=True)
class Services:
    """What of core a session uses."""

    login: Login
    scripts: Scripts
    watch: Watch
    settings: ManageSieveSettings
    clock: Clock
    log: Log


class Talk:
    """One session. `session`: its id in the log."""

    def __init__(self, services: Services, wire: Wire, session: str) -> None:
        self._core = services
        self._wire = wire
        self._session = session
        self._began = services.clock.seconds()
        self._address = ""
        self._errors = 0
        self._outcome = "lost"
        self._exchange: Exchange | None = None
        self._principal: Principal | None = None
        self._unwatch: Callable[[], None] | None = None

    # -- the frame

    async def answer(self, event: Event) -> None:
        """Answers one event; every error kind becomes its reply."""
        try:
            if isinstance(event, Refused):
                self._exchange = None
                self._refuse(replies.failure(event.error))
            elif isinstance(event, Fatal):
                self._reply(replies.bye(event.text))
                self._close()
            elif isinstance(event, Response):
                await self._respond(event)
            else:
                await VERBS[type(event)](self, event)
        except (AuthenticationFailed, TooManyAttempts) as error:
            self._refuse(replies.failure(error))
        except MailhubError as error:
            self._reply(replies.failure(error))

    def lost(self) -> None:
        """The connection is gone."""
        self._forget()
        self._log(
            "disconnect",
            outcome=self._outcome,
            duration=self._core.clock.seconds() - self._began,
        )

    def connected(self) -> None:
        """Somebody is there."""
        self._address = self._wire.peer().address
        self._log("connect")

    def greet(self) -> None:
        """Capabilities and OK (RFC 5804 section 1.7), at the start and again once TLS stands."""
        self._list()
        self._reply(ok(f"{self._wire.hostname} ManageSieve ready"))

    def _log(self, verb: str, **fields: object) -> None:
        self._core.log.event(
            verb,
            session=self._session,
            service="managesieve",
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

    def _forget(self) -> None:
        if self._unwatch is not None:
            self._unwatch()
            self._unwatch = None

    @property
    def _account(self) -> int:
        if self._principal is None:
            raise AssertionError("the machine lets no such command through before a login")
        return self._principal.account

    @property
    def _actor(self) -> Actor:
        return Actor(self._account, f"managesieve {self._address}")

    # -- both states

    async def capability(self, command: grammar.Capability) -> None:
        """RFC 5804 section 2.4."""
        self._list()
        self._reply(ok())

    def _list(self) -> None:
        lines: list[tuple[str, str | None]] = [
            ("IMPLEMENTATION", "mailhub"),
            ("SIEVE", " ".join(EXTENSIONS)),
            ("SASL", " ".join(self._mechanisms())),
            ("MAXREDIRECTS", str(self._core.scripts.settings.redirects)),
            ("LANGUAGE", "en"),
            ("UNAUTHENTICATE", None),
            ("VERSION", "1.0"),
        ]
        if self._wire.offers_tls and self._principal is None:
            lines.append(("STARTTLS", None))
        if self._principal is not None:
            lines.append(("OWNER", self._principal.username))
        for name, value in lines:
            shown = b"" if value is None else b" " + string(value)
            self._wire.write(b"%b%b\r\n" % (string(name), shown))

    async def noop(self, command: grammar.Noop) -> None:
        """RFC 5804 section 2.13."""
        code = b"TAG " + string(command.tag) if command.tag is not None else b""
        self._reply(ok("Done", code))

    async def logout(self, command: grammar.Logout) -> None:
        """RFC 5804 section 2.3."""
        self._outcome = "logout"
        self._reply(ok("Bye"))
        self._close()

    # -- not authenticated

    async def starttls(self, command: grammar.StartTLS) -> None:
        """RFC 5804 section 2.2."""
        if not self._wire.offers_tls:
            self._refuse(no("TLS is not possible now"))
            return
        self._reply(ok("Begin TLS negotiation now"))
        self._wire.begin_tls()

    async def authenticate(self, command: grammar.Authenticate) -> None:
        """RFC 5804 section 2.1."""
        if not self._secure():
            self._refuse(replies.ENCRYPT)
            return
        if command.mechanism not in self._mechanisms():
            self._refuse(no("This mechanism is not offered"))
            return
        peer = self._wire.peer()
        self._exchange = self._core.login.exchange(command.mechanism, peer, Service.SIEVE)
        if command.initial is None:
            self._challenge(b"")
        else:
            await self._respond(Response(command.initial))

    async def _respond(self, response: Response) -> None:
        exchange, self._exchange = self._exchange, None
        if exchange is None:
            raise AssertionError("a response is read only while an exchange goes on")
        if response.data is None:
            self._refuse(no("Authentication was called off"))
            return
        outcome = await exchange.step(response.data)
        code = b""
        if isinstance(outcome, bytes) and outcome.startswith(VERIFIER):
            # The last word of the server comes with the OK (RFC 5804 section 2.1).
            code = b"SASL " + string(b64encode(outcome))
            outcome = await exchange.step(b"")
        if isinstance(outcome, Principal):
            self._enter(outcome, code)
        else:
            self._exchange = exchange
            self._challenge(outcome)

    def _challenge(self, challenge: bytes) -> None:
        self._wire.machine.expect_response()
        self._wire.write(string(b64encode(challenge)) + b"\r\n")

    def _enter(self, principal: Principal, code: bytes) -> None:
        self._unwatch = self._core.watch.login(principal, self._login_ended)
        self._principal = principal
        self._wire.machine.move(State.AUTHENTICATED)
        self._wire.expire_in(None)
        self._log("session", tls=self._wire.peer().tls is not None)
        self._reply(ok("Logged in", code))

    def _login_ended(self, reason: str) -> None:
        """A new password, or a disabled or removed account, ends the session at once."""
        self._outcome = "ended"
        self._reply(replies.ENDED)
        self._wire.close()

    def _secure(self) -> bool:
        return self._core.settings.plaintext_auth or self._wire.peer().tls is not None

    def _mechanisms(self) -> list[str]:
        if not self._secure():
            return []
        offered = self._core.login.mechanisms(self._wire.peer())
        return [mechanism for mechanism in MECHANISMS if mechanism in offered]

    # -- authenticated

    async def unauthenticate(self, command: grammar.Unauthenticate) -> None:
        """RFC 5804 section 2.14."""
        self._forget()
        self._principal = None
        self._wire.machine.move(State.NOT_AUTHENTICATED)
        self._wire.expire_in(self._core.settings.login_timeout)
        self._reply(ok("Nobody is logged in now"))

    async def have_space(self, command: grammar.HaveSpace) -> None:
        """RFC 5804 section 2.5."""
        await self._core.scripts.has_room(self._account, command.name, command.size)
        self._reply(ok("There is room for it"))

    async def put_script(self, command: grammar.PutScript) -> None:
        """RFC 5804 section 2.6."""
        scripts = self._core.scripts
        warnings = await scripts.put(self._account, command.name, command.source, self._actor)
        self._reply(_warned(warnings, "Kept"))

    async def check_script(self, command: grammar.CheckScript) -> None:
        """RFC 5804 section 2.12."""
        self._reply(_warned(await self._core.scripts.check(command.source), "No faults"))

    async def list_scripts(self, command: grammar.ListScripts) -> None:
        """RFC 5804 section 2.7."""
        for one in await self._core.scripts.all(self._account):
            active = b" ACTIVE" if one.active else b""
            self._wire.write(string(one.name) + active + b"\r\n")
        self._reply(ok())

    async def set_active(self, command: grammar.SetActive) -> None:
        """RFC 5804 section 2.8."""
        await self._core.scripts.activate(self._account, command.name, self._actor)
        self._reply(ok("It runs from now on" if command.name else "No script runs now"))

    async def get_script(self, command: grammar.GetScript) -> None:
        """RFC 5804 section 2.9."""
        found = await self._core.scripts.get(self._account, command.name)
        data = found.source.encode()
        self._wire.write(b"{%d}\r\n%b\r\n" % (len(data), data))
        self._reply(ok())

    async def delete_script(self, command: grammar.DeleteScript) -> None:
        """RFC 5804 section 2.10."""
        await self._core.scripts.remove(self._account, command.name, self._actor)
        self._reply(ok("Removed"))

    async def rename_script(self, command: grammar.RenameScript) -> None:
        """RFC 5804 section 2.11.1."""
        scripts = self._core.scripts
        await scripts.rename(self._account, command.name, command.new_name, self._actor)
        self._reply(ok("Renamed"))


def _warned(warnings: Sequence[str], text: str) -> Reply:
    """OK, with what is allowed and hardly meant (RFC 5804 section 1.3)."""
    return ok("\n".join(warnings), b"WARNINGS") if warnings else ok(text)


VERBS: dict[type[grammar.Command], Callable[[Talk, Any], Awaitable[None]]] = {
    grammar.Capability: Talk.capability,
    grammar.StartTLS: Talk.starttls,
    grammar.Authenticate: Talk.authenticate,
    grammar.Unauthenticate: Talk.unauthenticate,
    grammar.Logout: Talk.logout,
    grammar.Noop: Talk.noop,
    grammar.HaveSpace: Talk.have_space,
    grammar.PutScript: Talk.put_script,
    grammar.CheckScript: Talk.check_script,
    grammar.ListScripts: Talk.list_scripts,
    grammar.SetActive: Talk.set_active,
    grammar.GetScript: Talk.get_script,
    grammar.DeleteScript: Talk.delete_script,
    grammar.RenameScript: Talk.rename_script,
}
