"""Letters while they are written: begun, kept as drafts, taken up again.

A letter has a key, of which its Message-ID is made, so that all its versions are known to be one.
Who keeps a version says which one it was made of; where another hand was quicker, both are kept.
How a draft is spelled is `core.composing`'s, and how it leaves `core.dispatching`'s.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import replace

from mailhub.core import addressing, draftnotes, draftparts
from mailhub.core.addresses import Addresses
from mailhub.core.addressing import Heard
from mailhub.core.composing import Draft, Enclosure, Relation, oneself, principal_of
from mailhub.core.draftnotes import Note, Source
from mailhub.core.ids import Ids
from mailhub.core.mailboxes import Mailboxes
from mailhub.core.mailing import DRAFTS, SENT, Mailing
from mailhub.core.mailroom import Mailroom
from mailhub.core.messages import NewMessage
from mailhub.core.rewriting import Rewriting
from mailhub.core.turns import Turns, run
from mailhub.core.viewing import Address
from mailhub.core.wordings import Wording, Wordings
from mailhub.core.writings import SUBJECT, Before, Begun, Change, Clash, Held, Writing, plainly
from mailhub.model.account import Account
from mailhub.model.change import Actor
from mailhub.model.errors import Invalid, NotFound
from mailhub.model.flags import DELETED, DRAFT, SEEN, Flags
from mailhub.model.listing import Showing, Stretch
from mailhub.model.mailbox import Mailbox
from mailhub.model.uids import UidSet
from mailhub.ports import Clock, Seats
from mailhub.wire import composed, flowed, typed
from mailhub.wire.attachments import Attachment
from mailhub.wire.composed import Person

HEARD = ("from", "reply-to", "to", "cc", "mail-followup-to")
QUOTED = 64 * 1024
"""Characters of a text that are quoted."""
OWN = 200
"""Addresses of a message of which it is asked whether they are one's own."""
RAW = 32 * 1024
"""Characters of a field that is no list of addresses yet."""
WAIT = 0.03
"""Seconds between two looks whether another is done."""
LATELY = 25
"""Newest messages among which another version of a letter is looked for."""


class Drafting:
    """The letters of every account."""

    def __init__(
        self,
        mailboxes: Mailboxes,
        mailing: Mailing,
        room: Mailroom,
        addresses: Addresses,
        wordings: Wordings,
        writing: Rewriting,
        clock: Clock,
        ids: Ids,
        seats: Seats,
    ) -> None:
        self._mailboxes = mailboxes
        self._mailing = mailing
        self._listings = room.listings
        self._views = room.views
        self._arranging = room.arranging
        self._addresses = addresses
        self._wordings = wordings
        self._rewriting = writing
        self._clock = clock
        self._ids = ids
        self._seats = seats

    @asynccontextmanager
    async def turn(self, account: Account, key: str) -> AsyncIterator[None]:
        """One after the other for who does something with the same letter: a form that is sent
        twice is read twice, but the second time after the first was done, also where another
        process does that."""
        mine = f"letter:{account.number}:{key}"
        while not await self._seats.take(mine, 1):
            await self._clock.sleep(WAIT)
        try:
            yield
        finally:
            self._seats.give(mine)

    # -- begun

    def blank(self, account: Account) -> Writing:
        """A new letter."""
        return Writing(self._ids.new(), self._ids.new(), account.address)

    async def begin(
        self, account: Account, box: Mailbox, uid: int, relation: Relation, *, whole: bool = False
    ) -> Begun:
        """An answer to a message, or one that passes it on: `whole`, as it is. Raises NotFound,
        Corrupt, Unavailable."""
        source = await self._look(account, box, uid)
        wording, fields = source.wording, source.listed.facts.fields
        from_, reply_to, to, cc, more = [await self._named(wording, name) for name in HEARD]
        heard = Heard(from_, reply_to, to, cc, more, draftparts.lists(wording))
        own = await self._own(account, heard.everybody)
        writing = self.blank(account)
        passes = relation is Relation.FORWARD
        order = (*heard.to, *heard.cc, *heard.from_)
        author = next((one.address for one in order if addressing.key(one) in own), "")
        everybody = relation is Relation.REPLY_ALL
        answered, copied = addressing.answer(heard, own, everybody=everybody)
        called = addressing.passed_on if passes else addressing.answered
        return Begun(
            replace(
                writing,
                author=author or writing.author,
                to=typed.written(() if passes else answered),
                cc=typed.written(() if passes else copied),
                subject=called(fields.subject),
            ),
            source=Source(box.id, uid, relation),
            attached=source.listed.facts.structure.attachments if passes and not whole else (),
            whole=whole,
            quoted="" if whole else _bounded(wording.text),
            quoted_from=heard.from_,
            quoted_at=source.listed.row.sent_at or source.listed.row.date,
        )

    async def _own(self, account: Account, people: Sequence[Person]) -> Collection[str]:
        principal = principal_of(account)
        owned = set()
        for one in people[:OWN]:
            if await self._addresses.owns(principal, one.address):
                owned.add(addressing.key(one))
        return owned

    # -- taken up again

    async def open(self, account: Account, uid: int) -> Begun:
        """A draft, to be written on at. Raises NotFound, Corrupt, Unavailable."""
        box = await self._mailboxes.by_special_use(account.number, DRAFTS)
        if box is None:
            raise NotFound("This draft does not exist")
        found = await self._look(account, box, uid)
        note = found.note
        if note is None or found.listed.row.message_id != self._mailing.message_id(note.key):
            note = Note(self._ids.new(), "", note.source if note else None)
        writing = await self._typed(account, found.wording, note, found.listed.facts.fields.subject)
        return Begun(
            writing,
            version=uid,
            source=note.source,
            fixed=not found.wording.plain or found.wording.cut,
            attached=found.listed.facts.structure.attachments,
        )

    async def _named(self, wording: Wording, name: str) -> Sequence[Person]:
        return await run(draftparts.people(wording, name.encode()), Turns(self._clock))

    async def _typed(self, account: Account, wording: Wording, note: Note, subject: str) -> Writing:
        shown = {
            name: note.typed.get(name) or typed.written(await self._named(wording, name))
            for name in draftnotes.TYPED
        }
        author = next((one.address for one in await self._named(wording, "from")), "")
        return Writing(
            note.key,
            self._ids.new(),
            author or account.address,
            subject=composed.tidy(subject),
            text=wording.text,
            **shown,
        )

    # -- kept

    async def keep(
        self,
        account: Account,
        writing: Writing,
        version: int,
        change: Change,
        actor: Actor,
        *,
        source: Source | None = None,
    ) -> Held:
        """Keeps a letter as a draft, in one commit in place of `version`, the UID of the one that
        it was made of (0: none). Where that is not there any more, and no version of the same
        hand, both stay. To be called within `turn`. Raises OverQuota, TooLarge, StorageFull,
        Invalid, Unavailable."""
        box = await self._folder(account, actor)
        before, clash = await self._before(account, box, writing, version)
        if clash is not None:
            writing = replace(writing, key=self._ids.new())
            before = before.flat if before is not None else None
        return await self._put(account, box, writing, before, clash, change, source, actor)

    async def again(
        self, account: Account, box: Mailbox, uid: int, actor: Actor, *, moved: bool = False
    ) -> Held:
        """A new draft of a message: in place of it (`moved`), or beside it. Raises as `keep`,
        NotFound."""
        drafts = await self._folder(account, actor)
        found = replace(await self._look(account, box, uid), replaced=moved)
        note = Note(self._ids.new())
        subject = found.listed.facts.fields.subject
        writing = await self._typed(account, found.wording, note, subject)
        return await self._put(account, drafts, writing, found, None, Change(), None, actor)

    async def plain(self, account: Account, uid: int, actor: Actor) -> Held:
        """A new draft of the text alone of one that is `fixed`, with what is attached to it; that
        one stays. Raises as `keep`, NotFound."""
        box = await self._folder(account, actor)
        found = await self._look(account, box, uid)
        found = replace(found.flat, replaced=False)
        note = Note(self._ids.new(), "", found.note.source if found.note else None)
        subject = found.listed.facts.fields.subject
        writing = await self._typed(account, found.wording, note, subject)
        return await self._put(account, box, writing, found, None, Change(), note.source, actor)

    async def drop(self, account: Account, uid: int, actor: Actor) -> None:
        """A draft is no more."""
        box = await self._folder(account, actor)
        await self._arranging.delete(box, UidSet(((uid, uid),)), actor)

    async def offered(self, account: Account, source: Source) -> Sequence[Attachment]:
        """What a letter that passes a message on may take over. Raises NotFound."""
        if source.relation is not Relation.FORWARD:
            return ()
        box = await self._mailboxes.by_id(account.number, source.mailbox)
        listed = await self._listings.one(account.number, box.number, source.uid)
        return listed.facts.structure.attachments

    async def _put(
        self,
        account: Account,
        box: Mailbox,
        writing: Writing,
        before: Before | None,
        clash: Clash | None,
        change: Change,
        source: Source | None,
        actor: Actor,
    ) -> Held:
        note = before.note if before is not None else None
        source = source or (note.source if note else None)
        draft, wrong = await self._draft(account, writing, before, change, source)
        replaced = before is not None and before.replaced
        previous = (before.box, before.at.number) if before is not None and replaced else None
        system = before.listed.row.flags.system if before is not None and replaced else 0
        flags = Flags((system | DRAFT | SEEN) & ~DELETED)
        fixed = before is not None and (not before.wording.plain or before.wording.cut)
        if before is not None and fixed:
            body = await self._rewriting.headed(draft, before.box, before.at.number)
            try:
                new = NewMessage(body, flags)
                kept = await self._mailing.keep(box, new, actor, previous=previous)
            finally:
                body.close()
        else:
            kept = await self._mailing.keep_draft(
                account, box, draft, flags, actor, previous=previous
            )
        if previous is not None and not kept.replaced:
            clash = clash or Clash.CHANGED
        return Held(writing, kept.arrival.uid, clash, wrong)

    async def _draft(
        self,
        account: Account,
        writing: Writing,
        before: Before | None,
        change: Change,
        source: Source | None,
    ) -> tuple[Draft, Sequence[str]]:
        """What is written, and what of the addresses is none yet."""
        lines = {"to": writing.to, "cc": writing.cc, "bcc": writing.bcc}
        turns = Turns(self._clock)
        read = {name: await run(typed.reading(text), turns) for name, text in lines.items()}
        wrong = [one for _, more in read.values() for one in more]
        raw = {name: lines[name][:RAW] for name, (_, more) in read.items() if more}
        note = draftnotes.written(Note(writing.key, writing.hand, source, raw))
        fields, enclosures = await self._taken(account, before, change, source)
        return Draft(
            sender=self._author(account, writing.author),
            to=read["to"][0],
            cc=read["cc"][0],
            bcc=read["bcc"][0],
            subject=composed.tidy(writing.subject)[:SUBJECT],
            text=await run(flowed.flowing(writing.text), turns),
            fields=[
                ("Message-ID", self._mailing.message_id(writing.key)),
                *fields,
                (draftnotes.FIELD, note),
            ],
            enclosures=[*enclosures, *change.added],
            flowed=True,
        ), wrong

    async def _taken(
        self, account: Account, before: Before | None, change: Change, source: Source | None
    ) -> tuple[Sequence[tuple[str, str]], Sequence[Enclosure]]:
        """Fields and attachments of the version before, or of the message that is answered."""
        if before is not None:
            there = before.listed.facts.structure.attachments
            left = [one for one in there if one.id not in change.removed]
            fields = draftparts.referred(before.wording)
            return fields, draftparts.attached(self._views, before.at, left)
        if source is None:
            return (), ()
        try:
            box = await self._mailboxes.by_id(account.number, source.mailbox)
            listed = await self._listings.one(account.number, box.number, source.uid)
        except NotFound:
            return (), ()
        at = Address(account.number, box.number, source.uid)
        answers = source.relation is not Relation.FORWARD
        fields = draftparts.refers(listed, answers=answers)
        if change.taken is None:
            return fields, [draftparts.whole(self._views, at, listed.facts.fields.subject)]
        wanted = [one for one in listed.facts.structure.attachments if one.id in change.taken]
        return fields, draftparts.attached(self._views, at, wanted)

    def _author(self, account: Account, address: str) -> Person:
        own = oneself(account)
        try:
            return composed.person(address, own.name) if address else own
        except Invalid:
            return own

    # -- found

    async def _folder(self, account: Account, actor: Actor) -> Mailbox:
        """Where drafts are; made where it is missing."""
        box = await self._mailboxes.by_special_use(account.number, DRAFTS)
        if box is not None:
            return box
        return await self._mailboxes.create(account.number, "Drafts", actor, special_use=DRAFTS)

    async def _look(self, account: Account, box: Mailbox, uid: int) -> Before:
        listed = await self._listings.one(account.number, box.number, uid)
        return Before(box, listed, await self._wordings.of(box, uid))

    async def _before(
        self, account: Account, box: Mailbox, writing: Writing, version: int
    ) -> tuple[Before | None, Clash | None]:
        if version:
            with suppress(NotFound):
                return await self._look(account, box, version), None
        other = await self.lately(account, box, writing.key)
        if other is not None:
            found = await self._look(account, box, other)
            if found.note is not None and found.note.hand == writing.hand:
                return found, None
            return replace(found, replaced=False), Clash.CHANGED
        if not version:
            return None, None
        sent = await self._mailboxes.by_special_use(account.number, SENT)
        if sent is not None and (uid := await self.lately(account, sent, writing.key)) is not None:
            found = await self._look(account, sent, uid)
            return replace(found, replaced=False), Clash.GONE
        return None, Clash.GONE

    async def lately(self, account: Account, box: Mailbox, key: str) -> int | None:
        """The UID of a letter's version among the newest messages of a mailbox."""
        wanted = self._mailing.message_id(key)
        _, page = await self._listings.mailbox(account.id, box.id, Stretch(LATELY), Showing())
        found = (one.row.number for one in page.listed if one.row.message_id == wanted)
        return next(found, None)

    async def same(self, account: Account, box: Mailbox, uid: int, writing: Writing) -> bool:
        """Whether a message says what is typed. Raises NotFound."""
        found = await self._look(account, box, uid)
        note = Note(writing.key, writing.hand)
        there = await self._typed(account, found.wording, note, found.listed.facts.fields.subject)
        turns = Turns(self._clock)
        return await run(plainly(there), turns) == await run(plainly(writing), turns)


def _bounded(text: str) -> str:
    return text if len(text) <= QUOTED else f"{text[:QUOTED]}\n[…]"
