"""What every store of this package has in common: the services over a runner, and watchers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from mailhub.model.change import Change
from mailhub.model.measure import Measure
from mailhub.ports import Wakeups
from mailhub.ports.backup import Bodies
from mailhub.ports.kept import KeptFiles
from mailhub.store.certificates import CertificateNoteService
from mailhub.store.elsewhere import ElsewhereService
from mailhub.store.event_service import EventService, WebhookService
from mailhub.store.files import FileService
from mailhub.store.filter_service import FilterService
from mailhub.store.fresh import FreshMail
from mailhub.store.identities import AppPasswordService, AuthLogService, FactorService
from mailhub.store.listing_service import ArchiveService, ListingService
from mailhub.store.mirrors import MirrorService
from mailhub.store.people import AccountService, AddressService, DomainService, MailboxService
from mailhub.store.script_service import ScriptService
from mailhub.store.sending import DkimKeyService, QueueService, ReportService, RouteService
from mailhub.store.services import JournalService, MessageService, Runner
from mailhub.store.session_service import SessionService, SignInService
from mailhub.store.spools import SpoolFolder
from mailhub.store.trail_service import SampleService, TrailService
from mailhub.store.watchers import Watchers
from mailhub.store.zones import ZoneService


class ServedStorage:
    """`ports.Storage` but for `blobs` and `search_index`, which each store reads in its own way.
    `kept_files`: what all processes have in common besides; None for one alone, which has it in its
    data folder."""

    kept_files: KeptFiles | None = None
    measures: Sequence[Measure] = ()
    """What it says of how it does."""
    alone = True
    """Whether no other process changes what it has."""

    def __init__(self, runner: Runner, spools: SpoolFolder, watchers: Watchers) -> None:
        self.runner = runner
        """Runs the store's own work; for its background, and tests."""
        self.accounts = AccountService(runner)
        self.domains = DomainService(runner)
        self.addresses = AddressService(runner)
        self.mailboxes = MailboxService(runner)
        self.messages = MessageService(runner)
        self.listings = ListingService(runner)
        self.archive = ArchiveService(runner)
        fresh = FreshMail()
        watchers.add(fresh.heard)  # before all others: they may ask for it at once
        self.queue = QueueService(runner, fresh, self.alone)
        self.routes = RouteService(runner)
        self.dkim_keys = DkimKeyService(runner)
        self.reports = ReportService(runner)
        self.filters = FilterService(runner)
        self.files = FileService(runner)
        self.scripts = ScriptService(runner)
        self.app_passwords = AppPasswordService(runner)
        self.factors = FactorService(runner)
        self.authlog = AuthLogService(runner)
        self.events = EventService(runner)
        self.webhooks = WebhookService(runner)
        self.sessions = SessionService(runner)
        self.sign_ins = SignInService(runner)
        self.mirrors = MirrorService(runner)
        self.elsewheres = ElsewhereService(runner)
        self.zones = ZoneService(runner)
        self.certificates = CertificateNoteService(runner)
        self.journal = JournalService(runner)
        self.trail = TrailService(runner)
        self.samples = SampleService(runner)
        self.spools = spools
        self._watchers = watchers

    def backup_bodies(self, folder: Path, room: int) -> Bodies | None:
        """Bodies that are kept beside the store, on their way into backups; None where there are
        none. `folder`: of backups; `room`: octets that may lie there at a time."""
        return None

    def rung_by(self, wakeups: Wakeups) -> None:
        """Where other processes have the store too: they are rung for what this one commits, and
        this one looks when they ring. Who is alone has nobody to ring."""

    async def caught_up(self) -> None:
        """See `ports.Storage`. Of one process, commits are told before anybody can see them."""

    def watch(self, watcher: Callable[[Sequence[Change]], None]) -> Callable[[], None]:
        """See `ports.Storage.watch`."""
        return self._watchers.add(watcher)
