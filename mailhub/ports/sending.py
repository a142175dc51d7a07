"""What the store keeps for sending: queue, routes, keys, counts for reports."""

from __future__ import annotations

from collections.abc import Awaitable, Sequence
from dataclasses import dataclass
from typing import Protocol

from mailhub.model.change import Actor
from mailhub.model.dkim import DkimKey, KeyState
from mailhub.model.dmarcreport import DMARCSeen
from mailhub.model.message import (
    Copy,
    Rendered,
)
from mailhub.model.queue import (
    Attempt,
    Destination,
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
from mailhub.model.route import Route
from mailhub.model.tlsreport import TLSReport
from mailhub.ports.bodies import Body


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

    def destinations(self, limit: int) -> Awaitable[Sequence[Destination]]:
        """Those with the most entries, most first."""
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

    def newest(self) -> Awaitable[int]:
        """The greatest number of an entry, held or not; 0 where there is none."""
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
