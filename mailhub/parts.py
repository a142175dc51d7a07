"""Composes every part of core, once, on what the settings name: store, coordination, resolver.

A part of the composition root, apart from it for its size. Opens nothing but files that are read
at once; no rule of mail may live here.
"""

from __future__ import annotations

import secrets
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mailhub import directories, filters, judging, personal, sieve
from mailhub.coord.memory import MemoryCoordination
from mailhub.core.accounts import Accounts
from mailhub.core.addresses import Addresses
from mailhub.core.allowances import Allowances
from mailhub.core.applying import Applying
from mailhub.core.departure import Departures
from mailhub.core.domains import Domains
from mailhub.core.filters import Filters
from mailhub.core.identity import Identity, identity
from mailhub.core.ids import Ids
from mailhub.core.intake import Intake
from mailhub.core.judging import Judging
from mailhub.core.login import Login
from mailhub.core.mailboxes import Mailboxes
from mailhub.core.maildrop import Maildrops
from mailhub.core.mailing import Mailing, mailing
from mailhub.core.mailroom import Mailroom, mailroom
from mailhub.core.messages import Messages
from mailhub.core.profiles import Profiles
from mailhub.core.queue import Queue
from mailhub.core.records import Records
from mailhub.core.relays import Relays
from mailhub.core.routes import Routes
from mailhub.core.scripts import Scripts
from mailhub.core.selected import Selections
from mailhub.core.sessions import Sessions
from mailhub.core.signing import Keys
from mailhub.core.srs import SRS
from mailhub.core.standing import Standings
from mailhub.core.suppressions import Suppressions
from mailhub.core.tallying import Tallies
from mailhub.core.tokens import Tokens
from mailhub.core.updates import Updates
from mailhub.core.uploading import Keys as UploadKeys
from mailhub.core.watch import Watch
from mailhub.core.webhook_calls import WebhookCalls
from mailhub.core.webhooks import Webhooks
from mailhub.directory.local import LocalDirectory
from mailhub.http.feeds import Feeds
from mailhub.model.settings import Settings
from mailhub.net.clock import ReactorClock
from mailhub.net.cms import CertificateSigning
from mailhub.net.folder import DataFolder
from mailhub.net.hashing import PooledHashing
from mailhub.net.hooks import ServerHooks
from mailhub.net.keymaking import ThreadKeyMaking
from mailhub.net.metrics import Metrics
from mailhub.net.outward import authorities
from mailhub.net.resolver import StubResolver
from mailhub.net.textfile import TextFile
from mailhub.net.together import together
from mailhub.net.web import GuardedWeb
from mailhub.net.workers import ProcessWorkers
from mailhub.ports import Clock, Coordination, Log
from mailhub.queue.notices import ReportNotices
from mailhub.queue.wording import EditedWording, Wording, default
from mailhub.service import Step
from mailhub.store.sqlite import SQLiteStore, open_store

SRS_FILE = "srs.json"
UPLOADS_FILE = "uploads.json"
TOKENS_FILE = "tokens.json"
LOGIN_FILE = "login.json"


class SystemRandomness:
    """`ports.Randomness` from the operating system."""

    def token(self, size: int) -> bytes:
        """`size` unpredictable bytes."""
        return secrets.token_bytes(size)


@dataclass(frozen=True, slots=True)
class Parts:
    """Every part of core, made once, and what it stands on."""

    settings: Settings
    hostname: str
    reactor: Any
    clock: Clock
    log: Log
    metrics: Metrics
    ready: Callable[[], bool]
    ids: Ids
    store: SQLiteStore
    hashing: PooledHashing
    watch: Watch
    feeds: Feeds
    webhooks: Webhooks
    webhook_calls: WebhookCalls
    domains: Domains
    addresses: Addresses
    mailboxes: Mailboxes
    allowances: Allowances
    sessions: Sessions
    accounts: Accounts
    directories: directories.Directories
    login: Login
    tokens: Tokens
    identity: Identity
    intake: Intake
    owners: personal.Owners
    filters: Filters
    scripts: Scripts
    upload_keys: UploadKeys
    messages: Messages
    mailroom: Mailroom
    mailing: Mailing
    workers: ProcessWorkers
    selections: Selections
    maildrops: Maildrops
    routes: Routes
    relays: Relays
    resolver: StubResolver
    web: GuardedWeb
    keys: Keys
    records: Records
    departures: Departures
    coordination: Coordination
    notices: ReportNotices
    queue: Queue
    suppressions: Suppressions
    hooks: ServerHooks
    tallies: Tallies
    judging: Judging

    @property
    def steps(self) -> Sequence[Step]:
        """What has to run before anything is asked of core, in the order in which it starts."""
        return (
            Step("store", self.store.start, self.store.stop),
            Step("login log", lambda: None, self.login.noted.flush),
            Step("hashing", self.hashing.start, self.hashing.stop),
            Step("directory", self.directories.start, self.directories.stop),
            Step("workers", lambda: None, self.workers.stop),
            Step("resolver", lambda: None, self.resolver.stop),
            Step("coordination", self.coordination.start, self.coordination.stop),
        )


def hostname_of(settings: Settings) -> str:
    """This server's name: as set, else the machine's."""
    name = settings.hostname or socket.gethostname()
    return name if "." in name else socket.getfqdn(name)


def compose(
    settings: Settings, reactor: Any, log: Log, metrics: Metrics, ready: Callable[[], bool]
) -> Parts:
    """Core on the embedded store."""
    clock = ReactorClock(reactor)
    randomness = SystemRandomness()
    ids = Ids(clock, randomness)
    hostname = hostname_of(settings)
    store = open_store(settings.store, Path(settings.data) / "store", reactor, clock)
    hashing = PooledHashing(reactor, randomness.token)
    watch = Watch(store, log)
    resolver = StubResolver(settings.resolver, reactor, randomness, log)
    keys = Keys(store, resolver, ThreadKeyMaking(reactor), clock, log, settings.dkim)
    domains = Domains(store, clock, ids, keys=keys)
    mailboxes = Mailboxes(
        store, clock, ids, limit=settings.imap.mailboxes, settings=settings.accounts
    )
    addresses = Addresses(
        store, clock, ids, hostname=hostname, default_domain=settings.default_domain
    )
    coordination = coordinate(settings, reactor, clock, log)
    hooks = ServerHooks(settings.hook, reactor, log, None)
    tallies = Tallies(store, clock, log, settings.reports)
    checks = filters.steps(
        settings, hostname, reactor, clock, coordination.counters, resolver, addresses.is_local
    )
    steps = judging.authentication(settings, hostname, resolver, reactor, clock, randomness)
    judged = judging.compose(settings, hostname, (*steps, *checks), log, tallies)
    standings = Standings(store, clock, settings.store.quota)
    allowances = Allowances(coordination.counters, standings, settings.limits, log)
    sieved = sieve.compose(store, addresses, mailboxes, clock, ids, log, hostname, settings.sieve)
    owners = personal.compose(
        store,
        addresses,
        allowances,
        clock,
        ids,
        log,
        hostname,
        settings.filters,
        settings.levels,
        scripts=(sieved.rules,),
    )
    intake = _intake(
        settings, hostname, store, addresses, clock, ids, allowances, hooks, judged, owners.applying
    )
    notices = ReportNotices(
        store,
        intake,
        ids,
        clock,
        log,
        settings.queue,
        hostname=hostname,
        wording=_wording(settings, log),
    )
    secret = DataFolder(Path(settings.data)).secret(LOGIN_FILE)
    accounts = Accounts(
        store, hashing, addresses, mailboxes, clock, ids, grace=settings.accounts.grace
    )
    people = directories.compose(
        settings.ldap,
        LocalDirectory(store, hashing, log),
        store,
        accounts,
        addresses,
        domains,
        reactor,
        clock,
        log,
    )
    login = Login(
        people.login,
        store,
        hashing,
        coordination.counters,
        settings.limits,
        clock,
        log,
        randomness=randomness,
        default_domain=settings.default_domain,
        secret=secret,
    )
    web = GuardedWeb(
        settings.web, resolver, reactor, authorities(settings.web.trusted, "web.trusted")
    )
    messages = Messages(store, clock, keep_expunged=settings.archive.expunged)
    selections = Selections(store, watch, settings.store)
    workers = ProcessWorkers(reactor, log)
    room = mailroom(
        store, messages, selections, clock, workers, judged.authserv_id, settings.archive
    )
    return Parts(
        settings=settings,
        hostname=hostname,
        reactor=reactor,
        clock=clock,
        log=log,
        metrics=metrics,
        ready=ready,
        ids=ids,
        store=store,
        hashing=hashing,
        watch=watch,
        feeds=Feeds(Updates(store, clock, settings.updates), watch, settings.updates, reactor, log),
        domains=domains,
        addresses=addresses,
        mailboxes=mailboxes,
        allowances=allowances,
        sessions=Sessions(allowances),
        accounts=accounts,
        directories=people,
        login=login,
        tokens=Tokens(
            coordination.sessions(store.sessions),
            store,
            watch,
            clock,
            randomness,
            log,
            DataFolder(Path(settings.data)).secret(TOKENS_FILE),
            settings.tokens,
        ),
        identity=identity(
            store,
            hashing,
            login,
            coordination.counters,
            settings.limits,
            clock,
            ids,
            randomness,
            Profiles(settings.profile, hostname, CertificateSigning(settings.tls, log), randomness),
            secret,
        ),
        intake=intake,
        owners=owners,
        upload_keys=UploadKeys(DataFolder(Path(settings.data)).secret(UPLOADS_FILE)),
        filters=Filters(store, web, clock, ids, settings.filters),
        scripts=sieved.scripts,
        messages=messages,
        mailroom=room,
        mailing=mailing(
            store,
            room,
            mailboxes,
            addresses,
            intake,
            allowances,
            settings.queue.future_release,
            clock,
            ids,
            randomness,
            hostname,
            settings.smtp.message_size,
        ),
        workers=workers,
        selections=selections,
        maildrops=Maildrops(
            store,
            mailboxes,
            settings.pop3,
            keep_expunged=settings.archive.expunged,
            newest=allowances.newest,
        ),
        routes=Routes(store, clock),
        relays=Relays(store, settings.smtp.trusted_networks),
        resolver=resolver,
        web=web,
        webhooks=Webhooks(store, web, clock, ids, randomness),
        webhook_calls=WebhookCalls(store, web, together, clock, log, settings.webhooks),
        keys=keys,
        records=Records(domains, keys, resolver, hostname, settings.reports),
        departures=Departures(
            keys,
            clock,
            hostname,
            settings.default_domain,
            settings.dkim,
            authserv_id=judged.authserv_id,
        ),
        coordination=coordination,
        notices=notices,
        queue=Queue(store, coordination.schedule, notices, clock),
        suppressions=Suppressions(store, clock, settings.queue.suppress_time),
        hooks=hooks,
        tallies=tallies,
        judging=judged,
    )


def coordinate(settings: Settings, reactor: Any, clock: Clock, log: Log) -> Coordination:
    """Redis where one is named, else this process's memory."""
    if not settings.redis.url:
        return MemoryCoordination(clock, settings)
    from mailhub.coord import redis  # its library costs who does without it nothing

    return redis.open(settings, reactor, clock, log)


def _intake(
    settings: Settings,
    hostname: str,
    store: SQLiteStore,
    addresses: Addresses,
    clock: Clock,
    ids: Ids,
    allowances: Allowances,
    hooks: ServerHooks,
    judged: Judging,
    applying: Applying,
) -> Intake:
    domain = settings.queue.srs_domain or settings.default_domain or hostname
    secret = DataFolder(Path(settings.data)).secret(SRS_FILE)
    return Intake(
        store,
        addresses,
        clock,
        ids,
        hostname,
        settings.smtp,
        quota=settings.store.quota,
        srs=SRS(secret, domain.lower()),
        allowances=allowances,
        hooks=hooks,
        judging=judged,
        applying=applying,
    )


def _wording(settings: Settings, log: Log) -> Callable[[], Wording]:
    template = settings.queue.notice_template
    if template:
        return EditedWording(TextFile(Path(template)), log)
    words = default()
    return lambda: words
