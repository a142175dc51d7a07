"""Accounts' filters and automatic replies: what may be set, and by what rules.

What they do to mail is `core.filtering`'s and `core.replying`'s.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Sequence

from mailhub.core.ids import Ids
from mailhub.model.account import Account
from mailhub.model.change import Actor
from mailhub.model.errors import Invalid, NotFound
from mailhub.model.filter import Actions, Autoreply, Conditions, Filter, OwnedFilter
from mailhub.model.settings_rules import FilterSettings
from mailhub.ports import Clock, Storage, Web
from mailhub.wire import address as grammar
from mailhub.wire import relayurl

TEXT = 255
"""Characters of a name and of what is looked for."""
TARGETS = 20
"""Addresses, and URLs, of one filter."""
SUBJECT = 2048
BODY = 128 * 1024
"""Characters of an automatic reply's subject; and of each form of its text."""
SIZES = 1 << 40
_CONTROL = re.compile("[\x00-\x1f\x7f]")


class Filters:
    """Filters and automatic replies. `web`: knows which URLs may be posted to."""

    def __init__(
        self, storage: Storage, web: Web, clock: Clock, ids: Ids, settings: FilterSettings
    ) -> None:
        self._storage = storage
        self._web = web
        self._clock = clock
        self._ids = ids
        self._settings = settings

    def most(self, account: Account) -> int:
        """Filters that the account may have."""
        return account.limits.filters or self._settings.most

    async def of_account(self, account: int) -> Sequence[Filter]:
        """Oldest first."""
        return await self._storage.filters.of_account(account)

    async def page(
        self, *, after: int = 0, before: int = 0, limit: int = 100, target: str = ""
    ) -> tuple[Sequence[OwnedFilter], int]:
        """See `ports.Filters.page`."""
        return await self._storage.filters.page(
            after=after, before=before, limit=limit, target=target
        )

    async def get(self, account: int, id: str) -> Filter:
        """Raises NotFound."""
        found = await self._storage.filters.of_account(account)
        known = next((one for one in found if one.id == id), None)
        if known is None:
            raise NotFound("No such filter")
        return known

    async def create(
        self,
        account: Account,
        name: str,
        conditions: Conditions,
        actions: Actions,
        actor: Actor,
        *,
        disabled: bool = False,
        metadata: str = "",
    ) -> Filter:
        """The newest filter of the account, which runs last.

        Raises Invalid (field of `Conditions` or `Actions`, or `name`), LimitReached, NotFound
        (the mailbox of `actions`).
        """
        order = Filter(
            account=account.number,
            id=self._ids.new(),
            created=int(self._clock.now()),
            name=name,
            conditions=conditions,
            actions=actions,
            disabled=disabled,
            metadata=metadata,
        )
        checked = self._checked(order)
        return await self._storage.filters.add(checked, self.most(account), actor)

    async def update(self, changed: Filter, actor: Actor) -> None:
        """Stores all of a filter but its place in the order. Raises as `create`, NotFound."""
        await self._storage.filters.replace(self._checked(changed), actor)

    async def remove(self, account: int, id: str, actor: Actor) -> None:
        """Raises NotFound."""
        await self._storage.filters.remove(account, id, actor)

    # -- automatic replies

    async def autoreply(self, account: int) -> Autoreply:
        """What is set; one that is switched off where nothing is."""
        return await self._storage.filters.autoreply(account) or Autoreply(account)

    async def set_autoreply(self, wanted: Autoreply, actor: Actor) -> None:
        """Raises Invalid (with `field`), NotFound (the account)."""
        for name, limit in (("name", TEXT), ("subject", SUBJECT)):
            _line(getattr(wanted, name), name, limit)
        for name in ("text", "html"):
            if len(getattr(wanted, name)) > BODY:
                raise Invalid(f"More than {BODY} characters", name)
        starts, ends = wanted.starts, wanted.ends
        if starts is not None and ends is not None and ends < starts:
            raise Invalid("It would end before it starts", "end")
        await self._storage.filters.set_autoreply(wanted, actor)

    async def remove_autoreply(self, account: int, actor: Actor) -> None:
        """Nothing happens where none is set."""
        await self._storage.filters.remove_autoreply(account, actor)

    # -- checks

    def _checked(self, one: Filter) -> Filter:
        _line(one.name, "name", TEXT)
        for name in ("sender", "recipient", "subject", "list_id", "text"):
            _line(getattr(one.conditions, name), name, TEXT)
        if abs(one.conditions.size) > SIZES:
            raise Invalid("Not a size of messages", "size")
        actions = one.actions
        forwards = tuple(dict.fromkeys(_address(target) for target in actions.forwards))
        uploads = tuple(dict.fromkeys(self._url(url) for url in actions.uploads))
        if max(len(forwards), len(uploads)) > TARGETS:
            raise Invalid(f"A filter has at most {TARGETS} targets", "forwards")
        checked = dataclasses.replace(actions, forwards=forwards, uploads=uploads)
        return dataclasses.replace(one, actions=checked)

    def _url(self, url: str) -> str:
        if relayurl.is_relay(url):
            return str(relayurl.parse(url, "uploads"))
        self._web.check(url, "uploads")
        return url


def _address(target: str) -> str:
    try:
        return grammar.join(*grammar.split(target))
    except Invalid as error:
        raise Invalid(error.text, "forwards") from None


def _line(value: str, field: str, limit: int) -> None:
    if len(value) > limit or _CONTROL.search(value):
        raise Invalid("Too long, or with control characters", field)
