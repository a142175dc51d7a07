"""From resolved recipients to what one commit shall do: pure arithmetic, no store.

Each account gets one copy however many recipients lead to it, each address elsewhere one queue
entry.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mailhub.core import trace
from mailhub.model.address import Resolution
from mailhub.model.change import Actor
from mailhub.model.elsewhere import Away
from mailhub.model.envelope import Envelope, ForwardPath
from mailhub.model.errors import MailhubError, MailLoop
from mailhub.model.message import Arrival, Copy
from mailhub.model.queue import PROGRAM_LANE, RELAY_LANES, Onward, QueueSender
from mailhub.wire import header, relayurl

HERE: Mapping[int, Away] = {}


@dataclass(frozen=True, slots=True)
class Recipient:
    """An accepted RCPT: its path, and where it leads. `direct`: it is of another server itself,
    and not of an alias here that leads there."""

    path: ForwardPath
    resolution: Resolution
    direct: bool = False


@dataclass(frozen=True, slots=True)
class Plan:
    """`copies` and `onward`: for the commit. `serves`: recipient index to the copy that stands
    for it. `errors`: recipient index to why it cannot be served."""

    copies: tuple[Copy, ...]
    onward: tuple[Onward, ...]
    serves: Mapping[int, int]
    errors: Mapping[int, MailhubError]

    @property
    def any(self) -> bool:
        """Whether there is anything to commit."""
        return bool(self.copies or self.onward)

    def check(self) -> None:
        """Raises what keeps the first recipient that cannot be served from being so."""
        for error in self.errors.values():
            raise error

    def outcome(self, index: int, arrivals: Sequence[Arrival | None]) -> Arrival | None:
        """What recipient `index` is told; None: it is queued, or kept nowhere."""
        position = self.serves.get(index)
        return arrivals[position] if position is not None else None


def plan(
    envelope: Envelope,
    recipients: Sequence[Recipient],
    visited: frozenset[str],
    now: int,
    *,
    forwarder: str | None = None,
    away: Mapping[int, Away] = HERE,
) -> Plan:
    """`visited`: mailboxes that the message names in Delivered-To, folded; `now`: epoch seconds;
    `forwarder`: the sender of what is forwarded, None for the envelope's own; `away`: accounts
    whose mail is at another server."""
    making = _Making(envelope, visited, now, forwarder, away)
    for index, recipient in enumerate(recipients):
        making.add(index, recipient)
    return Plan(tuple(making.copies), tuple(making.onward.values()), making.serves, making.errors)


class _Making:
    """A plan under way."""

    def __init__(
        self,
        envelope: Envelope,
        visited: frozenset[str],
        now: int,
        forwarder: str | None,
        away: Mapping[int, Away],
    ) -> None:
        self._away = away
        self._envelope = envelope
        self._visited = visited
        self._now = now
        self._due = max(now, envelope.reverse_path.hold_until)
        self._forwarder = forwarder
        self._taken: dict[int, int | None] = {}
        self.copies: list[Copy] = []
        self.onward: dict[tuple[object, str], Onward] = {}
        self.serves: dict[int, int] = {}
        self.errors: dict[int, MailhubError] = {}

    def add(self, index: int, recipient: Recipient) -> None:
        """One recipient, with all that it leads to."""
        path, resolution = recipient.path, recipient.resolution
        lists = dict(resolution.lists)
        cut = {one for one in lists.values() if _comes_back(self._envelope, one, self._visited)}
        alone = len(resolution.accounts) == 1 and "@" in path.address
        served = False
        for account, matched in resolution.accounts:
            address = path.address if alone else matched
            through = lists.get(matched)
            if self._was_at(account, address) or through in cut:
                self.errors[index] = MailLoop()
                continue
            served = True
            if account not in self._taken:
                self._taken[account] = self._come_home(account, path, address, through)
            position = self._taken[account]
            if position is not None:
                self.serves.setdefault(index, position)
        relays = [(relayurl.parse(url).place, (one,)) for one, url in resolution.relays]
        aside = ("", resolution.remote), (PROGRAM_LANE, resolution.programs)
        for lane, addresses in (*aside, *relays):
            for address in addresses:
                through = lists.get(address)
                if through in cut:
                    self.errors[index] = MailLoop()
                    continue
                served = True
                one = self._go_on(recipient, address, through, lane)
                self.onward.setdefault((lane, address), one)
        if served:
            self.errors.pop(index, None)  # the loop is cut for one; the others get their copy

    def _was_at(self, account: int, address: str) -> bool:
        """Whether the message was in the mailbox before, or comes back from where it is."""
        away = self._away.get(account)
        visited = self._visited
        return address.lower() in visited or (away is not None and away.mark in visited)

    def _come_home(
        self, account: int, path: ForwardPath, address: str, through: str | None
    ) -> int | None:
        """The copy for an account, by its place; None: it waits in the queue, as it is held back,
        as somebody wants to know that it arrived, or as the mailbox is at another server."""
        asked = through is None and "SUCCESS" in path.notify and self._sender(None) != ""
        away = self._away.get(account)
        if asked or away is not None or self._due > self._now:
            notify, orcpt = (path.notify, path.orcpt) if through is None else ((), "")
            lane = away.lane if away is not None else ""
            one = Onward(address, notify, orcpt, self._due, through, lane, account)
            self.onward[account, address] = one
            return None
        prefix = trace.return_path(self._sender(through)) + trace.delivered_to(address)
        copy = Copy(account, prefix=prefix, internaldate=self._now, recipient=path.address)
        self.copies.append(copy)
        return len(self.copies) - 1

    def _go_on(self, recipient: Recipient, address: str, through: str | None, lane: str) -> Onward:
        """The queue entry of one address. What a sender wished to know ends at a list, which is
        the sender of what goes on (RFC 3461 5.2.7.3)."""
        path = recipient.path
        if through is not None:
            return Onward(address, due=self._due, sender=through, lane=lane)
        if recipient.direct:
            return Onward(address, path.notify, path.orcpt, self._due, lane=lane)
        # Who relays mail for an address is its server, and passes nothing on.
        sender = None if lane.startswith(RELAY_LANES) else self._forwarder
        orcpt = path.orcpt or _orcpt(path.address)
        return Onward(address, path.notify, orcpt, self._due, sender, lane)

    def _sender(self, through: str | None) -> str:
        return self._envelope.reverse_path.address if through is None else through


def tls_optional(block: bytes) -> bool:
    """Whether a header asks that no policy about TLS holds the message up (RFC 8689 5); more than
    one such field is none."""
    found = header.values(block, b"tls-required")
    return len(found) == 1 and found[0].strip().lower() == b"no"


def actor_of(envelope: Envelope) -> Actor:
    """In whose name a message is taken, for the journal."""
    principal = envelope.principal
    source = f"{envelope.service.value} {envelope.peer.address}"
    return Actor(principal.account if principal is not None else None, source)


def queue_sender(
    envelope: Envelope, token: str, message_id: str, optional: bool = False
) -> QueueSender:
    """What all queue entries of a message share. `token`: of the hand-over. `optional`: TLS
    is, by the message's header."""
    path, principal = envelope.reverse_path, envelope.principal
    return QueueSender(
        address=path.address,
        ret=path.ret,
        envid=path.envid,
        body=path.body,
        utf8=path.utf8,
        account=principal.account if principal is not None else None,
        transaction=token,
        message_id=message_id,
        require_tls=path.require_tls,
        tls_optional=optional and not path.require_tls,
        local=principal is not None or envelope.trusted,
    )


def _orcpt(address: str) -> str:
    """Whom the sender wrote to, where mail goes on under another address (RFC 3461 5.2.7.1)."""
    return f"{'rfc822' if address.isascii() else 'utf-8'};{address}"


def _comes_back(envelope: Envelope, minilist: str, visited: frozenset[str]) -> bool:
    """Whether the message went through this minilist before, or is a notification about one that
    did: those go to the list's owner, if it has one, and never to its members."""
    if minilist.lower() in visited:
        return True
    sender = envelope.reverse_path.address
    return envelope.principal is None and (not sender or sender.lower() == minilist.lower())
