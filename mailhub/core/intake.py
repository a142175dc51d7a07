"""The one door in: every message enters the store here, whatever protocol brought it.

Envelope and bytes become resolved recipients, trace fields and one commit; only then may a face
say that the message was taken. What a message's bytes mean is `wire`'s; who may send what is
decided here and never in a face.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from mailhub.core import submission, trace
from mailhub.core.addresses import Addresses
from mailhub.core.allowances import Allowances
from mailhub.core.hooking import NoHooks, check, message_facts
from mailhub.core.ids import Ids
from mailhub.core.judging import NOTHING, Judging, Met, unasked
from mailhub.core.placing import kept_here, placed
from mailhub.core.plan import Plan, Recipient, actor_of, plan, queue_sender, tls_optional
from mailhub.core.rendered import passing, rendered
from mailhub.core.srs import SRS
from mailhub.core.standing import Standing, Standings
from mailhub.core.turns import Turns, run
from mailhub.model.account import Principal, Sending
from mailhub.model.address import Resolution
from mailhub.model.change import Actor
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
from mailhub.model.queue import JUNK_LANE, Onward
from mailhub.model.settings import SMTPSettings
from mailhub.policy.consequences import Consequence
from mailhub.policy.pipeline import Judgement
from mailhub.ports import Body, Clock, Hooks, Spool, Storage
from mailhub.wire import address as grammar

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


class Intake:
    """Takes messages in. `quota`: octets an account may keep where it has no limit of its own.

    `srs`: rewrites senders of what is forwarded; None: they stay. `allowances`: what accounts may
    send a day; None: anything. `hooks`: are asked about every message. `judging`: what is found
    about it, and what that leads to; None: nothing.
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
    ) -> None:
        self._storage = storage
        self._addresses = addresses
        self._srs = srs
        self._allowances = allowances
        self._hooks = hooks or NoHooks()
        self._judging = judging or unasked(hostname)
        self._clock = clock
        self._ids = ids
        self._hostname = hostname
        self._hops = settings.received_hops
        self._standings = Standings(storage, clock, quota)
        self._trace = trace.Trace(hostname, clock, hide_submitter=settings.hide_submitter)

    # -- the steps of a transaction, in order

    def transaction(self) -> str:
        """A new transaction's id."""
        return self._ids.transaction()

    async def sender(self, path: ReversePath, principal: Principal | None) -> None:
        """Whether this sender may be used; a user may use the null sender (notifications).

        Raises NotPermitted.
        """
        if principal is None:
            return
        await self._check_login(principal)
        if path.address and not await self._may_write_as(principal, path.address):
            raise NotPermitted("This sender address is not yours")

    async def _may_write_as(self, principal: Principal, address: str) -> bool:
        if await self._standings.sending(principal) is Sending.ANY:
            return True
        return await self._addresses.owns(principal, address)

    async def _check_login(self, principal: Principal) -> None:
        """Raises NotPermitted where the login does not hold any more: a password was changed, or
        the account was disabled, since."""
        if not await self._standings.holds(principal):
            raise NotPermitted("The login has ended")

    async def recipient(
        self, path: ForwardPath, principal: Principal | None, relay: bool, *, size: int = 0
    ) -> Recipient:
        """Resolves a recipient. `relay`: a trusted client; `size`: as MAIL announced, or 0.

        Raises NotFound (unknown here), NotPermitted (elsewhere, and the client may not relay),
        OverQuota, Invalid, LimitReached.
        """
        recipient = await self._resolved(path, principal, relay, size)
        if self._allowances is not None:
            if principal is not None:
                await self._allowances.send(principal.account)
            elif recipient.resolution.remote and recipient.resolution.accounts:
                return await self._allowances.forward(recipient)
        return recipient

    async def _resolved(
        self, path: ForwardPath, principal: Principal | None, relay: bool, size: int
    ) -> Recipient:
        address = path.address
        if self._srs is not None and self._srs.claims(address):
            try:
                address = self._srs.reverse(address, self._clock.now())
            except Invalid:
                raise NotFound("This rewritten address leads nowhere") from None
            relay = True
        if not await self._addresses.is_local_address(address):
            await self._check_relay(address, principal, relay)
            elsewhere = grammar.join(*grammar.split(address))
            return Recipient(path, Resolution(remote=(elsewhere,)), direct=True)
        resolution = await self._addresses.resolve(address)
        return Recipient(path, await self._open(resolution, size))

    async def check_open(self, account: int) -> None:
        """Raises NotFound where the account is disabled or gone."""
        if await self._standings.of(account, 0) is Standing.SHUT:
            raise NotFound("This mailbox is disabled")

    async def _check_relay(self, address: str, principal: Principal | None, relay: bool) -> None:
        """Whether mail may go on to another server: of a relay domain, by a user with that right,
        by a trusted client; in this order. Raises NotPermitted."""
        if await self._addresses.is_relayed(address):
            return
        allowed = principal is not None and (
            await self._standings.sending(principal) is not Sending.LOCAL
        )
        if not allowed and not relay:
            raise NotPermitted("Relaying is not permitted")

    async def _open(self, resolution: Resolution, size: int) -> Resolution:
        """The resolution without disabled accounts.

        Raises NotFound where nobody is left, OverQuota where nobody has room; one full mailbox
        among several is no reason to refuse the others.
        """
        left = []
        full = 0
        for entry in resolution.accounts:
            standing = await self._standings.of(entry[0], size)
            if standing is not Standing.SHUT:
                left.append(entry)
                full += standing is Standing.FULL
        if not (resolution.remote or resolution.programs):
            if not left:
                raise NotFound("This mailbox is disabled")
            if full == len(left):
                raise OverQuota
        if len(left) == len(resolution.accounts):
            return resolution
        return replace(resolution, accounts=tuple(left))

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
        return arrivals

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
                    arrivals = await self._deliver(message, made, envelope.transaction)
                except (OverQuota, NotFound):
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
        taken: dict[int, Arrival] = {}
        for index, recipient in enumerate(recipients):
            known = [taken[one] for one, _ in recipient.resolution.accounts if one in taken]
            left = [one for one in recipient.resolution.accounts if one[0] not in taken]
            resolution = replace(recipient.resolution, accounts=tuple(left))
            token = f"{message.envelope.transaction}.{index}"
            try:
                made = await self._plan(message, [replace(recipient, resolution=resolution)])
                made.check()
                arrivals = await self._commit(message, made, token) if made.any else ()
            except MailhubError as error:
                outcomes.append(error)
                continue
            taken.update((arrival.account, arrival) for arrival in arrivals)
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
        forwarder = None
        forwards = any(one.resolution.remote and not one.direct for one in recipients)
        if self._srs is not None and forwards and sender and not await self._is_here(sender):
            forwarder = self._srs.forward(sender, self._clock.now())
        now = int(self._clock.now())
        made = plan(message.envelope, recipients, message.visited, now, forwarder=forwarder)
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
            await self._check_login(principal)
            for author in submission.authors(header):
                if not await self._may_write_as(principal, author):
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

    async def _commit(self, message: _Message, made: Plan, token: str) -> Sequence[Arrival]:
        """Delivers; what full mailboxes cannot take waits in the queue beside the rest.

        Raises OverQuota only where nothing else is left to do.
        """
        try:
            return await self._deliver(message, made, token)
        except OverQuota:
            if len(made.copies) + len(made.onward) < 2:
                raise
        except NotFound:
            # Removed since RCPT: asked again, the client will be told so there.
            raise Unavailable from None
        fits = await self._fitting(message, made)
        if not fits.any or len(fits.copies) == len(made.copies):
            raise OverQuota
        return await self._deliver(message, fits, token)

    async def _deliver(self, message: _Message, made: Plan, token: str) -> Sequence[Arrival]:
        shown, sender = message.rendered, None
        if made.onward:
            sender = queue_sender(message.envelope, token, shown.message_id, message.tls_optional)
        return await self._storage.messages.deliver(
            token, message.body, shown, made.copies, sender, made.onward, message.actor
        )

    async def _fitting(self, message: _Message, made: Plan) -> Plan:
        """The plan with the copies that do not fit turned into queue entries to their owners."""
        copies = []
        onward = list(made.onward)
        due = int(self._clock.now())
        for copy in made.copies:
            account = await self._storage.accounts.get(copy.account)
            room = self._standings.room(account) if account is not None else None
            size = message.body.size + len(copy.prefix)
            if account is None or room is None or size <= room:
                copies.append(copy)
            else:
                lane = JUNK_LANE if copy.mailbox is not None else ""
                onward.append(Onward(copy.recipient, due=due, lane=lane, home=copy.account))
        if not copies and not made.onward:
            return Plan((), (), {}, {})
        return Plan(tuple(copies), tuple(onward), {}, {})


def _finished(spool: Spool) -> Body:
    try:
        return spool.finish()
    except BaseException:
        spool.abort()
        raise
