"""Counting events, and the reactor's lateness."""

from __future__ import annotations

import pytest
from twisted.internet.task import Clock

from mailhub.model.measure import Measure, Table, Worst
from mailhub.net import metrics
from mailhub.net.metrics import PROBE, STALL, Lateness, MeasuredLog, Metrics

pytestmark = pytest.mark.thorough


class Seen:
    def __init__(self) -> None:
        self.events: list[tuple[str, dict[str, object]]] = []

    def event(self, verb: str, **fields: object) -> None:
        self.events.append((verb, fields))


def test_events_are_counted_and_passed_on() -> None:
    seen, measured = Seen(), Metrics()
    log = MeasuredLog(seen, measured)
    for _ in range(3):
        log.event("login", service="imap", outcome="done", duration=0.02)
    log.event("login", service="imap", outcome="failed")
    assert len(seen.events) == 4
    text = measured.render().decode()
    assert 'mailhub_events_total{outcome="done",service="imap",verb="login"} 3.0' in text
    assert 'mailhub_events_total{outcome="failed",service="imap",verb="login"} 1.0' in text
    assert 'mailhub_event_seconds_count{service="imap",verb="login"} 3.0' in text
    assert 'mailhub_event_seconds_bucket{le="0.025",service="imap",verb="login"} 3.0' in text
    assert 'mailhub_event_seconds_bucket{le="0.01",service="imap",verb="login"} 0.0' in text


def test_labels_are_bounded(monkeypatch: object) -> None:
    measured = Metrics()
    log = MeasuredLog(Seen(), measured)
    for number in range(metrics.MOST_LABELS + 50):
        log.event(f"v{number}", service="x", outcome="y", duration=0.1)
    text = measured.render().decode()
    assert 'mailhub_events_total{outcome="other",service="other",verb="other"} 50.0' in text
    assert text.count("mailhub_events_total{") == metrics.MOST_LABELS + 1


def test_connections_are_read_when_asked() -> None:
    measured, open_now = Metrics(), [7]
    measured.connections("imap", lambda: open_now[0])
    assert 'mailhub_connections{service="imap"} 7.0' in measured.render().decode()
    open_now[0] = 0
    assert 'mailhub_connections{service="imap"} 0.0' in measured.render().decode()


def test_lateness_is_what_the_reactor_was_late() -> None:
    reactor, measured = Clock(), Metrics()
    lateness = Lateness(reactor, measured, Seen())
    lateness.start()
    reactor.advance(PROBE + 5)  # the process opens its doors
    reactor.advance(PROBE)
    reactor.advance(PROBE + 0.02)
    text = measured.render().decode()
    assert 'mailhub_reactor_lateness_seconds_bucket{le="0.0005"} 1.0' in text
    assert 'mailhub_reactor_lateness_seconds_bucket{le="0.025"} 2.0' in text
    assert 'mailhub_reactor_lateness_seconds_bucket{le="0.015"} 1.0' in text
    lateness.stop()
    assert reactor.getDelayedCalls() == []


def test_the_worst_is_forgotten_when_read() -> None:
    reactor, measured = Clock(), Metrics()
    lateness = Lateness(reactor, measured, Seen())
    lateness.start()
    reactor.advance(PROBE)
    reactor.advance(PROBE + 0.5)
    worst = "mailhub_reactor_lateness_worst_seconds "
    first = next(line for line in measured.render().decode().splitlines() if line.startswith(worst))
    assert abs(float(first.split()[1]) - 0.5) < 0.001
    assert worst + "0.0" in measured.render().decode()


def test_standing_still_is_logged() -> None:
    reactor, seen = Clock(), Seen()
    Lateness(reactor, Metrics(), seen).start()
    reactor.advance(PROBE + 5)
    reactor.advance(PROBE + STALL - 0.01)
    assert seen.events == []
    reactor.advance(PROBE + STALL + 0.5)
    [(verb, fields)] = seen.events
    assert (verb, fields["outcome"], fields["level"]) == ("reactor", "stalled", "warn")
    assert fields["duration"] == pytest.approx(STALL + 0.5)


def test_what_parts_keep_of_themselves_is_read_when_asked() -> None:
    measured, kept = Metrics(), {"sweeps": True, "journal": False}
    worst = Worst()
    measured.report(
        Measure("mailhub_a_seconds", "how long", worst.read),
        Measure("mailhub_b_total", "how many", lambda: len(kept)),
        Table("mailhub_c", "which", "lease", lambda: kept),
    )
    worst.note(0.5)
    worst.note(0.25)
    text = measured.render().decode()
    assert "mailhub_a_seconds 0.5" in text
    assert "# TYPE mailhub_b_total counter" in text
    assert "mailhub_b_total 2.0" in text
    assert 'mailhub_c{lease="sweeps"} 1.0' in text
    assert 'mailhub_c{lease="journal"} 0.0' in text
    del kept["journal"]
    text = measured.render().decode()
    assert "mailhub_a_seconds 0.0" in text, "it begins anew"
    assert "journal" not in text
