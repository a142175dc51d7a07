"""Sends yesterday's reports, once a day: which are due, to whom each goes, and what is left.

A report goes the way of all mail, through intake and queue; one that a web server wants is posted.
What was sent is forgotten; what could not be sent waits a day at most. The hand-over's id is made
of the report's, so that after a crash, or where a person sends them meanwhile on another node, no
mail goes twice; what a web server has is noted beside the counts.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from mailhub.core import reportmail
from mailhub.core.intake import Intake
from mailhub.core.reportkeys import (
    DAY,
    DMARC,
    DMARC_SOURCES,
    DMARC_TOLD,
    TLS,
    TLS_FAILURES,
    TLS_POSTED,
    TLS_TOLD,
)
from mailhub.core.reportmaking import Document, Maker, documents
from mailhub.core.tallying import Tallies
from mailhub.core.turns import Turns
from mailhub.model.account import Service
from mailhub.model.envelope import Envelope, ForwardPath, Peer, ReversePath
from mailhub.model.errors import InUse, Invalid, MailhubError, StorageFull, Unavailable
from mailhub.model.report import ReportRow
from mailhub.model.settings import ReportSettings
from mailhub.policy import reportto
from mailhub.policy.reportto import Destination
from mailhub.ports import Clock, Log, Posting, Resolver, Storage
from mailhub.wire import address

EARLIEST = 600
"""Seconds of a day that pass before yesterday's reports go: other processes write their counts."""
PATIENCE = 1
"""Days for which a report is tried again (RFC 8460 3: a day)."""
SECONDS = 30.0
"""Time for one web server."""
MEDIA = "application/tlsrpt+gzip"
OURSELVES = Peer("", 0)


@dataclass(frozen=True, slots=True)
class Told:
    """What became of one report. `outcome`: sent, nobody (wants it), waiting, refused or large.
    `where`: address or URL."""

    kind: str
    domain: str
    day: int
    outcome: str
    where: str = ""


class Reporting:
    """`hostname`: this server's, which spreads several servers over the hour."""

    def __init__(
        self,
        storage: Storage,
        tallies: Tallies,
        intake: Intake,
        resolver: Resolver,
        posting: Posting,
        clock: Clock,
        log: Log,
        settings: ReportSettings,
        hostname: str,
    ) -> None:
        self._storage = storage
        self._tallies = tallies
        self._intake = intake
        self._resolver = resolver
        self._posting = posting
        self._clock = clock
        self._log = log
        self._settings = settings
        self._hostname = hostname
        self._sending = False

    async def review(self) -> None:
        """Sends what is due; to be called every few minutes, by one process at a time. Raises
        Unavailable."""
        now = int(self._clock.now())
        today = now // DAY
        await self._forget(today - self._settings.keep)
        if not self._settings.sender or self._sending or now % DAY < self._start(today):
            return
        for kind in (DMARC, TLS):
            days = await self._storage.reports.days(kind)
            if any(day < today for day in days):
                break
        else:
            return
        await self.send()

    def _start(self, today: int) -> int:
        """Seconds of the day after which reports go: some time in the hour that is set."""
        seed = hashlib.sha256(f"{self._hostname} {today}".encode()).digest()
        return max(EARLIEST, self._settings.hour * 3600 + int.from_bytes(seed[:4]) % 3600)

    async def _forget(self, before: int) -> None:
        """Drops what others told so long ago."""
        reports = self._storage.reports
        for kind in (DMARC_TOLD, DMARC_SOURCES, TLS_TOLD, TLS_FAILURES, TLS_POSTED):
            for day in await reports.days(kind):
                if day >= before:
                    break
                await reports.drop(kind, day)

    async def send(self, *, today: bool = False) -> Sequence[Told]:
        """Sends all that there is of past days, and what there is of `today` so far. Raises
        Invalid (no sender is set), InUse (it is under way), Unavailable."""
        if not self._settings.sender:
            raise Invalid("reports.sender is not set: no reports are sent")
        if self._sending:
            raise InUse("Reports are being sent")
        self._sending = True
        try:
            return await self._send(today)
        finally:
            self._sending = False

    async def _send(self, today: bool) -> Sequence[Told]:
        await self._tallies.write()
        reports = self._storage.reports
        this = int(self._clock.now()) // DAY
        told: list[Told] = []
        for kind in (DMARC, TLS):
            for day in await reports.days(kind):
                if day >= this + today:
                    break
                for domain in await reports.domains(kind, day):
                    results = await self._tell(kind, day, domain)
                    for one in results:
                        self._note(one)
                    told += results
                    waits = any(one.outcome == "waiting" for one in results)
                    if not waits or day + PATIENCE < this:
                        await reports.drop(kind, day, domain)
        return told

    def _note(self, one: Told) -> None:
        if one.outcome != "nobody":
            self._log.event(
                "report", kind=one.kind, domain=one.domain, outcome=one.outcome, where=one.where
            )

    async def _tell(self, kind: str, day: int, domain: str) -> Sequence[Told]:
        """One domain's reports to all its destinations."""
        try:
            address.domain(domain)
            find = reportto.dmarc if kind == DMARC else reportto.tls
            destinations = await find(self._resolver, domain)
        except Invalid:
            destinations = ()
        except Unavailable:
            return [Told(kind, domain, day, "waiting")]
        if not destinations:
            return [Told(kind, domain, day, "nobody")]
        rows = await self._storage.reports.of_day(kind, day, domain)
        if not rows:
            return []
        end = min(int(self._clock.now()), (day + 1) * DAY - 1)
        made = await documents(rows, self._maker(), day * DAY, end, Turns(self._clock))
        return [
            Told(kind, domain, day, await self._deliver(one, where), where.address or where.url)
            for one in made
            for where in destinations
        ]

    def _maker(self) -> Maker:
        settings = self._settings
        domain = address.split(settings.sender)[1]
        return Maker(
            settings.organization or domain,
            domain,
            settings.contact or settings.sender,
            settings.dmarc_format == "rfc7489",
        )

    # -- one report to one destination

    async def _deliver(self, document: Document, where: Destination) -> str:
        size = reportmail.size(document)
        if size > self._settings.size or (where.limit and size > where.limit):
            return "large"
        try:
            if where.url:
                await self._post(document, where.url)
            else:
                await self._mail(document, where.address)
        except (Unavailable, StorageFull):
            return "waiting"
        except MailhubError as error:
            self._log.event("report-refused", where=where.address, reason=error.text)
            return "refused"
        return "sent"

    async def _post(self, document: Document, url: str) -> None:
        """A server that has it already does not get it again, after a restart or from another
        node: what some destinations have may wait for others."""
        reports, day = self._storage.reports, document.begin // DAY
        key = f"{document.unique} {hashlib.sha256(url.encode()).hexdigest()[:16]}"
        marker = ReportRow(TLS_POSTED, document.domain, day, key, 1)
        known = await reports.of_day(TLS_POSTED, day, document.domain)
        if any(row.key == key for row in known):
            return
        await self._posting.post(url, document.data, kind=MEDIA, seconds=SECONDS)
        await reports.add_once(marker, ())

    async def _mail(self, document: Document, recipient: str) -> None:
        """Queues it, signed as the sender's domain; no notification comes back from here, and
        those of others go to the sender."""
        settings = self._settings
        mark = hashlib.sha256(recipient.encode()).hexdigest()[:8]
        path = ForwardPath(recipient, ("NEVER",))
        envelope = Envelope(
            # It begins as the others of its time do: the store forgets them in their order.
            transaction=f"{document.end * 1000 << 16:016x}.{document.unique}.{mark}",
            reverse_path=ReversePath(settings.sender),
            forward_paths=(path,),
            service=Service.SMTP,
            peer=OURSELVES,
            trusted=True,
            again=True,
        )
        resolved = await self._intake.recipient(path, None, True)
        now = int(self._clock.now())
        maker = self._maker()
        data = reportmail.compose(document, settings.sender, maker.organization, recipient, now)
        spool = self._intake.spool(envelope)
        try:
            spool.write(data)
        except StorageFull:
            spool.abort()
            raise
        await self._intake.accept(envelope, [resolved], spool)
