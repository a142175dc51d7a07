"""WildDuck's calls on new messages: decode, one core call, encode."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import suppress
from functools import partial

from mailhub.core.composing import Draft, Enclosure, Reference
from mailhub.core.listing import Listings
from mailhub.core.mailing import Kept, Mailing, Sending, Sent
from mailhub.core.messages import NewMessage
from mailhub.core.rights import Resource, creates, deletes, reads
from mailhub.core.turns import Turns
from mailhub.http import downloads
from mailhub.http.about import About
from mailhub.http.call import Answer, Call
from mailhub.http.lifted import Lifted, lift, unescaped
from mailhub.http.routing import route
from mailhub.http.wildduck import replies, shapes
from mailhub.http.wildduck import submission_shapes as takes
from mailhub.http.wildduck.message_shapes import metadata_of
from mailhub.http.wildduck.messages import MAILBOX, MESSAGE, Boxes
from mailhub.model.account import Account
from mailhub.model.change import Actor
from mailhub.model.errors import Invalid, LimitReached, NotFound, TooLarge
from mailhub.model.flags import DRAFT, FLAGGED, SEEN, Flags
from mailhub.model.mailbox import Mailbox
from mailhub.ports import Body, Clock, Spools
from mailhub.wire import base64lines
from mailhub.wire.composed import Enclosed, Person, person

MESSAGE_TYPE = "message/rfc822"
PLAIN = ("utf8", "utf-8", "ascii")
"""Encodings of contents that come as text."""


class Submission:
    """Uploads, submissions, and what is passed on."""

    def __init__(
        self, boxes: Boxes, mailing: Mailing, listings: Listings, spools: Spools, clock: Clock
    ) -> None:
        self._boxes = boxes
        self._listings = listings
        self._mailing = mailing
        self._spools = spools
        self._clock = clock

    # -- storing

    @route(
        "POST",
        MAILBOX,
        about=About(takes=takes.Upload, answers={200: takes.Uploaded}, accepts=(MESSAGE_TYPE,)),
        right=creates(Resource.MESSAGES),
        large=True,
    )
    async def upload(self, call: Call) -> Answer:
        """Stores a message, as its octets or in fields."""
        lifted = await lift(call, self._clock)
        wanted = shapes.read(takes.Upload, lifted.call)
        account, box = await self._boxes.of(wanted.user, wanted.mailbox)
        bits = (0 if wanted.unseen else SEEN) | FLAGGED * wanted.flagged | DRAFT * wanted.draft
        previous = None
        if wanted.replace_previous is not None:
            named = wanted.replace_previous
            previous = await self._boxes.one(account, named.mailbox), named.id
        actor = shapes.actor(call, wanted)
        note = wanted.noted
        body = await self._raw(lifted, wanted)
        if body is None:
            draft = await self._draft(account, wanted, lifted, wanted.date)
            kept = await self._mailing.keep_draft(
                account, box, draft, Flags(bits), actor, metadata=note, previous=previous
            )
        else:
            try:
                new = NewMessage(body, Flags(bits), wanted.date)
                kept = await self._mailing.keep(box, new, actor, metadata=note, previous=previous)
            finally:
                if body is not call.upload:
                    body.close()
        return replies.shown(_uploaded(box, kept, previous is not None))

    async def _raw(self, lifted: Lifted, wanted: takes.Upload) -> Body | None:
        """The octets of a whole message; None: it came in fields."""
        call = lifted.call
        kind = call.header("content-type").partition(";")[0].strip().lower()
        if call.upload is not None and kind == MESSAGE_TYPE:
            return call.upload
        if not wanted.raw:
            if call.upload is not None and not call.body:
                raise replies.Refusal(
                    415, "UnsupportedMediaType", "The body is JSON, a form, or message/rfc822"
                )
            return None
        turns = Turns(self._clock)
        spool = self._spools.open()
        try:
            for piece in base64lines.decode(lifted.text(wanted.raw), "raw"):
                spool.write(piece)
                if spool.size > self._mailing.most:
                    raise TooLarge("The message is too large", self._mailing.most)
                await turns.rest()
            return spool.finish()
        except BaseException:
            spool.abort()
            raise

    # -- sending

    @route(
        "POST",
        "/users/<user>/submit",
        about=About(takes=takes.Submission, answers={200: takes.Submitted}),
        right=creates(Resource.SUBMISSION),
        large=True,
    )
    async def submit(self, call: Call) -> Answer:
        """Sends a message that is given in fields, and keeps a copy."""
        lifted = await lift(call, self._clock)
        wanted = shapes.read(takes.Submission, lifted.call)
        if wanted.reference is not None:
            call.require(reads(Resource.MESSAGES))
        stored = wanted.is_draft or wanted.upload_only
        if stored or wanted.mailbox is not None:
            call.require(creates(Resource.MESSAGES))
        if wanted.files:
            call.require(reads(Resource.FILES))
        if wanted.delete_files:
            call.require(deletes(Resource.FILES))
        account = await self._boxes.account(wanted.user)
        box = await self._boxes.one(account, wanted.mailbox) if wanted.mailbox else None
        draft = await self._draft(account, wanted, lifted, wanted.send_time)
        actor = shapes.actor(call, wanted)
        if stored:
            target = box or await self._boxes.special(account, wanted.is_draft)
            flags = Flags(SEEN | (DRAFT if wanted.is_draft else 0))
            kept = await self._mailing.keep_draft(
                account, target, draft, flags, actor, metadata=wanted.noted
            )
            return replies.shown(takes.Submitted(message=_place(target, kept)))
        sending = _sending(call, wanted.envelope, wanted.send_time)
        sent = await self._mailing.submit(
            account, draft, sending, box, actor, metadata=wanted.noted
        )
        if wanted.delete_files:
            await self._forget(account, wanted.files, actor)
        return replies.shown(
            takes.Submitted(
                message=_copy(sent, sent.queued),
                over_quota=sent.full or None,
            )
        )

    @route(
        "POST",
        f"{MESSAGE}/submit",
        about=About(takes=takes.DraftSubmission, answers={200: takes.DraftSubmitted}),
        right=creates(Resource.SUBMISSION),
    )
    async def submit_draft(self, call: Call) -> Answer:
        """Sends a draft, which then stands where sent mail is."""
        call.require(reads(Resource.MESSAGES))
        call.require(deletes(Resource.MESSAGES))
        wanted = shapes.read(takes.DraftSubmission, call)
        account, box = await self._boxes.of(wanted.user, wanted.mailbox)
        sending = _sending(call, wanted.envelope, wanted.send_time)
        actor = shapes.actor(call, wanted)
        if wanted.delete_files:
            call.require(deletes(Resource.FILES))
        try:
            files = await self._files_of(account, box, wanted.message)
            sent = await self._mailing.submit_draft(account, box, wanted.message, sending, actor)
        except NotFound:
            raise replies.message_not_found() from None
        if wanted.delete_files:
            await self._forget(account, files, actor)
        return replies.shown(
            takes.DraftSubmitted(
                queue_id=sent.queued, message=_copy(sent), over_quota=sent.full or None
            )
        )

    @route(
        "POST",
        f"{MESSAGE}/forward",
        about=About(takes=takes.Forwarding, answers={200: takes.Forwarded}),
        right=creates(Resource.SUBMISSION),
    )
    async def forward(self, call: Call) -> Answer:
        """Passes a stored message on, as it came."""
        call.require(reads(Resource.MESSAGES))
        wanted = shapes.read(takes.Forwarding, call)
        account, box = await self._boxes.of(wanted.user, wanted.mailbox)
        addresses = [person(one, field="addresses").address for one in wanted.addresses]
        if not addresses:
            addresses = _targets(account, wanted.target)
        addresses = list(dict.fromkeys(addresses))
        actor = shapes.actor(call, wanted)
        try:
            token = await self._mailing.passing_on.forward(
                account, box, wanted.message, addresses, actor
            )
        except NotFound:
            raise replies.message_not_found() from None
        passed = [takes.Passed(seq=str(place), value=one) for place, one in enumerate(addresses, 1)]
        return replies.shown(takes.Forwarded(queue_id=token, forwarded=passed))

    # -- reading

    async def _draft(
        self, account: Account, wanted: takes.Written, lifted: Lifted, date: int | None
    ) -> Draft:
        reference = None
        if wanted.reference is not None:
            to = wanted.reference
            box = await self._boxes.one(account, to.mailbox)
            chosen = None if to.attachments is True else to.attachments or ()
            reference = Reference(box, to.id, to.action, chosen)
        return Draft(
            sender=_person(wanted.from_, "from"),
            reply_to=_person(wanted.reply_to, "replyTo"),
            to=_people(wanted.to, "to"),
            cc=_people(wanted.cc, "cc"),
            bcc=_people(wanted.bcc, "bcc"),
            fields=[(one.key, one.value) for one in wanted.headers],
            enclosures=[
                *(_enclosure(one, lifted) for one in wanted.attachments),
                *[await self._file(account, one) for one in wanted.files],
            ],
            reference=reference,
            date=date,
            **takes.given(wanted),
        )

    # -- files

    async def _file(self, account: Account, id: str) -> Enclosure:
        """A file that is kept with the user. Raises Refusal (404 FileNotFound)."""
        try:
            kept = await self._mailing.files.get(account.number, id)
        except NotFound:
            raise replies.file_not_found() from None
        media, charset = downloads.typed(kept.media, kept.name)
        about = Enclosed(media, kept.name, kept.cid, bool(kept.cid), charset)
        return Enclosure(about, partial(self._mailing.files.read, kept))

    async def _files_of(self, account: Account, box: Mailbox, uid: int) -> Sequence[str]:
        """Ids of the files that a draft was written with. Raises NotFound."""
        found = await self._listings.one(account.number, box.number, uid)
        ids = metadata_of(found.row.metadata).get(takes.FILES)
        return [one for one in ids if isinstance(one, str)] if isinstance(ids, list) else []

    async def _forget(self, account: Account, ids: Sequence[str], actor: Actor) -> None:
        for id in ids:
            with suppress(NotFound):
                await self._mailing.files.remove(account.number, id, actor)


def _person(one: takes.Someone | None, field: str) -> Person | None:
    return person(one.address, one.name, field) if one is not None else None


def _people(several: Sequence[takes.Someone], field: str) -> list[Person]:
    return [person(one.address, one.name, field) for one in several]


def _enclosure(one: takes.AttachedFile, lifted: Lifted) -> Enclosure:
    text = lifted.text(one.content)
    media, charset = downloads.typed(one.content_type, one.filename)
    inline = one.content_disposition == "inline" or bool(
        one.cid and one.content_disposition != "attachment"
    )
    encoding = one.encoding.lower()
    if encoding in PLAIN and media.lower().startswith("text/"):
        charset = "utf-8"
    about = Enclosed(media, one.filename, one.cid.strip("<>"), inline, charset)
    return Enclosure(about, _reader(text, encoding))


def _reader(text: bytes | memoryview, encoding: str) -> Callable[[], AsyncIterator[bytes]]:
    async def read() -> AsyncIterator[bytes]:
        if encoding in ("base64", ""):
            for piece in base64lines.decode(text, "attachments"):
                yield piece
        elif encoding in PLAIN:
            yield unescaped(text).encode()
        else:
            raise Invalid("An attachment comes in base64 or utf8", "attachments")

    return read


def _sending(call: Call, envelope: takes.EnvelopeGiven | None, at: int | None) -> Sending:
    sender, recipients = None, list[str]()
    if envelope is not None:
        given = _person(envelope.from_, "envelope")
        sender = given.address if given is not None else None
        recipients = [one.address for one in _people(envelope.to, "envelope")]
    return Sending(call.peer, at or 0, sender, list(dict.fromkeys(recipients)))


def _targets(account: Account, which: int | None) -> list[str]:
    """The user's own addresses that mail goes on to. Raises Invalid, LimitReached."""
    own = [one for one in account.targets if "://" not in one]
    if which is not None:
        own = own[which - 1 : which]
    if not own:
        raise Invalid("There is nobody to forward it to", "addresses")
    if len(own) > 100:
        raise LimitReached("Too many addresses")
    return own


def _place(box: Mailbox, kept: Kept) -> takes.StoredAt:
    return takes.StoredAt(id=kept.arrival.uid, mailbox=box.id, size=kept.size)


def _uploaded(box: Mailbox, kept: Kept, asked: bool) -> takes.Uploaded:
    return takes.Uploaded(
        message=_place(box, kept), previous_deleted=kept.replaced if asked else None
    )


def _copy(sent: Sent, queued: str | None = None) -> takes.StoredAt:
    if sent.kept is None or sent.mailbox is None:
        return takes.StoredAt(id=False, mailbox=False, queue_id=queued)
    return takes.StoredAt(id=sent.kept.uid, mailbox=sent.mailbox.id, queue_id=queued)
