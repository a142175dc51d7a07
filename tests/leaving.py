"""A server that is left, without a network, and the acts of a world in memory that takes its mail
in."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from mailhub.control.acts import Arguments
from mailhub.control.catalog import ACTS, READS, TAKES
from mailhub.model.errors import MailhubError
from mailhub.switching.faults import Refusal
from mailhub.switching.fetched import Body, Facts, Opened
from mailhub.switching.folders import ListedThere
from mailhub.switching.following import FlagNames, folded
from mailhub.switching.remote import Away, Damaged
from tests.acting import services
from tests.support import run
from tests.world import world

JOE = "joe@example.org"


class Acts:
    """`House` without a socket."""

    def __init__(self) -> None:
        self.world = world()
        self.services = services(self.world)
        self._answers: deque[Any] = deque()
        self.asked: list[str] = []

    def ask(self, act: str, data: bytes | None = None, **arguments: Any) -> Any:
        self.asked.append(act)
        return self._said(run, ACTS[act](self.services, Arguments(arguments)))

    def pour(self, act: str, size: int, pieces: Iterable[bytes], **arguments: Any) -> None:
        spool = self.world.store.spools.open()
        for piece in pieces:
            spool.write(piece)
        body = spool.finish()
        assert body.size == size
        try:
            self._answers.append(run(TAKES[act](self.services, Arguments(arguments), body)))
        except MailhubError as error:
            self._answers.append(Refusal(error.text, type(error).__name__))

    def result(self) -> Any:
        answer = self._answers.popleft()
        if isinstance(answer, Refusal):
            raise answer
        return answer

    def items(self, act: str, **arguments: Any) -> Iterator[Mapping[str, Any]]:
        async def gathered() -> list[Mapping[str, Any]]:
            reading = READS[act](self.services, Arguments(arguments))
            return [item async for item, _ in reading]

        yield from self._said(run, gathered())

    def _said(self, how: Any, work: Any) -> Any:
        try:
            return how(work)
        except MailhubError as error:
            raise Refusal(error.text, type(error).__name__) from None

    def boxes(self) -> dict[str, int]:
        return {box["name"]: box["messages"] for box in self.ask("mailbox-list", user=JOE)}

    def seen(self, box: str = "INBOX") -> dict[int, tuple[str, ...]]:
        return {
            uid: folded(flags)
            for item in self.items("switch-listing", user=JOE, mailbox=box)
            for uid, _, flags in item["messages"]
        }


@dataclass
class There:
    """A folder of the other server."""

    validity: int = 77
    uidnext: int = 1
    modseq: int = 1
    messages: dict[int, tuple[tuple[str, ...], bytes]] = field(default_factory=dict)
    changed: dict[int, int] = field(default_factory=dict)

    def add(self, data: bytes, *flags: str) -> int:
        uid = self.uidnext
        self.messages[uid] = (flags, data)
        self.uidnext += 1
        self._touch(uid)
        return uid

    def flag(self, uid: int, *flags: str) -> None:
        self.messages[uid] = (flags, self.messages[uid][1])
        self._touch(uid)

    def expunge(self, uid: int) -> None:
        del self.messages[uid]
        self.modseq += 1

    def renumber(self) -> None:
        self.validity += 1
        kept = list(self.messages.values())
        self.messages = {}
        self.uidnext = 1
        for flags, data in kept:
            self.add(data, *flags)

    def _touch(self, uid: int) -> None:
        self.modseq += 1
        self.changed[uid] = self.modseq


class FakeRemote:
    """`Remote` without a network. `broken`: UIDs that cannot be read; `breaks_after`: bodies after
    which the connection is gone."""

    def __init__(self) -> None:
        self.tree: dict[str, There] = {"INBOX": There()}
        self.uses: dict[str, str] = {}
        self.broken: set[int] = set()
        self.breaks_after = 1 << 30
        self.asked_for: list[int] = []
        self.condstore = True
        self._open = There()

    @property
    def inbox(self) -> There:
        return self.tree["INBOX"]

    def folders(self) -> tuple[Sequence[ListedThere], frozenset[str], str]:
        listed = [
            ListedThere(name, "/", frozenset({self.uses[name]} if name in self.uses else ()))
            for name in self.tree
        ]
        return listed, frozenset(self.tree), ""

    def open(self, name: str) -> Opened:
        if name not in self.tree:
            raise Damaged("no such folder")
        one = self._open = self.tree[name]
        modseq = one.modseq if self.condstore else 0
        return Opened(one.validity, one.uidnext, modseq, len(one.messages))

    def uids(self) -> Sequence[int]:
        return sorted(self._open.messages)

    def flags(self, uids: Sequence[int], since: int = 0) -> Mapping[int, FlagNames]:
        return {
            uid: folded(self._open.messages[uid][0])
            for uid in uids
            if self._open.changed[uid] > since
        }

    def facts(self, uids: Sequence[int]) -> Mapping[int, Facts]:
        rows = {uid: self._open.messages[uid] for uid in uids}
        return {uid: Facts(flags, len(data), uid * 10) for uid, (flags, data) in rows.items()}

    def bodies(self, uids: Sequence[int], facts: Mapping[int, Facts]) -> Iterator[Body]:
        for uid in uids:
            if len(self.asked_for) >= self.breaks_after:
                raise Away("reset by peer")
            self.asked_for.append(uid)
            if uid in self.broken:
                yield Body(uid, b"", 0, "[SERVERBUG] index is corrupted")
            else:
                data = self._open.messages[uid][1]
                yield Body(uid, data, len(data))


def letter(number: int) -> bytes:
    return f"Subject: {number}\r\n\r\nbody {number}\r\n".encode()
