"""From resolved recipients to what one commit shall do: pure arithmetic, no store.

Each account gets one copy however many recipients lead to it, each address elsewhere one queue
entry.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mailhub.core import trace
from mailhub.model.address import Resolution
from mailhub.model.envelope import Envelope, ForwardPath
from mailhub.model.errors import MailhubError, MailLoop
from mailhub.model.message import Arrival, Copy
from mailhub.model.queue import PROGRAM_LANE, Onward


@dataclass(frozen=True, slots=True)
class Recipient:
    """An accepted RCPT: its path, and where it leads."""

    path: ForwardPath
    resolution: Resolution


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

    def outcome(self, index: int, arrivals: Sequence[Arrival]) -> Arrival | None:
        """What recipient `index` is told; None: it is queued for another server."""
        position = self.serves.get(index)
        return arrivals[position] if position is not None else None


def plan(
    envelope: Envelope, recipients: Sequence[Recipient], visited: frozenset[str], now: int
) -> Plan:
    """`visited`: mailboxes that the message names in Delivered-To, folded; `now`: epoch."""
    copies: list[Copy] = []
    onward: dict[tuple[str, str], Onward] = {}
    taken: dict[int, int] = {}
    serves: dict[int, int] = {}
    errors: dict[int, MailhubError] = {}
    for index, recipient in enumerate(recipients):
        path, resolution = recipient.path, recipient.resolution
        lists = dict(resolution.lists)
        cut = {one for one in lists.values() if _comes_back(envelope, one, visited)}
        alone = len(resolution.accounts) == 1 and "@" in path.address
        for account, matched in resolution.accounts:
            address = path.address if alone else matched
            through = lists.get(matched)
            if address.lower() in visited or through in cut:
                errors[index] = MailLoop()
                continue
            if account not in taken:
                taken[account] = len(copies)
                prefix = trace.return_path(_sender(envelope, through))
                prefix += trace.delivered_to(address)
                copies.append(
                    Copy(account, prefix=prefix, internaldate=now, recipient=path.address)
                )
            serves.setdefault(index, taken[account])
        served = index in serves
        for lane, addresses in (("", resolution.remote), (PROGRAM_LANE, resolution.programs)):
            for address in addresses:
                through = lists.get(address)
                if through in cut:
                    errors[index] = MailLoop()
                    continue
                served = True
                onward.setdefault((lane, address), _onward(path, address, now, through, lane))
        if served:
            errors.pop(index, None)  # the loop is cut for one; the others get their copy
    return Plan(tuple(copies), tuple(onward.values()), serves, errors)


def _sender(envelope: Envelope, through: str | None) -> str:
    return envelope.reverse_path.address if through is None else through


def _onward(path: ForwardPath, address: str, now: int, through: str | None, lane: str) -> Onward:
    """The queue entry of one address. What a sender wished to know ends at a list, which is the
    sender of what goes on (RFC 3461 5.2.7.3)."""
    if through is None:
        return Onward(address, path.notify, path.orcpt, now, lane=lane)
    return Onward(address, due=now, sender=through, lane=lane)


def _comes_back(envelope: Envelope, minilist: str, visited: frozenset[str]) -> bool:
    """Whether the message went through this minilist before, or is a notification about one that
    did: those go to the list's owner, if it has one, and never to its members."""
    if minilist.lower() in visited:
        return True
    sender = envelope.reverse_path.address
    return envelope.principal is None and (not sender or sender.lower() == minilist.lower())
