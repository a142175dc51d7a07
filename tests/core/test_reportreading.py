"""Reports of others: read when they arrive, believed where they may be, added up once."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mailhub.core.reportkeys import DAY
from mailhub.core.reportsummary import Failures, Source
from mailhub.model.errors import Invalid, NotFound, Unavailable
from mailhub.model.flags import Flags
from mailhub.model.message import BlobRef
from mailhub.model.settings import ReportSettings
from mailhub.wire.rendering import render
from tests.fakes import FakeClock
from tests.reported import (
    NOON,
    TODAY,
    Here,
    office,
)
from tests.support import run
from tests.world import ACTOR, World, world


@pytest.fixture
def here() -> Here:
    return Here()


class There(Here):
    """The server that is reported to: `their.example` is its own."""

    def __init__(self, **given: object) -> None:
        self.world = world(clock=FakeClock(NOON + DAY), people=("dmarc@their.example",))
        settings = replace(ReportSettings(receive="dmarc@their.example"), **given)  # type: ignore[arg-type]
        self.office = office(self.world, settings)
        self.office.reading.start()

    def take(self, data: bytes, recipient: str = "dmarc@their.example") -> None:
        self.world.deliver(recipient, data, sender="reports@example.org")

    def read(self) -> list[str]:
        return [str(event["outcome"]) for event in self.world.log.named("report-read")]


@pytest.fixture
def mails(here: Here) -> list[bytes]:
    here.see()
    here.tomorrow()
    here.outcomes()
    return [data for _, data in here.queued()]


def test_reports_that_arrive_are_added_up(mails: list[bytes]) -> None:
    there = There()
    for data in mails:
        there.take(data)
    assert there.read() == ["read", "read"]
    first, second = run(there.office.summaries.reports(7))
    assert (first.kind, first.domain, first.day, first.reporter) == (
        "dmarc",
        "their.example",
        TODAY,
        "Our Räte",
    )
    assert (first.passed, first.failed) == (3, 2)
    assert (second.kind, second.passed, second.failed) == ("tls", 5, 4)
    summary = run(there.office.summaries.of("their.example", 7))
    assert (summary.reports, summary.passed, summary.failed) == (2, 3, 2)
    assert (summary.tls_passed, summary.tls_failed) == (5, 4)
    assert summary.reporters == [("Our Räte", 14)]
    assert summary.sources == [
        Source("192.0.2.66", failed=2, rejected=2),
        Source("192.0.2.1", passed=3, dkim=3, spf=3),
    ]
    assert summary.failures == [Failures("sts", "certificate-expired", "mx.their.example", 4)]
    assert run(there.office.summaries.reports(0)) == []
    assert run(there.office.summaries.reports(7, "other.example")) == []


def test_a_report_counts_once(mails: list[bytes]) -> None:
    there = There()
    for data in (mails[0], mails[0]):
        there.take(data)
    assert there.read() == ["read", "known"]
    assert run(there.office.reading.read_all()) == {"known": 2}
    summary = run(there.office.summaries.of("their.example", 7))
    assert (summary.passed, summary.failed) == (3, 2)


def test_what_came_while_nobody_looked_is_read_at_the_beginning(mails: list[bytes]) -> None:
    there = There()
    there.office.reading.stop()
    for data in mails:
        there.take(data)
    assert there.read() == []
    there.office.reading.start()
    assert there.read() == ["read", "read"]
    there.office.reading.stop()
    there.office.reading.start()
    assert there.read() == ["read", "read", "known", "known"]
    assert len(run(there.office.summaries.reports(7))) == 2


def test_what_lies_in_the_mailbox_already_can_be_read(mails: list[bytes]) -> None:
    there = There()
    there.office.reading.stop()
    there.take(mails[1])
    there.take(b"Subject: hello\r\n\r\nNo report.\r\n")
    assert there.read() == []
    assert run(there.office.reading.read_all()) == {"read": 1, "none": 1}
    with pytest.raises(Invalid):
        run(office(there.world, ReportSettings()).reading.read_all())
    with pytest.raises(NotFound):
        run(office(there.world, ReportSettings(receive="no@their.example")).reading.read_all())


def test_other_mailboxes_are_not_read(mails: list[bytes]) -> None:
    there = There()
    there.world.account("joe@their.example")
    there.take(mails[0], "joe@their.example")
    assert there.read() == []
    there.take(mails[0])
    assert there.read() == ["read"]
    there.take(mails[1], "joe@their.example")
    assert there.read() == ["read"]


def test_the_mailbox_may_come_later(mails: list[bytes]) -> None:
    there = There(receive="new@their.example")
    there.take(mails[0])
    assert there.read() == []
    there.world.account("new@their.example")
    there.take(mails[0], "new@their.example")
    assert there.read() == ["read"]


def test_domains_of_others_and_forged_reports_do_not_count(mails: list[bytes]) -> None:
    there = There()
    there.office.reading.stop()
    foreign = world(people=("dmarc@other.example",), clock=FakeClock(NOON + DAY))
    elsewhere = office(foreign, ReportSettings(receive="dmarc@other.example"))
    elsewhere.reading.start()
    foreign.deliver("dmarc@other.example", mails[0])
    assert [event["outcome"] for event in foreign.log.named("report-read")] == ["foreign"]
    forged = b"Authentication-Results: mx.example.org; dmarc=fail header.from=example.org\r\n"
    other = b"Authentication-Results: mx.other.example; dmarc=fail header.from=example.org\r\n"
    place = append(there.world, forged + mails[0])
    assert run(there.office.reading.take(*place)) == "foreign"
    place = append(there.world, other + mails[1])
    assert run(there.office.reading.take(*place)) == "read"


def append(here: World, data: bytes) -> tuple[int, int, int]:
    """Puts a message into the INBOX as it is, whatever intake would say."""
    account = here.people["dmarc@their.example"].number
    inbox = run(here.store.mailboxes.get(account, "INBOX"))
    assert inbox is not None
    spool = here.store.spools.open(data)
    body = spool.finish()
    [arrival] = run(
        here.store.messages.append(
            account, inbox.number, [(body, render(body.view()), Flags(), NOON)], ACTOR
        )
    )
    body.close()
    return account, inbox.number, arrival.uid


@pytest.mark.parametrize("days", [91, -3])
def test_a_time_that_is_not_kept_does_not_count(mails: list[bytes], days: int) -> None:
    there = There()
    there.world.clock.advance(days * DAY)
    there.take(mails[0])
    assert there.read() == ["malformed"]


def test_what_is_malformed_stays_mail(mails: list[bytes]) -> None:
    there = There()
    attached = mails[0].index(b"\r\n\r\nH4sI") + 4
    broken = mails[0][:attached] + mails[0][attached:].replace(b"A", b"B")
    there.take(broken)
    assert there.read() == ["malformed"]
    account = there.world.people["dmarc@their.example"].number
    inbox = run(there.world.store.mailboxes.get(account, "INBOX"))
    assert inbox is not None
    assert inbox.messages == 1


def test_a_damaged_blob_is_no_harm(mails: list[bytes], monkeypatch: pytest.MonkeyPatch) -> None:
    there = There()

    async def damaged(refs: list[BlobRef]) -> list[bytes]:
        raise Unavailable("no")

    monkeypatch.setattr(there.world.store.blobs, "read", damaged)
    there.take(mails[0])
    assert there.read() == ["malformed"]


def test_what_others_told_is_forgotten(mails: list[bytes]) -> None:
    there = There(keep=3)
    for data in mails:
        there.take(data)
    there.world.clock.advance(2 * DAY)
    run(there.office.reporting.review())
    assert len(run(there.office.summaries.reports(30))) == 2
    there.world.clock.advance(DAY)
    run(there.office.reporting.review())
    assert run(there.office.summaries.reports(30)) == []
    for kind in ("dmarc-in-source", "tlsrpt-in-failure"):
        assert run(there.world.store.reports.days(kind)) == []
