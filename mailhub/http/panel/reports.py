"""Administrators' pages of what others report about our domains: DMARC and TLS."""

from __future__ import annotations

from mailhub.core.reportkeys import DAY
from mailhub.core.reportsummary import Summaries
from mailhub.core.rights import Action, Resource, Right
from mailhub.http.call import Answer
from mailhub.http.panel.door import Visitor, kept
from mailhub.http.panel.own import shown

SPANS = (7, 30, 90)
SHOWN = 200
"""Reports that are listed; of all of them there are sums."""
READS = Right(Resource.DOMAINS, Action.LIST)


class ReportPages:
    """The pages."""

    def __init__(self, summaries: Summaries) -> None:
        self._summaries = summaries

    @kept("GET", "/reports", READS)
    async def all(self, visitor: Visitor) -> Answer:
        """Every domain's sums, and the newest reports."""
        days = _days(visitor)
        told = await self._summaries.reports(days)
        sums: dict[str, list[int]] = {}
        for one in told:
            row = sums.setdefault(one.domain, [0, 0, 0, 0, 0])
            row[0] += 1
            place = 1 if one.kind == "dmarc" else 3
            row[place] += one.passed
            row[place + 1] += one.failed
        return shown(
            visitor,
            "reports.html",
            days=days,
            spans=SPANS,
            domains=sorted(sums.items()),
            told=told[:SHOWN],
            total=len(told),
            day=DAY,
        )

    @kept("GET", "/reports/<domain>", READS)
    async def one(self, visitor: Visitor) -> Answer:
        """One domain: who sends in its name, and what failed."""
        days = _days(visitor)
        summary = await self._summaries.of(visitor.call.arguments["domain"].lower(), days)
        return shown(visitor, "report.html", days=days, spans=SPANS, summary=summary)


def _days(visitor: Visitor) -> int:
    asked = visitor.call.fields().get("days", "")
    return int(asked) if asked in {str(one) for one in SPANS} else SPANS[0]
