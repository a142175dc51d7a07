"""The parts of reporting over a world in memory, and a server in it that has much to tell."""

from __future__ import annotations

from dataclasses import dataclass, field

from mailhub.core.reporting import Reporting
from mailhub.core.reportkeys import DAY
from mailhub.core.reportreading import ReportReading
from mailhub.core.reportsummary import Summaries
from mailhub.core.tallying import Tallies
from mailhub.model.dmarcreport import Disposition, DKIMFound, DMARCSeen, Published, SPFFound
from mailhub.model.errors import Unavailable
from mailhub.model.settings import ReportSettings
from mailhub.model.tlsreport import TLSPolicy, TLSPolicyKind, TLSReport, TLSResult
from tests.fakes import FakeClock
from tests.support import run
from tests.world import HOSTNAME, World, world


class Websites:
    """`ports.Posting` that keeps what it is given. `away`: nobody answers."""

    def __init__(self) -> None:
        self.posted: list[tuple[str, bytes, str]] = []
        self.away = False

    async def post(self, url: str, data: bytes, *, kind: str, seconds: float) -> None:
        if self.away:
            raise Unavailable("away")
        self.posted.append((url, data, kind))


@dataclass(slots=True)
class Office:
    """Everything that deals with reports."""

    tallies: Tallies
    reporting: Reporting
    reading: ReportReading
    summaries: Summaries
    websites: Websites = field(default_factory=Websites)


def office(here: World, settings: ReportSettings, hostname: str = HOSTNAME) -> Office:
    """Joined as the composition root joins it."""
    websites = Websites()
    tallies = Tallies(here.store, here.clock, here.log, settings)
    reporting = Reporting(
        here.store,
        tallies,
        here.intake,
        here.resolver,
        websites,
        here.clock,
        here.log,
        settings,
        hostname,
    )
    reading = ReportReading(here.store, here.addresses, here.clock, here.log, settings, HOSTNAME)
    summaries = Summaries(here.store, here.clock)
    return Office(tallies, reporting, reading, summaries, websites)


TODAY = 20_000
NOON = TODAY * DAY + 43_200
SENDING = ReportSettings(sender="reports@example.org", organization="Our Räte")
RUA = ("mailto:dmarc@their.example",)
PUBLISHED = Published("their.example", "reject", reports=RUA)
GOOD = DMARCSeen(
    PUBLISHED,
    "192.0.2.1",
    "their.example",
    "their.example",
    Disposition.PASS,
    True,
    True,
    (DKIMFound("their.example", "s", "pass"),),
    SPFFound("their.example", "pass"),
)
BAD = DMARCSeen(PUBLISHED, "192.0.2.66", "sub.their.example", "", Disposition.REJECT, False, False)
TLS_POLICY = TLSPolicy(
    "their.example", TLSPolicyKind.STS, ("version: STSv1",), ("mx.their.example",)
)
FINE = TLSReport(TLS_POLICY, TLSResult.SUCCESS)
WORSE = TLSReport(TLS_POLICY, TLSResult.EXPIRED, "mx.their.example", "192.0.2.25")


class Here:
    """The server that reports, at noon; `their.example` asks for it."""

    def __init__(self, settings: ReportSettings = SENDING) -> None:
        self.world = world(clock=FakeClock(NOON))
        self.office: Office = office(self.world, settings)
        self.set("_dmarc.their.example", "v=DMARC1; p=reject; rua=mailto:dmarc@their.example")
        self.set("_smtp._tls.their.example", "v=TLSRPTv1; rua=mailto:tls@their.example")

    def set(self, name: str, text: object) -> None:
        self.world.resolver.set(name, "TXT", text if isinstance(text, Exception) else [text])

    def see(self) -> None:
        """Some mail, some sessions."""
        for seen, count in ((GOOD, 3), (BAD, 2)):
            for _ in range(count):
                self.office.tallies.dmarc(seen)
        self.office.tallies.tls([FINE] * 5 + [WORSE] * 4)

    def tomorrow(self) -> None:
        self.world.clock.advance(DAY)

    def outcomes(self, *, today: bool = False) -> list[tuple[str, str, str]]:
        told = run(self.office.reporting.send(today=today))
        return [(one.kind, one.outcome, one.where) for one in told]

    def queued(self) -> list[tuple[str, bytes]]:
        """(recipient, message)."""
        queue = self.world.store.queue
        entries, _ = run(queue.page())
        found = []
        for entry in entries:
            assert (entry.sender.address, entry.notify) == ("reports@example.org", ("NEVER",))
            assert entry.sender.local
            [message] = run(queue.messages([entry.message]))
            [data] = run(self.world.store.blobs.read([message.blob]))
            found.append((entry.recipient, data))
        return found
