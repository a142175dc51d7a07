"""What the control socket can be asked about reports: those of others, and sending ours."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict

from mailhub.control.acts import Act, Arguments, Json, Services
from mailhub.core.reportkeys import DAY
from mailhub.model.errors import Invalid
from mailhub.wire import address

DAYS = 7


async def report_list(services: Services, arguments: Arguments) -> Json:
    """The reports that came, the newest day first."""
    told = await services.summaries.reports(_days(arguments), _domain(arguments))
    return [{**asdict(one), "day": one.day * DAY} for one in told]


async def report_show(services: Services, arguments: Arguments) -> Json:
    """What they say of one domain."""
    name = _domain(arguments)
    if not name:
        raise Invalid("a domain is missing", "domain")
    return asdict(await services.summaries.of(name, _days(arguments)))


async def report_read(services: Services, arguments: Arguments) -> Json:
    """Reads what is in the mailbox for reports."""
    return dict(await services.report_reading.read_all())


async def report_send(services: Services, arguments: Arguments) -> Json:
    """Sends reports of past days now. `today`: of today, too."""
    told = await services.reporting.send(today=arguments.flag("today", False))
    return [{**asdict(one), "day": one.day * DAY} for one in told]


def _days(arguments: Arguments) -> int:
    days = arguments.number("days", DAYS)
    if days < 0:
        raise Invalid("days cannot be negative", "days")
    return days


def _domain(arguments: Arguments) -> str:
    name = arguments.text("domain", "")
    return address.domain(name) if name else ""


ACTS: Mapping[str, Act] = {
    "report-list": report_list,
    "report-show": report_show,
    "report-read": report_read,
    "report-send": report_send,
}
