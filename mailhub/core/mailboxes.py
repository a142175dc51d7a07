"""Mailboxes of an account: every rule about creating, renaming, deleting and subscribing.

Faces spell names their own way (modified UTF-7, JSON paths); here a name is Unicode with `/`.
Messages inside a mailbox belong to `core.messages`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from mailhub.core import languages, names
from mailhub.core.ids import Ids
from mailhub.model.account import Account
from mailhub.model.change import Actor
from mailhub.model.errors import AlreadyExists, Invalid, LimitReached, NotFound, NotPermitted
from mailhub.model.mailbox import SPECIAL_USES, Mailbox, NewMailbox
from mailhub.model.settings import AccountSettings
from mailhub.ports import Clock, Storage

INBOX = "INBOX"
DEFAULTS = AccountSettings()
ACCOUNTS = 100
"""Accounts that are looked up at once, where all of them are counted."""
SUBSCRIPTIONS = 20_000
"""Most subscribed names of an account; names without a mailbox count too."""


class Mailboxes:
    """The mailboxes of every account. `limit`: most mailboxes of one account."""

    def __init__(
        self,
        storage: Storage,
        clock: Clock,
        ids: Ids,
        *,
        limit: int = 1500,
        settings: AccountSettings = DEFAULTS,
    ) -> None:
        self._storage = storage
        self._clock = clock
        self._ids = ids
        self._limit = limit
        self._settings = settings

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

    async def by_id(self, account: int, id: str) -> Mailbox:
        """The mailbox with this id in this account. Raises NotFound."""
        found = await self._storage.mailboxes.by_id(account, id)
        if found is None:
            raise NotFound("No such mailbox")
        return found

    async def named(self, account: str, mailbox: str) -> tuple[Account | None, Mailbox | None]:
        """An account and a mailbox of it by their ids; None for what does not exist."""
        return await self._storage.mailboxes.named(account, mailbox)

    async def visible(self, account: int) -> Sequence[Mailbox]:
        """Those that are not hidden, sorted by name, INBOX first."""
        return [box for box in await self.all(account) if not box.hidden]

    async def shown(self, account: int, *, hidden: bool = False) -> Sequence[Mailbox]:
        """In the order in which people are shown them: INBOX and what is below it, then the
        subscribed ones, by name. `hidden`: with those that are hidden."""
        boxes = [box for box in await self.all(account) if hidden or not box.hidden]
        return sorted(boxes, key=_place)

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
        self,
        account: int,
        name: str,
        actor: Actor,
        *,
        special_use: str = "",
        retention: int | None = None,
        hidden: bool = False,
    ) -> Mailbox:
        """A new mailbox, with the superior names it lacks (RFC 9051 6.3.4).

        `retention`: milliseconds that mail stays, 0 for ever; None: as the account has it. Raises
        Invalid (field `name`, `special_use` or `retention`), AlreadyExists, LimitReached.
        """
        name = names.creatable(name)
        existing = {box.name: box for box in await self.all(account)}
        if name in existing:
            raise AlreadyExists("A mailbox with this name exists", field="mailbox")
        if special_use:
            self._check_special_use(special_use, existing.values())
        missing = [parent for parent in names.parents(name) if parent not in existing]
        if len(existing) + len(missing) + 1 > self._limit:
            raise LimitReached("The account has too many mailboxes")
        default = await self._retention(account)
        orders = [self._order(parent, retention=default) for parent in missing]
        own = default if retention is None else _milliseconds(retention)
        orders.append(self._order(name, special_use, own, hidden))
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
            raise AlreadyExists("A mailbox with this name exists", field="mailbox")
        if source.name == INBOX:
            await self._make_parents(account, target, boxes, actor, extra=1)
            order = self._order(target, retention=await self._retention(account))
            await self._storage.mailboxes.drain(account, source.number, order, actor)
            return
        if names.below(target, source.name):
            raise Invalid("A mailbox cannot become its own inferior", field="name")
        moves = [(source.number, target)]
        for box in boxes.values():
            if names.below(box.name, source.name):
                moved = names.creatable(target + box.name[len(source.name) :])
                if moved in boxes:
                    raise AlreadyExists("A mailbox with this name exists", field="mailbox")
                moves.append((box.number, moved))
        await self._make_parents(account, target, boxes, actor)
        await self._storage.mailboxes.rename(account, moves, actor)

    async def remove(
        self, account: int, name: str, actor: Actor, *, only_plain: bool = False
    ) -> None:
        """Deletes a mailbox with its messages; inferior names stay (RFC 9051 6.3.5).

        A name that is left with inferiors only is no mailbox any more; LIST shows it as
        \\NonExistent. `only_plain`: one with a special use, or a hidden one, stays. Raises
        NotFound, NotPermitted (INBOX, or what stays).
        """
        box = await self.get(account, name)
        if box.name == INBOX:
            raise NotPermitted("INBOX cannot be deleted")
        if only_plain and (box.special_use or box.hidden):
            raise NotPermitted("A mailbox with a special use cannot be deleted")
        await self._storage.mailboxes.remove(account, box.number, actor, keep=True)

    async def set_options(
        self,
        account: int,
        box: Mailbox,
        actor: Actor,
        *,
        retention: int | None = None,
        hidden: bool | None = None,
    ) -> None:
        """Changes what is given. A new retention is for mail that comes in from now on. Raises
        NotFound, Invalid (field `retention`)."""
        kept = box.retention
        if retention is not None:
            kept = self._bounded(_milliseconds(retention), box.special_use)
        concealed = box.hidden if hidden is None else hidden
        if (kept, concealed) != (box.retention, box.hidden):
            await self._storage.mailboxes.set_options(account, box.number, kept, concealed, actor)

    async def count_again(self, account: int) -> tuple[int, int]:
        """Counts what lies in every mailbox, one after the other; bytes that were in use, and
        that are. Raises NotFound."""
        for box in await self.all(account):
            await self._storage.mailboxes.count_again(account, box.number)
        return await self._storage.accounts.count_again(account)

    async def count_all_again(self) -> tuple[int, int]:
        """The same for one account after the other: bytes of all together. Accounts that go
        meanwhile are left out."""
        before = after = last = 0
        while True:
            batch, _ = await self._storage.accounts.page(after=last, limit=ACCOUNTS)
            for account in batch:
                try:
                    was, found = await self.count_again(account.number)
                except NotFound:
                    continue
                before, after = before + was, after + found
            if len(batch) < ACCOUNTS:
                return before, after
            last = batch[-1].number

    async def renumber(self, account: int, actor: Actor) -> int:
        """Gives every mailbox a UIDVALIDITY that it never had, as UIDs may be given out again where
        a database lost its last moments (RFC 9051 section 2.3.1.1); how many mailboxes. Raises
        NotFound."""
        boxes = await self.all(account)
        for box in boxes:
            await self._storage.mailboxes.number_from(account, box.number, 0, 1, actor)
        return len(boxes)

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

    def defaults(
        self, language: str = "", retention: int = 0, called: Mapping[str, str] | None = None
    ) -> Sequence[NewMailbox]:
        """Orders for the mailboxes of a new account.

        `called`: names by special use that shall be others than the language's. Raises Invalid
        (field `mailboxes`) for names that cannot be, or are the same.
        """
        uses = [use for use in languages.USES if self._settings.archive or use != languages.ARCHIVE]
        chosen = {**languages.names(language or self._settings.language), **(called or {})}
        try:
            pairs = [(names.creatable(chosen[use]), use) for use in uses]
        except Invalid as error:
            raise Invalid(error.text, field="mailboxes") from None
        if len({INBOX, *(name for name, _ in pairs)}) <= len(pairs):
            raise Invalid("Two mailboxes would have one name", field="mailboxes")
        orders = [self._order(INBOX, retention=retention)]
        return orders + [self._order(name, use, retention) for name, use in pairs]

    def _order(
        self, name: str, special_use: str = "", retention: int = 0, hidden: bool = False
    ) -> NewMailbox:
        return NewMailbox(
            self._ids.new(),
            name,
            int(self._clock.now()),
            special_use,
            subscribed=not hidden,
            retention=self._bounded(retention, special_use),
            hidden=hidden,
        )

    def _bounded(self, retention: int, special_use: str) -> int:
        """What is thrown away is not kept for ever."""
        most = self._settings.trash_time * 1000
        if most and special_use in (languages.TRASH, languages.JUNK):
            return min(retention or most, most)
        return retention

    async def _retention(self, account: int) -> int:
        """What the account wants for new mailboxes, in milliseconds."""
        known = await self._storage.accounts.get(account)
        return known.retention if known is not None else 0

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
            default = await self._retention(account)
            orders = [self._order(parent, retention=default) for parent in missing]
            await self._storage.mailboxes.create(account, orders, actor)

    def _check_special_use(self, special_use: str, others: object) -> None:
        if special_use not in SPECIAL_USES:
            raise Invalid("This special use is not offered", field="special_use")
        for box in others:  # type: ignore[attr-defined]
            if box.special_use == special_use:
                raise AlreadyExists("Another mailbox has this special use")


def _place(box: Mailbox) -> tuple[int, bool, str]:
    if box.name == INBOX:
        return (0, False, "")
    if names.below(box.name, INBOX):
        return (1, False, box.name)
    return (2, not box.subscribed, box.name)


def _milliseconds(retention: int) -> int:
    if not 0 <= retention < 1 << 53:
        raise Invalid("Not a time in milliseconds", field="retention")
    return retention
