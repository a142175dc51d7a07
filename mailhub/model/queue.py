"""Queued mail as values: who waits for which message, what was tried, and what is told of it.

One entry is one recipient of one message. When it is tried again is arithmetic in `queue.plan`;
who tries it is `ports.Schedule`'s.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum

from mailhub.model.message import BlobRef


@dataclass(frozen=True, slots=True)
class QueueSender:
    """The envelope half that all queue entries of a message share.

    `transaction`: the hand-over's id; one message keeps it for all its recipients.
    `message_id`: as in the header, with angle brackets, or empty. `require_tls`: REQUIRETLS;
    `tls_optional`: `TLS-Required: No`, which REQUIRETLS overrides (RFC 8689).
    `local`: a user or a trusted client submitted it, or this server made it: it is signed when it
    leaves; else it is forwarded.
    """

    address: str
    ret: str = ""
    envid: str = ""
    body: str = "7BIT"
    utf8: bool = False
    account: int | None = None
    transaction: str = ""
    message_id: str = ""
    require_tls: bool = False
    local: bool = False
    tls_optional: bool = False


PROGRAM_LANE = "program"
"""The lane of recipients that are handed to a program and to no server."""
JUNK_LANE = "junk"
"""The lane of copies that wait for a mailbox here, and belong into the one for junk."""
WEB_LANES = ("http://", "https://")
"""What lanes of web servers begin with: their recipients are URLs that a message is posted to for
the account `home`."""
RELAY_LANES = ("smtp://", "smtps://")
"""What lanes of servers begin with that the account `home` named, or, where that is 0, who set up
the recipient's address: they get mail for addresses of ours."""


@dataclass(frozen=True, slots=True)
class Onward:
    """The order for one queue entry: a recipient with its delivery status wishes (RFC 3461).

    `sender`: its own envelope sender (a list's), where not the message's; `QueueEntry.sender` then
    has it as `address`. `lane`: where not the recipient's domain. `home`: number of the local
    account whose INBOX alone it is for, or whose rule posts or relays it to a URL; 0: wherever the
    recipient leads when it is tried."""

    recipient: str
    notify: tuple[str, ...] = ()
    orcpt: str = ""
    due: int = 0
    sender: str | None = None
    lane: str = ""
    home: int = 0


@dataclass(frozen=True, slots=True)
class Slot:
    """When an entry is due, and the lane it waits in: the recipient's domain, as an A-label."""

    number: int
    due: int
    lane: str


class AttemptResult(Enum):
    """What became of one recipient in one attempt."""

    DELIVERED = "delivered"
    DEFERRED = "deferred"
    FAILED = "failed"
    DISCARDED = "discarded"
    """Ended without a word to anybody (an administrator's act, a notification that failed)."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try of one entry, as it is recorded. Its end where `due` is None.

    `status`: enhanced status code (RFC 3463), such as `5.1.1`. `reply`: the remote's words
    verbatim, lines joined by a newline, or what kept us from asking. `remote`: `host [address]`,
    or empty where nobody was reached. `tls`: version of the layer, or empty. `warned`: a delay
    notification goes with it. `source`: our own address on the way there, or empty.
    """

    entry: int
    at: int
    result: AttemptResult
    status: str
    reply: str
    remote: str = ""
    tls: str = ""
    due: int | None = None
    warned: bool = False
    source: str = ""


class Action(Enum):
    """What a delivery status notification says of a recipient (RFC 3464 2.3.3)."""

    FAILED = "failed"
    DELAYED = "delayed"
    DELIVERED = "delivered"
    RELAYED = "relayed"
    """Handed to a server that will not tell any more of it."""


_CONDITIONS = {Action.FAILED: "FAILURE", Action.DELAYED: "DELAY"}


@dataclass(frozen=True, slots=True)
class QueueEntry:
    """A queued recipient, as stored. `attempts`: tries so far. `route`: number of the route that
    an administrator chose for it, 0 for none. `home`: as in `Onward`. `status`, `reply`, `remote`,
    `tried`: of the last attempt; `tried` is 0 where there was none."""

    number: int
    message: int
    sender: QueueSender
    recipient: str
    notify: tuple[str, ...]
    orcpt: str
    size: int
    created: int
    due: int
    attempts: int
    lane: str = ""
    held: bool = False
    warned: bool = False
    route: int = 0
    home: int = 0
    status: str = ""
    reply: str = ""
    remote: str = ""
    tried: int = 0

    def wants(self, action: Action) -> bool:
        """Whether the sender is to be told (RFC 3461 4.1); a null sender never is (6.1)."""
        if not self.sender.address:
            return False
        condition = _CONDITIONS.get(action, "SUCCESS")
        return condition in self.notify or (not self.notify and condition != "SUCCESS")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of an entry, and what its sender is told of that; None: nothing."""

    entry: QueueEntry
    attempt: Attempt
    action: Action | None = None


@dataclass(frozen=True, slots=True)
class QueueMessage:
    """The message that entries wait for. `size`: its octets. `created`: epoch seconds since when
    it may be delivered, which is later than it came where it was held back (RFC 4865)."""

    number: int
    sender: QueueSender
    blob: BlobRef
    created: int

    @property
    def size(self) -> int:
        """Octets."""
        return self.blob.length


@dataclass(frozen=True, slots=True)
class Loaded:
    """What a lease's work begins with, as of one moment. `entries`: in number order; `messages`:
    theirs, by number; `data`: bytes of small ones, by number; `suppressed`: those of the
    recipients that nothing is sent to; `plain`: messages that are known to be, as `ports.Spool` has
    it."""

    entries: Sequence[QueueEntry]
    messages: Mapping[int, QueueMessage]
    data: Mapping[int, bytes]
    suppressed: Sequence[Suppression]
    plain: frozenset[int] = field(default=frozenset(), compare=False)


@dataclass(frozen=True, slots=True)
class Fresh:
    """A message that was just queued, exactly as it would be read back. `data`: its octets;
    `plain`: what is known of them, as `ports.Spool` has it."""

    message: QueueMessage
    entries: tuple[QueueEntry, ...]
    data: bytes
    plain: bool = field(default=False, compare=False)


@dataclass(frozen=True, slots=True)
class QueueFilter:
    """Which entries are meant; empty fields do not narrow. Addresses compare folded; `domain`:
    the recipient's, or the lane that was named instead; `before`: created before this time, epoch
    seconds; `query`: substring of sender or recipient; `account`: whose submission it is;
    `transaction`: under which it came."""

    numbers: tuple[int, ...] = ()
    message: int = 0
    sender: str | None = None
    recipient: str = ""
    domain: str = ""
    before: int = 0
    held: bool | None = None
    query: str = ""
    account: int = 0
    transaction: str = ""


@dataclass(frozen=True, slots=True)
class Destination:
    """All that waits in one lane. `held`: entries on hold; `due`: the next try of another one,
    epoch seconds, 0 for none; `attempts`: of the entry that was tried most often; `tried`: the last
    try of any, 0 for none."""

    lane: str
    entries: int
    held: int
    due: int
    attempts: int
    tried: int


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to try some entries of one lane, alone, until `expires`.

    `token`: grows with every lease that is given out, over restarts too; a commit with an older
    token than an entry has seen is refused. `expires`: monotonic seconds of the holder's clock.
    """

    token: int
    lane: str
    entries: tuple[int, ...]
    expires: float


@dataclass(frozen=True, slots=True)
class Suppression:
    """A recipient that nothing is sent to since it failed for good. `key`: folded address.
    `status`: of the refusal, and `reply` its words; an empty one: an administrator forbade it, for
    ever, with `reply` as the reason."""

    key: str
    status: str
    reply: str
    created: int
