"""Filters and automatic replies of accounts, as values.

What a filter means is `core.filtering`'s, how a reply looks `core.replying`'s.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from mailhub.model.account import CLEAR, Encryption


@dataclass(frozen=True, slots=True)
class Conditions:
    """What a message has to be like; all that is set must hold, and what is empty or None is not
    looked at. Texts are substrings without regard to case. `size`: octets that it is larger than,
    or, negative, smaller than; 0: any size."""

    sender: str = ""
    """In From or Sender."""
    recipient: str = ""
    """In To, Cc or Delivered-To."""
    subject: str = ""
    list_id: str = ""
    text: str = ""
    """In the text of the body."""
    attachments: bool | None = None
    size: int = 0


@dataclass(frozen=True, slots=True)
class Actions:
    """What is done with such a message; None is left to the filters behind. `mailbox`: its number,
    0 for none. `forwards`: addresses that it goes on to. `uploads`: URLs that it is posted to, or
    relayed to (smtp:)."""

    seen: bool | None = None
    flag: bool | None = None
    delete: bool | None = None
    spam: bool | None = None
    mailbox: int = 0
    forwards: tuple[str, ...] = ()
    uploads: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Filter:
    """One filter of an account. `number`: given by the store, growing; filters run in its order.
    `id`: 24 hex digits. `created`: epoch seconds. `metadata`: JSON of the application's own, or
    empty."""

    account: int
    id: str
    created: int
    name: str = ""
    conditions: Conditions = field(default_factory=Conditions)
    actions: Actions = field(default_factory=Actions)
    disabled: bool = False
    number: int = 0
    metadata: str = ""


@dataclass(frozen=True, slots=True)
class OwnedFilter:
    """A filter in a list of everybody's. `owner`: the account's id; `mailbox`: id and name of the
    one that it moves messages to, empty for none."""

    filter: Filter
    owner: str
    mailbox: tuple[str, str] = ("", "")

    @property
    def number(self) -> int:
        """The filter's."""
        return self.filter.number


@dataclass(frozen=True, slots=True)
class Autoreply:
    """What an account answers whoever writes to it. `name`: of its From, empty for the account's.
    `starts`, `ends`: epoch seconds within which it does, None for no bound."""

    account: int
    status: bool = False
    name: str = ""
    subject: str = ""
    text: str = ""
    html: str = ""
    starts: int | None = None
    ends: int | None = None


@dataclass(frozen=True, slots=True)
class Ruling:
    """All that an account set for mail that comes, but for scripts. `filters`: those that are not
    disabled, oldest first. `targets`: addresses and URLs that all its mail goes on to.
    `spam_level`: 0, everything is spam, to 100, nothing is; 50: as the server judges. `name`: the
    account's. `encryption`: of what is kept and goes on."""

    filters: tuple[Filter, ...] = ()
    autoreply: Autoreply | None = None
    targets: tuple[str, ...] = ()
    spam_level: int = 50
    name: str = ""
    encryption: Encryption = CLEAR

    @property
    def empty(self) -> bool:
        """Whether nothing of it can do anything."""
        replies = self.autoreply is not None and self.autoreply.status
        sealed = self.encryption.storing or self.encryption.forwarding
        return not (self.filters or replies or self.targets or self.spam_level != 50 or sealed)
