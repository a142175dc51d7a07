"""Mailboxes of an account: every rule about creating, renaming, deleting and subscribing.

Faces spell names their own way (modified UTF-7, JSON paths); here a name is Unicode with `/`.
Messages inside a mailbox belong to `core.messages`.
"""

from __future__ import annotations

from collections.abc import Sequence

from mailhub.core import names
from mailhub.core.ids import Ids
from mailhub.model.change import Actor
from mailhub.model.errors import AlreadyExists, Invalid, LimitReached, NotFound, NotPermitted
from mailhub.model.mailbox import SPECIAL_USES, Mailbox, NewMailbox
from mailhub.ports import Clock, Storage

INBOX = "INBOX"
DEFAULTS: tuple[tuple[str, str], ...] = (
    (INBOX, ""),
    ("Drafts", "\\Drafts"),
    ("Sent", "\\Sent"),
    ("Trash", "\\Trash"),
    ("Junk", "\\Junk"),
    ("Archive", "\\Archive"),
)
"""What a new account starts with: (name, special use)."""
SUBSCRIPTIONS = 20_000
"""Most subscribed names of an account; names without a mailbox count too."""


class Mailboxes:
    """The mailboxes of every account. `limit`: most mailboxes of one account."""

    def __init__(self, storage: Storage, clock: Clock, ids: Ids, *, limit: int = 10_000) -> None:
        self._storage = storage
        self._clock = clock
        self._ids = ids
        self._limit = limit

    # -- looking

    async def all(self, account: int) -> Sequence[Mailbox]:
        """Sorted by name, INBOX first."""
        return await self._storage.mailboxes.all(account)

    async def get(self, account: int, name: str) -> Mailbox:
        """The mailbox called `name`. Raises NotFound, also for a name that cannot exist."""
        try:
            wanted = names.canonical(name)
        except Invalid:
            raise NotFound("No such mailbox") from None
        found = await self._storage.mailboxes.get(account, wanted)
        if found is None:
            raise NotFound("No such mailbox")
        return found

    async def by_number(self, account: int, number: int) -> Mailbox:
        """The mailbox with this number in this account. Raises NotFound."""
        found = await self._storage.mailboxes.by_number(account, number)
        if found is None:
            raise NotFound("No such mailbox")
        return found

    async def by_special_use(self, account: int, special_use: str) -> Mailbox | None:
        """The mailbox that carries `special_use`, such as `\\Trash`."""
        for box in await self.all(account):
            if box.special_use == special_use:
                return box
        return None

    async def status(self, account: int, name: str) -> Mailbox:
        """The mailbox with its counters as of the last commit. Raises NotFound."""
        return await self.get(account, name)

    # -- changing

    async def create(
        self, account: int, name: str, actor: Actor, *, special_use: str = ""
    ) -> Mailbox:
        """A new mailbox, with the superior names it lacks (RFC 9051 6.3.4).

        Raises Invalid (field `name` or `special_use`), AlreadyExists, LimitReached.
        """
        name = names.creatable(name)
        existing = {box.name: box for box in await self.all(account)}
        if name in existing:
            raise AlreadyExists("A mailbox with this name exists")
        if special_use:
            self._check_special_use(special_use, existing.values())
        missing = [parent for parent in names.parents(name) if parent not in existing]
        if len(existing) + len(missing) + 1 > self._limit:
            raise LimitReached("The account has too many mailboxes")
        orders = [self._order(parent) for parent in missing]
        orders.append(self._order(name, special_use))
        return (await self._storage.mailboxes.create(account, orders, actor))[-1]

    async def rename(self, account: int, name: str, new_name: str, actor: Actor) -> None:
        """Renames a mailbox and all inferior names with it (RFC 9051 6.3.6).

        INBOX is not renamed: its messages move to a new mailbox, and it stays, empty. Superior
        names that the new name lacks are made. Raises NotFound, AlreadyExists, Invalid (field
        `name`), LimitReached.
        """
        source = await self.get(account, name)
        target = names.creatable(new_name)
        boxes = {box.name: box for box in await self.all(account)}
        if target in boxes:
            raise AlreadyExists("A mailbox with this name exists")
        if source.name == INBOX:
            await self._make_parents(account, target, boxes, actor, extra=1)
            await self._storage.mailboxes.drain(account, source.number, self._order(target), actor)
            return
        if names.below(target, source.name):
            raise Invalid("A mailbox cannot become its own inferior", field="name")
        moves = [(source.number, target)]
        for box in boxes.values():
            if names.below(box.name, source.name):
                moved = names.creatable(target + box.name[len(source.name) :])
                if moved in boxes:
                    raise AlreadyExists("A mailbox with this name exists")
                moves.append((box.number, moved))
        await self._make_parents(account, target, boxes, actor)
        await self._storage.mailboxes.rename(account, moves, actor)

    async def remove(self, account: int, name: str, actor: Actor) -> None:
        """Deletes a mailbox with its messages; inferior names stay (RFC 9051 6.3.5).

        A name that is left with inferiors only is no mailbox any more; LIST shows it as
        \\NonExistent. Raises NotFound, NotPermitted (INBOX).
        """
        box = await self.get(account, name)
        if box.name == INBOX:
            raise NotPermitted("INBOX cannot be deleted")
        await self._storage.mailboxes.remove(account, box.number, actor)

    async def subscribe(self, account: int, name: str, subscribed: bool, actor: Actor) -> None:
        """Subscribes or unsubscribes a name, which need not be a mailbox (RFC 9051 6.3.7).

        Raises Invalid (field `name`), LimitReached.
        """
        name = names.canonical(name)
        if subscribed and len(await self.subscriptions(account)) >= SUBSCRIPTIONS:
            raise LimitReached("Too many subscribed names")
        await self._storage.mailboxes.subscribe(account, name, subscribed, actor)

    async def subscriptions(self, account: int) -> Sequence[str]:
        """Subscribed names, sorted."""
        return await self._storage.mailboxes.subscriptions(account)

    async def set_special_use(
        self, account: int, name: str, special_use: str, actor: Actor
    ) -> None:
        """Gives or, when empty, takes a special use; a use stands once in an account.

        Raises NotFound, Invalid (field `special_use`), AlreadyExists.
        """
        box = await self.get(account, name)
        if special_use:
            others = [other for other in await self.all(account) if other.number != box.number]
            self._check_special_use(special_use, others)
        await self._storage.mailboxes.set_special_use(account, box.number, special_use, actor)

    # -- parts

    def defaults(self) -> Sequence[NewMailbox]:
        """Orders for the mailboxes of a new account."""
        return [self._order(name, special_use) for name, special_use in DEFAULTS]

    def _order(self, name: str, special_use: str = "") -> NewMailbox:
        return NewMailbox(self._ids.new(), name, int(self._clock.now()), special_use)

    async def _make_parents(
        self,
        account: int,
        name: str,
        boxes: dict[str, Mailbox],
        actor: Actor,
        *,
        extra: int = 0,
    ) -> None:
        missing = [parent for parent in names.parents(name) if parent not in boxes]
        if len(boxes) + len(missing) + extra > self._limit:
            raise LimitReached("The account has too many mailboxes")
        if missing:
            orders = [self._order(parent) for parent in missing]
            await self._storage.mailboxes.create(account, orders, actor)

    def _check_special_use(self, special_use: str, others: object) -> None:
        if special_use not in SPECIAL_USES:
            raise Invalid("This special use is not offered", field="special_use")
        for box in others:  # type: ignore[attr-defined]
            if box.special_use == special_use:
                raise AlreadyExists("Another mailbox has this special use")
