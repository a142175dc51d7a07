"""A whole mail server in memory for tests: every service of core over the memory store.

Time stands still until a test moves it, and every random byte comes from a seed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache

from mailhub import personal, sieve
from mailhub.coord.limits import ScheduleLimits
from mailhub.coord.memory import MemoryCounters, MemorySeats
from mailhub.coord.memory_schedule import MemorySchedule
from mailhub.core.accounts import AccountOrder, Accounts
from mailhub.core.addresses import Addresses
from mailhub.core.allowances import Allowances
from mailhub.core.crossing import Crossings
from mailhub.core.domains import Domains
from mailhub.core.elsewhere import Elsewheres
from mailhub.core.filters import Filters
from mailhub.core.hooking import NoHooks
from mailhub.core.identity import Identity, identity
from mailhub.core.ids import Ids
from mailhub.core.intake import Intake
from mailhub.core.judging import Judging
from mailhub.core.login import Login
from mailhub.core.mailboxes import Mailboxes
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
from mailhub.core.sign_ins import SignIns
from mailhub.core.signing import Keys
from mailhub.core.srs import SRS
from mailhub.core.standing import Standings
from mailhub.core.tokens import Tokens
from mailhub.core.watch import Watch
from mailhub.directory.local import LocalDirectory
from mailhub.model.account import Account, Limits, Principal, Role, Scope, Secrets, Service
from mailhub.model.change import Actor
from mailhub.model.envelope import Envelope, ForwardPath, Peer, ReversePath, TLSFacts
from mailhub.model.message import Arrival
from mailhub.model.settings import (
    ArchiveSettings,
    DkimSettings,
    LevelSettings,
    LimitSettings,
    ProfileSettings,
    QueueSettings,
    ReportSettings,
    SMTPSettings,
    StoreSettings,
    TokenSettings,
)
from mailhub.model.settings_rules import FilterSettings
from mailhub.model.settings_sieve import SieveSettings
from mailhub.net.hashing import InlineHashing
from mailhub.net.passwords import Cost, Passwords
from mailhub.ports import Hooks
from mailhub.ports.passage import Passage
from mailhub.queue import wording
from mailhub.queue.notices import ReportNotices
from mailhub.store.memory import MemoryStore
from tests.fakes import FakeClock, InlineEncrypting, ListLog, SeededRandomness
from tests.names import FakeResolver
from tests.signed import Workshop
from tests.support import run
from tests.webfake import FakeWeb

CHEAP = Cost(memory=64, passes=1, lanes=1, iterations=4096)
"""Hashes that cost a test nothing; SCRAM clients refuse fewer iterations."""
HOSTNAME = "mx.example.org"
DOMAIN = "example.org"
PASSWORD = "correct horse"
APPS = {"all": "abcdefghijklmnop", "imap": "imapimapimapimap"}
"""App passwords of who has a second factor in a dialogue."""
ACTOR = Actor(None, "test")
PEER = Peer("192.0.2.7", 40000, "198.51.100.1", 25)
SECURE_PEER = Peer(
    "192.0.2.7",
    40000,
    "198.51.100.1",
    465,
    TLSFacts("TLSv1.3", "TLS_AES_256_GCM_SHA384", b"e" * 32),
)


class Unsigned:
    """`ports.Signing` without a certificate."""

    async def sign(self, data: bytes) -> bytes:
        return data


class SeededHashing(InlineHashing):
    """`ports.Hashing` of a world: what another world of this run made of the same password and the
    same random bytes, it does not compute again."""

    def __init__(self, token: Callable[[int], bytes]) -> None:
        super().__init__(token, CHEAP)
        self._token = token

    async def hash(self, password: str, salt: bytes = b"") -> Secrets:
        """See `ports.Hashing`."""
        return _secrets(password, salt or self._token(16), self._token(16))


@lru_cache(maxsize=512)
def _secrets(password: str, salt: bytes, other: bytes) -> Secrets:
    return Passwords(lambda size: other, CHEAP).hash(password, salt)


@dataclass(slots=True)
class World:
    """Everything, joined as `tap` joins it."""

    clock: FakeClock
    randomness: SeededRandomness
    log: ListLog
    store: MemoryStore
    ids: Ids
    counters: MemoryCounters
    hashing: InlineHashing
    directory: LocalDirectory
    elsewheres: Elsewheres
    domains: Domains
    addresses: Addresses
    mailboxes: Mailboxes
    mailroom: Mailroom
    mailing: Mailing
    allowances: Allowances
    seats: MemorySeats
    sessions: Sessions
    accounts: Accounts
    intake: Intake
    owners: personal.Owners
    web: FakeWeb
    filters: Filters
    scripts: Scripts
    login: Login
    tokens: Tokens
    sign_ins: SignIns
    identity: Identity
    watch: Watch
    routes: Routes
    relays: Relays
    resolver: FakeResolver
    keys: Keys
    records: Records
    schedule: MemorySchedule
    queue: Queue
    people: dict[str, Account] = field(default_factory=dict)

    def account(
        self, address: str, password: str = PASSWORD, *, role: Role = Role.USER, storage: int = 0
    ) -> Account:
        """A new account with this main address, which is its username too; its domain is made."""
        run(self.domains.ensure(address.rpartition("@")[2], ACTOR))
        order = AccountOrder(
            username=address, password=password, role=role, limits=Limits(storage=storage)
        )
        made = self.people[address] = run(self.accounts.create(order, ACTOR))
        return made

    def second_factor(self, address: str, **apps: str) -> None:
        """Turns one-time codes on. `apps`: app passwords by the scope that they are for, `all` for
        everything."""
        account = self.people[address]
        codes, passwords = self.identity.codes, self.identity.app_passwords
        run(codes.set_up(account, "here", ACTOR))
        run(self.store.factors.spend(account.number, 1, ACTOR, enable=True))
        for scope, password in apps.items():
            scopes = frozenset() if scope == "all" else frozenset({Scope(scope)})
            run(passwords.create(account, scope, scopes, ACTOR, password=password))

    def principal(self, address: str, service: Service = Service.SUBMISSION) -> Principal:
        """Who logged in with this address."""
        account = self.people[address]
        return Principal(
            account.number,
            account.id,
            account.username,
            account.role,
            service,
            account.auth_version,
            address=PEER.address,
        )

    def deliver(self, address: str, message: bytes, *, sender: str = "a@remote.example") -> Arrival:
        """One message through intake, as another server would bring it."""
        recipient = run(self.intake.recipient(ForwardPath(address), None, False))
        envelope = self.envelope(address, sender=sender)
        spool = self.intake.spool(envelope)
        spool.write(message)
        return run(self.intake.accept(envelope, [recipient], spool))[0]

    def envelope(
        self,
        *recipients: str,
        sender: str = "a@remote.example",
        principal: Principal | None = None,
        service: Service = Service.SMTP,
        protocol: str = "ESMTP",
    ) -> Envelope:
        """A complete envelope of a new transaction."""
        return Envelope(
            transaction=self.intake.transaction(),
            reverse_path=ReversePath(sender),
            forward_paths=tuple(ForwardPath(one) for one in recipients),
            service=service,
            peer=PEER,
            helo="client.example",
            principal=principal,
            protocol=protocol,
        )


def world(
    *,
    limits: LimitSettings | None = None,
    smtp: SMTPSettings | None = None,
    quota: int = 0,
    people: tuple[str, ...] = (f"joe@{DOMAIN}",),
    clock: FakeClock | None = None,
    srs: SRS | None = None,
    hooks: Hooks | None = None,
    judging: Judging | None = None,
    scripts: SieveSettings | None = None,
    passage: Passage | None = None,
) -> World:
    """A server with the domain `example.org` and an account for each of `people`. `passage`: to
    other servers."""
    clock, randomness, log = clock or FakeClock(), SeededRandomness(), ListLog()
    store = MemoryStore(clock=clock, quota=quota)
    ids = Ids(clock, randomness)
    counters = MemoryCounters(clock)
    hashing = SeededHashing(randomness.token)
    directory = LocalDirectory(store, hashing, log)
    domains = Domains(store, clock, ids)
    resolver = FakeResolver()
    keys = Keys(store, resolver, Workshop(), clock, log, DkimSettings())
    addresses = Addresses(store, clock, ids, hostname=HOSTNAME, default_domain=DOMAIN)
    mailboxes = Mailboxes(store, clock, ids)
    standings = Standings(store, clock, quota)
    allowances = Allowances(counters, standings, limits or LimitSettings(), log)
    seats = MemorySeats()
    web = FakeWeb()
    sieved = sieve.compose(
        store, addresses, mailboxes, clock, ids, log, HOSTNAME, scripts or SieveSettings()
    )
    owners = personal.compose(
        store,
        addresses,
        allowances,
        clock,
        ids,
        log,
        HOSTNAME,
        FilterSettings(),
        LevelSettings(),
        InlineEncrypting(),
        scripts=(sieved.rules,),
    )
    elsewheres = Elsewheres(store, clock)
    intake = Intake(
        store,
        addresses,
        clock,
        ids,
        HOSTNAME,
        smtp or SMTPSettings(),
        quota=quota,
        srs=srs,
        allowances=allowances,
        hooks=hooks or NoHooks(),
        judging=judging,
        applying=owners.applying,
        elsewheres=elsewheres,
    )
    crossings = None
    if passage is not None:
        crossings = Crossings(elsewheres, passage, store, hashing, log, learn=True)
    schedule = MemorySchedule(clock, ScheduleLimits())
    notices = ReportNotices(
        store, intake, ids, clock, log, QueueSettings(), hostname=HOSTNAME, wording=wording.default
    )
    watch = Watch(store, log, clock)
    tokens = Tokens(
        store.sessions, store, watch, clock, randomness, log, b"s" * 32, TokenSettings()
    )
    login = Login(
        directory,
        store,
        hashing,
        counters,
        limits or LimitSettings(),
        clock,
        log,
        randomness=randomness,
        default_domain=DOMAIN,
        crossings=crossings,
    )
    room = mailroom(
        store,
        Messages(store, clock, keep_expunged=True, sealing=owners.sealing),
        Selections(store, watch, StoreSettings()),
        clock,
        None,
        HOSTNAME,
        ArchiveSettings(),
    )
    made = World(
        clock=clock,
        randomness=randomness,
        log=log,
        store=store,
        ids=ids,
        counters=counters,
        hashing=hashing,
        directory=directory,
        elsewheres=elsewheres,
        domains=domains,
        addresses=addresses,
        mailboxes=mailboxes,
        mailroom=room,
        mailing=mailing(
            store,
            room,
            mailboxes,
            addresses,
            intake,
            allowances,
            QueueSettings().future_release,
            clock,
            ids,
            randomness,
            HOSTNAME,
            SMTPSettings().message_size,
        ),
        allowances=allowances,
        seats=seats,
        sessions=Sessions(allowances, seats),
        accounts=Accounts(store, hashing, addresses, mailboxes, clock, ids),
        intake=intake,
        owners=owners,
        web=web,
        filters=Filters(store, web, clock, ids, FilterSettings()),
        scripts=sieved.scripts,
        login=login,
        tokens=tokens,
        sign_ins=SignIns(tokens, store, clock, randomness, TokenSettings()),
        identity=identity(
            store,
            hashing,
            login,
            counters,
            limits or LimitSettings(),
            clock,
            ids,
            randomness,
            Profiles(ProfileSettings(), HOSTNAME, Unsigned(), randomness),
            b"s" * 32,
        ),
        watch=watch,
        routes=Routes(store, clock),
        relays=Relays(store),
        resolver=resolver,
        keys=keys,
        records=Records(domains, keys, resolver, HOSTNAME, ReportSettings()),
        schedule=schedule,
        queue=Queue(store, schedule, notices, clock),
    )
    run(domains.ensure(DOMAIN, ACTOR))
    for address in people:
        made.account(address)
    return made
