"""What a commit changed: rows of the journal, and what watchers are told, in commit order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mailhub.model.queue import Fresh, Slot
from mailhub.model.uids import UidSet


@dataclass(frozen=True, slots=True)
class ArrivedRow:
    """One new index row: the same columns as `Index`."""

    uid: int
    flags: int
    size: int
    date: int


@dataclass(frozen=True, slots=True)
class Arrived:
    """Messages entered a mailbox (delivery, append, copy, move)."""

    journal: int
    account: int
    mailbox: int
    modseq: int
    rows: Sequence[ArrivedRow]


@dataclass(frozen=True, slots=True)
class Flagged:
    """Flags changed: (uid, new flag code), sorted by uid."""

    journal: int
    account: int
    mailbox: int
    modseq: int
    rows: Sequence[tuple[int, int]]


@dataclass(frozen=True, slots=True)
class Expunged:
    """Messages left a mailbox for good (expunge, move, retention)."""

    journal: int
    account: int
    mailbox: int
    modseq: int
    uids: UidSet


@dataclass(frozen=True, slots=True)
class MailboxChanged:
    """`what`: created, renamed, deleted, subscribed, unsubscribed, special-use, updated, renumbered
    (all UIDs are others). `name`: the (new) name."""

    journal: int
    account: int
    mailbox: int
    what: str
    name: str = ""
    old_name: str = ""


@dataclass(frozen=True, slots=True)
class AccountChanged:
    """`what`: created, updated, removed, restored, secrets. Sessions of older auth versions must
    end; `reason`: what they tell their clients then, one line of text, or empty."""

    journal: int
    account: int
    what: str
    auth_version: int = 0
    reason: str = ""

    def ends(self, auth_version: int) -> bool:
        """Whether a session that began at this auth version is over."""
        return self.what == "removed" or self.auth_version > auth_version


@dataclass(frozen=True, slots=True)
class Queued:
    """Queue entries wait from now on, or for another time or in another way: new ones, released
    ones, those to be tried at another time or over another route. `fresh`: the new ones whole,
    where they are small and due. `new`: all of them are; `far`: another process took them."""

    journal: int
    slots: tuple[Slot, ...]
    fresh: Fresh | None = None
    new: bool = False
    far: bool = False


@dataclass(frozen=True, slots=True)
class Dequeued:
    """Queue entries wait no longer: delivered, bounced, discarded or held."""

    journal: int
    entries: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class KeywordSet:
    """A keyword set got its number; told before the first change that uses it."""

    account: int
    number: int
    keywords: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class AddressesChanged:
    """A domain or an address was added, changed or removed: what recipients resolve to is new.

    `what`: domain or address. `name`: the domain's name, or the address's key.
    """

    journal: int
    what: str
    name: str = ""


@dataclass(frozen=True, slots=True)
class RoutesChanged:
    """A route, a network that may relay or a suppression was added or removed. `suppressed`: the
    key that was added, or empty."""

    journal: int
    suppressed: str = ""


@dataclass(frozen=True, slots=True)
class RulesChanged:
    """What an account wants done with its mail is new. `what`: filter, autoreply or script."""

    journal: int
    account: int
    what: str


@dataclass(frozen=True, slots=True)
class WebhooksChanged:
    """Somebody is to be told of events by HTTP, or no more."""

    journal: int


@dataclass(frozen=True, slots=True)
class ZonesChanged:
    """What zones of the DNS are made of is new: custom records, secondaries, keys, versions."""

    journal: int


@dataclass(frozen=True, slots=True)
class TokenEnded:
    """What was open with an API token is to end with it. `session`: its key, as `Caller` has it."""

    session: str


@dataclass(frozen=True, slots=True)
class KeptChanged:
    """What all processes of this server keep under `name` beside its mail is new: a setting, a
    secret, a certificate."""

    journal: int
    name: str


@dataclass(frozen=True, slots=True)
class Missed:
    """Changes of other processes went by unheard: whatever is remembered may be old."""


@dataclass(frozen=True, slots=True)
class ElsewhereChanged:
    """An account's mail lives at another server from now on, or is here: its open sessions must
    end, and its clients come back to where it is. `phase`: a `Phase`'s value, empty: nothing is
    known of another server any more."""

    journal: int
    account: int
    phase: str


Change = (
    Arrived
    | Flagged
    | Expunged
    | MailboxChanged
    | AccountChanged
    | ElsewhereChanged
    | AddressesChanged
    | RoutesChanged
    | WebhooksChanged
    | Queued
    | Dequeued
    | KeywordSet
    | RulesChanged
    | ZonesChanged
    | TokenEnded
    | KeptChanged
    | Missed
)


@dataclass(frozen=True, slots=True)
class Actor:
    """Who made a change and through what: journaled with it."""

    account: int | None = None
    source: str = ""
    """Service and peer, such as `imap 192.0.2.7`."""
    ip: str = ""
    session: str = ""
    """What an application says of its own user: labels for the log, which decide nothing."""


@dataclass(frozen=True, slots=True)
class JournalEntry:
    """A journal row as read back. `kind`: the change's class name, folded. `detail`: JSON text."""

    number: int
    at: int
    account: int | None
    mailbox: int | None
    kind: str
    modseq: int
    uids: str
    actor: Actor
    detail: str
