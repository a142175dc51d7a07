"""Copies the mail of many accounts, some at a time, each by a connection of its own there and here;
compares them; and cuts them over.

An account that fails stands in nobody's way: why it failed is noted, and the next run goes on with
it. What happens to one account's mail is `copying`'s.
"""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from contextlib import AbstractContextManager, closing
from dataclasses import dataclass, field

from mailhub.switching import source
from mailhub.switching.copying import Copied, Copying, verified
from mailhub.switching.faults import Refusal, SwitchFault
from mailhub.switching.following import Verdict
from mailhub.switching.house import House
from mailhub.switching.ledger import Book, Ledger, Post, Stage
from mailhub.switching.pace import Pace
from mailhub.switching.remote import Away, Damaged, Remote, Suspects
from mailhub.switching.source import Imap, Login

TRIES = 5
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 60.0
MOST_POISON = 100
"""Messages at which connections break, of one account, until it is the server that is broken."""
PHASE = "elsewhere-phase"


@dataclass(slots=True)
class Report:
    """What came of one account. `fault`: what is in the way, or empty. `verdicts`: by folder there,
    where it was compared."""

    post: Post
    copied: Copied = field(default_factory=Copied)
    damaged: Sequence[tuple[str, int, str]] = ()
    fault: str = ""
    verdicts: Mapping[str, Verdict] | None = None

    @property
    def same(self) -> bool:
        """Whether all that is there is here, as it is there."""
        return self.verdicts is not None and all(one.same for one in self.verdicts.values())

    @property
    def missing(self) -> Sequence[tuple[str, int]]:
        """(folder, UID) of what is there, can be read, and is not here."""
        known = {(folder, uid) for folder, uid, _ in self.damaged}
        return [
            (folder, uid)
            for folder, verdict in (self.verdicts or {}).items()
            for uid in verdict.missing
            if (folder, uid) not in known
        ]


@dataclass(frozen=True, slots=True)
class Desk:
    """What the work on one account has at hand."""

    post: Post
    house: House
    remote: Remote
    ledger: Ledger
    report: Report


Work = Callable[[Desk], None]


class Moving:
    """One run. `house`: opens a connection to this server; `workers`: how many of them there can be
    at a time; `told`: hears of each message, in any thread. `sleep`: between tries."""

    def __init__(
        self,
        imap: Imap,
        book: Book,
        house: Callable[[], AbstractContextManager[House]],
        told: Callable[[int], None],
        *,
        workers: int,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._imap = imap
        self._book = book
        self._house = house
        self._heard = told
        self._workers = max(1, min(workers, imap.connections))
        self._sleep = sleep
        self._pace = Pace(imap.rate)
        self._stopped = threading.Event()
        self._secrets: Mapping[str, str] = {}
        if imap.login in (Login.EACH, Login.XOAUTH2):
            self._secrets = source.pairs(imap.credentials, "a secret")

    # -- many

    def each(self, posts: Sequence[Post], work: Work) -> Iterator[Report]:
        """Does `work` for each, and gives reports as they come; none raises."""
        pool = ThreadPoolExecutor(self._workers, thread_name_prefix="switch")
        try:
            futures: list[Future[Report]] = [pool.submit(self._one, one, work) for one in posts]
            for done in as_completed(futures):
                yield done.result()
        finally:
            self._stopped.set()
            pool.shutdown(cancel_futures=True)

    def _one(self, post: Post, work: Work) -> Report:
        report = Report(post)
        try:
            with self._house() as house, closing(self._book.ledger(post.user)) as ledger:
                try:
                    self._tried(post, house, ledger, report, work)
                finally:
                    report.damaged = ledger.damaged()
        except (Refusal, SwitchFault, Damaged, Away, OSError, sqlite3.Error) as error:
            report.fault = str(error) or type(error).__name__
            if post.stage is not Stage.HERE:
                self._book.stage(post.user, Stage.FAILED, report.fault, damaged=len(report.damaged))
        return report

    def _tried(self, post: Post, house: House, ledger: Ledger, report: Report, work: Work) -> None:
        """Again, on a new connection, where one breaks; while it gets on, as often as it does."""
        suspects = Suspects()
        pause, left, came = FIRST_PAUSE, TRIES, -1
        while True:
            remote = Remote(self._imap, post.login, self._secret(post), self._pace, suspects)
            try:
                remote.connect()
                work(Desk(post, house, remote, ledger, report))
            except Away:
                poison = sum(1 for times in suspects.values() if times > 1)
                now = ledger.messages() + min(poison, MOST_POISON)
                if now > came:
                    pause, left, came = FIRST_PAUSE, TRIES, now
                left -= 1
                if not left or self._stopped.is_set():
                    raise
                self._sleep(pause)
                pause = min(pause * 2, LONGEST_PAUSE)
            else:
                return
            finally:
                remote.close()

    def _secret(self, post: Post) -> str:
        if self._imap.login not in (Login.EACH, Login.XOAUTH2):
            return ""
        for name in (post.login, post.user):
            if name.lower() in self._secrets:
                return self._secrets[name.lower()]
        raise SwitchFault(f"{self._imap.credentials} has no line for {post.login}")

    def _told(self, messages: int) -> None:
        if self._stopped.is_set():
            raise SwitchFault("it was stopped")
        self._heard(messages)

    # -- what is done with one

    def copy(self, desk: Desk) -> None:
        """Its mail is here as it is there; who lives here gets what came late, and no more."""
        if desk.post.stage is Stage.HERE:
            self._copy(desk, late=True)
            self._stage(desk, Stage.HERE)
            return
        self._book.stage(desk.post.user, Stage.COPYING)
        self._copy(desk)
        self._stage(desk, Stage.COPIED)

    def verify(self, desk: Desk) -> None:
        """Compares, and changes nothing."""
        self._compare(desk)
        if desk.report.same and desk.post.stage is Stage.COPIED:
            self._stage(desk, Stage.VERIFIED)

    def cut_over(self, desk: Desk) -> None:
        """The last of its mail is fetched while nobody gets in and mail waits; then it is here.
        Where that fails it goes on there as before."""
        self._copy(desk)
        user = desk.post.user
        elsewhere = self._phase(desk) != "here"
        here = False
        try:
            if elsewhere:
                # Refused where a message is on its way there still; the phase is new all the same.
                desk.house.ask(PHASE, user=user, phase="moving")
            self._copy(desk)
            self._compare(desk)
            if desk.report.missing:
                folder, uid = desk.report.missing[0]
                raise Refusal(
                    f"{len(desk.report.missing)} messages are not here, the first of them UID {uid}"
                    f" of {folder}"
                )
            if elsewhere:
                desk.house.ask(PHASE, user=user, phase="here")
            here = True
        finally:
            if elsewhere and not here:
                desk.house.ask(PHASE, user=user, phase="elsewhere")
        self._stage(desk, Stage.HERE)
        if not desk.house.ask("user-show", name=user)["can_log_in"]:
            desk.report.copied.notes.append("no password logs in: it was neither told nor learned")

    def _copy(self, desk: Desk, *, late: bool = False) -> None:
        user = desk.post.user
        copying = Copying(desk.house, desk.remote, desk.ledger, user, self._told, late=late)
        try:
            copying.all()
        finally:
            desk.report.copied = _sum(desk.report.copied, copying.done)
        if copying.done.notes:
            raise Refusal("; ".join(copying.done.notes))

    def _compare(self, desk: Desk) -> None:
        user = desk.post.user
        encrypted = bool(desk.house.ask("user-show", name=user).get("encrypt_stored"))
        desk.report.verdicts = verified(
            desk.house, desk.remote, desk.ledger, user, encrypted=encrypted
        )
        desk.report.damaged = desk.ledger.damaged()

    def _phase(self, desk: Desk) -> str:
        """Where the account is by now."""
        try:
            return str(desk.house.ask("elsewhere-show", user=desk.post.user)["phase"])
        except Refusal as error:
            if error.kind != "NotFound":
                raise
            return "here"

    def _stage(self, desk: Desk, stage: Stage) -> None:
        self._book.stage(
            desk.post.user,
            stage,
            messages=desk.ledger.messages(),
            damaged=len(desk.ledger.damaged()),
        )


def _sum(one: Copied, other: Copied) -> Copied:
    return Copied(
        one.taken + other.taken,
        one.known + other.known,
        one.reflagged + other.reflagged,
        one.dropped + other.dropped,
        one.renumbered + other.renumbered,
        [*one.notes, *other.notes],
    )
