"""Changes as applications are told of them: one event for each message, mailbox or thing.

A row of the journal may be about many messages; an event is about one. A `Place` names an event
for ever, so whoever was away can go on behind the last one that he knows.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from mailhub.model.errors import Invalid

LAST = 0xFFFFFFFF
"""The index behind all events of a row."""
_PLACE = re.compile(r"[0-9a-f]{24}")


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """Behind the event `index` (from 1) of the journal's row `number`."""

    number: int = 0
    index: int = LAST

    def text(self) -> str:
        """24 hex digits, as identifiers of events look; they grow with time."""
        return f"{self.number:016x}{self.index:08x}"

    @classmethod
    def read(cls, text: str) -> Place:
        """What `text` wrote. Raises Invalid."""
        if not _PLACE.fullmatch(text):
            raise Invalid("Not the id of an event")
        return cls(int(text[:16], 16) & (1 << 62) - 1, int(text[16:], 16))


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """`type`: such as `message.arrived`, see `TYPES`. `user`: the account's 24 hex digits.
    `mailbox`: the mailbox's; what follows it is there for messages and mailboxes. `flags`: as the
    change left them. `at`, `date`: epoch seconds. `detail`: what else the journal says."""

    place: Place
    type: str
    at: int
    account: int
    user: str = ""
    box: int = 0
    mailbox: str = ""
    uid: int = 0
    flags: tuple[str, ...] = ()
    size: int = 0
    date: int = 0
    thread: str = ""
    path: str = ""
    old_path: str = ""
    detail: Mapping[str, object] = field(default_factory=dict)

    @property
    def message(self) -> str:
        """24 hex digits for this message in this mailbox; a copy or a move makes another."""
        return f"{self.box:012x}{self.uid:012x}"


@dataclass(frozen=True, slots=True)
class Reach:
    """What can be told again. `oldest`, `newest`: numbers of rows, 0 where there are none.
    `since`: when the first one behind the asked-for place was written, None where none is."""

    oldest: int
    newest: int
    since: int | None


@dataclass(frozen=True, slots=True)
class Counted:
    """A mailbox's counters as of now."""

    box: int
    mailbox: str
    total: int
    unseen: int


@dataclass(frozen=True, slots=True)
class Page:
    """Events in order. `place`: how far the journal was read for them; `more`: whether it goes on
    there. `counted`: of one account's events, the mailboxes that they are about."""

    events: Sequence[Event]
    place: Place
    more: bool
    counted: Sequence[Counted] = ()


ARRIVED, FLAGGED, EXPUNGED = "message.arrived", "message.flagged", "message.expunged"
CREATED, RENAMED, DELETED = "mailbox.created", "mailbox.renamed", "mailbox.deleted"
TYPES: Mapping[tuple[str, str], str] = {
    ("arrived", ""): ARRIVED,
    ("flagged", ""): FLAGGED,
    ("expunged", ""): EXPUNGED,
    ("mailboxchanged", "created"): CREATED,
    ("mailboxchanged", "renamed"): RENAMED,
    ("mailboxchanged", "deleted"): DELETED,
    ("accountchanged", "created"): "user.created",
    ("accountchanged", "updated"): "user.updated",
    ("accountchanged", "secrets"): "user.password.changed",
    ("accountchanged", "removed"): "user.delete.started",
    ("accountchanged", "restored"): "user.delete.cancelled",
    ("accountchanged", "purged"): "user.delete.completed",
    ("addresseschanged", "created"): "address.user.created",
    ("addresseschanged", "removed"): "address.user.deleted",
    ("filterchanged", "created"): "filter.created",
    ("filterchanged", "removed"): "filter.deleted",
    ("autoreplychanged", "on"): "autoreply.user.enabled",
    ("autoreplychanged", "off"): "autoreply.user.disabled",
    ("autoreplychanged", "removed"): "autoreply.user.disabled",
    ("apppasswordchanged", "created"): "asp.created",
    ("apppasswordchanged", "removed"): "asp.deleted",
    ("factorchanged", "on totp"): "mfa.totp.enabled",
    ("factorchanged", "off totp"): "mfa.totp.disabled",
    ("factorchanged", "on webauthn"): "mfa.webauthn.enabled",
    ("factorchanged", "off webauthn"): "mfa.webauthn.disabled",
}
"""(kind of a journal's row, what its detail says happened, to which factor) → type of the event.
Rows of other kinds are told to nobody."""
KINDS = tuple(dict.fromkeys(kind for kind, _ in TYPES))
MAIL = ("arrived", "flagged", "expunged", "mailboxchanged")
"""Kinds that a mail client is told of."""
