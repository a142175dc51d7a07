"""Prometheus metrics: events by kind, connections, and how late the reactor is.

What is counted follows from the events that are logged anyway, so no face counts on its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from mailhub.model.measure import Measure, Table
from mailhub.ports import Log

DURATIONS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10)
"""Seconds."""
LATENESS = (0.0005, 0.001, 0.002, 0.003, 0.005, 0.0075, 0.01, 0.015, 0.025, 0.05, 0.1, 0.25, 1)
"""Seconds; fine around the goal of 10 ms."""
PROBE = 0.05
"""Seconds between two looks at the reactor's lateness."""
STALL = 1.0
"""Seconds of lateness that the log has: long enough for clients to notice, and for short leases to
run out."""
MOST_LABELS = 2000
"""Distinct (service, verb, outcome); later ones are counted as `other`."""
MAIL = frozenset({"MAIL", "RCPT", "DATA", "BDAT"})
"""Commands of SMTP whose refusal keeps mail out."""
REFUSALS = frozenset({"PolicyRefused", "MailLoop", "NotPermitted", "TooLarge", "Invalid"})
"""Kinds of errors that end a message which came as a whole."""
CONTENT_TYPE = b"text/plain; version=0.0.4; charset=utf-8"


class Metrics:
    """The process's registry."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.events = Counter(
            "mailhub_events",
            "Events by service, verb and outcome",
            ["service", "verb", "outcome"],
            registry=self.registry,
        )
        self.durations = Histogram(
            "mailhub_event_seconds",
            "How long what an event reports took",
            ["service", "verb"],
            buckets=DURATIONS,
            registry=self.registry,
        )
        self.lateness = Histogram(
            "mailhub_reactor_lateness_seconds",
            "How much later than asked the reactor ran a call",
            buckets=LATENESS,
            registry=self.registry,
        )
        self.worst = Gauge(
            "mailhub_reactor_lateness_worst_seconds",
            "The worst lateness since this was last read",
            registry=self.registry,
        )
        self._rejections = Counter(
            "mailhub_rejections",
            "Senders, recipients and messages that were refused for good over SMTP",
            registry=self.registry,
        )
        self._rejected = 0
        self._connections = Gauge(
            "mailhub_connections", "Open connections", ["service"], registry=self.registry
        )

    def connections(self, service: str, count: Callable[[], float]) -> None:
        """Reports `count()` as the open connections of `service`."""
        self._connections.labels(service).set_function(count)

    def gauge(self, name: str, doc: str, read: Callable[[], float]) -> None:
        """Reports `read()` under `name`."""
        Gauge(name, doc, registry=self.registry).set_function(read)

    def report(self, *numbers: Measure | Table) -> None:
        """Reports what parts keep of themselves."""
        for one in numbers:
            self.registry.register(_Told(one))

    def reject(self) -> None:
        """Mail was refused for good."""
        self._rejected += 1
        self._rejections.inc()

    def rejected(self) -> int:
        """How often that was."""
        return self._rejected

    def render(self) -> bytes:
        """The text exposition format; its type is CONTENT_TYPE."""
        return generate_latest(self.registry)


class _Told:
    """A number of somebody else's, or several, as the registry asks for them."""

    def __init__(self, number: Measure | Table) -> None:
        self._number = number

    def collect(self) -> Iterator[Metric]:
        """What they are now."""
        one = self._number
        if isinstance(one, Table):
            table = GaugeMetricFamily(one.name, one.says, labels=[one.label])
            for label, value in one.read().items():
                table.add_metric([label], value)
            yield table
            return
        family = CounterMetricFamily if one.name.endswith("_total") else GaugeMetricFamily
        yield family(one.name, one.says, value=one.read())


def _permanent(fields: Mapping[str, object]) -> bool:
    code = fields.get("code")
    return fields.get("command") in MAIL and isinstance(code, int) and code >= 500


class MeasuredLog:
    """`ports.Log` that counts each event, and its `duration` in seconds, before it is written."""

    def __init__(self, log: Log, metrics: Metrics) -> None:
        self._log = log
        self._metrics = metrics
        self._counters: dict[tuple[object, str, object], Any] = {}
        self._histograms: dict[tuple[object, str], Any] = {}

    def event(self, verb: str, **fields: object) -> None:
        """Counts and passes on."""
        service, outcome = fields.get("service", ""), fields.get("outcome", "")
        counter = self._counters.get((service, verb, outcome))
        if counter is None:
            counter = self._counter(service, verb, outcome)
        counter.inc()
        if (verb == "refused" and _permanent(fields)) or (
            verb == "message" and outcome in REFUSALS
        ):
            self._metrics.reject()
        duration = fields.get("duration")
        if isinstance(duration, float):
            self._histogram(service, verb).observe(duration)
        self._log.event(verb, **fields)

    def _counter(self, service: object, verb: str, outcome: object) -> Any:
        if len(self._counters) >= MOST_LABELS:
            return self._metrics.events.labels("other", "other", "other")
        counter = self._metrics.events.labels(str(service), verb, str(outcome))
        self._counters[service, verb, outcome] = counter
        return counter

    def _histogram(self, service: object, verb: str) -> Any:
        histogram = self._histograms.get((service, verb))
        if histogram is None:
            if len(self._histograms) >= MOST_LABELS:
                return self._metrics.durations.labels("other", "other")
            histogram = self._metrics.durations.labels(str(service), verb)
            self._histograms[service, verb] = histogram
        return histogram


class Lateness:
    """Measures how much later than asked the reactor runs a timed call."""

    def __init__(self, reactor: Any, metrics: Metrics, log: Log) -> None:
        self._reactor = reactor
        self._metrics = metrics
        self._log = log
        self._worst = 0.0
        self._due = 0.0
        self._call: Any = None
        metrics.worst.set_function(self._read_worst)

    def start(self) -> None:
        """Measures until `stop`, once the process has opened its doors: nobody waits before."""
        self._call = self._reactor.callLater(PROBE, self._look_again)

    def stop(self) -> None:
        """Ends it."""
        if self._call is not None and self._call.active():
            self._call.cancel()

    def _look_again(self) -> None:
        self._due = self._reactor.seconds() + PROBE
        self._call = self._reactor.callLater(PROBE, self._probe)

    def _probe(self) -> None:
        late = max(0.0, self._reactor.seconds() - self._due)
        self._metrics.lateness.observe(late)
        self._worst = max(self._worst, late)
        if late >= STALL:
            self._log.event("reactor", outcome="stalled", level="warn", duration=late)
        self._look_again()

    def _read_worst(self) -> float:
        worst, self._worst = self._worst, 0.0
        return worst
