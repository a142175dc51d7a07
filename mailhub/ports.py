"""What core needs of the world, as small protocols; backends implement them, `tap` joins them.

Every method that may wait returns an awaitable. The embedded store answers with Deferreds, the
in-memory one with finished coroutines; core cannot tell and must not ask.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine, Generator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from mailhub.model.account import Account, NewAccount, Secrets
from mailhub.model.address import Address, Domain, NewAddress
from mailhub.model.change import Actor, Change, JournalEntry
from mailhub.model.dkim import DkimKey, KeyState
from mailhub.model.dmarcreport import DMARCSeen
from mailhub.model.dns import DNSAnswer
from mailhub.model.flags import FlagMode, Flags
from mailhub.model.hook import HookAnswer, HookFacts, HookStage
from mailhub.model.mailbox import Mailbox, NewMailbox
from mailhub.model.message import (
    Arrival,
    BlobRef,
    Content,
    Copied,
    Copy,
    Index,
    Rendered,
    Stored,
)
from mailhub.model.outbound import Answer, Sent
from mailhub.model.queue import (
    Attempt,
    Lease,
    Loaded,
    Onward,
    QueueEntry,
    QueueFilter,
    QueueMessage,
    QueueSender,
    Slot,
    Suppression,
)
from mailhub.model.report import ReportRow
from mailhub.model.route import Hop, Route
from mailhub.model.tlsreport import TLSReport
from mailhub.model.uids import UidSet

Buffer = bytes | bytearray | memoryview


class Clock(Protocol):
    """Time. `seconds`: monotonic, for intervals. `now`: wall clock, seconds since the epoch."""

    def seconds(self) -> float: ...
    def now(self) -> float: ...
    def pause(self) -> Awaitable[None]:
        """Let other sessions run: ends after the reactor went round once."""
        ...

    def sleep(self, seconds: float) -> Awaitable[None]: ...


class Together(Protocol):
    """Runs coroutines side by side: each waits on its own. Their results, in order; raises what the
    first of them raises."""

    def __call__(self, work: Sequence[Coroutine[Any, Any, Any]]) -> Awaitable[Sequence[Any]]: ...


class Randomness(Protocol):
    """Unpredictable bytes."""

    def token(self, size: int) -> bytes: ...


class Body(Protocol):
    """A message's bytes, complete and immutable, not yet in the store.

    `digest`: SHA-256 of them. The owner calls `close` once on every path.
    """

    @property
    def size(self) -> int: ...
    @property
    def digest(self) -> bytes: ...
    def view(self) -> memoryview: ...
    def begin_with(self, head: bytes, skip: int) -> Generator[None, None, None]:
        """Puts `head` in place of the first `skip` octets, before anybody else has the body; yields
        between slices of work. `head` has at most `skip` octets and the spool's room. Raises
        StorageFull, Unavailable."""
        ...

    def close(self) -> None: ...


class Spool(Protocol):
    """Where a message's chunks go while they arrive; memory stays bounded at any size.

    `write` raises StorageFull. `finish` ends it and hands the bytes over; `abort` drops them.
    """

    @property
    def size(self) -> int: ...
    def write(self, chunk: Buffer) -> None: ...
    def finish(self) -> Body: ...
    def abort(self) -> None: ...


class Spools(Protocol):
    """Makes spools."""

    def open(self, head: bytes = b"", room: int = 0) -> Spool:
        """A new spool that starts with `head`. `room`: octets that `Body.begin_with` may add."""
        ...


class Accounts(Protocol):
    """Account rows and their secrets."""

    def create(
        self,
        order: NewAccount,
        secrets: Secrets,
        mailboxes: Sequence[NewMailbox],
        addresses: Sequence[NewAddress],
        actor: Actor,
    ) -> Awaitable[Account]:
        """All in one commit. Raises AlreadyExists (username, or an address: see `field`)."""
        ...

    def get(self, number: int) -> Awaitable[Account | None]: ...
    def by_id(self, id: str) -> Awaitable[Account | None]: ...
    def by_username(self, username: str) -> Awaitable[Account | None]: ...
    def page(
        self,
        *,
        after: int = 0,
        before: int = 0,
        limit: int = 100,
        query: str = "",
        tags: Sequence[str] = (),
        required_tags: Sequence[str] = (),
    ) -> Awaitable[tuple[Sequence[Account], int]]:
        """Accounts with number > after, in number order, and how many match in all.

        `before` (not 0): the last ones with number < before instead, in number order too. `query`:
        substring of username or of an address; `tags`: any of them; `required_tags`: all of them;
        tags compare without regard to ASCII case."""
        ...

    def replace(self, account: Account, actor: Actor) -> Awaitable[Account]:
        """Stores every settable field (not counters or number); raises NotFound, AlreadyExists."""
        ...

    def remove(self, number: int, actor: Actor) -> Awaitable[None]:
        """The account with its mailboxes, messages and addresses. Raises NotFound."""
        ...

    def secrets(self, number: int) -> Awaitable[Secrets]: ...
    def set_secrets(
        self, number: int, secrets: Secrets, actor: Actor, *, end_sessions: bool
    ) -> Awaitable[Account]:
        """`end_sessions` raises auth_version (a change of password; not a rehash)."""
        ...

    def count(self) -> Awaitable[int]: ...


class Domains(Protocol):
    """Local domains."""

    def add(self, domain: Domain, actor: Actor) -> Awaitable[Domain]: ...
    def get(self, name: str) -> Awaitable[Domain | None]: ...
    def all(self) -> Awaitable[Sequence[Domain]]: ...
    def replace(self, domain: Domain, actor: Actor) -> Awaitable[Domain]: ...
    def remove(self, name: str, actor: Actor) -> Awaitable[None]:
        """Raises NotFound, InUse while addresses stand in it."""
        ...


class Addresses(Protocol):
    """Local addresses and aliases."""

    def add(self, order: NewAddress, actor: Actor) -> Awaitable[Address]: ...
    def get(self, key: str) -> Awaitable[Address | None]: ...
    def by_id(self, id: str) -> Awaitable[Address | None]: ...
    def match(self, keys: Sequence[str]) -> Awaitable[Address | None]:
        """The first of `keys` that exists, in their order, in one look-up."""
        ...

    def of_account(self, account: int) -> Awaitable[Sequence[Address]]: ...
    def page(
        self,
        *,
        after: int = 0,
        before: int = 0,
        limit: int = 100,
        query: str = "",
        domain: str = "",
    ) -> Awaitable[tuple[Sequence[Address], int]]:
        """As `Accounts.page`. `query`: substring of the address."""
        ...

    def replace(self, address: Address, actor: Actor) -> Awaitable[Address]:
        """With `main` true the account's other addresses lose it."""
        ...

    def remove(self, number: int, actor: Actor) -> Awaitable[None]: ...


class Mailboxes(Protocol):
    """Mailboxes of an account."""

    def all(self, account: int) -> Awaitable[Sequence[Mailbox]]:
        """Sorted by name, INBOX first."""
        ...

    def get(self, account: int, name: str) -> Awaitable[Mailbox | None]: ...
    def by_number(self, account: int, number: int) -> Awaitable[Mailbox | None]: ...
    def create(
        self, account: int, orders: Sequence[NewMailbox], actor: Actor
    ) -> Awaitable[Sequence[Mailbox]]:
        """In one commit. Raises AlreadyExists, NotFound (account)."""
        ...

    def rename(
        self, account: int, moves: Sequence[tuple[int, str]], actor: Actor
    ) -> Awaitable[None]:
        """(number, new name) pairs in one commit. Raises AlreadyExists, NotFound."""
        ...

    def drain(
        self, account: int, source: int, order: NewMailbox, actor: Actor
    ) -> Awaitable[Mailbox]:
        """RENAME INBOX (RFC 9051 6.3.6): a new mailbox takes all messages; the source is empty."""
        ...

    def remove(self, account: int, number: int, actor: Actor) -> Awaitable[None]:
        """With its messages, and its subscription. Raises NotFound."""
        ...

    def subscribe(self, account: int, name: str, subscribed: bool, actor: Actor) -> Awaitable[None]:
        """Names that are no mailbox can be subscribed too (RFC 9051 6.3.7)."""
        ...

    def subscriptions(self, account: int) -> Awaitable[Sequence[str]]: ...
    def set_special_use(
        self, account: int, number: int, special_use: str, actor: Actor
    ) -> Awaitable[None]: ...
    def claim_recent(self, account: int, number: int) -> Awaitable[int]:
        """The first UID that no session was told of as recent; all later calls see later ones."""
        ...


class Messages(Protocol):
    """Messages in mailboxes: one method, one transaction, and the sync came before the answer."""

    def deliver(
        self,
        transaction: str,
        body: Body,
        rendered: Rendered,
        copies: Sequence[Copy],
        sender: QueueSender | None,
        onward: Sequence[Onward],
        actor: Actor,
    ) -> Awaitable[Sequence[Arrival]]:
        """The body once, every copy, every queue entry, the journal: together or not at all.

        One Arrival per copy, in order. A `transaction` seen before changes nothing and returns
        what it returned then. `rendered.header_length` counts the blob alone; the store adds the
        prefix. Raises OverQuota (no copy is made), NotFound (account or mailbox gone),
        StorageFull, Unavailable (too much pending, or the store failed).
        """
        ...

    def append(
        self,
        account: int,
        mailbox: int,
        messages: Sequence[tuple[Body, Rendered, Flags, int]],
        actor: Actor,
        *,
        replaces: tuple[int, int] | None = None,
    ) -> Awaitable[Sequence[Arrival]]:
        """All or none (RFC 3502). Each: body, rendered, flags, internaldate. `replaces`: (mailbox,
        uid) expunged in the same commit (RFC 8508). Raises as `deliver`."""
        ...

    def index(self, account: int, mailbox: int) -> Awaitable[Index]:
        """The whole mailbox's arrays. Raises NotFound."""
        ...

    def envelopes(
        self, account: int, mailbox: int, uids: UidSet
    ) -> Awaitable[Sequence[tuple[int, bytes]]]:
        """(uid, ENVELOPE) of those that exist, in UID order; so with the next ones."""
        ...

    def bodystructures(
        self, account: int, mailbox: int, uids: UidSet
    ) -> Awaitable[Sequence[tuple[int, bytes]]]: ...
    def contents(self, account: int, mailbox: int, uids: UidSet) -> Awaitable[Sequence[Content]]:
        """Where the bytes are, for `Blobs.read`."""
        ...

    def rendered(
        self, account: int, mailbox: int, uids: UidSet
    ) -> Awaitable[Sequence[tuple[int, Rendered]]]: ...
    def marks(
        self, account: int, mailbox: int, uids: UidSet
    ) -> Awaitable[Sequence[tuple[int, str, str, int, str]]]:
        """(uid, EMAILID, THREADID, SAVEDATE epoch seconds, PREVIEW)."""
        ...

    def store_flags(
        self,
        account: int,
        mailbox: int,
        uids: UidSet,
        mode: FlagMode,
        flags: Flags,
        actor: Actor,
        *,
        unchanged_since: int | None = None,
    ) -> Awaitable[Stored]: ...
    def copy(
        self, account: int, mailbox: int, uids: UidSet, destination: int, actor: Actor
    ) -> Awaitable[Copied]:
        """Raises OverQuota, NotFound (destination)."""
        ...

    def move(
        self, account: int, mailbox: int, uids: UidSet, destination: int, actor: Actor
    ) -> Awaitable[Copied]:
        """One transaction: no instant shows a message twice or not at all."""
        ...

    def expunge(
        self, account: int, mailbox: int, uids: UidSet, actor: Actor, *, only_deleted: bool = True
    ) -> Awaitable[tuple[UidSet, int]]:
        """What went, and the MODSEQ (0 when nothing did)."""
        ...

    def vanished(
        self, account: int, mailbox: int, since: int, uids: UidSet | None = None
    ) -> Awaitable[UidSet]:
        """UIDs expunged after MODSEQ `since`; may name more than that (RFC 7162 3.2.5)."""
        ...

    def changed_flags(
        self, account: int, mailbox: int, since: int
    ) -> Awaitable[Sequence[tuple[int, int, int]]]:
        """(uid, flag code, modseq) of messages with MODSEQ > since, by UID."""
        ...


class Blobs(Protocol):
    """The segments' bytes."""

    def read(self, refs: Sequence[BlobRef]) -> Awaitable[Sequence[bytes]]:
        """All of `refs` in one hop off the reactor. The caller bounds their sum. Raises Corrupt,
        Unavailable."""
        ...


@dataclass(frozen=True, slots=True)
class Notice:
    """A delivery status notification that is committed with the outcome it tells of. `transaction`:
    unique, as of `Messages.deliver`. The caller closes `body`."""

    transaction: str
    body: Body
    rendered: Rendered
    copies: Sequence[Copy]
    sender: QueueSender
    onward: Sequence[Onward]


class Queue(Protocol):
    """Queued recipients (when and by whom they are tried: `Schedule`)."""

    def page(
        self, *, after: int = 0, limit: int = 100, wanted: QueueFilter | None = None
    ) -> Awaitable[tuple[Sequence[QueueEntry], int]]:
        """Entries with number > after, in number order, and how many match in all."""
        ...

    def entries(self, numbers: Sequence[int]) -> Awaitable[Sequence[QueueEntry]]:
        """Those that exist, in number order."""
        ...

    def load(self, numbers: Sequence[int], *, each: int, together: int) -> Awaitable[Loaded]:
        """All that trying these entries needs, at once. Bytes come along of messages with at most
        `each` octets, as many as have at most `together`; of none where any is damaged."""
        ...

    def messages(self, numbers: Sequence[int]) -> Awaitable[Sequence[QueueMessage]]:
        """Those that exist, in number order."""
        ...

    def slots(self, *, after: int = 0, limit: int = 1000) -> Awaitable[Sequence[Slot]]:
        """Of entries that are not held, with number > after, in number order."""
        ...

    def attempts(self, number: int) -> Awaitable[Sequence[Attempt]]:
        """What came of the tries so far of an entry that waits, oldest first; the newest thousand
        of them. `warned` is not told."""
        ...

    def count(self) -> Awaitable[int]:
        """How many recipients wait."""
        ...

    def record(
        self, token: int, attempts: Sequence[Attempt], notices: Sequence[Notice], actor: Actor
    ) -> Awaitable[Sequence[int]]:
        """What became of entries, and what is told of it, in one commit; all or nothing.

        Entries whose attempt has no `due` are gone afterwards, a message with its last entry.
        Every attempt is journaled with its reply. Returns the numbers of entries that are gone or
        that saw a newer `token` already: nothing is recorded for them, and where there are any,
        for none. Raises as `Messages.deliver`.
        """
        ...

    def hold(self, numbers: Sequence[int], held: bool, actor: Actor) -> Awaitable[int]:
        """Holds or releases; how many changed. A released entry keeps its due time."""
        ...

    def retry(self, numbers: Sequence[int], due: int, actor: Actor) -> Awaitable[int]:
        """Makes entries due at `due`; how many exist."""
        ...

    def reroute(self, numbers: Sequence[int], route: int, actor: Actor) -> Awaitable[int]:
        """Sends entries over the route of this number, 0: as the routes say; how many exist.
        Raises NotFound (the route)."""
        ...


class Routes(Protocol):
    """Routes, networks that may relay, and recipients that nothing is sent to."""

    def all(self) -> Awaitable[Sequence[Route]]: ...
    def add(self, route: Route, actor: Actor) -> Awaitable[Route]:
        """The store gives `number`."""
        ...

    def remove(self, number: int, actor: Actor) -> Awaitable[None]:
        """Entries that were sent over it go as the routes say again. Raises NotFound."""
        ...

    def networks(self) -> Awaitable[Sequence[str]]:
        """Networks whose clients may relay, as `192.0.2.0/24`, in the order they were added."""
        ...

    def allow(self, network: str, actor: Actor) -> Awaitable[None]:
        """Raises AlreadyExists."""
        ...

    def disallow(self, network: str, actor: Actor) -> Awaitable[None]:
        """Raises NotFound."""
        ...

    def suppressed(self, keys: Sequence[str]) -> Awaitable[Sequence[Suppression]]:
        """Those of `keys` (folded addresses) that are suppressed."""
        ...

    def suppressions(
        self, *, after: str = "", limit: int = 100
    ) -> Awaitable[Sequence[Suppression]]: ...
    def suppress(self, one: Suppression, actor: Actor) -> Awaitable[None]:
        """Adds or replaces it."""
        ...

    def unsuppress(self, key: str, actor: Actor) -> Awaitable[None]:
        """Raises NotFound."""
        ...


class DkimKeys(Protocol):
    """Signing keys."""

    def all(self, domain: str = "") -> Awaitable[Sequence[DkimKey]]:
        """Of a domain, or of all, newest first."""
        ...

    def add(self, keys: Sequence[DkimKey], actor: Actor) -> Awaitable[None]:
        """In one commit. Raises AlreadyExists (domain and selector)."""
        ...

    def move(
        self, domain: str, selectors: Sequence[str], state: KeyState, actor: Actor
    ) -> Awaitable[None]:
        """Into another state, in one commit. Raises NotFound."""
        ...

    def remove(self, domain: str, selectors: Sequence[str], actor: Actor) -> Awaitable[None]:
        """Raises NotFound."""
        ...


class KeyMaking(Protocol):
    """Makes key pairs off the reactor: an RSA one takes a tenth of a second, or ten."""

    def make(self, algorithm: str) -> Awaitable[tuple[str, str]]:
        """(private key as PKCS #8 PEM, public key as in the record's `p=`). `algorithm`: `rsa`
        (2048 bits) or `ed25519`. Raises Unavailable (too many are being made)."""
        ...


class Reports(Protocol):
    """Counts by day for reports, of ours and of others; what they mean, core says.

    Where `most` is not 0, no day of a kind has more rows than that, and no domain more than a
    tenth of it: counts of rows that are there grow, further rows are left out.
    """

    def add(self, rows: Sequence[ReportRow], *, most: int = 0) -> Awaitable[None]:
        """Adds the rows' counts to those that are there."""
        ...

    def add_once(
        self, marker: ReportRow, rows: Sequence[ReportRow], *, most: int = 0
    ) -> Awaitable[bool]:
        """Adds the marker and the rows in one commit, unless the marker is there: then nothing,
        and False."""
        ...

    def of_day(self, kind: str, day: int, domain: str = "") -> Awaitable[Sequence[ReportRow]]:
        """Of one domain, or of all, by domain and key."""
        ...

    def domains(self, kind: str, day: int) -> Awaitable[Sequence[str]]:
        """Domains that have rows, in their order."""
        ...

    def days(self, kind: str) -> Awaitable[Sequence[int]]:
        """Days that have rows, oldest first."""
        ...

    def drop(self, kind: str, day: int, domain: str = "") -> Awaitable[None]:
        """Forgets a day, or what it has of one domain."""
        ...


class Tally(Protocol):
    """Counts what others are told of later. Its methods return at once and never raise: what is
    counted may be lost in a crash, mail is not."""

    def dmarc(self, seen: DMARCSeen) -> None:
        """One message whose author's domain has a DMARC policy, once its fate is known: delivered
        or refused. Who asks for no reports costs nothing."""
        ...

    def tls(self, reports: Sequence[TLSReport]) -> None:
        """Sessions with other servers."""
        ...


class Journal(Protocol):
    """The numbered record of every change."""

    def since(
        self, number: int, *, account: int | None = None, limit: int = 1000
    ) -> Awaitable[Sequence[JournalEntry]]: ...
    def note(self, account: int | None, kind: str, detail: str, actor: Actor) -> Awaitable[int]:
        """Writes an entry that changes nothing else (a login, an admin act)."""
        ...


class Storage(Protocol):
    """The store as a whole."""

    @property
    def accounts(self) -> Accounts: ...
    @property
    def domains(self) -> Domains: ...
    @property
    def addresses(self) -> Addresses: ...
    @property
    def mailboxes(self) -> Mailboxes: ...
    @property
    def messages(self) -> Messages: ...
    @property
    def blobs(self) -> Blobs: ...
    @property
    def spools(self) -> Spools: ...
    @property
    def queue(self) -> Queue: ...
    @property
    def routes(self) -> Routes: ...
    @property
    def dkim_keys(self) -> DkimKeys: ...
    @property
    def reports(self) -> Reports: ...
    @property
    def journal(self) -> Journal: ...
    def watch(self, watcher: Callable[[Sequence[Change]], None]) -> Callable[[], None]:
        """`watcher` hears every commit's changes, in commit order, before the answer of the call
        that made them. Returns what ends it."""
        ...


class Hashing(Protocol):
    """Password hashing off the reactor, in a bounded pool."""

    def hash(self, password: str) -> Awaitable[Secrets]:
        """Fresh argon2id hash and SCRAM keys."""
        ...

    def verify(self, password: str, hashed: str) -> Awaitable[tuple[bool, bool]]:
        """(right, wants a rehash). An empty `hashed` costs the same time and is never right."""
        ...


class Counters(Protocol):
    """Counts that fall back to zero after a while: limits on guesses, rates, connections."""

    def hit(self, key: str, window: float, cost: int = 1) -> Awaitable[int]:
        """Adds and returns the count in the current `window` of seconds."""
        ...

    def peek(self, key: str) -> Awaitable[int]: ...
    def clear(self, key: str) -> Awaitable[None]: ...


class Log(Protocol):
    """Structured events. Never a password, a token or message text."""

    def event(self, verb: str, **fields: object) -> None: ...


class Directory(Protocol):
    """Where accounts come from."""

    def find(self, name: str) -> Awaitable[Account | None]:
        """By login name: a username or any address of the account. Raises Unavailable."""
        ...

    def verify(self, account: Account, password: str) -> Awaitable[bool]:
        """Whether `password` is the account's master password. Raises Unavailable."""
        ...


class Schedule(Protocol):
    """When queue entries are tried, and by whom: rebuilt from the store whenever it is lost.

    Entries wait in lanes, one for each recipient domain. A lease gives some due entries of one
    lane to one runner; no entry is in two leases at once. All methods raise Unavailable.
    """

    def put(self, slots: Sequence[Slot]) -> Awaitable[None]:
        """Adds entries, or moves those that wait already. One that is leased waits anew when its
        lease ends: as put, or as `end` says where that is later."""
        ...

    def drop(self, numbers: Sequence[int]) -> Awaitable[None]:
        """Forgets entries that wait; leased ones are forgotten when their lease ends."""
        ...

    def take(self, leases: int, entries: int, seconds: float) -> Awaitable[Sequence[Lease]]:
        """At most so many leases of at most so many due entries each, for so many seconds. A lane
        that backs off, or has as many leases as it may have, gives none."""
        ...

    def claim(self, numbers: Sequence[int], seconds: float) -> Awaitable[Lease]:
        """A lease of these very entries, for who acts on them by hand: due or not, waiting or
        unknown, of any lane (its own is empty), without regard to limits. `entries` has those
        that no other lease holds. One that runs out leaves them as they waited."""
        ...

    def renew(self, token: int, seconds: float) -> Awaitable[bool]:
        """False where the lease has ended: its holder must not act on it any more."""
        ...

    def end(self, token: int, again: Sequence[Slot]) -> Awaitable[None]:
        """Ends a lease; `again`: the entries of it that stay, with their next due time. One that
        ended by itself changes nothing."""
        ...

    def back_off(self, lane: str, until: int) -> Awaitable[None]:
        """The lane gives no lease before `until`, epoch seconds; in place of what was said
        before, so 0 ends it."""
        ...

    def next_due(self) -> Awaitable[int | None]:
        """When `take` may next give something, epoch seconds, a lease that runs out included;
        None where nothing waits and nothing is leased, or the schedule must be filled first."""
        ...

    def size(self) -> Awaitable[int]:
        """Entries waiting and leased."""
        ...

    def leased(self, numbers: Sequence[int]) -> Awaitable[frozenset[int]]:
        """Those of them that are in a lease now."""
        ...

    def claim_rebuild(self) -> Awaitable[bool]:
        """Whether the schedule is empty of memory (new, or lost) and the caller is the one who
        fills it. Until every lease from before must have ended, none is given out.

        Cheap: to be asked at the start, at every wake and every few seconds. A claimer from whom
        neither `put` nor `rebuilt` came for a minute is taken for dead: another may claim.
        """
        ...

    def rebuilt(self) -> Awaitable[None]:
        """The caller, whose claim it was, has put all slots of the store."""
        ...

    def watch(self, wake: Callable[[], None]) -> Callable[[], None]:
        """`wake` is called soon after something can be taken earlier than `next_due` said, and
        when the schedule came back or may have been lost (ask `claim_rebuild`). It may be called
        without need; it must return at once and not raise. Returns what ends it."""
        ...


class Coordination(Protocol):
    """What processes share and may lose: the schedule and the counters, with their connections.

    `start` ends without an error where the other side is away; it is looked for from then on.
    """

    @property
    def schedule(self) -> Schedule: ...
    @property
    def counters(self) -> Counters: ...
    def start(self) -> Awaitable[None]: ...
    def stop(self) -> Awaitable[None]: ...


class Outbound(Protocol):
    """The SMTP client."""

    def send(
        self,
        hops: Sequence[Hop],
        sender: QueueSender,
        recipients: Sequence[QueueEntry],
        message: Message,
        holds: Callable[[], bool],
    ) -> Awaitable[Sent]:
        """One message to recipients that share a destination, over the first hop that answers.

        A hop that cannot be reached, or that refuses before MAIL for now, is followed by the
        next. `holds` is asked before the last octet leaves: False ends the attempt without it.
        Never raises: what went wrong is in the answers, one for each recipient.
        """
        ...


class Hooks(Protocol):
    """Code of others that looks into what this server does."""

    def has(self, stage: HookStage) -> bool:
        """Whether anybody is asked: callers ask this before they collect facts."""
        ...

    def ask(self, facts: HookFacts) -> Awaitable[HookAnswer]:
        """The first answer that does not accept. Never raises; bounds its own time."""
        ...

    def tell(self, facts: HookFacts) -> None:
        """As `ask`, for stages whose answers change nothing; returns at once."""
        ...


class Programs(Protocol):
    """Runs the commands that aliases lead to."""

    def run(self, argv: Sequence[str], entry: QueueEntry, message: Message) -> Awaitable[Answer]:
        """Hands the message to a command, on its standard input. Never raises.

        Exit status 0: delivered; 5: failed for good; 4 and every other: to be tried again, so that
        a broken script loses nothing. What may not run at all, or ran into a limit, too.
        """
        ...


class Message(Protocol):
    """A message to be sent, read piece by piece."""

    @property
    def size(self) -> int:
        """Octets."""
        ...

    def read(self, start: int, stop: int) -> Awaitable[bytes]:
        """Raises Corrupt, Unavailable."""
        ...


class Departure(Protocol):
    """What is put before a message when it leaves: signatures, and seals of forwarded mail."""

    def prefix(self, queued: QueueMessage, message: Message) -> Awaitable[bytes]:
        """Whole header fields with their CRLF, or nothing. `message`: the bytes as stored;
        `queued.sender.account`: whose submission it is, None for what is passed on.

        Asked once for a message while it is known; the caller keeps the answer. Raises
        Unavailable, Corrupt: the message waits.
        """
        ...


class Resolver(Protocol):
    """The DNS."""

    def query(self, name: str, kind: str) -> Awaitable[DNSAnswer]:
        """Raises NotFound (NXDOMAIN), Unavailable (SERVFAIL, no answer in time, no resolver)."""
        ...


class Fetch(Protocol):
    """Documents from other people's web servers, fetched with care: HTTPS with a verified
    certificate, never from a private address, no redirects."""

    def get(self, url: str, *, kind: str, size: int, seconds: float) -> Awaitable[bytes]:
        """The body of a 200 answer whose media type is `kind`, at most `size` octets long.

        Raises Untrusted (the certificate), Unavailable (everything else that went wrong).
        """
        ...


class Posting(Protocol):
    """Hands documents to other people's web servers, with the care of `Fetch`, but whatever their
    certificates prove: for reports that tell of just that (RFC 8460 3)."""

    def post(self, url: str, data: bytes, *, kind: str, seconds: float) -> Awaitable[None]:
        """`kind`: its media type. Ends where the server took it. Raises Unavailable."""
        ...


class Shelf(Protocol):
    """JSON that outlives a restart, and whose loss costs only the work to find it out again."""

    def read(self) -> Any:
        """What was kept last; None where that is nothing, or unreadable."""
        ...

    def keep(self, value: Callable[[], Any]) -> None:
        """Asks `value` soon, once for many calls, and keeps what it returns."""
        ...


class Dialogue(Protocol):
    """A connection to one of the administrator's own programs. The caller closes it."""

    def send(self, data: Buffer) -> Awaitable[bool]:
        """Waits while the other side does not keep up. False where it has closed: what it said
        before may still be received. Raises Unavailable (its time is over)."""
        ...

    def receive(self) -> Awaitable[bytes]:
        """What came next; nothing: it has closed. Raises Unavailable (its time is over)."""
        ...

    def expire_in(self, seconds: float | None) -> None:
        """Its time is over then, whatever it does meanwhile; None: as long as it lasts."""
        ...

    def close(self, last: bytes = b"") -> None:
        """Ends it; `last`: said before that, where the other side still listens."""
        ...


class Dial(Protocol):
    """Where such a program listens."""

    def open(self, seconds: float) -> Awaitable[Dialogue]:
        """A new connection, for so many seconds; waits while there are as many as there may be.
        Raises Unavailable."""
        ...


class Post(Protocol):
    """Such a program that speaks HTTP."""

    def post(
        self, path: str, headers: Sequence[tuple[str, str]], pieces: Sequence[Buffer]
    ) -> Awaitable[bytes]:
        """The body of a 200 answer to a POST of `pieces`. Raises Unavailable (everything that
        went wrong)."""
        ...
