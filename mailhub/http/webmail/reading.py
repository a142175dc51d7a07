"""One message, and a thread of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from mailhub.core import preferences
from mailhub.core.finding import Finds
from mailhub.core.listing import Extras, Listed, Listings
from mailhub.core.mailboxes import Mailboxes
from mailhub.core.messages import Messages
from mailhub.core.turns import Turns
from mailhub.core.viewing import Address, NoAttachment, Stream, View, Views
from mailhub.http import downloads
from mailhub.http.call import Answer
from mailhub.http.panel.door import Visitor, kept
from mailhub.http.webmail import plain
from mailhub.http.webmail.document import IMAGES, uid_of
from mailhub.http.webmail.frame import PREFIX, Frame, folder
from mailhub.http.webmail.lines import Line, Person, line, people
from mailhub.http.webmail.lines import plain as unturned
from mailhub.http.webmail.links import fetches
from mailhub.http.webmail.lists import OUTGOING, READS
from mailhub.http.webmail.verdicts import Verdict, verdicts
from mailhub.model.errors import NotFound
from mailhub.model.flags import SEEN, FlagMode, Flags
from mailhub.model.indexed import Span
from mailhub.model.mailbox import Mailbox
from mailhub.model.search import ThreadIdIs
from mailhub.model.uids import UidSet
from mailhub.ports import Clock
from mailhub.wire.attachments import Attachment

MESSAGE = "/folders/<mailbox>/<message>"
PEOPLE = 100
"""Addresses of one field that a page has."""
FILES = 200
"""Attachments that a page has."""
THREAD = 100
"""Messages of a thread that a page has."""
OPEN = 3
"""Of these, how many stand open, at least while they are unread."""
LETTER = "message/rfc822"


@dataclass(frozen=True, slots=True)
class Attached:
    """What is attached. `name`: empty for none. `size`: octets, nearly. `shown`: it is a picture
    inside the text."""

    path: str
    name: str
    media: str
    size: int
    shown: bool


@dataclass(frozen=True, slots=True)
class Letter:
    """A message as its page shows it. `text`: where it is shown as text; else it has a document of
    its own at `html`. `remote`: that would fetch pictures of other servers."""

    line: Line
    author: Sequence[Person]
    sender: Sequence[Person]
    reply_to: Sequence[Person]
    to: Sequence[Person]
    cc: Sequence[Person]
    bcc: Sequence[Person]
    verdicts: Sequence[Verdict]
    attached: Sequence[Attached]
    text: Markup | None
    html: str
    rich: bool
    remote: bool
    cut: bool
    encrypted: bool
    outgoing: bool


class Reading:
    """The pages."""

    def __init__(
        self,
        frame: Frame,
        mailboxes: Mailboxes,
        listings: Listings,
        views: Views,
        finds: Finds,
        messages: Messages,
        clock: Clock,
    ) -> None:
        self._frame = frame
        self._mailboxes = mailboxes
        self._listings = listings
        self._views = views
        self._finds = finds
        self._messages = messages
        self._clock = clock

    @kept("GET", MESSAGE, READS)
    async def message(self, visitor: Visitor) -> Answer:
        """One message; it counts as read from now on."""
        asked = visitor.call.fields()
        box, at = await self._meant(visitor)
        view = await self._views.view(at, digests=False)
        await self._read(visitor, [view.listed])
        as_text = asked.get("as") == "text"
        letter = await letter_of(view, box, Turns(self._clock), as_text=as_text)
        return await self._frame.shown(
            visitor,
            "mail/message.html",
            here=box.id,
            folder=folder(box),
            letter=letter,
            images=asked.get("images", _usually(visitor)) == "1",
            threaded=await self._answers(visitor, view.listed),
        )

    @kept("GET", f"{MESSAGE}/thread", READS)
    async def thread(self, visitor: Visitor) -> Answer:
        """A message with all that belong to it, the oldest first."""
        box, at = await self._meant(visitor)
        meant = await self._listings.one(at.account, at.mailbox, at.number)
        rows = await self._thread(visitor, meant)
        boxes = {one.number: one for one in await self._mailboxes.all(at.account)}
        rows = [one for one in rows if one.row.mailbox in boxes]
        opened = self._opened(rows, at)
        letters: dict[str, Letter] = {}
        turns = Turns(self._clock)
        lines: list[Line] = []
        for one in rows:
            where = boxes[one.row.mailbox]
            name = folder(where).label if where.number != box.number else ""
            lines.append(line(one, where.id, folder=name))
            if (where.number, one.row.number) in opened:
                place = Address(at.account, where.number, one.row.number)
                view = await self._views.view(place, digests=False)
                letters[lines[-1].id] = await letter_of(view, where, turns)
        await self._read(
            visitor, [one for one in rows if (one.row.mailbox, one.row.number) in opened]
        )
        return await self._frame.shown(
            visitor,
            "mail/thread.html",
            here=box.id,
            folder=folder(box),
            lines=lines,
            letters=letters,
            subject=line(meant, box.id).subject,
            images=_usually(visitor) == "1",
        )

    @kept("GET", f"{MESSAGE}/source", READS)
    async def source(self, visitor: Visitor) -> Answer:
        """The message byte for byte, as plain text; `save`: as a file."""
        _, at = await self._meant(visitor)
        found = await self._views.source(at)
        if visitor.call.fields().get("save"):
            headers = (downloads.disposition(f"{at.number}.eml"), *downloads.HARMLESS)
            return _streamed(found, LETTER, headers)
        return _streamed(found, "text/plain; charset=utf-8", downloads.HARMLESS)

    @kept("GET", f"{MESSAGE}/attachments/<attachment>", READS)
    async def attachment(self, visitor: Visitor) -> Answer:
        """What is attached, to be kept; never a page of ours, whatever it is."""
        _, at = await self._meant(visitor)
        try:
            found = await self._views.attachment(at, visitor.call.arguments["attachment"])
        except NoAttachment:
            raise NotFound("This attachment does not exist") from None
        assert found.attachment is not None
        one = found.attachment
        name = one.filename or (f"{one.id}.eml" if one.media == LETTER else one.id)
        media = downloads.content_type(one.media, one.charset)
        return _streamed(found, media, (downloads.disposition(name), *downloads.HARMLESS))

    @kept("GET", f"{MESSAGE}/attachments/<attachment>/letter", READS)
    async def inside(self, visitor: Visitor) -> Answer:
        """A message that is attached, to be read."""
        box, at = await self._meant(visitor)
        id = visitor.call.arguments["attachment"]
        found = await self._views.inside(at, id)
        path = f"{PREFIX}/folders/{box.id}/{at.number}"
        as_text = not found.rich or visitor.call.fields().get("as") == "text"
        text, cut = None, False
        if as_text:
            text, cut = await plain.shown(found.words, Turns(self._clock))
        return await self._frame.shown(
            visitor,
            "mail/inside.html",
            here=box.id,
            outside=path,
            path=f"{path}/attachments/{id}",
            header={name: unturned(value) for name, value in found.header.items()},
            text=text,
            rich=found.rich,
            remote=found.rich and any(map(fetches, found.html)),
            images=visitor.call.fields().get("images") == "1",
            cut=cut or found.cut,
        )

    async def _meant(self, visitor: Visitor) -> tuple[Mailbox, Address]:
        given = visitor.call.arguments
        box = await self._frame.box(visitor, given["mailbox"])
        return box, Address(visitor.account.number, box.number, uid_of(given["message"]))

    async def _read(self, visitor: Visitor, rows: Sequence[Listed]) -> None:
        """They were seen. What a browser only fetches ahead was not."""
        if visitor.call.header("sec-purpose").startswith("prefetch"):
            return
        for one in rows:
            row = one.row
            if not row.flags.system & SEEN:
                uids = UidSet(((row.number, row.number),))
                await self._messages.store_flags(
                    row.account, row.mailbox, uids, FlagMode.ADD, Flags(SEEN), visitor.caller.actor
                )

    async def _answers(self, visitor: Visitor, listed: Listed) -> int:
        """How many messages its thread has."""
        row = listed.row
        places = [(row.mailbox, row.number)]
        found = await self._listings.some(visitor.account.number, places, Extras(threads=True))
        return found[0].thread.messages if found and found[0].thread is not None else 1

    async def _thread(self, visitor: Visitor, meant: Listed) -> Sequence[Listed]:
        """The messages of its thread; those in Trash and Junk with it, where it is there itself."""
        account, row = visitor.account.number, meant.row
        key = ThreadIdIs(f"{account:08x}{row.thread:016x}")
        span = Span(THREAD, False)
        here = (row.mailbox, row.number)
        for everywhere in (False, True):
            found = await self._finds.page(account, key, span, everywhere=everywhere)
            places = [(place.mailbox, place.uid) for place in found.places]
            if here in places:
                break
        else:
            places = [here]
        rows = await self._listings.some(account, places, Extras())
        once: dict[int, Listed] = {}
        for one in rows:  # a copy of it in another folder is the same
            if one.row.content not in once or (one.row.mailbox, one.row.number) == here:
                once[one.row.content] = one
        return sorted(once.values(), key=lambda one: (one.row.date, one.row.content))

    def _opened(self, rows: Sequence[Listed], at: Address) -> set[tuple[int, int]]:
        """The last one, the one that was meant, and of the unread ones some."""
        places = [(one.row.mailbox, one.row.number) for one in rows]
        unread = [
            place
            for place, one in zip(places, rows, strict=True)
            if not one.row.flags.system & SEEN
        ]
        return {*places[-1:], (at.mailbox, at.number), *unread[:OPEN]}


async def letter_of(view: View, box: Mailbox, turns: Turns, *, as_text: bool = False) -> Letter:
    """A message as its page shows it."""
    listed, fields = view.listed, view.listed.facts.fields
    shown = line(listed, box.id)
    text, cut = None, False
    if as_text or not view.rich:
        text, cut = await plain.shown(view.words, turns)
    files = listed.facts.structure.attachments
    own = view.trace.vouched is None and box.special_use in OUTGOING
    others = fields.reply_to if fields.reply_to != fields.from_ else ()
    return Letter(
        line=shown,
        author=people(fields.from_, PEOPLE),
        sender=people(fields.sender if fields.sender != fields.from_ else (), PEOPLE),
        reply_to=people(others, PEOPLE),
        to=people(fields.to, PEOPLE),
        cc=people(fields.cc, PEOPLE),
        bcc=people(fields.bcc, PEOPLE),
        verdicts=() if own else verdicts(view.trace.vouched),
        attached=[_attached(one, shown.path, view) for one in files[:FILES]],
        text=text,
        html=f"{shown.path}/html",
        rich=view.rich,
        remote=view.rich and any(map(fetches, view.html)),
        cut=cut or view.cut or len(files) > FILES,
        encrypted=listed.facts.structure.media == "multipart/encrypted",
        outgoing=box.special_use in OUTGOING,
    )


def _attached(one: Attachment, path: str, view: View) -> Attached:
    used = one.related and one.media.lower() in IMAGES and view.rich
    return Attached(f"{path}/attachments/{one.id}", one.filename, one.media, one.size, used)


def _streamed(found: Stream, type: str, headers: tuple[tuple[str, str], ...]) -> Answer:
    return Answer(200, type=type, headers=headers, stream=found.pieces, length=found.size)


def _usually(visitor: Visitor) -> str:
    """Whether pictures of other servers are fetched where nobody says anything of them."""
    return "1" if preferences.of(visitor.account).remote_images else ""
