"""WildDuck's calls on files for messages still to be written: decode, one core call, encode."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Annotated, Literal

from pydantic import Field

from mailhub.core.files import Files as CoreFiles
from mailhub.core.rights import Resource, creates, deletes, reads
from mailhub.core.telling import moment
from mailhub.http import downloads
from mailhub.http.about import About
from mailhub.http.body import FORM
from mailhub.http.call import JSON, Answer, Call
from mailhub.http.lifted import Lifted, lift, unescaped
from mailhub.http.routing import route
from mailhub.http.wildduck import paging, replies, shapes
from mailhub.http.wildduck.identity_shapes import Line
from mailhub.http.wildduck.message_answers import Asked, Listing
from mailhub.http.wildduck.shapes import HexId, Page, Result, Shown, Trimmed, UserCall
from mailhub.http.wildduck.subject import Subjects
from mailhub.http.wildduck.user_answers import Made
from mailhub.model.account import Account
from mailhub.model.errors import NotFound
from mailhub.model.file import StoredFile
from mailhub.ports import Clock
from mailhub.wire import base64lines

STEP = 64 * 1024
FILE, FILES = "/users/<user>/storage/<file>", "/users/<user>/storage"


class NewFile(UserCall):
    """POST /users/{user}/storage. `content`: text, or base64 where `encoding` says so; without it
    the body is the file, whatever its type."""

    filename: Line = ""
    content_type: Line = ""
    encoding: Literal["base64", ""] = ""
    cid: Line = ""
    content: str = ""


class FileList(Page):
    """GET /users/{user}/storage. `query`: part of a name."""

    user: HexId
    query: Annotated[Trimmed, Field(max_length=255)] = ""


class FileCall(UserCall):
    """A call on one file."""

    file: HexId


class FileRow(Shown):
    """One file."""

    id: str
    filename: str
    content_type: str
    cid: Annotated[str | None, Asked] = None
    size: int
    created: str


class FileRows(Listing):
    """GET /users/{user}/storage."""

    query: str
    results: list[FileRow]


class Files:
    """The calls."""

    def __init__(self, subjects: Subjects, files: CoreFiles, clock: Clock) -> None:
        self._subjects = subjects
        self._files = files
        self._clock = clock

    @route(
        "POST",
        FILES,
        about=About(takes=NewFile, answers={200: Made}, accepts=("*/*",)),
        right=creates(Resource.FILES),
        large=True,
    )
    async def keep(self, call: Call) -> Answer:
        """Keeps a file, whose id new messages can name."""
        kind = call.header("content-type").partition(";")[0].strip().lower()
        raw = call.upload is not None and kind not in (JSON, FORM)
        lifted = Lifted(replace(call, body=b"")) if raw else await lift(call, self._clock)
        wanted = shapes.read(NewFile, lifted.call)
        account = await self._subjects.of(wanted.user)
        if raw and call.upload is not None:
            view = call.upload.view()
            pieces: Iterable[bytes | memoryview] = _slices(view)
            bound = len(view)
        else:
            pieces, bound = _content(lifted, wanted)
        made = await self._files.keep(
            account,
            wanted.filename,
            _media(call, wanted, raw),
            wanted.cid.strip("<>"),
            pieces,
            bound,
            shapes.actor(call, wanted),
        )
        return replies.shown(Made(id=made.id))

    @route(
        "GET",
        FILES,
        about=About(takes=FileList, answers={200: FileRows}),
        right=reads(Resource.FILES),
    )
    async def page(self, call: Call) -> Answer:
        """A user's files, in the order they came."""
        wanted = shapes.read(FileList, call)
        account = await self._subjects.of(wanted.user)
        where = paging.span(wanted)
        rows, total = await self._files.page(
            account.number,
            after=where.after,
            before=where.before,
            limit=wanted.limit + 1,
            query=wanted.query,
        )
        rows, frame = paging.listed(wanted, where, rows, total)
        results = [_row(one) for one in rows]
        return replies.shown(
            FileRows.model_validate({**frame, "query": wanted.query, "results": results})
        )

    @route(
        "GET",
        FILE,
        about=About(takes=FileCall, answers={200: None}, media="*/*"),
        right=reads(Resource.FILES),
    )
    async def read(self, call: Call) -> Answer:
        """A file's content."""
        wanted = shapes.read(FileCall, call)
        one = await self._of(await self._subjects.of(wanted.user), wanted.file)
        return Answer(
            200,
            type=downloads.content_type(*downloads.typed(one.media, one.name)),
            headers=(downloads.disposition(one.name or one.id), *downloads.HARMLESS),
            stream=self._files.read(one),
            length=one.size,
        )

    @route(
        "DELETE",
        FILE,
        about=About(takes=FileCall, answers={200: Result}),
        right=deletes(Resource.FILES),
    )
    async def remove(self, call: Call) -> Answer:
        """Keeps a file no more; messages that were written with it have it still."""
        wanted = shapes.read(FileCall, call)
        account = await self._subjects.of(wanted.user)
        one = await self._of(account, wanted.file)
        try:
            await self._files.remove(account.number, one.id, shapes.actor(call, wanted))
        except NotFound:
            raise replies.file_not_found() from None
        return replies.shown(Result())

    async def _of(self, account: Account, id: str) -> StoredFile:
        try:
            return await self._files.get(account.number, id)
        except NotFound:
            raise replies.file_not_found() from None


def _content(lifted: Lifted, wanted: NewFile) -> tuple[Iterable[bytes | memoryview], int]:
    """What JSON or a form brought: its octets, and how many there are at most. Raises Invalid,
    TooLarge."""
    text = lifted.text(wanted.content)
    if wanted.encoding:
        return base64lines.decode(text, "content"), len(text) * 3 // 4 + 3
    whole = unescaped(text).encode()
    return [whole], len(whole)


def _media(call: Call, wanted: NewFile, raw: bool) -> str:
    """What type a file has: as it is said, else as its name says."""
    given = wanted.content_type or (call.header("content-type").strip() if raw else "")
    media = given or downloads.typed("", wanted.filename)[0]
    as_text = not raw and not wanted.encoding and media.lower().startswith("text/")
    return f"{media}; charset=utf-8" if as_text and ";" not in media else media


def _slices(view: memoryview) -> Iterator[memoryview]:
    for at in range(0, len(view), STEP):
        yield view[at : at + STEP]


def _row(one: StoredFile) -> FileRow:
    return FileRow(
        id=one.id,
        filename=one.name,
        content_type=one.media,
        cid=one.cid or None,
        size=one.size,
        created=moment(one.created),
    )
