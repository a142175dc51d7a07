"""Composes every part of core, once.

A part of the composition root, apart from it for its size. Which part stands on which can be read
off: each is made when it is first asked for. No rule of mail may live here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from mailhub import __version__, backups, certifying, looking, naming
from mailhub.arriving import Arriving
from mailhub.core.administration import Administration, administration
from mailhub.core.checkup import Checkup, Means
from mailhub.core.departure import Departures
from mailhub.core.desk import Desk, desk
from mailhub.core.exporting import Exporting
from mailhub.core.importedmail import MailImport
from mailhub.core.importing import Importing
from mailhub.core.maildrop import Maildrops
from mailhub.core.mailing import Mailing, mailing
from mailhub.core.mailroom import Mailroom, mailroom
from mailhub.core.messages import Messages
from mailhub.core.queue import Queue
from mailhub.core.records import Records
from mailhub.core.relays import Relays
from mailhub.core.routes import Routes
from mailhub.core.selected import Selections
from mailhub.core.session_keys import SessionKeys
from mailhub.core.signed_tokens import SignedTokens
from mailhub.core.suppressions import Suppressions
from mailhub.core.system import System
from mailhub.core.updates import Updates
from mailhub.core.webhook_calls import WebhookCalls
from mailhub.core.webhooks import Webhooks
from mailhub.ground import Ground
from mailhub.http.feeds import Feeds
from mailhub.model.settings import Settings
from mailhub.net.condition import LinuxCondition
from mailhub.net.keptfile import KeptFile
from mailhub.net.machine import DataVolume, DebianMachine
from mailhub.net.metrics import Metrics
from mailhub.net.reaching import EndpointReach
from mailhub.net.textfile import TextFile
from mailhub.net.together import ReactorWithin, together
from mailhub.people import People
from mailhub.ports import Log
from mailhub.queue.notices import ReportNotices
from mailhub.queue.wording import EditedWording, Wording, default
from mailhub.ruled import Ruled
from mailhub.service import Step


def compose(
    settings: Settings,
    reactor: Any,
    log: Log,
    metrics: Metrics,
    ready: Callable[[], bool],
    file: str = "",
) -> Parts:
    """Core on the embedded store. All parts are there from the first moment: some hear of what
    others do. `file`: that the settings are of."""
    parts = Parts(settings, reactor, log, metrics, ready)
    parts.file = file
    for kind in (Ground, People, Ruled, Arriving, Parts):
        for name, what in vars(kind).items():
            if isinstance(what, cached_property):
                getattr(parts, name)
    return parts


class Parts(Arriving):
    """Every part of core, and what it stands on."""

    @property
    def steps(self) -> Sequence[Step]:
        """What has to run before anything is asked of core, in the order in which it starts."""
        return (
            Step("store", self.store.start, self.store.stop),
            *self.keeping.steps,
            Step("elsewhere", self.elsewheres.start, lambda: None),
            Step("login log", lambda: None, self.login.noted.flush),
            Step("hashing", self.hashing.start, self.hashing.stop),
            Step("directory", self.directories.start, self.directories.stop),
            Step("workers", lambda: None, self.workers.stop),
            Step("encryption", lambda: None, self.encrypting.stop),
            Step("resolver", lambda: None, self.resolver.stop),
            Step("coordination", self.coordination.start, self.coordination.stop),
        )

    # -- who looks after it

    @cached_property
    def administration(self) -> Administration:
        sessions = self.coordination.sessions(self.store.sessions)
        secret = self.secret("session-keys")
        return administration(
            self.accounts,
            self.addresses,
            self.domains,
            SessionKeys(sessions, self.store, self.clock, self.randomness, self.log, secret),
            SignedTokens(self.store, self.clock, self.secret("api-tokens")),
            self.naming.zones,
            self.naming.keys,
            self.naming.secondaries,
            self.certificates,
            self.certifying.hosted,
            self.certifying.provisioning,
            self.system,
            self.checkup,
            self.hostname,
            self.settings.default_domain,
            self.keeping.key("admin-key.txt"),
        )

    @cached_property
    def system(self) -> System:
        kept = self.keeping.file("system.json")
        machine = DebianMachine(self.settings.system, self.reactor)
        return System(
            machine, self.web, kept, self.clock, self.log, self.settings.system, __version__
        )

    @cached_property
    def checkup(self) -> Checkup:
        settings, dns = self.settings, self.settings.dns
        means = Means(
            addresses=self.addresses,
            records=self.records,
            certificates=self.certificates,
            hosted=self.certifying.hosted,
            provisioning=self.certifying.provisioning,
            zones=self.naming.zones,
            backups=self.backups.backups,
            system=self.system,
            queue=self.store.queue,
            resolver=self.resolver,
            asking=looking.asking(settings, self.reactor, self.randomness, self.log),
            forget=self.resolver.forget,
            fetch=looking.fetch(settings, self.resolver, self.reactor),
            volume=DataVolume(Path(settings.data)),
            condition=LinuxCondition(settings.checks.ssh),
            reach=EndpointReach(self.reactor),
            clock=self.clock,
            together=together,
            within=ReactorWithin(self.reactor),
            log=self.log,
            memory=self.checkup_memory,
            settings=settings.checks,
            hostname=self.hostname.lower(),
            hello=settings.sender.hello.lower(),
            own=dns.addresses,
            serves=bool(dns.listen or dns.knot or dns.update),
            doors=lambda: looking.doors(self.listening, dns.addresses),
            services=looking.services(settings),
            faults=self.faults.recent,
            troubles=self.coordination.troubles if settings.redis.url else None,
        )
        return Checkup(means)

    @cached_property
    def checkup_memory(self) -> KeptFile:
        return self.keeping.file("checkup.json")

    # -- mail that is here

    @cached_property
    def messages(self) -> Messages:
        return Messages(
            self.store,
            self.clock,
            keep_expunged=self.settings.archive.expunged,
            sealing=self.owners.sealing,
        )

    @cached_property
    def selections(self) -> Selections:
        return Selections(self.store, self.watch, self.settings.store)

    @cached_property
    def maildrops(self) -> Maildrops:
        return Maildrops(
            self.store,
            self.mailboxes,
            self.settings.pop3,
            self.seats,
            keep_expunged=self.settings.archive.expunged,
            newest=self.allowances.newest,
        )

    @cached_property
    def mailroom(self) -> Mailroom:
        return mailroom(
            self.store,
            self.messages,
            self.selections,
            self.clock,
            self.workers,
            self.judging.authserv_id,
            self.settings.archive,
        )

    @cached_property
    def mailing(self) -> Mailing:
        return mailing(
            self.store,
            self.mailroom,
            self.mailboxes,
            self.addresses,
            self.intake,
            self.allowances,
            self.settings.queue.future_release,
            self.clock,
            self.ids,
            self.randomness,
            self.hostname,
            self.settings.smtp.message_size,
        )

    @cached_property
    def desk(self) -> Desk:
        return desk(self)

    @cached_property
    def feeds(self) -> Feeds:
        updates = Updates(self.store, self.clock, self.settings.updates)
        return Feeds(updates, self.watch, self.settings.updates, self.reactor, self.log)

    @cached_property
    def webhooks(self) -> Webhooks:
        return Webhooks(self.store, self.web, self.clock, self.ids, self.randomness)

    @cached_property
    def webhook_calls(self) -> WebhookCalls:
        settings = self.settings.webhooks
        return WebhookCalls(self.store, self.web, together, self.clock, self.log, settings)

    @cached_property
    def exporting(self) -> Exporting:
        return Exporting(self.store, self.keys, self.clock, f"mailhub {__version__}")

    @cached_property
    def importing(self) -> Importing:
        return Importing(
            self.store,
            self.domains,
            self.accounts,
            self.addresses,
            self.mailboxes,
            MailImport(self.store, self.accounts, self.mailboxes, self.messages),
            self.filters,
            self.scripts,
            self.keys,
            self.naming.zones,
            self.mailroom,
            self.clock,
        )

    # -- mail that leaves

    @cached_property
    def routes(self) -> Routes:
        return Routes(self.store, self.clock)

    @cached_property
    def relays(self) -> Relays:
        return Relays(self.store, self.settings.smtp.trusted_networks)

    @cached_property
    def records(self) -> Records:
        settings = self.settings.reports
        return Records(self.domains, self.keys, self.resolver, self.hostname, settings)

    @cached_property
    def departures(self) -> Departures:
        return Departures(
            self.keys,
            self.clock,
            self.hostname,
            self.settings.default_domain,
            self.settings.dkim,
            authserv_id=self.judging.authserv_id,
        )

    @cached_property
    def notices(self) -> ReportNotices:
        return ReportNotices(
            self.store,
            self.intake,
            self.ids,
            self.clock,
            self.log,
            self.settings.queue,
            hostname=self.hostname,
            wording=self._wording(),
        )

    def _wording(self) -> Callable[[], Wording]:
        template = self.settings.queue.notice_template
        if template:
            return EditedWording(TextFile(Path(template)), self.log)
        words = default()
        return lambda: words

    @cached_property
    def queue(self) -> Queue:
        return Queue(self.store, self.coordination.schedule, self.notices, self.clock)

    @cached_property
    def suppressions(self) -> Suppressions:
        return Suppressions(self.store, self.clock, self.settings.queue.suppress_time)

    @cached_property
    def naming(self) -> naming.Naming:
        return naming.compose(
            self.settings,
            self.store,
            self.certificates,
            self.resolver,
            self.reactor,
            self.clock,
            self.log,
            self.hostname,
        )

    @cached_property
    def certifying(self) -> certifying.Certifying:
        return certifying.compose(
            self.settings,
            self.certificates,
            self.certificate_files,
            self.store,
            self.resolver,
            self.coordination.counters,
            self.reactor,
            self.clock,
            self.log,
            self.naming.zones,
            self.ready,
            self.lease("certificates"),
        )

    # -- everything

    @cached_property
    def backups(self) -> backups.Backing:
        return backups.compose(
            self.settings,
            self.hostname,
            self.reactor,
            self.clock,
            self.log,
            self.lease("backup"),
            self.keeping.file("backup.json"),
            self.store,
        )
