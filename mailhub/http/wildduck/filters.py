"""WildDuck's filter calls: decode, one core call, encode."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from mailhub.core.filters import Filters as CoreFilters
from mailhub.core.mailboxes import Mailboxes
from mailhub.core.rights import Resource, creates, deletes, reads, updates
from mailhub.core.uploading import Keys
from mailhub.http.about import About
from mailhub.http.call import Answer, Call
from mailhub.http.routing import route
from mailhub.http.wildduck import filter_answers, filter_shapes, paging, replies, shapes
from mailhub.http.wildduck.subject import Subjects
from mailhub.http.wildduck.user_answers import Room
from mailhub.model.account import Account
from mailhub.model.errors import Invalid, LimitReached, NotFound
from mailhub.model.filter import Actions, Conditions, Filter


class Filters:
    """The calls."""

    def __init__(
        self, subjects: Subjects, filters: CoreFilters, mailboxes: Mailboxes, keys: Keys
    ) -> None:
        self._subjects = subjects
        self._filters = filters
        self._mailboxes = mailboxes
        self._keys = keys

    @route(
        "GET",
        "/filters",
        about=About(takes=filter_shapes.AllFilters, answers={200: filter_answers.EveryFilter}),
        right=reads(Resource.FILTERS),
    )
    async def page(self, call: Call) -> Answer:
        """Everybody's filters, oldest first, in words."""
        wanted = shapes.read(filter_shapes.AllFilters, call)
        where = paging.span(wanted)
        rows, total = await self._filters.page(
            after=where.after, before=where.before, limit=wanted.limit + 1, target=wanted.forward
        )
        rows, frame = paging.listed(wanted, where, rows, total)
        results = [filter_answers.owned(one, metadata=wanted.meta_data) for one in rows]
        return replies.shown(
            filter_answers.EveryFilter.model_validate({**frame, "results": results})
        )

    @route(
        "GET",
        "/users/<user>/filters",
        about=About(takes=filter_shapes.FilterList, answers={200: filter_answers.Filters}),
        right=reads(Resource.FILTERS),
    )
    async def every(self, call: Call) -> Answer:
        """A user's filters, oldest first, in words."""
        wanted = shapes.read(filter_shapes.FilterList, call)
        account = await self._subjects.of(wanted.user)
        boxes = await self._boxes(account)
        found = await self._filters.of_account(account.number)
        rows = [filter_answers.row(one, boxes, metadata=wanted.meta_data) for one in found]
        limits = Room(allowed=self._filters.most(account), used=len(rows))
        return replies.shown(filter_answers.Filters(limits=limits, results=rows))

    @route(
        "GET",
        "/users/<user>/filters/<filter>",
        about=About(takes=filter_shapes.FilterCall, answers={200: filter_answers.FilterShown}),
        right=reads(Resource.FILTERS),
    )
    async def show(self, call: Call) -> Answer:
        """One of them."""
        wanted = shapes.read(filter_shapes.FilterCall, call)
        account = await self._subjects.of(wanted.user)
        one = await self._of(account, wanted.filter)
        key = self._keys.shown(account.id)
        return replies.shown(filter_answers.shown(one, await self._boxes(account), key))

    @route(
        "POST",
        "/users/<user>/filters",
        about=About(takes=filter_shapes.NewFilter, answers={200: filter_answers.FilterMade}),
        right=creates(Resource.FILTERS),
    )
    async def create(self, call: Call) -> Answer:
        """A new filter, which runs behind the others."""
        wanted = shapes.read(filter_shapes.NewFilter, call)
        account = await self._subjects.of(wanted.user)
        mailbox = await self._mailbox(account, wanted.mailbox)
        try:
            made = await self._filters.create(
                account,
                wanted.name or "",
                wanted.conditions(Conditions()),
                wanted.actions(Actions(), mailbox),
                shapes.actor(call, wanted),
                disabled=bool(wanted.disabled),
                metadata=wanted.meta_data or "",
            )
        except LimitReached:
            text = "Maximum filters limit reached"
            raise replies.Refusal(
                403, "TooMany", text, allowed=self._filters.most(account)
            ) from None
        except Invalid as error:
            raise filter_shapes.spelled(error) from None
        except NotFound:
            raise replies.no_such_mailbox() from None
        return replies.shown(filter_answers.FilterMade(id=made.id))

    @route(
        "PUT",
        "/users/<user>/filters/<filter>",
        about=About(takes=filter_shapes.OldFilter, answers={200: shapes.Result}),
        right=updates(Resource.FILTERS),
    )
    async def update(self, call: Call) -> Answer:
        """Changes what is given; what is empty or null is cleared."""
        wanted = shapes.read(filter_shapes.OldFilter, call)
        account = await self._subjects.of(wanted.user)
        one = await self._of(account, wanted.filter)
        if not wanted.changes:
            raise replies.Refusal(400, "NoUpdates", "Nothing was changed")
        mailbox = await self._mailbox(account, wanted.mailbox)
        given = wanted.model_fields_set
        changed = replace(
            one,
            name=(wanted.name or "") if "name" in given else one.name,
            disabled=bool(wanted.disabled) if "disabled" in given else one.disabled,
            conditions=wanted.conditions(one.conditions),
            actions=wanted.actions(one.actions, mailbox),
            metadata=(wanted.meta_data or "") if "meta_data" in given else one.metadata,
        )
        try:
            await self._filters.update(changed, shapes.actor(call, wanted))
        except Invalid as error:
            raise filter_shapes.spelled(error) from None
        except NotFound:
            raise replies.filter_not_found() from None
        return replies.shown(shapes.Result())

    @route(
        "DELETE",
        "/users/<user>/filters/<filter>",
        about=About(takes=filter_shapes.FilterCall, answers={200: shapes.Result}),
        right=deletes(Resource.FILTERS),
    )
    async def remove(self, call: Call) -> Answer:
        """Removes a filter."""
        wanted = shapes.read(filter_shapes.FilterCall, call)
        account = await self._subjects.of(wanted.user)
        try:
            await self._filters.remove(account.number, wanted.filter, shapes.actor(call, wanted))
        except NotFound:
            raise replies.filter_not_found() from None
        return replies.shown(shapes.Result())

    async def _of(self, account: Account, id: str) -> Filter:
        try:
            return await self._filters.get(account.number, id)
        except NotFound:
            raise replies.filter_not_found() from None

    async def _boxes(self, account: Account) -> Mapping[int, tuple[str, str]]:
        """Id and path of the user's mailboxes, by number."""
        found = await self._mailboxes.all(account.number)
        return {box.number: (box.id, box.name) for box in found}

    async def _mailbox(self, account: Account, id: str | None) -> int | None:
        """The number of the mailbox with this id; what is empty or None stays so."""
        if not id:
            return None if id is None else 0
        for number, (known, _) in (await self._boxes(account)).items():
            if known == id:
                return number
        raise replies.no_such_mailbox()
