"""Letters that leave: sent once, held back for a while, and taken back while they wait.

What is sent goes through `core.mailing`, as everything that applications send. A letter's
transaction is made of its key, so that a form that is sent twice makes one message.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

from mailhub.core import draftnotes
from mailhub.core.composing import Reference
from mailhub.core.drafting import Drafting
from mailhub.core.listing import Listings
from mailhub.core.mailboxes import Mailboxes
from mailhub.core.mailing import DRAFTS, SENT, Mailing, Sending, Sent
from mailhub.core.queue import Queue
from mailhub.core.wordings import Wordings
from mailhub.core.writings import Held, Writing
from mailhub.model.account import Account
from mailhub.model.change import Actor
from mailhub.model.errors import InUse, NotFound
from mailhub.model.listing import Showing, Stretch
from mailhub.model.mailbox import Mailbox
from mailhub.model.queue import QueueEntry, QueueFilter
from mailhub.ports import Clock

ENTRIES = 500
"""Recipients under way that are looked at."""
LATELY = 100
"""Newest sent messages that are looked at."""
_KEY = re.compile(r"<([0-9a-f]{24})@")


@dataclass(frozen=True, slots=True)
class Waiting:
    """A letter that leaves later. `token`: its transaction. `due`: epoch seconds. `subject`: of
    the sender's copy, empty where that is gone."""

    token: str
    due: int
    recipients: Sequence[str]
    subject: str = ""


@dataclass(frozen=True, slots=True)
class TakenBack:
    """What came of it: for how many recipients, for how many it was too late; and the draft that
    the letter is again, where the sender's copy was still there."""

    stopped: int
    late: int
    held: Held | None


class Dispatching:
    """The letters of every account."""

    def __init__(
        self,
        drafting: Drafting,
        mailboxes: Mailboxes,
        mailing: Mailing,
        listings: Listings,
        wordings: Wordings,
        queue: Queue,
        clock: Clock,
    ) -> None:
        self._drafting = drafting
        self._mailboxes = mailboxes
        self._mailing = mailing
        self._listings = listings
        self._wordings = wordings
        self._queue = queue
        self._clock = clock

    async def send(
        self, account: Account, uid: int, key: str, sending: Sending, actor: Actor
    ) -> Sent:
        """Sends a draft, once however often it is asked for, and marks what it answers. To be
        called within `Drafting.turn`. Raises as `Mailing.submit_draft`."""
        box = await self._drafts(account)
        found = (await self._wordings.of(box, uid)).values(draftnotes.FIELD.lower().encode())
        note = draftnotes.read(found[0]) if found else None
        sending = replace(sending, token=token_of(account, key))
        sent = await self._mailing.submit_draft(account, box, uid, sending, actor)
        if note is not None and note.source is not None:
            source = note.source
            with suppress(NotFound):
                where = await self._mailboxes.by_id(account.number, source.mailbox)
                reference = Reference(where, source.uid, source.relation)
                await self._mailing.note(reference, actor)
        return sent

    async def was_sent(self, account: Account, writing: Writing) -> bool:
        """Whether the letter left already, as it is typed now."""
        box = await self._mailboxes.by_special_use(account.number, SENT)
        if box is None:
            return False
        uid = await self._drafting.lately(account, box, writing.key)
        return uid is not None and await self._drafting.same(account, box, uid, writing)

    # -- what waits

    async def waiting(self, account: Account) -> Sequence[Waiting]:
        """The account's letters that are held back, the next one first."""
        wanted = QueueFilter(account=account.number)
        entries, _ = await self._queue.page(wanted, limit=ENTRIES)
        now = int(self._clock.now())
        letters: dict[str, list[QueueEntry]] = {}
        for entry in entries:
            if entry.due > now and not entry.attempts:
                letters.setdefault(entry.sender.transaction, []).append(entry)
        if not letters:
            return []
        subjects = {
            token: subject for token, (_, _, subject) in (await self._copies(account)).items()
        }
        found = [
            Waiting(
                token,
                min(one.due for one in several),
                [one.recipient for one in several],
                subjects.get(token, ""),
            )
            for token, several in letters.items()
        ]
        return sorted(found, key=lambda one: one.due)

    async def take_back(self, account: Account, token: str, actor: Actor) -> TakenBack:
        """Stops a letter for all recipients to whom it is not going yet; the sender's copy is a
        draft again. Raises NotFound (it left), InUse (it is leaving)."""
        try:
            which = QueueFilter(account=account.number, transaction=token)
            acted = await self._queue.discard(which, actor)
        except InUse:
            raise NotFound("It is leaving already") from None
        copy = (await self._copies(account)).get(token)
        held = None
        if copy is not None:
            box, uid, _ = copy
            with suppress(NotFound):
                held = await self._drafting.again(account, box, uid, actor, moved=not acted.busy)
        return TakenBack(acted.done, acted.busy, held)

    async def _copies(self, account: Account) -> dict[str, tuple[Mailbox, int, str]]:
        """Where the sender's copies lie, and their subjects, by the letters' transactions."""
        box = await self._mailboxes.by_special_use(account.number, SENT)
        if box is None:
            return {}
        _, page = await self._listings.mailbox(account.id, box.id, Stretch(LATELY), Showing())
        found: dict[str, tuple[Mailbox, int, str]] = {}
        for one in page.listed:
            key = _KEY.match(one.row.message_id)
            if key is not None:
                place = box, one.row.number, one.facts.fields.subject
                found.setdefault(token_of(account, key[1]), place)
        return found

    async def _drafts(self, account: Account) -> Mailbox:
        box = await self._mailboxes.by_special_use(account.number, DRAFTS)
        if box is None:
            raise NotFound("This draft does not exist")
        return box


def token_of(account: Account, key: str) -> str:
    """The transaction under which a letter leaves."""
    return hashlib.sha256(f"letter {account.id} {key}".encode()).hexdigest()[:32]
