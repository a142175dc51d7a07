"""Reads the reports that arrive in the mailbox they are asked to be sent to, and adds them up.

Works behind the delivery, one message at a time: what cannot be read stays what it is, mail. A
report counts once, however often it comes; one about a domain that is not ours, or that DMARC
found forged, does not count.
"""

from __future__ import annotations

import json
from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence

from mailhub.core import reportparsing
from mailhub.core.addresses import Addresses
from mailhub.core.background import spawn
from mailhub.core.reportkeys import DAY, DMARC_SOURCES, DMARC_TOLD, TLS_FAILURES, TLS_TOLD
from mailhub.core.reportparsing import Report
from mailhub.model.change import AccountChanged, AddressesChanged, Arrived, Change, Missed
from mailhub.model.dmarcreport import Aggregate
from mailhub.model.errors import Invalid, MailhubError, NotFound
from mailhub.model.report import ReportRow
from mailhub.model.settings import ReportSettings
from mailhub.model.tlsreport import TLSAggregate
from mailhub.model.uids import UidSet
from mailhub.policy import authres
from mailhub.ports import Clock, Log, Storage
from mailhub.wire import address, header

WAITING = 1000
"""Messages that wait to be read; of more, those that came first are not read."""
NEWEST = 50
"""Messages that are looked at when it begins."""
SIZE = 20 << 20
"""Octets of a message that is read."""
HEADER = 256 * 1024
"""Octets of its header that are looked at; our own results stand above all others'."""
SOURCES = 1000
"""Sources of one report that are kept; the others are added up."""
NAME = 100
"""Characters of a reporter's name, and of other words of a report."""
_encode = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False).encode

_Place = tuple[int, int, int]


class ReportReading:
    """`authserv_id`: our name in Authentication-Results."""

    def __init__(
        self,
        storage: Storage,
        addresses: Addresses,
        clock: Clock,
        log: Log,
        settings: ReportSettings,
        authserv_id: str,
    ) -> None:
        self._storage = storage
        self._addresses = addresses
        self._clock = clock
        self._log = log
        self._settings = settings
        self._authserv_id = authserv_id
        self._waiting: deque[_Place] = deque(maxlen=WAITING)
        self._account: int | None = None
        """Whose INBOX it is; 0: nobody's, None: to be looked up."""
        self._working = False
        self._end: Callable[[], None] | None = None

    def start(self) -> None:
        """Looks at what arrives from now on, where there is an address for reports, and at the
        newest that is there: it may have come when nobody looked."""
        if self._settings.receive and self._end is None:
            self._end = self._storage.watch(self._heard)
            spawn(self._catch_up(), self._log, "reading reports")

    def stop(self) -> None:
        """Reads no more."""
        self._waiting.clear()
        if self._end is not None:
            self._end()
            self._end = None

    def _heard(self, changes: Sequence[Change]) -> None:
        for change in changes:
            if isinstance(change, (AddressesChanged, AccountChanged, Missed)):
                self._account = None
            elif isinstance(change, Arrived) and self._account in (None, change.account):
                self._waiting.extend(
                    (change.account, change.mailbox, row.uid) for row in change.rows
                )
        if self._waiting and not self._working:
            spawn(self._work(), self._log, "reading reports")

    async def _catch_up(self) -> None:
        inbox = await self._inbox()
        if inbox is not None and self._end is not None:
            index = await self._storage.messages.index(*inbox)
            self._waiting.extendleft((*inbox, uid) for uid in reversed(list(index.uids)[-NEWEST:]))
            if not self._working:
                await self._work()

    async def _work(self) -> None:
        self._working = True
        try:
            while self._waiting:
                account, mailbox, uid = self._waiting.popleft()
                inbox = await self._inbox()
                if inbox == (account, mailbox):
                    await self.take(account, mailbox, uid)
        finally:
            self._working = False

    async def read_all(self) -> Mapping[str, int]:
        """Reads all that is in the mailbox, and says how many messages came to what: read, known,
        none, malformed, foreign. Raises Invalid (no address is set), NotFound (it leads to no
        mailbox here)."""
        if not self._settings.receive:
            raise Invalid("reports.receive is not set: no reports are read")
        inbox = await self._inbox()
        if inbox is None:
            raise NotFound(f"{self._settings.receive} leads to no mailbox here")
        index = await self._storage.messages.index(*inbox)
        outcomes: Counter[str] = Counter()
        for uid in list(index.uids):
            outcomes[await self.take(*inbox, uid)] += 1
        return outcomes

    async def _inbox(self) -> tuple[int, int] | None:
        """(account, mailbox)."""
        if self._account is None:
            try:
                found = await self._addresses.resolve(self._settings.receive)
            except MailhubError:
                self._account = 0
            else:
                self._account = found.accounts[0][0] if found.accounts else 0
        if not self._account:
            return None
        inbox = await self._storage.mailboxes.get(self._account, "INBOX")
        return (self._account, inbox.number) if inbox is not None else None

    # -- one message

    async def take(self, account: int, mailbox: int, uid: int) -> str:
        """Reads one message; what became of it: read, known (it was read before), none (there is
        no report in it), malformed, or foreign (it does not concern us, or is forged)."""
        try:
            outcome = await self._take(account, mailbox, uid)
        except MailhubError as error:
            outcome = "malformed"
            self._log.event("report-read", outcome=outcome, uid=uid, reason=error.text)
        return outcome

    async def _take(self, account: int, mailbox: int, uid: int) -> str:
        data = await self._data(account, mailbox, uid)
        if data is None:
            return "none"
        if _forged(data, self._authserv_id):
            self._log.event("report-read", outcome="foreign", uid=uid, reason="DMARC fails")
            return "foreign"
        outcome = "none"
        for report in await reportparsing.reports(data, self._clock):
            outcome = await self._add(report)
            self._log.event("report-read", outcome=outcome, uid=uid, by=_short(report.organization))
        return outcome

    async def _data(self, account: int, mailbox: int, uid: int) -> bytes | None:
        found = await self._storage.messages.contents(account, mailbox, UidSet.of([(uid, uid)]))
        if not found or found[0].blob.length > SIZE:
            return None
        [data] = await self._storage.blobs.read([found[0].blob])
        return data

    async def _add(self, report: Report) -> str:
        day = report.begin // DAY
        today = int(self._clock.now()) // DAY
        if not today - self._settings.keep <= day <= today + 1:
            raise Invalid("It is about a time that is not kept")
        if report.end < report.begin or not report.organization.strip():
            raise Invalid("It lacks who reports, or a time")
        known = False
        for domain, kind, totals, detail, counts in _domains(report):
            if not await self._is_ours(domain):
                return "foreign"
            by = [_short(report.organization), _short(report.id)]
            marker, other = (
                ReportRow(kind, domain, day, _encode([*by, word]), count)
                for word, count in zip(("pass", "fail"), totals, strict=True)
            )
            rows = [ReportRow(detail, domain, day, _encode(key), n) for key, n in counts]
            added = await self._storage.reports.add_once(
                marker, [other, *rows], most=self._settings.rows
            )
            known = known or not added
        return "known" if known else "read"

    async def _is_ours(self, domain: str) -> bool:
        """Whether it, or a domain that it is part of, is local."""
        try:
            name = address.domain(domain)
        except Invalid:
            return False
        while "." in name:
            if await self._addresses.is_local(name):
                return True
            name = name.partition(".")[2]
        return False


def _forged(data: bytes, authserv_id: str) -> bool:
    """Whether our own results, of which no other can write any, say that DMARC fails."""
    end = data.find(b"\r\n\r\n", 0, HEADER)
    for value in header.values(data[: end if end >= 0 else HEADER], b"authentication-results"):
        try:
            said = authres.parse(value)
        except Invalid:
            continue
        if said.authserv_id == authserv_id:
            return any(one.method == "dmarc" and one.result == "fail" for one in said.results)
    return False


def _short(text: str) -> str:
    return " ".join(text.split())[:NAME].replace("\0", "?")


_Counts = list[tuple[list[object], int]]
_Domain = tuple[str, str, tuple[int, int], str, _Counts]


def _domains(report: Report) -> Sequence[_Domain]:
    """(domain, kind of row, (passed, failed), kind of detail, its keys and counts)."""
    if isinstance(report, Aggregate):
        return [_dmarc(report)]
    return _tls(report)


def _dmarc(report: Aggregate) -> _Domain:
    by = _short(report.organization)
    passed = failed = 0
    counts: Counter[tuple[str, str, bool, bool]] = Counter()
    for seen, count in report.records:
        if seen.dkim or seen.spf:
            passed += count
        else:
            failed += count
        key = (_short(seen.address), seen.disposition.value, seen.dkim, seen.spf)
        counts[key] += count
    kept = Counter(dict(counts.most_common(SOURCES)))
    for (_, disposition, dkim, spf), count in counts.most_common()[SOURCES:]:
        kept["other", disposition, dkim, spf] += count
    rows: _Counts = [
        ([by, where, did, int(dkim), int(spf)], n) for (where, did, dkim, spf), n in kept.items()
    ]
    return report.published.domain, DMARC_TOLD, (passed, failed), DMARC_SOURCES, rows


def _tls(report: TLSAggregate) -> Sequence[_Domain]:
    by = _short(report.organization)
    found: dict[str, tuple[list[int], Counter[tuple[str, str, str]]]] = {}
    for one in report.policies:
        totals, counts = found.setdefault(one.policy.domain, ([0, 0], Counter()))
        totals[0] += one.successful
        totals[1] += one.failed
        for failure in one.failures[:SOURCES]:
            key = (one.policy.kind.value, _short(failure.result), _short(failure.mx))
            counts[key] += failure.count
    return [
        (
            domain,
            TLS_TOLD,
            (totals[0], totals[1]),
            TLS_FAILURES,
            [([by, *key], count) for key, count in counts.most_common(SOURCES)],
        )
        for domain, (totals, counts) in found.items()
    ]
