"""Queued mail for mailboxes of this server: copies that had no room, that were held back, or
whose delivery somebody wants to be told of; and mail for a domain that became local meanwhile.

Delivered once however often it is tried: the entry's number names the hand-over. When it is
tried is the queue's business.
"""

from __future__ import annotations

from collections.abc import Mapping

from mailhub.core import trace
from mailhub.core.applying import NEVER, Applying
from mailhub.core.intake import HEADER, Intake
from mailhub.core.placing import placed
from mailhub.core.plan import Plan, plan
from mailhub.core.rendered import rendered
from mailhub.core.ruled import Applied, Case
from mailhub.model.account import Service
from mailhub.model.change import Actor
from mailhub.model.envelope import Envelope, ForwardPath, Peer, ReversePath
from mailhub.model.errors import (
    Corrupt,
    LimitReached,
    MailhubError,
    MailLoop,
    NotFound,
    NotPermitted,
    OverQuota,
    PolicyRefused,
    StorageFull,
)
from mailhub.model.message import Copy, Rendered
from mailhub.model.outbound import Answer, Stage
from mailhub.model.queue import JUNK_LANE, Onward, QueueEntry
from mailhub.policy.consequences import Consequence
from mailhub.ports import Body, Clock, Message, Storage

PIECE = 128 * 1024
"""Octets that are copied at once."""
ACTOR = Actor(source="queue")
DELIVERED = Answer(250, "2.1.5", "Delivered", Stage.DOT)
LATER = Answer(451, "4.3.0", "The store cannot take it at the moment", Stage.RCPT)
ANSWERS: Mapping[type[MailhubError], Answer] = {
    NotFound: Answer(550, "5.1.1", "No such mailbox here", Stage.RCPT),
    OverQuota: Answer(452, "4.2.2", "The mailbox is full", Stage.RCPT),
    MailLoop: Answer(554, "5.4.6", "The message is in a loop", Stage.RCPT),
    LimitReached: Answer(550, "5.4.6", "The address leads to too many others", Stage.RCPT),
    NotPermitted: Answer(451, "4.4.5", "The domain is local no more", Stage.RCPT),
    StorageFull: Answer(452, "4.3.1", "Insufficient system storage", Stage.RCPT),
    Corrupt: Answer(554, "5.3.0", "The stored message is damaged", Stage.RCPT),
}


class Homecomings:
    """Delivers queued mail here. `hops`: Received fields from which on a message loops.
    `applying`: carries out what the accounts' own rules want; None: they have none."""

    def __init__(
        self,
        storage: Storage,
        intake: Intake,
        clock: Clock,
        hops: int,
        applying: Applying | None = None,
    ) -> None:
        self._storage = storage
        self._applying = applying
        self._intake = intake
        self._clock = clock
        self._hops = hops

    async def deliver(self, entry: QueueEntry, message: Message) -> Answer:
        """One recipient. Errors are answers too, as another server would give them."""
        try:
            body = await self._copied(message)
            try:
                await self._deliver(entry, body)
            finally:
                body.close()
        except PolicyRefused as refused:
            return Answer(550, f"5.{refused.status}", refused.text, Stage.RCPT)
        except MailhubError as error:
            found = (ANSWERS[kind] for kind in type(error).__mro__ if kind in ANSWERS)
            return next(found, LATER)
        return DELIVERED

    async def _copied(self, message: Message) -> Body:
        spool = self._storage.spools.open()
        try:
            for start in range(0, message.size, PIECE):
                spool.write(await message.read(start, min(start + PIECE, message.size)))
            return spool.finish()
        except BaseException:
            spool.abort()
            raise

    async def _deliver(self, entry: QueueEntry, body: Body) -> None:
        shown = await rendered(body, self._clock)
        block = bytes(body.view()[: min(shown.header_length, HEADER)])
        if entry.home:
            visited = trace.delivered(block)
            await self._intake.check_open(entry.home)
            made = await self._to_one(entry)
        else:
            visited = trace.visited(block, self._hops)
            made = await self._to_all(entry, visited)
        applied = await self._applied(entry, body, shown, made, visited)
        try:
            plan = applied.plan
            await self._storage.messages.deliver(
                _token(entry),
                body,
                shown,
                plan.copies,
                entry.sender if plan.onward else None,
                plan.onward,
                ACTOR,
                applied.besides,
            )
        finally:
            applied.close()

    async def _applied(
        self,
        entry: QueueEntry,
        body: Body,
        shown: Rendered,
        made: Plan,
        visited: frozenset[str],
    ) -> Applied:
        """The plan as the accounts' own rules have it. Raises PolicyRefused where they do not want
        the message."""
        applying = self._applying
        if applying is None or not made.copies or not await applying.concern(made):
            return Applied(made)
        sender = entry.sender.address
        case = Case(
            sender=sender,
            body=body,
            rendered=shown,
            token=_token(entry),
            now=int(self._clock.now()),
            queued=entry.sender,
            consequence=Consequence.JUNK if entry.lane == JUNK_LANE else Consequence.ADD,
            named=True,
            forwarder=self._intake.forwarder,
            visited=visited,
            orcpt={entry.recipient: entry.orcpt},
            user=await self._submitter(entry),
        )
        applied = await applying.apply(case, made)
        if applied.refusals and len(applied.refusals) == len(made.copies) and not made.onward:
            applied.close()
            raise PolicyRefused(next(iter(applied.refusals.values())).text)
        return applied

    async def _submitter(self, entry: QueueEntry) -> str:
        """Who logged in to submit it; nobody where the server wrote it for an account, which it
        does in such a way that nobody is told of its fate."""
        number = entry.sender.account
        if number is None or entry.notify == NEVER:
            return ""
        account = await self._storage.accounts.get(number)
        return account.username if account is not None else ""

    async def _to_one(self, entry: QueueEntry) -> Plan:
        """Where it leads was found when it came."""
        prefix = trace.return_path(entry.sender.address) + trace.delivered_to(entry.recipient)
        now = int(self._clock.now())
        copy = Copy(entry.home, prefix=prefix, internaldate=now, recipient=entry.recipient)
        away = (await self._intake.away((entry.home,))).get(entry.home)
        if away is not None:
            notify = tuple(word for word in entry.notify if word != "SUCCESS")
            one = Onward(entry.recipient, notify, entry.orcpt, now, None, away.lane, entry.home)
            return Plan((), (one,), {}, {})
        made = Plan((copy,), (), {}, {})
        if entry.lane == JUNK_LANE:
            return await placed(self._storage, made, Consequence.JUNK)
        return made

    async def _to_all(self, entry: QueueEntry, visited: frozenset[str]) -> Plan:
        """Where it leads by now. Raises as `Intake.recipient`, and MailLoop."""
        # Success is told of when this entry is done.
        notify = tuple(word for word in entry.notify if word != "SUCCESS")
        path = ForwardPath(entry.recipient, notify, entry.orcpt)
        envelope = Envelope(
            transaction="",
            reverse_path=ReversePath(entry.sender.address),
            forward_paths=(path,),
            service=Service.SMTP,
            peer=Peer("", 0),
        )
        recipient = await self._intake.recipient(path, None, False)
        away = await self._intake.away([one for one, _ in recipient.resolution.accounts])
        made = plan(envelope, [recipient], visited, int(self._clock.now()), away=away)
        made.check()
        return made


def _token(entry: QueueEntry) -> str:
    """Names the hand-over: however often it is tried, it happens once."""
    return f"queue.{entry.number}"
