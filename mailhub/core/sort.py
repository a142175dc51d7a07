"""Puts messages in order: the keys of SORT (RFC 5256) and of SORT=DISPLAY (RFC 5957).

One column of comparable values per key, then one stable sort per key, the least significant
first, in runs short enough to share the reactor. Text is compared folded (see `collation`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from heapq import merge
from itertools import islice
from typing import Any

from mailhub.core.collation import fold
from mailhub.core.rows import rendered_rows
from mailhub.core.search import Found
from mailhub.core.selected_view import Rows, SelectedView
from mailhub.core.turns import Turns
from mailhub.model.errors import Invalid
from mailhub.model.message import Rendered
from mailhub.model.search import SortField, SortKey
from mailhub.model.uids import UidSet
from mailhub.ports import Clock, Storage
from mailhub.wire import envelope, subject
from mailhub.wire.envelope import EnvelopeAddress, EnvelopeFields

RUN = 2048
"""Messages sorted at once."""

_NO_FIELDS = EnvelopeFields("", "", (), (), (), (), (), (), "", "")


def mailbox(addresses: Sequence[EnvelopeAddress]) -> str:
    """What FROM, TO and CC compare: the first address's mailbox."""
    return fold(addresses[0].mailbox) if addresses else ""


def display(addresses: Sequence[EnvelopeAddress]) -> str:
    """What DISPLAYFROM and DISPLAYTO compare: the first address's name, else the address."""
    if not addresses:
        return ""
    first = addresses[0]
    return fold(first.name or f"{first.mailbox}@{first.host}")


_ADDRESSES: dict[SortField, Callable[[EnvelopeFields], str]] = {
    SortField.CC: lambda fields: mailbox(fields.cc),
    SortField.FROM: lambda fields: mailbox(fields.from_),
    SortField.TO: lambda fields: mailbox(fields.to),
    SortField.DISPLAYFROM: lambda fields: display(fields.from_),
    SortField.DISPLAYTO: lambda fields: display(fields.to),
}


class Sorts:
    """Sorts what a search found."""

    def __init__(self, storage: Storage, clock: Clock) -> None:
        self._storage = storage
        self._clock = clock

    async def sort(self, view: SelectedView, found: Found, order: Sequence[SortKey]) -> Found:
        """`found` in `order`; what is equal stays in mailbox order. Messages that went meanwhile
        are left out."""
        turns = Turns(self._clock)
        rows = view.rows(view.uid_spans(UidSet.from_sorted(found.uids)))
        if not len(rows):
            return Found.at(rows, [])
        columns: dict[SortField, Sequence[Any]] = {
            SortField.ARRIVAL: rows.dates,
            SortField.SIZE: rows.sizes,
        }
        fields = {key.field for key in order}.difference(columns)
        if fields:
            columns.update(await self._columns(view, rows, fields, turns))
        places: list[int] = list(range(len(rows)))
        for key in reversed(order):
            places = await _sorted(places, columns[key.field], key.reverse, turns)
        return Found.at(rows, places)

    async def _columns(
        self,
        view: SelectedView,
        rows: Rows,
        fields: set[SortField],
        turns: Turns,
    ) -> dict[SortField, list[Any]]:
        """The columns that need what was rendered of the messages."""
        place_of = {uid: place for place, uid in enumerate(rows.uids)}
        columns: dict[SortField, list[Any]] = {
            field: list(rows.dates) if field is SortField.DATE else [""] * len(rows)
            for field in fields
        }

        def take(uid: int, rendered: Rendered) -> None:
            _fill(columns, place_of[uid], rendered)

        messages = self._storage.messages
        await rendered_rows(messages, view.box, rows.uids, rows.sizes, take, turns)
        return columns


def _fill(columns: dict[SortField, list[Any]], place: int, rendered: Rendered) -> None:
    """One message's values; a missing Date leaves its arrival (RFC 5256, DATE)."""
    parsed: EnvelopeFields | None = None
    for field, column in columns.items():
        if field is SortField.DATE:
            if rendered.sent_at is not None:
                column[place] = rendered.sent_at
        elif field is SortField.SUBJECT:
            column[place] = fold(subject.base(rendered.subject))
        else:
            if parsed is None:
                parsed = _parsed(rendered.envelope)
            column[place] = _ADDRESSES[field](parsed)


def _parsed(rendered: bytes) -> EnvelopeFields:
    try:
        return envelope.parse(rendered)
    except Invalid:
        return _NO_FIELDS


async def _sorted(
    places: list[int], column: Sequence[Any], reverse: bool, turns: Turns
) -> list[int]:
    """A stable sort in runs, and a stable merge of them."""
    value = column.__getitem__
    runs = []
    for at in range(0, len(places), RUN):
        runs.append(sorted(places[at : at + RUN], key=value, reverse=reverse))
        await turns.rest()
    if len(runs) < 2:
        return runs[0] if runs else []
    merging = merge(*runs, key=value, reverse=reverse)
    ordered: list[int] = []
    while piece := list(islice(merging, RUN)):
        ordered += piece
        await turns.rest()
    return ordered
