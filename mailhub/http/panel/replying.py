"""The page of an account's automatic reply."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime

from mailhub.core.filters import Filters
from mailhub.core.rights import Resource, reads, updates
from mailhub.http.call import Answer
from mailhub.http.panel import pages
from mailhub.http.panel.door import Visitor, kept
from mailhub.http.panel.own import shown
from mailhub.model.errors import Invalid, MailhubError
from mailhub.model.filter import Autoreply

PAGE = "/autoreply"


class Replying:
    """The page."""

    def __init__(self, filters: Filters) -> None:
        self._filters = filters

    @kept("GET", PAGE, reads(Resource.AUTOREPLIES))
    async def look(self, visitor: Visitor) -> Answer:
        """What is set."""
        found = await self._filters.autoreply(visitor.account.number)
        return _shown(visitor, _fields(found), done="done" in visitor.call.fields())

    @kept("POST", PAGE, updates(Resource.AUTOREPLIES))
    async def change(self, visitor: Visitor) -> Answer:
        """Takes the form. The name of an application's, and its HTML where the text is as it was,
        stay."""
        given = visitor.fields
        before = await self._filters.autoreply(visitor.account.number)
        text = given.get("text", "").replace("\r\n", "\n")
        try:
            wanted = replace(
                before,
                status=bool(given.get("on")),
                subject=given.get("subject", "").strip(),
                text=text,
                html=before.html if text == before.text.replace("\r\n", "\n") else "",
                starts=_moment(given, "starts"),
                ends=_moment(given, "ends"),
            )
            if wanted.status and not (wanted.text.strip() or wanted.html):
                raise Invalid("A reply needs a text", "text")
            await self._filters.set_autoreply(wanted, visitor.caller.actor)
        except MailhubError as error:
            return _shown(visitor, given, problem=error.text)
        return pages.seen(f"{PAGE}?done=1")


def _shown(
    visitor: Visitor, fields: Mapping[str, str], *, problem: str = "", done: bool = False
) -> Answer:
    status = 400 if problem else 200
    return shown(visitor, "autoreply.html", status, typed=fields, problem=problem, done=done)


def _fields(one: Autoreply) -> dict[str, str]:
    return {
        "on": "1" if one.status else "",
        "subject": one.subject,
        "text": one.text,
        "starts": _written(one.starts),
        "ends": _written(one.ends),
    }


def _moment(given: Mapping[str, str], name: str) -> int | None:
    """Epoch seconds of what a browser's `datetime-local` field holds, in UTC; None for nothing.
    Raises Invalid."""
    text = given.get(name, "").strip()
    if not text:
        return None
    try:
        found = datetime.fromisoformat(text)
        return int((found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp())
    except (ValueError, OverflowError):
        raise Invalid("A time is written such as 2030-12-24T18:00", name) from None


def _written(at: int | None) -> str:
    """As such a field takes it."""
    return "" if at is None else datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M")
