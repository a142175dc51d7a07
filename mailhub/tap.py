"""The composition root of `twistd mailhub`: the only module that knows every part.

It reads options and settings, makes each part once, and hands the plan to `service`. No rule of
mail, no protocol and no I/O of its own may live here.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

from twisted.application.service import IService
from twisted.python.usage import Options as TwistedOptions

from mailhub import (
    commanded,
    config,
    directories,
    libraries,
    looking,
    naming,
    overseeing,
    reporting,
    sending,
)
from mailhub.control.server import ControlFactory, ControlSocket
from mailhub.coord.memory import MemorySeats
from mailhub.core.background import spawn
from mailhub.core.forgetting import INTERVAL as FORGET
from mailhub.core.forgetting import Forgetting
from mailhub.dns.server import NameServer
from mailhub.draining import Draining
from mailhub.facing import FACES
from mailhub.ground import hostname_of
from mailhub.model.errors import Invalid
from mailhub.model.measure import Table
from mailhub.model.settings import Settings
from mailhub.net.admission import (
    Admission,
    Descriptors,
    descriptor_budget,
    raise_descriptor_limit,
)
from mailhub.net.folder import CONTROL, DataFolder
from mailhub.net.indexer import IndexProcess, SharedStore
from mailhub.net.listeners import Listener, Shared
from mailhub.net.log import Observer, ServiceLog, Sink
from mailhub.net.memory import share_arenas
from mailhub.net.metrics import Lateness, MeasuredLog, Metrics
from mailhub.net.rounds import Leased, Round
from mailhub.net.tls import Certificates
from mailhub.parts import Parts, compose
from mailhub.ports import Log
from mailhub.service import House, MailServer, Plan, Readiness, Step
from mailhub.welcome import Welcome

BUSY: Mapping[str, bytes] = {
    "smtp": b"421 4.7.0 Too many connections, try again later\r\n",
    "submission": b"421 4.7.0 Too many connections, try again later\r\n",
    "lmtp": b"421 4.7.0 Too many connections, try again later\r\n",
    "imap": b"* BYE [UNAVAILABLE] Too many connections, try again later\r\n",
    "pop3": b"-ERR [SYS/TEMP] Too many connections, try again later\r\n",
    "managesieve": b'BYE (TRYLATER) "Too many connections, try again later"\r\n',
    "http": b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 10\r\nConnection: close\r\n"
    b"Content-Length: 0\r\n\r\n",
}
LAST_WORD = 0.2
"""Seconds in which the one who asked for the end hears that it comes."""
BACK = frozenset({"smtp", "submission", "lmtp"})


class Options(TwistedOptions):
    """`twistd mailhub [--config FILE] [--data FOLDER]`."""

    synopsis = "[--config FILE] [--data FOLDER]"
    longdesc = "A complete mail server in one process: SMTP, LMTP, IMAP, POP3, ManageSieve, HTTP."
    optParameters: ClassVar[list[list[Any]]] = [
        ["config", "c", None, "The TOML file; else ./mailhub.toml or /etc/mailhub/mailhub.toml"],
        ["data", "d", None, "The folder of everything the server keeps, instead of the file's"],
    ]

    def file(self) -> Path | None:
        """That is read; None for none."""
        return config.find(Path(self["config"]) if self["config"] else None)

    def settings(self) -> Settings:
        """What file, environment and options say together. Raises BadConfig."""
        settings = config.load(self.file())
        if self["data"]:
            settings = replace(settings, data=os.path.abspath(self["data"]))
        return settings


def makeService(options: Options) -> IService:
    """The service of `twistd mailhub`. Raises SystemExit where settings cannot be used."""
    from twisted.internet import reactor

    share_arenas()
    parent: Mapping[str, Any] = options.parent or {}
    logfile = parent.get("logfile") or ""
    if not logfile and not parent.get("nodaemon", True):
        logfile = "twistd.log"
    try:
        settings = options.settings()
        libraries.load(settings)
    except Invalid as error:
        raise SystemExit(f"mailhub: {error.text}") from None
    sink = Sink("" if logfile == "-" else logfile, reactor, settings.log.format)
    return MailServer(plan(settings, reactor, sink, str(options.file() or "")))


def plan(settings: Settings, reactor: Any, sink: Sink, file: str = "") -> Plan:
    """Everything `service` needs to run the server; opens nothing yet. `file`: of the settings."""
    metrics = Metrics()
    log = MeasuredLog(ServiceLog(sink, settings.log.level), metrics)
    folder = DataFolder(Path(settings.data))
    readiness = Readiness()
    certificates = Certificates(settings.tls, folder.path, hostname_of(settings), log)
    doors = listeners(settings, certificates, folder, metrics, log, reactor)
    names = naming.name_server(settings, reactor, log)
    parts = partial(compose, settings, reactor, log, metrics, readiness, file)
    draining = Draining(reactor, readiness, doors, log)
    return Plan(
        reactor=reactor,
        folder=folder,
        certificates=certificates,
        listeners=doors,
        build=lambda: build(parts(), doors, certificates, folder, names, draining),
        sink=sink,
        observer=Observer(sink, settings.log.level),
        log=log,
        readiness=readiness,
        user=settings.user,
        early=() if names is None else (names,),
        drain=lambda: spawn(_drained(draining), log, "drain"),
    )


def build(
    parts: Parts,
    doors: Sequence[Listener],
    certificates: Certificates,
    folder: DataFolder,
    names: NameServer | None,
    draining: Draining,
) -> House:
    """The parts in the order in which they start, and the doors that open last."""
    parts.listening = doors
    for door in doors:
        door.shared.admission.seats = parts.coordination.seats
    parts.store.rung_by(parts.coordination.wakeups)
    lateness = Lateness(parts.reactor, parts.metrics, parts.log)
    reports = reporting.compose(parts)
    calls = parts.webhook_calls
    webhooks = Leased(calls.start, calls.stop, parts.lease("webhooks"), parts.log, "webhooks")
    outgoing = sending.compose(parts, partial(_listening, doors))
    nodes = parts.store.nodes
    draining.works, draining.over = (nodes.drain, outgoing.runner.stop), nodes.drained
    drain = partial(_drain, draining, parts.reactor)
    services = commanded.services(parts, outgoing.ways, reports, drain)
    parts.metrics.gauge("mailhub_nodes", "Nodes that are live", lambda: nodes.known)
    parts.metrics.gauge("mailhub_leases", "Leases that this node has", lambda: nodes.held)
    held = "Which of its rounds this node does for all: 1 for yes"
    parts.metrics.report(Table("mailhub_lease_held", held, "lease", lambda: nodes.turns))
    parts.metrics.report(*parts.store.measures)
    control = ControlSocket(
        ControlFactory(services, parts.reactor, parts.log), folder.path / CONTROL
    )
    welcome = Welcome(
        folder,
        parts.domains,
        parts.accounts,
        parts.store,
        parts.hashing,
        parts.randomness,
        parts.log,
    )
    parts.certificate_files.watch(certificates.reload)
    parts.certificate_files.watch(parts.keeping.stir)
    parts.keeping.watch(certificates.reload)

    async def open_doors() -> None:
        for door in doors:
            door.serve(FACES[door.settings.service](parts, door.settings, certificates))
        await welcome.greet(parts.settings, parts.hostname, doors, parts.watch)

    return House(
        steps=[
            *parts.steps,
            Step("node", partial(_join, parts, doors), nodes.stop),
            *_indexing(parts),
            *reports.steps,
            Step("webhooks", webhooks.start, webhooks.stop),
            *_rounds(parts),
            *outgoing.steps,
            *naming.serving(
                names,
                parts.naming,
                parts.store,
                parts.certificate_files,
                parts.randomness,
                parts.reactor,
                parts.log,
                parts.lease,
            ),
            *parts.certifying.steps,
            Step("control", control.start, control.stop),
            Step("lateness", lateness.start, lateness.stop),
        ],
        open_doors=open_doors,
        serving=nodes.serving,
    )


async def _drained(draining: Draining) -> None:
    await draining.drain()


async def _drain(draining: Draining, reactor: Any, seconds: float, stop: bool) -> int:
    """For the control socket, whose answer goes before the server does."""
    cut = await draining.drain(seconds)
    if stop:
        reactor.callLater(LAST_WORD, reactor.stop)
    return cut


async def _join(parts: Parts, doors: Sequence[Listener]) -> None:
    """This process becomes one of those that share the store."""

    def dismissed(why: str) -> None:
        parts.log.event("node", outcome="dismissed", level="error", reason=why)
        parts.reactor.stop()

    told = [door.describe() for door in doors]
    addresses = [f"{one['service']} {one['address']}:{one.get('port', '')}" for one in told]
    await parts.store.nodes.start(addresses, dismissed)


def _rounds(parts: Parts) -> Sequence[Step]:
    """What is looked after from time to time."""
    settings, reactor, log, lease = parts.settings, parts.reactor, parts.log, parts.lease
    forgetting = Forgetting(parts.store, parts.clock, settings.journal)
    sweep = Round(
        forgetting.sweep, FORGET, reactor, log, "journal", first=60, lease=lease("journal")
    )
    arranging = parts.mailroom.arranging
    purge = Round(
        arranging.sweep,
        settings.archive.sweep,
        reactor,
        log,
        "archive",
        first=30,
        lease=lease("archive"),
    )
    review = Round(
        parts.keys.review,
        settings.dkim.review,
        reactor,
        log,
        "key review",
        lease=lease("key review"),
    )
    return (
        Step("journal", sweep.start, sweep.stop),
        Step("archive", purge.start, purge.stop),
        Step("key review", review.start, review.stop),
        *parts.backups.steps,
        *overseeing.steps(parts),
        looking.telling(
            parts.checkup,
            parts.administration.aliases,
            parts.intake,
            parts.checkup_memory,
            settings,
            parts.hostname,
            reactor,
            parts.clock,
            parts.randomness,
            log,
            lease("checkup"),
        ),
        *directories.following(parts.directories, settings.ldap, reactor, log, lease("directory")),
    )


def _indexing(parts: Parts) -> Sequence[Step]:
    """The process that keeps the full-text index, joined with the store: one of the nodes has
    it."""
    settings = parts.settings
    store: Path | SharedStore = Path(settings.data) / "store"
    if settings.store.database:
        store = SharedStore(settings.store.database, parts.store.blobs.read)
    indexer = IndexProcess(settings.search, store, parts.reactor, parts.log)
    parts.store.search_index.looked_after(indexer.wake, indexer.state)
    parts.store.watch(indexer.heard)
    behind = "Messages that the search index, kept here, does not have yet"
    parts.metrics.gauge("mailhub_search_index_behind", behind, lambda: indexer.behind)
    lease = parts.lease("search index")
    leased = Leased(indexer.start, indexer.stop, lease, parts.log, "search index")
    return (Step("search index", leased.start, leased.stop),)


def _listening(doors: Sequence[Listener]) -> Sequence[tuple[str, int]]:
    """Where mail would come back to us."""
    found = [door.describe() for door in doors if door.settings.service in BACK]
    return [(str(one["address"]), int(str(one["port"]))) for one in found if "port" in one]


def listeners(
    settings: Settings,
    certificates: Certificates,
    folder: DataFolder,
    metrics: Metrics,
    log: Log,
    reactor: Any,
) -> Sequence[Listener]:
    """One Listener for each `[[listener]]`, not bound yet."""
    doors: list[Listener] = []

    def pause(full: bool) -> None:
        log.event("accept", outcome="paused" if full else "resumed", level="warn")
        for door in doors:
            (door.pause if full else door.resume)()

    budget = partial(descriptor_budget, raise_descriptor_limit())
    descriptors = Descriptors(budget, lambda: pause(True), lambda: pause(False))
    admission = Admission(settings.limits, MemorySeats())
    ports = settings.node.share_ports
    shared = Shared(reactor, certificates, admission, descriptors, log, folder.path, ports)
    for one in settings.listener:
        doors.append(Listener(one, BUSY[one.service], shared))
        metrics.connections(one.service, partial(admission.count, one.service))
    return doors
