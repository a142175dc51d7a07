"""A store whose index follows it when it is told to, whichever store it is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from mailhub.core.search_documents import document
from mailhub.core.search_plan import plan
from mailhub.indexing.folder import Follower as FolderFollower
from mailhub.indexing.line import AwayError
from mailhub.indexing.reading import Reading
from mailhub.indexing.shared import Follower as SharedFollower
from mailhub.model.flags import Flags
from mailhub.model.indexed import IndexPage, IndexStatus, Span
from mailhub.model.message import BlobRef
from mailhub.model.search import ANYWHERE, Says, SearchKey
from mailhub.model.uids import UidSet
from mailhub.wire.rendering import render
from tests.contract.postgres import Postgres
from tests.contract.stores import ACTOR, House, TextBody, memory_house, sqlite_house

MESSAGE = b"Subject: budget\r\n\r\nThe annual report\r\n"


@dataclass
class Serving:
    """A server as the process hears it: it ends as soon as there is nothing to do. `bodies`: what
    it reads for the process; None for none just now."""

    said: list[str] = field(default_factory=list)
    kept: dict[BlobRef, bytes] | None = field(default_factory=dict)
    waits: list[float] = field(default_factory=list)
    counts: list[int] = field(default_factory=list)

    def say(self, what: str) -> None:
        if self.said[-1:] != [what]:
            self.said.append(what)

    def behind(self, count: int) -> None:
        self.counts.append(count)

    def ended(self, seconds: float) -> bool:
        self.waits.append(seconds)
        return seconds > 0

    def bodies(self, refs: Sequence[BlobRef]) -> list[bytes | None]:
        if self.kept is None:
            raise AwayError
        return [self.kept.get(ref) for ref in refs]


@dataclass(slots=True)
class Searched:
    """`follow`: takes in all there is."""

    house: House
    follow: Callable[[], None]
    account: int = 0
    inbox: int = 0

    def open(self) -> Searched:
        """With a fresh account and its INBOX."""
        account, boxes = self.house.account("Other")
        self.account, self.inbox = account.number, boxes["INBOX"]
        return self

    def deliver(self, *messages: bytes) -> None:
        """Into INBOX."""
        new = [(TextBody(one), render(one), Flags(), 1_700_000_000) for one in messages]
        self.house.ask(self.house.store.messages.append(self.account, self.inbox, new, ACTOR))

    def expunge(self, uid: int) -> None:
        gone = UidSet(((uid, uid),))
        messages = self.house.store.messages
        self.house.ask(messages.expunge(self.account, self.inbox, gone, ACTOR, only_deleted=False))

    def page(self, key: SearchKey | str = "annual", span: Span | None = None) -> IndexPage:
        """What matches in INBOX."""
        wanted = Says(ANYWHERE, key) if isinstance(key, str) else key
        index = self.house.store.search_index  # type: ignore[attr-defined]
        return self.house.ask(
            index.page(self.account, [self.inbox], plan(wanted), span or Span(10_000))
        )

    def found(self, key: SearchKey | str = "annual") -> tuple[list[int], list[int]]:
        """UIDs that surely match, and those that may."""
        page = self.page(key)
        return sorted(one.uid for one in page.places), sorted(one.uid for one in page.maybe)

    def status(self) -> IndexStatus:
        return self.house.ask(self.house.store.search_index.status())  # type: ignore[attr-defined]

    def rebuild(self) -> None:
        self.house.ask(self.house.store.search_index.rebuild())  # type: ignore[attr-defined]


def in_memory(folder: Path) -> Searched:
    """On the memory store."""
    house = memory_house(folder)
    index = house.store.search_index  # type: ignore[attr-defined]
    return Searched(house, lambda: house.ask(index.follow(document)))


def in_folder(folder: Path) -> Searched:
    """On SQLite and segments."""
    house = sqlite_house(folder)
    serving = Serving()

    def follow() -> None:
        FolderFollower(folder / "store", Reading(None), serving.ended).run(serving.say)

    return Searched(house, follow)


def in_database(shared: Postgres, folder: Path, serving: Serving | None = None) -> Searched:
    """On PostgreSQL."""
    house = shared.house(folder)
    server = serving or Serving()

    def follow() -> None:
        SharedFollower(shared.server.where(shared._names[id(house)]), Reading(None), server).run()

    return Searched(house, follow)
