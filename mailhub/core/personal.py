"""What the owners of mailboxes want done with mail that comes for them: one step for every rule.

Each kind of rule (filters, a script, an automatic reply) is a `Rules`. They are asked one after
the other, each with what those before it decided; the last decision is carried out by intake, in
the commit of the message itself. A rule that breaks changes nothing: mail is never lost by one.
No rule's own meaning may stand here.
"""

from __future__ import annotations

from collections.abc import Awaitable, Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from mailhub.core.turns import Turns, run
from mailhub.model.decision import KEEP, Decision
from mailhub.model.errors import Unavailable
from mailhub.model.message import Rendered
from mailhub.ports import Body, Clock, Log
from mailhub.wire import mime, words
from mailhub.wire.header import values
from mailhub.wire.mime import Part

HEADER = 256 * 1024
"""Octets of a header that rules look at."""


class Mail:
    """The message itself, taken apart at most once however many accounts it is for."""

    def __init__(self, body: Body, rendered: Rendered, clock: Clock) -> None:
        self.body = body
        self.rendered = rendered
        self._clock = clock
        self._header: bytes | None = None
        self._fields: dict[str, str] = {}
        self._root: Part | None = None

    @property
    def header(self) -> bytes:
        """Its header block with the empty line, as every mailbox gets it."""
        if self._header is None:
            end = min(self.rendered.header_length, HEADER)
            self._header = bytes(self.body.view()[:end])
        return self._header

    def field(self, name: str) -> str:
        """The values of all fields of this name (in lower case) as text, a line each."""
        known = self._fields.get(name)
        if known is None:
            found = values(self.header, name.encode())
            known = self._fields[name] = "\n".join(map(words.decode, found))
        return known

    async def root(self) -> Part:
        """Its structure; offsets are into `body.view()`."""
        if self._root is None:
            self._root = await run(mime.scanning(self.body.view()), Turns(self._clock))
        return self._root


@dataclass(frozen=True, slots=True)
class Incoming:
    """One message on its way to one account.

    `recipient`: the address it was sent to, `address`: that of the account's that it came by (the
    same, but for aliases). `sender`: of the envelope, empty for the null one. `orcpt`: of RCPT
    (RFC 3461). `prefix`: header lines of this copy alone: Return-Path, Delivered-To. `spam`: it
    was judged to belong into Junk; `named`: for what it is, and not for its points alone; `fraud`:
    as a possible fraud, which goes to nobody else. `score`: the points that checks gave it. `now`:
    epoch seconds. `visited`: mailboxes that its Delivered-To fields name, folded. `user`: who
    logged in to submit it, empty where nobody did.
    """

    account: int
    mail: Mail
    recipient: str
    address: str
    sender: str
    prefix: bytes
    now: int
    transaction: str = ""
    orcpt: str = ""
    spam: bool = False
    named: bool = False
    fraud: bool = False
    score: float = 0.0
    visited: frozenset[str] = frozenset()
    user: str = ""


class Rules(Protocol):
    """One kind of rule."""

    @property
    def name(self) -> str:
        """For the log."""
        ...

    def begin(self) -> Awaitable[None]:
        """Learns which accounts have such rules; from then on it follows the store's changes.
        Raises Unavailable."""
        ...

    def concern(self, account: int) -> bool:
        """Whether the account has any; asked of every message, and answered from memory."""
        ...

    def decide(self, incoming: Incoming, before: Decision) -> Awaitable[Decision]:
        """What becomes of the message, `before` being what was decided so far. Raises
        Unavailable: its sender shall come again."""
        ...


class Personal:
    """Asks `rules` in their order."""

    def __init__(self, rules: Sequence[Rules], clock: Clock, log: Log) -> None:
        self._rules = tuple(rules)
        self._clock = clock
        self._log = log
        self._begun = not self._rules

    async def concern(self, accounts: Iterable[int]) -> bool:
        """Whether there is anything to ask for one of them. Nothing is looked up but the first
        time. Raises Unavailable."""
        if not self._begun:
            for one in self._rules:
                await one.begin()
            self._begun = True
        rules = self._rules
        return any(one.concern(account) for account in accounts for one in rules)

    def mail(self, body: Body, rendered: Rendered) -> Mail:
        """The message, for `Incoming`."""
        return Mail(body, rendered, self._clock)

    async def decide(self, incoming: Incoming) -> Decision:
        """What becomes of it. Raises Unavailable."""
        decision = Decision(spam=True) if incoming.spam else KEEP
        for one in self._rules:
            if not one.concern(incoming.account):
                continue
            try:
                decision = await one.decide(incoming, decision)
            except Unavailable:
                raise
            except Exception as error:
                self._log.event(
                    "rule-failed",
                    level="error",
                    rules=one.name,
                    account=incoming.account,
                    transaction=incoming.transaction,
                    reason=f"{type(error).__name__}: {error}",
                )
        return decision
