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
from mailhub.model.queue import Onward


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
    returned = trace.return_path(envelope)
    copies: list[Copy] = []
    onward: dict[str, Onward] = {}
    taken: dict[int, int] = {}
    serves: dict[int, int] = {}
    errors: dict[int, MailhubError] = {}
    for index, recipient in enumerate(recipients):
        path, resolution = recipient.path, recipient.resolution
        alone = len(resolution.accounts) == 1 and "@" in path.address
        for account, matched in resolution.accounts:
            address = path.address if alone else matched
            if address.lower() in visited:
                errors[index] = MailLoop()
                continue
            if account not in taken:
                taken[account] = len(copies)
                prefix = returned + trace.delivered_to(address)
                copies.append(
                    Copy(account, prefix=prefix, internaldate=now, recipient=path.address)
                )
            serves.setdefault(index, taken[account])
        for address in resolution.remote:
            onward.setdefault(address, Onward(address, path.notify, path.orcpt, now))
        if index in errors and (index in serves or resolution.remote):
            del errors[index]  # the loop is cut for one mailbox; the others get their copy
    return Plan(tuple(copies), tuple(onward.values()), serves, errors)
