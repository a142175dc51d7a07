"""Reports from counts to mail, and back: two servers in memory that report to each other."""

from __future__ import annotations

import email
import gzip
from dataclasses import replace
from email.message import Message

import pytest

from mailhub.core.reportkeys import DAY
from mailhub.model.errors import Invalid, NotFound, Unavailable
from mailhub.model.settings import ReportSettings
from mailhub.wire import dmarcxml, tlsrpt
from tests.reported import (
    GOOD,
    PUBLISHED,
    SENDING,
    TLS_POLICY,
    TODAY,
    Here,
    office,
)
from tests.support import run
from tests.world import ACTOR


@pytest.fixture
def here() -> Here:
    return Here()


SENT = [
    ("dmarc", "sent", "dmarc@their.example"),
    ("tlsrpt", "sent", "tls@their.example"),
]


def parts(data: bytes) -> tuple[Message, bytes]:
    """A report's message and what its attachment expands to."""
    read = email.message_from_bytes(data)
    assert [part.get_content_maintype() for part in read.get_payload()] == ["text", "application"]  # type: ignore[union-attr]
    attached = read.get_payload()[1].get_payload(decode=True)  # type: ignore[union-attr,index]
    return read, gzip.decompress(attached)  # type: ignore[arg-type]


def test_yesterdays_counts_become_reports(here: Here) -> None:
    here.see()
    here.tomorrow()
    assert here.outcomes() == SENT
    (first, dmarc), (second, tls) = here.queued()
    assert (first, second) == ("dmarc@their.example", "tls@their.example")
    message, xml = parts(dmarc)
    reader = dmarcxml.Reader()
    reader.feed(xml)
    report = reader.finish()
    assert (report.organization, report.contact) == ("Our Räte", "reports@example.org")
    assert (report.begin, report.end) == (TODAY * DAY, TODAY * DAY + DAY - 1)
    assert report.published == replace(
        PUBLISHED, subdomains="reject", nonexistent="reject", reports=()
    )
    assert sorted(count for _, count in report.records) == [2, 3]
    assert message["subject"].split() == [
        *("Report", "Domain:", "their.example", "Submitter:", "example.org", "Report-ID:"),
        f"<{report.id}>",
    ]
    attached = message.get_payload()[1]  # type: ignore[index]
    unique = report.id.partition("@")[0]
    period = f"{report.begin}!{report.end}"
    assert attached.get_content_type() == "application/gzip"  # type: ignore[union-attr]
    name = f"example.org!their.example!{period}!{unique}.xml.gz"
    assert attached.get_filename() == name  # type: ignore[union-attr]
    message, data = parts(tls)
    assert message.get_content_type() == "multipart/report"
    assert message.get_param("report-type") == "tlsrpt"
    assert message["TLS-Report-Domain"] == "their.example"
    assert message["TLS-Report-Submitter"] == "example.org"
    attached = message.get_payload()[1]  # type: ignore[index]
    assert attached.get_content_type() == "application/tlsrpt+gzip"  # type: ignore[union-attr]
    [counts] = tlsrpt.read(data).policies
    assert (counts.policy, counts.successful, counts.failed) == (TLS_POLICY, 5, 4)
    assert run(here.world.store.reports.days("dmarc")) == []
    assert run(here.world.store.reports.days("tlsrpt")) == []
    assert here.outcomes() == []


def test_today_is_reported_only_when_asked_for(here: Here) -> None:
    here.see()
    assert here.outcomes() == []
    assert here.outcomes(today=True) == SENT
    here.see()
    here.tomorrow()
    assert here.outcomes() == SENT
    assert len(here.queued()) == 4


def test_a_report_that_was_handed_over_goes_once(
    here: Here, monkeypatch: pytest.MonkeyPatch
) -> None:
    here.see()
    here.tomorrow()
    reports = here.world.store.reports
    drop = reports.drop

    async def crash(kind: str, day: int, domain: str = "") -> None:
        raise Unavailable("the process ends")

    monkeypatch.setattr(reports, "drop", crash)
    with pytest.raises(Unavailable):
        here.outcomes()
    monkeypatch.setattr(reports, "drop", drop)
    assert here.outcomes() == SENT
    assert [recipient for recipient, _ in here.queued()] == [where for _, _, where in SENT]


def test_who_wants_none_gets_none(here: Here) -> None:
    here.see()
    here.set("_dmarc.their.example", "v=DMARC1; p=reject")
    here.set("_smtp._tls.their.example", NotFound("gone"))
    here.tomorrow()
    assert here.outcomes() == [("dmarc", "nobody", ""), ("tlsrpt", "nobody", "")]
    assert here.queued() == []
    assert run(here.world.store.reports.days("dmarc")) == []


def test_what_cannot_be_sent_waits_a_day(here: Here) -> None:
    here.see()
    here.set("_dmarc.their.example", Unavailable("away"))
    here.set(
        "_smtp._tls.their.example",
        "v=TLSRPTv1; rua=https://their.example/r,mailto:tls@their.example",
    )
    here.office.websites.away = True
    here.tomorrow()
    waiting = [
        ("dmarc", "waiting", ""),
        ("tlsrpt", "waiting", "https://their.example/r"),
        ("tlsrpt", "sent", "tls@their.example"),
    ]
    assert here.outcomes() == waiting
    assert here.outcomes() == waiting
    assert len(here.queued()) == 1
    here.office.websites.away = False
    assert here.outcomes()[1:] == [
        ("tlsrpt", "sent", "https://their.example/r"),
        ("tlsrpt", "sent", "tls@their.example"),
    ]
    [(url, data, kind)] = here.office.websites.posted
    assert (url, kind) == ("https://their.example/r", "application/tlsrpt+gzip")
    assert tlsrpt.read(gzip.decompress(data)).policies[0].failed == 4
    assert len(here.queued()) == 1
    here.tomorrow()
    assert here.outcomes() == [("dmarc", "waiting", "")]
    assert run(here.world.store.reports.days("dmarc")) == []


def test_a_web_server_gets_a_report_once(here: Here) -> None:
    here.see()
    here.set("_smtp._tls.their.example", "v=TLSRPTv1; rua=https://a.example/,https://b.example/")
    here.tomorrow()
    post = here.office.websites.post

    async def one_is_away(url: str, data: bytes, *, kind: str, seconds: float) -> None:
        if "b.example" in url:
            raise Unavailable("away")
        await post(url, data, kind=kind, seconds=seconds)

    here.office.websites.post = one_is_away  # type: ignore[method-assign]
    assert [outcome for _, outcome, _ in here.outcomes()] == ["sent", "sent", "waiting"]
    assert [url for url, _, _ in here.office.websites.posted] == ["https://a.example/"]
    # Another node, or this one after a restart, knows what was sent.
    here.office = office(here.world, SENDING)
    assert [outcome for _, outcome, _ in here.outcomes()] == ["sent", "sent"]
    assert [url for url, _, _ in here.office.websites.posted] == ["https://b.example/"]


def test_sizes_are_kept_to(here: Here) -> None:
    here.see()
    here.set(
        "_dmarc.their.example",
        "v=DMARC1; p=none; rua=mailto:d@their.example!100,mailto:e@their.example!1m",
    )
    here.tomorrow()
    assert here.outcomes()[:2] == [
        ("dmarc", "large", "d@their.example"),
        ("dmarc", "sent", "e@their.example"),
    ]
    small = Here(replace(SENDING, size=100))
    small.see()
    small.tomorrow()
    assert [outcome for _, outcome, _ in small.outcomes()] == ["large", "large"]


def test_an_address_of_ours_that_is_none_is_refused(here: Here) -> None:
    run(here.world.domains.ensure("their.example", ACTOR))
    here.see()
    here.tomorrow()
    assert [outcome for _, outcome, _ in here.outcomes()] == ["refused", "refused"]
    assert run(here.world.store.reports.days("dmarc")) == []


def test_each_policy_of_a_day_has_its_report(here: Here) -> None:
    policies = ("reject", "quarantine", "none", "", "x", "y")
    for number, policy in enumerate(policies):
        published = replace(PUBLISHED, policy=policy)
        for _ in range(10 - number):
            here.office.tallies.dmarc(replace(GOOD, published=published))
    here.tomorrow()
    assert [outcome for _, outcome, _ in here.outcomes()] == ["sent"] * 4
    found = []
    for _, data in here.queued():
        reader = dmarcxml.Reader()
        reader.feed(parts(data)[1])
        report = reader.finish()
        found.append((report.published.policy, sum(count for _, count in report.records)))
    assert found == [("reject", 10 + 6 + 5), ("quarantine", 9), ("none", 8), ("none", 7)]


def test_the_old_form(here: Here) -> None:
    here = Here(replace(SENDING, dmarc_format="rfc7489"))
    here.see()
    here.tomorrow()
    here.outcomes()
    xml = parts(here.queued()[0][1])[1]
    assert b"<feedback>" in xml
    assert b"<pct>100</pct>" in xml


def test_nothing_is_sent_without_a_sender() -> None:
    here = Here(ReportSettings())
    with pytest.raises(Invalid):
        here.outcomes()
    run(here.office.reporting.review())


# -- when


def test_reports_go_once_a_day_in_their_hour(here: Here) -> None:
    here.see()
    clock = here.world.clock
    run(here.office.tallies.write())
    run(here.office.reporting.review())
    clock.advance(TODAY * DAY + DAY - clock.now())
    sent_at = []
    for _ in range(DAY // 300):
        run(here.office.reporting.review())
        if here.queued() and not sent_at:
            sent_at.append(clock.now() % DAY)
        clock.advance(300)
    assert len(here.queued()) == 2
    assert 3600 <= sent_at[0] < 7200 + 300


def test_servers_differ_in_their_minute_and_leave_a_day_some_time_to_end() -> None:
    here = Here()
    starts = {
        office(here.world, replace(SENDING, hour=0), f"mx{number}.example").reporting._start(TODAY)
        for number in range(50)
    }
    assert len(starts) > 20
    assert min(starts) == 600
    assert max(starts) < 3600
