"""Makes reports to other domains of a day's counts: rows to compressed documents.

Pure but for the turns it gives to others: who gets a report, and how, is `core.reporting`'s.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from mailhub.core import reportkeys
from mailhub.core.reportkeys import DMARC, TLS
from mailhub.core.turns import Turns
from mailhub.model.dmarcreport import Aggregate, DMARCSeen, Published
from mailhub.model.report import ReportRow
from mailhub.model.tlsreport import (
    TLSAggregate,
    TLSCounts,
    TLSFailure,
    TLSPolicy,
    TLSReport,
    TLSResult,
)
from mailhub.wire import compressed, dmarcxml, tlsrpt

POLICIES = 4
"""Policies that a domain had in one day and that get a report of their own (RFC 9990 3.3); what
was seen under more of them stands in the report about the most frequent one."""

FAILURES = 1000
"""Kinds of failures under one policy that are told one by one, the most frequent ones."""


@dataclass(frozen=True, slots=True)
class Maker:
    """Who reports. `submitter`: a domain. `old`: DMARC reports as RFC 7489 has them."""

    organization: str
    submitter: str
    contact: str
    old: bool = False


@dataclass(frozen=True, slots=True)
class Document:
    """A report, compressed. `domain`: whom it is about. `unique`: letters and digits, the same
    whenever the same report is made. `begin`, `end`: epoch seconds."""

    kind: str
    domain: str
    unique: str
    submitter: str
    begin: int
    end: int
    data: bytes

    @property
    def id(self) -> str:
        """The report's id: a dot-atom with a domain."""
        return f"{self.unique}@{self.submitter}"

    @property
    def name(self) -> str:
        """File name (RFC 9990 3.5.2, RFC 8460 5.1)."""
        ending = "xml" if self.kind == DMARC else "json"
        period = f"{self.begin}!{self.end}"
        return f"{self.submitter}!{self.domain}!{period}!{self.unique}.{ending}.gz"


async def documents(
    rows: Sequence[ReportRow], maker: Maker, begin: int, end: int, turns: Turns
) -> Sequence[Document]:
    """The reports about one domain, whose rows of one kind these are; rows that another version
    wrote and that cannot be read are passed over."""
    kind, domain = rows[0].kind, rows[0].domain
    if kind == TLS:
        reports = []
        for row in rows:
            one = _tls(row)
            if one is not None:
                reports.append((one, row.count))
            await turns.rest()
        return [_tls_document(reports, domain, maker, begin, end)] if reports else []
    groups: dict[Published, list[tuple[DMARCSeen, int]]] = {}
    for row in rows:
        seen = _dmarc(row)
        if seen is not None:
            groups.setdefault(seen.published, []).append((seen, row.count))
        await turns.rest()
    made = []
    for number, (published, records) in enumerate(_few(groups)):
        unique = _unique(kind, domain, begin, end, number)
        report = Aggregate(
            maker.organization,
            maker.contact,
            f"{unique}@{maker.submitter}",
            begin,
            end,
            published,
            tuple(records),
        )
        data = bytearray()
        for piece in compressed.gzip(_clumps(dmarcxml.pieces(report, old=maker.old))):
            data += piece
            await turns.rest()
        made.append(Document(kind, domain, unique, maker.submitter, begin, end, bytes(data)))
    return made


def _dmarc(row: ReportRow) -> DMARCSeen | None:
    try:
        return reportkeys.dmarc(row.domain, row.key)
    except (ValueError, TypeError):
        return None


def _tls(row: ReportRow) -> TLSReport | None:
    try:
        return reportkeys.tls(row.domain, row.key)
    except (ValueError, TypeError):
        return None


def _few(
    groups: dict[Published, list[tuple[DMARCSeen, int]]],
) -> list[tuple[Published, list[tuple[DMARCSeen, int]]]]:
    ordered = sorted(groups.items(), key=lambda group: -sum(count for _, count in group[1]))
    for _, records in ordered[POLICIES:]:
        ordered[0][1].extend(records)
    return ordered[:POLICIES]


def _clumps(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Pieces that are worth a call of the compressor."""
    clump = bytearray()
    for piece in pieces:
        clump += piece
        if len(clump) > 16384:
            yield bytes(clump)
            clump.clear()
    yield bytes(clump)


def _unique(kind: str, domain: str, begin: int, end: int, number: int) -> str:
    text = f"{kind} {domain} {begin} {end} {number}"
    return hashlib.sha256(text.encode()).hexdigest()[:24]


def _tls_document(
    reports: Sequence[tuple[TLSReport, int]], domain: str, maker: Maker, begin: int, end: int
) -> Document:
    policies: dict[TLSPolicy, list[tuple[TLSReport, int]]] = {}
    for one, count in reports:
        policies.setdefault(one.policy, []).append((one, count))
    unique = _unique(TLS, domain, begin, end, 0)
    report = TLSAggregate(
        maker.organization,
        maker.contact,
        f"{unique}@{maker.submitter}",
        begin,
        end,
        tuple(_counts(policy, found) for policy, found in policies.items()),
    )
    data = b"".join(compressed.gzip(iter([tlsrpt.write(report)])))
    return Document(TLS, domain, unique, maker.submitter, begin, end, data)


def _counts(policy: TLSPolicy, found: Sequence[tuple[TLSReport, int]]) -> TLSCounts:
    failures = [
        TLSFailure(one.result.value, count, one.source, one.mx, one.address, one.reason)
        for one, count in found
        if one.result is not TLSResult.SUCCESS
    ]
    failures.sort(key=lambda one: -one.count)
    successful = sum(count for one, count in found if one.result is TLSResult.SUCCESS)
    failed = sum(one.count for one in failures)
    return TLSCounts(policy, successful, failed, tuple(failures[:FAILURES]))
