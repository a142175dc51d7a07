"""What an account's applications do with new messages: keep them, send them, pass them on.

Sending goes through the one door in, as a mail program's does; the copy for the sender is kept
when the message is on its way, so that nothing that failed looks as if it were sent.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from mailhub.core import submission, trace
from mailhub.core.addresses import Addresses
from mailhub.core.allowances import Allowances, Kind
from mailhub.core.arranging import Arranging
from mailhub.core.composing import Composing, Draft, Reference, Relation, oneself, principal_of
from mailhub.core.holding import Holding
from mailhub.core.ids import Ids
from mailhub.core.intake import Intake, Recipient
from mailhub.core.listing import Listings
from mailhub.core.mailboxes import Mailboxes
from mailhub.core.mailroom import Mailroom
from mailhub.core.messages import Messages, NewMessage
from mailhub.core.octets import content_of, has_eight, octets, one, stored
from mailhub.core.passing import PassingOn
from mailhub.model.account import Account, Service
from mailhub.model.change import Actor
from mailhub.model.envelope import Envelope, ForwardPath, Hold, Peer, ReversePath
from mailhub.model.errors import AllowanceUsed, Conflict, Invalid, NotFound, OverQuota, TooLarge
from mailhub.model.flags import ANSWERED, DRAFT, SEEN, FlagMode, Flags
from mailhub.model.listing import Arrangement
from mailhub.model.mailbox import Mailbox
from mailhub.model.message import Arrival, Content
from mailhub.ports import Body, Clock, Randomness, Storage
from mailhub.wire import header
from mailhub.wire.lineends import LineEnds

RECIPIENTS = 1000
"""Most recipients of one message."""
SENT, DRAFTS = "\\Sent", "\\Drafts"


@dataclass(frozen=True, slots=True)
class Sending:
    """How a message leaves. `at`: epoch seconds before which it does not; 0: at once. `sender`,
    `recipients`: of the envelope, where they are not those of the message. `token`: of a draft,
    where it is to be sent once under another name than its place."""

    peer: Peer
    at: int = 0
    sender: str | None = None
    recipients: Sequence[str] = ()
    token: str = ""


@dataclass(frozen=True, slots=True)
class Sent:
    """`queued`: the transaction under which it left, empty where it did not. `kept`: the sender's
    copy; None: there was no room or no mailbox for it. `full`: there was no room."""

    queued: str
    mailbox: Mailbox | None = None
    kept: Arrival | None = None
    full: bool = False


@dataclass(frozen=True, slots=True)
class Kept:
    """A message that was stored. `replaced`: whether another one went for it."""

    arrival: Arrival
    size: int
    replaced: bool = False


class Mailing:
    """For the whole process."""

    def __init__(
        self,
        storage: Storage,
        composing: Composing,
        intake: Intake,
        allowances: Allowances,
        holding: Holding,
        mailboxes: Mailboxes,
        messages: Messages,
        listings: Listings,
        arranging: Arranging,
        addresses: Addresses,
        clock: Clock,
    ) -> None:
        self._storage = storage
        self._composing = composing
        self._intake = intake
        self._allowances = allowances
        self._holding = holding
        self._mailboxes = mailboxes
        self._messages = messages
        self._listings = listings
        self._arranging = arranging
        self._clock = clock
        self.files = composing.files
        self.passing_on = PassingOn(storage, messages.reading, intake, allowances, addresses, clock)

    @property
    def most(self) -> int:
        """Octets of one message."""
        return self._composing.most

    @property
    def holds(self) -> bool:
        """Whether mail can be held back."""
        return self._holding.offered

    def message_id(self, key: str) -> str:
        """That of the letter with this key, in angle brackets."""
        return self._composing.message_id(key)

    # -- storing

    async def keep(
        self,
        box: Mailbox,
        message: NewMessage,
        actor: Actor,
        *,
        metadata: str = "",
        previous: tuple[Mailbox, int] | None = None,
    ) -> Kept:
        """Stores a message as it is. `previous`: a message that goes in the same commit, where it
        is still there. Raises OverQuota, TooLarge, NotFound, StorageFull, Unavailable."""
        if message.body.size > self.most:
            raise TooLarge("The message is too large", self.most)
        replaces = None
        if previous is not None and await self._is_there(*previous):
            replaces = previous[0].number, previous[1]
        arrival, size = await self._messages.add(box, message, actor, replaces=replaces)
        if metadata:
            await self._label(arrival, metadata, actor)
        return Kept(arrival, size, replaces is not None)

    async def keep_draft(
        self,
        account: Account,
        box: Mailbox,
        draft: Draft,
        flags: Flags,
        actor: Actor,
        *,
        metadata: str = "",
        previous: tuple[Mailbox, int] | None = None,
    ) -> Kept:
        """Writes a message and stores it. Raises what `Composing.compose` and `keep` do."""
        _, body = await self._composing.compose(account, draft)
        try:
            new = NewMessage(body, flags, draft.date)
            return await self.keep(box, new, actor, metadata=metadata, previous=previous)
        finally:
            body.close()

    async def _label(self, arrival: Arrival, metadata: str, actor: Actor) -> None:
        """What the application keeps with a message."""
        await self._storage.archive.arrange(
            arrival.account,
            arrival.mailbox,
            one(arrival.uid),
            Arrangement(metadata=metadata),
            actor,
        )

    async def _is_there(self, box: Mailbox, uid: int) -> bool:
        return bool(await self._storage.messages.contents(box.account, box.number, one(uid)))

    # -- sending

    async def submit(
        self,
        account: Account,
        draft: Draft,
        sending: Sending,
        box: Mailbox | None,
        actor: Actor,
        *,
        metadata: str = "",
    ) -> Sent:
        """Writes a message, sends it and keeps a copy in `box` (None: where sent mail is).

        Raises what `Composing.compose` and `Intake.accept` do, NotPermitted (a sender or author
        that is not the account's), Invalid (no recipient, one that does not exist, a time that
        is too far away), AllowanceUsed.
        """
        letter, body = await self._composing.compose(account, draft)
        try:
            assert letter.sender is not None
            to = sending.recipients or letter.recipients
            sender = letter.sender.address if sending.sender is None else sending.sender
            token = await self._send(account, body, sender, to, sending, self._intake.transaction())
            sent = await self._copy(account, body, box, token, actor)
        finally:
            body.close()
        if metadata and sent.kept is not None:
            await self._label(sent.kept, metadata, actor)
        if draft.reference is not None:
            await self.note(draft.reference, actor)
        return sent

    async def submit_draft(
        self, account: Account, box: Mailbox, uid: int, sending: Sending, actor: Actor
    ) -> Sent:
        """Sends a draft, which becomes the copy of what was sent. However often it is asked for,
        a draft is sent once. Raises as `submit`, NotFound, Conflict (it is no draft)."""
        listed = await self._listings.one(account.number, box.number, uid)
        if not listed.row.flags.system & DRAFT:
            raise Conflict("This message is not a draft")
        body, block = await self._completed(account, await content_of(self._storage, box, uid))
        try:
            to = sending.recipients or submission.recipients(block, RECIPIENTS + 1)
            sender = sending.sender
            if sender is None:
                sender = submission.authors(block)[0]
            name = sending.token or _token(box, uid)
            token = await self._send(account, body, sender, to, sending, name)
            target = await self._mailboxes.by_special_use(account.number, SENT)
            if target is None:
                await self._arranging.delete(box, one(uid), actor)
                return Sent(token)
            new = NewMessage(body, Flags(SEEN))
            try:
                (kept,) = await self._messages.append(
                    target, [new], actor, replaces=(box.number, uid)
                )
            except OverQuota:
                await self._arranging.delete(box, one(uid), actor)
                return Sent(token, full=True)
            return Sent(token, target, kept)
        finally:
            body.close()

    async def _send(
        self,
        account: Account,
        body: Body,
        sender: str,
        addresses: Sequence[str],
        sending: Sending,
        token: str,
    ) -> str:
        now = int(self._clock.now())
        until = self._holding.until(Hold(until=sending.at)) if sending.at > now else 0
        if not addresses:
            raise Invalid("There is nobody to send it to", "to")
        if len(addresses) > RECIPIENTS:
            raise Invalid(f"A message has at most {RECIPIENTS} recipients", "to")
        principal = principal_of(account)
        await self._intake.sender(ReversePath(sender), principal)
        await self._check_allowance(account, len(addresses))
        block = submission.header_of(body, submission.HEADER_LIMIT)
        utf8 = not all(one.isascii() for one in (sender, *addresses)) or not block.isascii()
        recipients = [await self._recipient(account, one, body.size) for one in addresses]
        ends = LineEnds()
        eight = await has_eight(body, self._clock)
        path = ReversePath(
            sender,
            size=body.size,
            body="8BITMIME" if eight else "7BIT",
            utf8=utf8,
            hold_until=until,
        )
        envelope = Envelope(
            transaction=token,
            reverse_path=path,
            forward_paths=tuple(one.path for one in recipients),
            service=Service.HTTP,
            peer=sending.peer,
            principal=principal,
            protocol="HTTP",
            again=True,
        )
        spool = self._intake.spool(envelope)
        try:
            async for piece in octets(body, self._clock):
                spool.write(ends.feed(piece))
            spool.write(ends.finish())
        except BaseException:
            spool.abort()
            raise
        await self._intake.accept(envelope, recipients, spool)
        return token

    async def _recipient(self, account: Account, address: str, size: int) -> Recipient:
        try:
            return await self._intake.recipient(
                ForwardPath(address), principal_of(account), False, size=size
            )
        except (NotFound, OverQuota, Invalid) as error:
            raise Invalid(f"{address}: {error.text}", "to") from None

    async def _check_allowance(self, account: Account, count: int) -> None:
        """All or none are counted."""
        use = (await self._allowances.used(account))[Kind.RECIPIENTS]
        if use.allowed and use.used + count > use.allowed:
            raise AllowanceUsed("The daily limit of recipients is reached")

    # -- what the sender keeps

    async def _copy(
        self, account: Account, body: Body, box: Mailbox | None, token: str, actor: Actor
    ) -> Sent:
        target = box or await self._mailboxes.by_special_use(account.number, SENT)
        if target is None:
            return Sent(token)
        try:
            new = NewMessage(body, Flags(SEEN))
            (kept,) = await self._messages.append(target, [new], actor)
        except OverQuota:
            return Sent(token, full=True)
        return Sent(token, target, kept)

    async def note(self, to: Reference, actor: Actor) -> None:
        """Marks what was answered or forwarded, as mail programs do (RFC 9051 section 2.3.2)."""
        forwarded = to.relation is Relation.FORWARD
        flags = Flags(keywords=("$Forwarded",)) if forwarded else Flags(ANSWERED)
        box = to.mailbox
        await self._messages.store_flags(
            box.account, box.number, one(to.uid), FlagMode.ADD, flags, actor
        )

    # -- stored messages

    async def _completed(self, account: Account, content: Content) -> tuple[Body, bytes]:
        """A draft as it is sent: dated now, with the fields that it lacks; and its header."""
        size = content.header_length
        if size > submission.HEADER_LIMIT:
            raise TooLarge("The header is too large", submission.HEADER_LIMIT)
        reading = self._messages.reading
        block = await reading.octets(content, 0, size)
        block = header.select_fields(block, {b"date", submission.PRIVATE}, negate=True)
        block = LineEnds().feed(block)
        present = {name for name, _ in header.fields(block)}
        added = f"Date: {trace.date(int(self._clock.now()))}\r\n"
        if b"message-id" not in present:
            added += f"Message-ID: {self._composing.message_id()}\r\n"
        if b"from" not in present:
            added += f"From: <{oneself(account).address}>\r\n"
        block = added.encode() + block
        return await stored(self._storage, reading, content, block, size), block


def _token(box: Mailbox, uid: int) -> str:
    """The transaction of a draft: the same however often it is submitted."""
    return hashlib.sha256(f"draft {box.account} {box.id} {uid}".encode()).hexdigest()[:32]


def mailing(
    storage: Storage,
    room: Mailroom,
    mailboxes: Mailboxes,
    addresses: Addresses,
    intake: Intake,
    allowances: Allowances,
    hold: int,
    clock: Clock,
    ids: Ids,
    randomness: Randomness,
    hostname: str,
    most: int,
) -> Mailing:
    """All of it, made once for the process. `hold`: seconds for which mail
    may be held back at most; `most`: octets of one message."""
    composing = Composing(
        storage, addresses, room.listings, room.views, clock, ids, randomness, hostname, most
    )
    return Mailing(
        storage,
        composing,
        intake,
        allowances,
        Holding(clock, hold),
        mailboxes,
        room.messages,
        room.listings,
        room.arranging,
        addresses,
        clock,
    )
