"""The one door in: every message enters the store here, whatever protocol brought it.

Envelope and bytes become resolved recipients, trace fields and one commit; only then may a face
say that the message was taken. What a message's bytes mean is `wire`'s; who may send what is
decided here and never in a face.
"""

from __future__ import annotations

from collections.abc import Awaitable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

from mailhub.core import submission, trace
from mailhub.core.addresses import Addresses
from mailhub.core.admission import Admission
from mailhub.core.allowances import Allowances
from mailhub.core.applying import Applying
from mailhub.core.elsewhere import Elsewheres
from mailhub.core.fitting import fitting
from mailhub.core.hooking import NoHooks, check, message_facts
from mailhub.core.ids import Ids
from mailhub.core.judging import NOTHING, Judging, Met, unasked
from mailhub.core.placing import kept_here, placed
from mailhub.core.plan import HERE, Plan, Recipient, actor_of, plan, queue_sender, tls_optional
from mailhub.core.rendered import passing, rendered
from mailhub.core.ruled import Applied, Case
from mailhub.core.srs import SRS
from mailhub.core.standing import Standings
from mailhub.core.taken import beside
from mailhub.core.turns import Turns, run
from mailhub.model.account import Principal
from mailhub.model.change import Actor
from mailhub.model.decision import Decision
from mailhub.model.elsewhere import Away
from mailhub.model.envelope import Envelope, ForwardPath, ReversePath
from mailhub.model.errors import (
    Invalid,
    MailhubError,
    NotFound,
    NotPermitted,
    OverQuota,
    PolicyRefused,
    Unavailable,
)
from mailhub.model.hook import HookStage
from mailhub.model.message import Arrival, Rendered
from mailhub.model.queue import QueueSender
from mailhub.model.settings import SMTPSettings
from mailhub.policy.consequences import Consequence
from mailhub.policy.pipeline import Judgement
from mailhub.ports import Body, Clock, Hooks, Spool, Storage

HEADER = submission.HEADER_LIMIT + 64 * 1024
"""Octets of header that are looked at: more than all of a submitted message's."""
STRANGERS_HEADER = 256 * 1024
"""Octets of header that are taken from others: twice what most servers take."""
ROOM = 32 * 1024
"""Octets that are kept free for what this server writes on top: Received, and what was found."""

__all__ = ["Intake", "Outcome", "Recipient"]

Outcome = Arrival | MailhubError | None
"""Of one LMTP recipient: where it went, why not, or None: queued for another server."""


@dataclass(frozen=True, slots=True)
class _Message:
    """What was made of the bytes that came."""

    envelope: Envelope
    body: Body
    rendered: Rendered
    visited: frozenset[str]
    actor: Actor
    judged: Judgement
    tls_optional: bool = False
    decisions: dict[int, Decision] = field(default_factory=dict)


class Intake:
    """Takes messages in. `quota`: octets an account may keep where it has no limit of its own.

    `srs`: rewrites senders of what is forwarded; None: they stay. `allowances`: what accounts may
    send a day; None: anything. `hooks`: are asked about every message. `judging`: what is found
    about it, and what that leads to; None: nothing. `applying`: carries out what the accounts'
    own rules want; None: they have none. `elsewheres`: accounts whose mail is at another
    server; None: there are none.
    """

    def __init__(
        self,
        storage: Storage,
        addresses: Addresses,
        clock: Clock,
        ids: Ids,
        hostname: str,
        settings: SMTPSettings,
        *,
        quota: int = 0,
        srs: SRS | None = None,
        allowances: Allowances | None = None,
        hooks: Hooks | None = None,
        judging: Judging | None = None,
        applying: Applying | None = None,
        elsewheres: Elsewheres | None = None,
    ) -> None:
        self._storage = storage
        self._elsewheres = elsewheres
        self._addresses = addresses
        self._srs = srs
        self._hooks = hooks or NoHooks()
        self._judging = judging or unasked(hostname)
        self._clock = clock
        self._ids = ids
        self._hostname = hostname
        self._hops = settings.received_hops
        self._standings = Standings(storage, clock, quota)
        self._admission = Admission(addresses, self._standings, srs, allowances, clock, elsewheres)
        self._applying = applying
        self._trace = trace.Trace(hostname, clock, hide_submitter=settings.hide_submitter)

    # -- the steps of a transaction, in order

    def transaction(self) -> str:
        """A new transaction's id."""
        return self._ids.transaction()

    def sender(self, path: ReversePath, principal: Principal | None) -> Awaitable[None]:
        """See `Admission.sender`. Raises NotPermitted."""
        return self._admission.sender(path, principal)

    def recipient(
        self, path: ForwardPath, principal: Principal | None, relay: bool, *, size: int = 0
    ) -> Awaitable[Recipient]:
        """See `Admission.recipient`. Raises NotFound, NotPermitted, OverQuota, Invalid,
        LimitReached."""
        return self._admission.recipient(path, principal, relay, size=size)

    def check_open(self, account: int) -> Awaitable[None]:
        """Raises NotFound where the account is disabled or gone."""
        return self._admission.check_open(account)

    async def forwarder(self, sender: str) -> str | None:
        """The envelope sender with which a message of `sender` goes on; None: the same."""
        if self._srs is None or not sender or await self._is_here(sender):
            return None
        return self._srs.forward(sender, self._clock.now())

    async def is_ruled(self, made: Plan) -> bool:
        """Whether rules of accounts have a say in where the plan's copies go, or another server
        keeps any of them."""
        if await self.away([copy.account for copy in made.copies]):
            return True
        applying = self._applying
        return applying is not None and bool(made.copies) and await applying.concern(made)

    async def away(self, accounts: Collection[int]) -> Mapping[int, Away]:
        """Those of the accounts whose mail goes on to another server. Raises Unavailable."""
        return HERE if self._elsewheres is None else await self._elsewheres.away(accounts)

    def spool(self, envelope: Envelope) -> Spool:
        """Where the message's bytes go; this server's trace fields are put before them at the end,
        when it is known what was found about the message."""
        inner = self._storage.spools.open(room=ROOM)
        if envelope.principal is None:
            return inner
        return submission.SubmissionSpool(
            inner,
            envelope.reverse_path.address,
            self._trace.date(),
            f"<{envelope.transaction}@{self._hostname}>",
        )

    async def accept(
        self,
        envelope: Envelope,
        recipients: Sequence[Recipient],
        spool: Spool,
        met: Met = NOTHING,
    ) -> Sequence[Arrival]:
        """Commits the message for all recipients or for none; ends the spool on every path.

        Where some of several mailboxes have become full, their copies wait in the queue. Raises
        MailLoop, NotPermitted (an author that is not the principal's), OverQuota, StorageFull,
        Unavailable, Invalid, PolicyRefused, HookRefused, TooLarge (its header).
        """
        body = _finished(spool)
        try:
            message = await self._read(envelope, recipients, body, met)
            if message.judged.consequence is Consequence.DISCARD:
                return ()
            made = await self._plan(message, recipients)
            made.check()
            arrivals = await self._commit(message, made, envelope.transaction)
        finally:
            body.close()
        self._judging.done(message.judged)
        return [arrival for arrival in arrivals if arrival is not None]

    async def accept_each(
        self,
        envelope: Envelope,
        recipients: Sequence[Recipient],
        spool: Spool,
        met: Met = NOTHING,
    ) -> Sequence[Outcome]:
        """LMTP's form (RFC 2033 4.2): one outcome per recipient, in order.

        One commit where all can be taken; else one per recipient. Raises what concerns the
        message as a whole: MailLoop, StorageFull, Unavailable, PolicyRefused, HookRefused.
        """
        body = _finished(spool)
        try:
            message = await self._read(envelope, recipients, body, met)
            if message.judged.consequence is Consequence.DISCARD:
                return [None] * len(recipients)
            made = await self._plan(message, recipients)
            if not made.errors:
                try:
                    arrivals = await self._deliver(
                        message, made, envelope.transaction, one_answer=False
                    )
                except (OverQuota, NotFound, PolicyRefused):
                    pass
                else:
                    return [made.outcome(index, arrivals) for index in range(len(recipients))]
            return await self._one_by_one(message, recipients)
        finally:
            body.close()

    async def _one_by_one(
        self, message: _Message, recipients: Sequence[Recipient]
    ) -> list[Outcome]:
        outcomes: list[Outcome] = []
        taken: dict[int, Arrival | None] = {}
        for index, recipient in enumerate(recipients):
            known = [taken[one] for one, _ in recipient.resolution.accounts if one in taken]
            left = [one for one in recipient.resolution.accounts if one[0] not in taken]
            resolution = replace(recipient.resolution, accounts=tuple(left))
            token = f"{message.envelope.transaction}.{index}"
            arrivals: Sequence[Arrival | None] = ()
            try:
                made = await self._plan(message, [replace(recipient, resolution=resolution)])
                made.check()
                if made.any:
                    arrivals = await self._commit(message, made, token)
            except MailhubError as error:
                outcomes.append(error)
                continue
            found = {one.account: one for one in arrivals if one is not None}
            taken.update((copy.account, found.get(copy.account)) for copy in made.copies)
            outcomes.append(next(iter((*known, *arrivals)), None))
        return outcomes

    async def _plan(self, message: _Message, recipients: Sequence[Recipient]) -> Plan:
        consequence = message.judged.consequence
        try:
            recipients = kept_here(recipients, consequence)
        except PolicyRefused:
            self._judging.done(message.judged)
            raise
        sender = message.envelope.reverse_path.address
        forwards = any(one.resolution.remote and not one.direct for one in recipients)
        forwarder = await self.forwarder(sender) if forwards else None
        now = int(self._clock.now())
        away = await self.away([one for to in recipients for one, _ in to.resolution.accounts])
        made = plan(
            message.envelope, recipients, message.visited, now, forwarder=forwarder, away=away
        )
        return await placed(self._storage, made, consequence)

    async def _is_here(self, sender: str) -> bool:
        try:
            return await self._addresses.is_local_address(sender)
        except Invalid:
            return True

    # -- from bytes to a commit

    async def _read(
        self, envelope: Envelope, recipients: Sequence[Recipient], body: Body, met: Met
    ) -> _Message:
        """Judges and renders the message, and refuses what must not go on. Raises MailLoop,
        NotPermitted, PolicyRefused, HookRefused, TooLarge."""
        strange = self._judging.is_strange(envelope)
        header = submission.header_of(body, STRANGERS_HEADER if strange else HEADER)
        received = self._trace.received(envelope)
        visited = trace.visited(received + header, self._hops)
        principal = envelope.principal
        if principal is not None:
            visited = frozenset()  # a message sent again by its reader still names the reader
            await self._admission.check_login(principal)
            for author in submission.authors(header):
                if not await self._admission.may_write_as(principal, author):
                    raise NotPermitted("The message names an author who is not you")
        judged = await self._judging.message(envelope, met, header, body)
        head = received + judged.fields + self._judging.cleaned(envelope, header, judged)
        await run(body.begin_with(head, len(header)), Turns(self._clock))
        asked = self._hooks.has(HookStage.MESSAGE)
        read_here = asked or any(one.resolution.accounts for one in recipients)
        shown = await rendered(body, self._clock) if read_here else passing(head)
        if asked:
            await check(self._hooks, message_facts(envelope, body, shown))
        optional = tls_optional(header)
        return _Message(envelope, body, shown, visited, actor_of(envelope), judged, optional)

    async def _commit(self, message: _Message, made: Plan, token: str) -> Sequence[Arrival | None]:
        """Delivers; what full mailboxes cannot take waits in the queue beside the rest.

        Raises OverQuota only where nothing else is left to do, and PolicyRefused where nobody
        wants it.
        """
        try:
            return await self._deliver(message, made, token)
        except OverQuota:
            if len(made.copies) + len(made.onward) < 2:
                raise
        except NotFound:
            # Removed since RCPT: asked again, the client will be told so there.
            raise Unavailable from None
        now = int(self._clock.now())
        fits = await fitting(self._storage, self._standings, made, message.body.size, now)
        if not fits.any or len(fits.copies) == len(made.copies):
            raise OverQuota
        return await self._deliver(message, fits, token)

    async def _deliver(
        self, message: _Message, made: Plan, token: str, *, one_answer: bool = True
    ) -> Sequence[Arrival | None]:
        """For each copy of the plan, where it went; None: its account keeps none. `one_answer`:
        the client hears the same of all recipients."""
        applied = await self._applied(message, made, token)
        try:
            self._check_wanted(applied, made, one_answer)
            shown, sender, plan = message.rendered, None, applied.plan
            if plan.onward:
                sender = self._queue_sender(message, token)
            known, size = shown.message_id, message.body.size
            besides = beside(applied.besides, message.envelope, token, known, size, message.judged)
            arrivals = await self._storage.messages.deliver(
                token,
                message.body,
                shown,
                plan.copies,
                sender,
                plan.onward,
                message.actor,
                besides,
                again=message.envelope.again,
            )
        finally:
            applied.close()
        return applied.arrivals(arrivals)

    def _queue_sender(self, message: _Message, token: str) -> QueueSender:
        known = message.rendered.message_id
        return queue_sender(message.envelope, token, known, message.tls_optional)

    def _check_wanted(self, applied: Applied, made: Plan, one_answer: bool) -> None:
        """Raises PolicyRefused where rules of accounts refuse, and can do so."""
        refusals = tuple(applied.refusals.values())
        everybody = len(refusals) == len(made.copies) and not made.onward
        if refusals and (everybody or not one_answer):
            raise PolicyRefused(refusals[0].text)

    async def _applied(self, message: _Message, made: Plan, token: str) -> Applied:
        """The plan as the accounts' own rules have it."""
        applying, judged = self._applying, message.judged
        if applying is None or not made.copies or not await applying.concern(made):
            return Applied(made)
        sender, principal = message.envelope.reverse_path.address, message.envelope.principal
        case = Case(
            sender=sender,
            body=message.body,
            rendered=message.rendered,
            token=token,
            now=int(self._clock.now()),
            queued=self._queue_sender(message, token),
            consequence=judged.consequence,
            named=judged.cause is not None,
            score=sum(one.score for one in judged.findings),
            forwarder=self.forwarder,
            visited=message.visited,
            orcpt={path.address: path.orcpt for path in message.envelope.forward_paths},
            decisions=message.decisions,
            user=principal.username if principal is not None else "",
        )
        return await applying.apply(case, made)


def _finished(spool: Spool) -> Body:
    try:
        return spool.finish()
    except BaseException:
        spool.abort()
        raise
