"""Searches in a whole account: the same with an index and without, page by page."""

from __future__ import annotations

import pytest

from mailhub.core import finding
from mailhub.core.finding import Finding, Finds
from mailhub.core.messages import Messages
from mailhub.core.search_documents import document
from mailhub.core.selected import Selections
from mailhub.model.change import Actor
from mailhub.model.errors import Unavailable
from mailhub.model.flags import FLAGGED, SEEN, FlagMode, Flags
from mailhub.model.indexed import Place, Span
from mailhub.model.search import (
    ANYWHERE,
    And,
    BodyHas,
    Everything,
    HasAttachments,
    HasFlag,
    HasKeyword,
    InMailbox,
    Not,
    Or,
    Says,
    SearchKey,
    ThreadIdIs,
    Younger,
)
from mailhub.model.settings import StoreSettings
from mailhub.model.uids import UidSet
from tests.support import run
from tests.world import world

ACTOR = Actor(None, "test")
JOE = "joe@example.org"
MESSAGES = (
    b"Subject: budget\r\n\r\nThe annual report\r\n",
    b"Subject: lunch\r\n\r\nbudget for lunch\r\n",
    b"Subject: holiday\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\n\r\nsee\r\n"
    b"--x\r\n"
    b'Content-Type: application/pdf; name="budget.pdf"\r\n\r\nx\r\n--x--\r\n',
    b"Subject: spam\r\n\r\nbudget pills\r\n",
)


class Site:
    """An account with mail: three in INBOX, the fourth in Junk."""

    def __init__(self) -> None:
        self.made = world()
        self.account = self.made.people[JOE].number
        for message in MESSAGES:
            self.made.deliver(JOE, message)
        store = self.made.store
        boxes = {box.name: box.number for box in run(store.mailboxes.all(self.account))}
        self.inbox, self.junk = boxes["INBOX"], boxes["Junk"]
        store_messages = store.messages
        run(store_messages.move(self.account, self.inbox, UidSet(((4, 4),)), self.junk, ACTOR))
        run(
            store_messages.store_flags(
                self.account,
                self.inbox,
                UidSet(((2, 2),)),
                FlagMode.ADD,
                Flags(FLAGGED | SEEN, ("Work",)),
                ACTOR,
            )
        )
        messages = Messages(store, self.made.clock)
        selections = Selections(store, self.made.watch, StoreSettings())
        self.finds = Finds(store, messages, selections, self.made.clock)

    def index(self) -> None:
        run(self.made.store.search_index.follow(document))

    def page(self, key: SearchKey, span: Span | None = None, everywhere: bool = False) -> Finding:
        return run(self.finds.page(self.account, key, span or Span(10), everywhere=everywhere))

    def uids(self, key: SearchKey) -> list[int]:
        found = self.page(key)
        assert found.total == len(found.places)
        return [place.uid for place in found.places]


@pytest.fixture(params=["scanned", "indexed", "half indexed"])
def site(request: pytest.FixtureRequest) -> Site:
    """With all mail in the index, with none, and with all but one."""
    made = Site()
    if request.param == "indexed":
        made.index()
    elif request.param == "half indexed":
        made.index()
        made.made.store.database.execute("UPDATE found.state SET position = position - 1")
    return made


BUDGET = Says(ANYWHERE, "budget")


@pytest.mark.parametrize(
    ("key", "uids"),
    [
        (Everything(), [3, 2, 1]),
        (BUDGET, [3, 2, 1]),
        (Says(ANYWHERE, "annual report", True), [1]),
        (And((BUDGET, Not(HasFlag(SEEN)))), [3, 1]),
        (And((BUDGET, HasFlag(FLAGGED))), [2]),
        (And((BUDGET, HasAttachments())), [3]),
        (Or(Says(ANYWHERE, "holiday"), Says(ANYWHERE, "annual")), [3, 1]),
        (Not(BUDGET), []),
        (HasKeyword("work"), [2]),
        (BodyHas("udget fo"), [2]),
        (Younger(60), [3, 2, 1]),
        (And((InMailbox("junk"), BUDGET)), [1]),
        (InMailbox("\\Junk"), [1]),
        (Not(InMailbox("inbox")), [1]),
        (InMailbox("nowhere"), []),
        (ThreadIdIs("0" * 24), []),
    ],
)
def test_what_is_found(site: Site, key: SearchKey, uids: list[int]) -> None:
    assert site.uids(key) == uids


def test_junk_is_found_where_everything_is_wanted(site: Site) -> None:
    found = site.page(BUDGET, everywhere=True)
    assert [(place.mailbox, place.uid) for place in found.places] == [
        (site.junk, 1),
        (site.inbox, 3),
        (site.inbox, 2),
        (site.inbox, 1),
    ]


@pytest.mark.parametrize("ascending", [False, True])
def test_pages_join_without_a_gap_while_mail_arrives(site: Site, ascending: bool) -> None:
    seen: list[int] = []
    after: Place | None = None
    more = True
    while more:
        found = site.page(BUDGET, Span(1, ascending, after))
        assert len(found.places) == 1
        seen += [place.uid for place in found.places]
        after, more = found.places[-1], found.more
        if len(seen) == 2:
            site.made.deliver(JOE, MESSAGES[0])
    assert seen == ([1, 2, 3, 5] if ascending else [3, 2, 1])


def test_a_thread_is_found_by_its_id(site: Site) -> None:
    mark = run(site.made.store.messages.marks(site.account, site.inbox, UidSet(((2, 2),))))[0]
    assert site.uids(ThreadIdIs(mark[2])) == [2]


def test_long_looks_are_few_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(finding, "FEW", 0)
    site = Site()
    assert site.uids(BUDGET) == [3, 2, 1]
    monkeypatch.setattr(finding, "LOOKS", 0)
    with pytest.raises(Unavailable):
        site.page(BUDGET)
    site.index()
    assert site.uids(BUDGET) == [3, 2, 1]
