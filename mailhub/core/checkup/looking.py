"""Takes looks: everything at the same time, each thing for a bounded time, chapter by chapter.

A chapter is the system, the network, the server's own name, or a domain. What was found of it is
told again for a while, so that a page is there at once however many domains there are; a chapter
that is being looked at is not looked at twice. What is looked at, the other files of this package
say.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from contextlib import suppress

from mailhub.core.background import spawn
from mailhub.core.checkup import changes
from mailhub.core.checkup.domain import DomainLooks
from mailhub.core.checkup.host import HostLooks
from mailhub.core.checkup.machine import MachineLooks
from mailhub.core.checkup.means import Check, Look, Means, Surroundings
from mailhub.core.checkup.network import NetworkLooks
from mailhub.model.checkup import Change, Chapter, Detail, Finding, unsure
from mailhub.model.errors import MailhubError, NotFound

FRESH = 60.0
"""Seconds for which what was found of the server is told again."""
DOMAIN_FRESH = 600.0
"""The same, of a domain."""
SECONDS = 15.0
"""For one thing that is looked at."""
PATIENCE = 25.0
"""Seconds that a caller waits, unless it says otherwise."""
STEP = 0.05
"""Seconds between two looks at whether all is there."""
BUSY = 10
"""Chapters that are looked at together."""
SYSTEM, NETWORK = "System", "Network"


class Checkup:
    """`means.hostname` names the chapter on the server itself."""

    def __init__(self, means: Means) -> None:
        self._means = means
        self._machine = MachineLooks(means)
        self._network = NetworkLooks(means)
        self._host = HostLooks(means)
        self._domains = DomainLooks(means)
        self._surroundings = Surroundings(means, FRESH)
        self._found: dict[str, tuple[Chapter, float]] = {}
        self._waiting: deque[str] = deque()
        self._under_way: set[str] = set()
        self._working = False

    @property
    def own(self) -> Sequence[str]:
        """Titles of the chapters on the server."""
        return (SYSTEM, NETWORK, self._means.hostname)

    async def all(self, domains: Sequence[str], *, patience: float = PATIENCE) -> Sequence[Chapter]:
        """The system, the network, the server's own name, and each of `domains`. What is not there
        after `patience` seconds is as it was found before, or empty (`at` is 0)."""
        self._forget(domains)
        return await self.some([*self.own, *domains], patience=patience)

    async def some(
        self, titles: Sequence[str], *, patience: float = PATIENCE, anew: bool = False
    ) -> Sequence[Chapter]:
        """Some chapters, each once. `anew`: what was found before does not count."""
        wanted = list(dict.fromkeys(titles))
        now = self._means.clock.seconds()
        if anew:
            self._means.forget()
            self._surroundings.forget()
        for title in wanted:
            if (anew or self._until(title) <= now) and title not in self._under_way:
                self._under_way.add(title)
                self._waiting.append(title)
        if self._waiting and not self._working:
            self._working = True
            spawn(self._work(), self._means.log, "checkup")
        await self._awaited(wanted, now + patience)
        return [self.known(title) for title in wanted]

    def known(self, title: str) -> Chapter:
        """What was found last; nothing, and `at` 0, where it was not looked at."""
        found = self._found.get(title)
        return found[0] if found is not None else Chapter(title, ())

    def is_looking(self, title: str) -> bool:
        """Whether it is being looked at."""
        return title in self._under_way

    def news(self, chapters: Sequence[Chapter]) -> Sequence[Change]:
        """What is not as it was when the administrator was told last; nothing before the first
        time."""
        kept = self._means.memory.read()
        if not isinstance(kept, dict) or "known" not in kept:
            return ()
        return changes.changes(changes.read(kept["known"]), chapters)

    # -- the work

    def _until(self, title: str) -> float:
        found = self._found.get(title)
        return found[1] if found is not None else -1.0

    def _forget(self, domains: Sequence[str]) -> None:
        """Domains that are no longer here."""
        if len(self._found) > len(domains) + len(self.own):
            kept = {*domains, *self.own}
            self._found = {title: one for title, one in self._found.items() if title in kept}

    async def _awaited(self, titles: Sequence[str], until: float) -> None:
        clock = self._means.clock
        while clock.seconds() < until and any(title in self._under_way for title in titles):
            await clock.sleep(STEP)

    async def _work(self) -> None:
        try:
            await self._surroundings.renew()
            await self._means.together([self._worker() for _ in range(BUSY)])
        finally:
            self._working = False

    async def _worker(self) -> None:
        while self._waiting:
            title = self._waiting.popleft()
            fresh = FRESH if title in self.own else DOMAIN_FRESH
            try:
                found = await self._look(title)
                self._found[title] = found, self._means.clock.seconds() + fresh
            finally:
                self._under_way.discard(title)
            await self._means.clock.pause()

    async def _look(self, title: str) -> Chapter:
        try:
            checks = await self._checks(title)
        except NotFound:
            checks = ()
        except MailhubError as problem:
            said = f"{title} could not be looked at."
            return self._chapter(title, [unsure("all", said, Detail(problem.text))])
        found = await self._means.together([self._one(title, *check) for check in checks])
        return self._chapter(title, [finding for findings in found for finding in findings])

    def _chapter(self, title: str, findings: Sequence[Finding]) -> Chapter:
        return Chapter(title, tuple(findings), int(self._means.clock.now()))

    async def _checks(self, title: str) -> Sequence[Check]:
        if title == SYSTEM:
            return self._machine.checks()
        if title == NETWORK:
            return self._network.checks()
        facts = self._surroundings.facts
        if title != self._means.hostname:
            return await self._domains.checks(title, facts)
        own = list(self._host.checks(facts))
        with suppress(NotFound):
            # The server's own name may be a mail domain, too.
            seen = {what for what, _ in own if what.startswith("list ")}
            rest = await self._domains.checks(title, facts)
            own += [check for check in rest if check[0] not in seen]
        return own

    async def _one(self, title: str, what: str, look: Look) -> Sequence[Finding]:
        """One thing. Whatever goes wrong with it, the others are looked at."""
        try:
            found: Sequence[Finding] = await self._means.within(look(), SECONDS)
        except MailhubError as problem:
            return [unsure(what, _unseen(what, title), Detail(problem.text))]
        except Exception as problem:
            self._means.log.event(
                "checkup",
                outcome="failed",
                what=what,
                title=title,
                error=repr(problem),
                level="error",
            )
            return [unsure(what, _unseen(what, title), Detail("The log says why."))]
        return found


def _unseen(what: str, title: str) -> str:
    """What to say of a thing that could not be looked at."""
    kind, _, name = what.partition(" ")
    named = _NAMED.get(kind, f"The {kind} record of {{}}").format(name or title)
    return f"{named} could not be looked at."


_NAMED = {
    "address": "The address of {}",
    "administrator": "The administrator's alias",
    "background": "Work in the background",
    "backup": "The last backup",
    "certificate": "The certificates of {}",
    "clock": "The clock",
    "coordination": "Redis",
    "disk": "The disk",
    "ds": "The DS records of {}",
    "glue": "The name server {}",
    "hello": "The name of EHLO",
    "list": "Whether {} is listed",
    "listeners": "The listeners",
    "memory": "The memory",
    "mta-sts": "The policy of MTA-STS of {}",
    "ns": "The name servers of {}",
    "packages": "The machine's packages",
    "port": "The way out to port {}",
    "postmaster": "The address postmaster@{}",
    "hostmaster": "The address hostmaster@{}",
    "abuse": "The address abuse@{}",
    "queue": "The queue",
    "reboot": "Whether a reboot is wanted",
    "reverse": "Reverse DNS of {}",
    "secondary": "The name server {}",
    "service": "Whether {} answers",
    "ssh": "The SSH server",
    "tlsa": "The TLSA record of {}",
    "version": "The newest version",
    "web": "Where the web names of {} lead",
}
"""By the first word of what is looked at; of others it is the type of a record."""
