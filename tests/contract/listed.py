"""One mailbox, filled in both ways, and lists of it: for tests of lists and of the archive."""

from __future__ import annotations

from mailhub.model.flags import Flags
from mailhub.model.listing import Heads, Page, Row, Showing, Stretch
from mailhub.model.message import Copy
from mailhub.model.uids import UidSet
from mailhub.store.checks import CHECKS
from tests.contract.stores import ACTOR, MESSAGE, House, TextBody, rendered


def uid(number: int, last: int = 0) -> UidSet:
    return UidSet(((number, last or number),))


def place(row: Row) -> tuple[int, int]:
    return row.date, row.number


class Listed:
    """One mailbox, filled in both ways, and lists of it."""

    def __init__(self, house: House) -> None:
        self.house = house
        account, boxes = house.account("Other")
        self.account, self.inbox, self.other = account.number, boxes["INBOX"], boxes["Other"]
        found = house.ask(house.store.mailboxes.all(account.number))
        self.ids = account.id, {box.number: box.id for box in found}
        self.messages, self.listings = house.store.messages, house.store.listings

    def deliver(self, flags: int = 0) -> None:
        copy = Copy(self.account, flags=Flags(flags), internaldate=int(self.house.clock.now()) - 3)
        self.house.ask(
            self.messages.deliver(
                self.house.token(), TextBody(MESSAGE), rendered(), [copy], None, (), ACTOR
            )
        )

    def append(self, date: int, flags: int = 0, keywords: tuple[str, ...] = ()) -> None:
        one = (TextBody(MESSAGE), rendered(), Flags(flags, keywords), date)
        self.house.ask(self.messages.append(self.account, self.inbox, [one], ACTOR))

    def page(
        self, stretch: Stretch, unseen: bool = False, heads: Heads = Heads.ALL, mailbox: int = 0
    ) -> Page:
        showing = Showing(unseen, heads, counts=True, metadata=True)
        account, boxes = self.ids
        box = boxes[mailbox or self.inbox]
        found = self.house.ask(self.listings.mailbox(account, box, stretch, showing))
        assert found.page is not None
        return found.page

    def walk(
        self, limit: int, newer: bool = False, unseen: bool = False, heads: Heads = Heads.ALL
    ) -> list[Row]:
        rows: list[Row] = []
        stretch = Stretch(limit, None, newer)
        while True:
            page = self.page(stretch, unseen, heads)
            rows += page.rows
            if not page.more:
                return rows
            stretch = Stretch(limit, page.end, newer)

    def expunge(self, uids: UidSet, *, only_deleted: bool = False, keep: bool = True) -> None:
        self.house.ask(
            self.messages.expunge(
                self.account, self.inbox, uids, ACTOR, only_deleted=only_deleted, keep=keep
            )
        )

    def archived(self) -> list[Row]:
        page = self.house.ask(self.listings.archived(self.account, Stretch(100), metadata=True))
        return list(page.rows)

    def healthy(self) -> None:
        """No rule of the store is broken."""
        store = self.house.store
        for check in CHECKS:

            def look(cursor: object, query: str = check.query) -> list[object]:
                return cursor.execute(query).fetchall()  # type: ignore[attr-defined,no-any-return]

            assert self.house.ask(store.runner.read(look)) == [], check.kind
