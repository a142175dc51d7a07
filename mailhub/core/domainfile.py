"""What an exported domain is made of, as values: written by `core.exporting`, read again by
`core.importing`.

Numbers and ids of this server stay out of it: another one gives its own. Every field has a value
that it has where an archive says nothing of it.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any, TypeVar

from mailhub.model.account import CLEAR, SPAM_LEVEL, Encryption, Limits
from mailhub.model.errors import Invalid
from mailhub.model.filter import Actions, Conditions

FORMAT = "mailhub-domain"
VERSION = 1
MANIFEST, DOMAIN, ALIASES, COMPLETE = (
    "manifest.json",
    "domain.json",
    "aliases.jsonl",
    "complete.json",
)
PASSWORDS = "passwd"
ACCOUNTS, SCRIPTS, MAIL = "accounts", "sieve", "maildir"
"""Folders."""
NOTE = "MAILHUB.flags"
"""A message's flags that have no letter, one after the other with spaces."""
_Value = TypeVar("_Value")


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyFile:
    """A key that signs. `private`: PEM; empty where it was not given away."""

    selector: str
    algorithm: str
    private: str
    state: str
    created: int = 0
    changed: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class DomainFile:
    """`domain.json`. `aliases`: other names of the domain. `records`: of its zones, beside those
    that follow from the rest: name, type, value."""

    name: str
    delimiter: str = "+"
    ignore_dots: bool = False
    catch_all: str = ""
    aliases: tuple[str, ...] = ()
    keys: tuple[KeyFile, ...] = ()
    records: tuple[tuple[str, str, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class AddressFile:
    """One line of `aliases.jsonl`, or an address of an account. `owner`: a username, or empty."""

    address: str
    owner: str = ""
    name: str = ""
    main: bool = False
    targets: tuple[str, ...] = ()
    program: tuple[str, ...] = ()
    minilist: bool = False
    tags: tuple[str, ...] = ()
    forwards: int = 0
    senders: tuple[str, ...] = ()
    diverted: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class MailboxFile:
    """A mailbox. `folder`: its Maildir, below the account's."""

    name: str
    folder: str = ""
    uidvalidity: int = 0
    special_use: str = ""
    subscribed: bool = True
    retention: int = 0
    hidden: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class FilterFile:
    """A filter. `mailbox`: the path of the one in `actions`, whose number means nothing here."""

    name: str = ""
    conditions: Conditions = field(default_factory=Conditions)
    actions: Actions = field(default_factory=Actions)
    mailbox: str = ""
    disabled: bool = False
    metadata: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class AutoreplyFile:
    """An automatic reply."""

    status: bool = False
    name: str = ""
    subject: str = ""
    text: str = ""
    html: str = ""
    starts: int | None = None
    ends: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ScriptFile:
    """A Sieve script."""

    name: str
    source: str = ""
    active: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountFile:
    """`accounts/….json`. `password`: a hash, or empty. `maildir`: where its mail stands."""

    username: str
    address: str
    maildir: str
    password: str = ""
    name: str = ""
    role: str = "user"
    sending: str = "own"
    disabled: bool = False
    suspended: bool = False
    language: str = ""
    retention: int = 0
    tags: tuple[str, ...] = ()
    metadata: Mapping[str, Any] = field(default_factory=dict)
    spam_level: int = SPAM_LEVEL
    targets: tuple[str, ...] = ()
    limits: Limits = field(default_factory=Limits)
    encryption: Encryption = CLEAR
    disabled_scopes: tuple[str, ...] = ()
    factors: tuple[str, ...] = ()
    addresses: tuple[AddressFile, ...] = ()
    mailboxes: tuple[MailboxFile, ...] = ()
    subscriptions: tuple[str, ...] = ()
    filters: tuple[FilterFile, ...] = ()
    autoreply: AutoreplyFile | None = None
    scripts: tuple[ScriptFile, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class CompleteFile:
    """`complete.json`, the last member: an archive without it is not whole. `members`: before it;
    `digest`: SHA-256, hex, of each one's path, size in decimal and octets, with a NUL after the
    first two."""

    members: int
    accounts: int
    messages: int
    octets: int
    digest: str


def dump(value: object) -> bytes:
    """A value of this module as one line of JSON."""
    shown = dataclasses.asdict(value)  # type: ignore[call-overload]
    return json.dumps(shown, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def load(kind: Callable[..., _Value], data: bytes, what: str) -> _Value:
    """The same way back. `what`: names it in the error. Raises Invalid."""
    try:
        value: _Value = _reader(kind).validate_json(data)
    except ValueError as error:
        faults: Any = getattr(error, "errors", list)()
        where = ".".join(map(str, faults[0]["loc"])) if faults else ""
        said = faults[0]["msg"] if faults else "no JSON"
        raise Invalid(f"{what} cannot be read: {where + ': ' if where else ''}{said}") from None
    return value


@cache
def _reader(kind: Any) -> Any:
    from pydantic import TypeAdapter  # it takes a moment to load, and most commands need it not

    return TypeAdapter(kind)
