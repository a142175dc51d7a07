"""What proves a login beside the password, and the log of logins: as stored."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from mailhub.model.account import Scope, ScramKeys

MAIL = frozenset({Scope.IMAP, Scope.POP3, Scope.SMTP})
"""What an app password can be bound to."""
UNBOUND = MAIL | {Scope.SIEVE}
"""The scopes of an app password for everything that app passwords are for."""


@dataclass(frozen=True, slots=True)
class NewAppPassword:
    """The order for one. `ttl`: seconds without use after which it is gone, 0 for never."""

    id: str
    description: str
    scopes: frozenset[Scope]
    keys: ScramKeys
    ttl: int = 0


@dataclass(frozen=True, slots=True)
class AppPassword:
    """A password for one application. Times are epoch seconds; `expires`, `last_used`: 0 for
    never. `last_address`: where it was last used from; `last_event`: the id of that in the log."""

    account: int
    number: int
    id: str
    description: str
    scopes: frozenset[Scope]
    keys: ScramKeys
    created: int
    ttl: int = 0
    expires: int = 0
    last_used: int = 0
    last_address: str = ""
    last_event: str = ""


@dataclass(frozen=True, slots=True)
class Totp:
    """The seed of one-time codes (RFC 6238), sealed. Not `enabled`: it waits for its first code."""

    seed: str
    enabled: bool
    created: int


@dataclass(frozen=True, slots=True)
class CodeDevice:
    """What shows one-time codes that are taken. `number`: among the account's. `label`: its owner's
    word for it. `seed`: sealed."""

    number: int
    label: str
    seed: str
    created: int


class Spent(Enum):
    """What became of a one-time code."""

    TAKEN = "taken"
    WRONG = "wrong"
    """No code of now, or one that was taken before."""
    LIMITED = "limited"
    """Too many were wrong: this one was not looked at."""


@dataclass(frozen=True, slots=True)
class SecurityKey:
    """A WebAuthn credential. `uses`: its own count; `party`: the domain it was made for;
    `attachment`: platform, cross-platform or empty. Times are epoch seconds, 0 for never."""

    account: int
    number: int
    id: str
    credential: bytes
    public_key: bytes
    uses: int
    description: str
    attachment: str
    party: str
    created: int
    last_used: int = 0


@dataclass(frozen=True, slots=True)
class Challenge:
    """What a security key has to sign, once, before `expires` (epoch seconds). `detail`: JSON."""

    value: bytes
    detail: str
    expires: int


@dataclass(frozen=True, slots=True)
class AuthEvent:
    """Something that concerns who may log in. `protocol`: IMAP, API …; `ip`: of the client, or
    what an application says of its own; `target`, `target_name`: the thing it was done to (an app
    password's id and description)."""

    action: str
    result: str
    source: str = ""
    protocol: str = ""
    ip: str = ""
    session: str = ""
    target: str = ""
    target_name: str = ""


@dataclass(frozen=True, slots=True)
class AuthEntry:
    """Events that were alike within six hours, `events` of them. Times are epoch seconds."""

    number: int
    id: str
    event: AuthEvent
    events: int
    created: int
    last: int
    expires: int


@dataclass(frozen=True, slots=True)
class Login:
    """An entry among everybody's. `user`: the account's user name, empty where it is gone."""

    account: int
    user_id: str
    user: str
    entry: AuthEntry


@dataclass(frozen=True, slots=True)
class LoginNote:
    """Logins to be written down: `count` of them, alike. `kind`: of the journal's line; empty for
    none. `app_password`: the number of the one that was used, or 0."""

    account: int
    event: AuthEvent
    kind: str = ""
    detail: str = ""
    count: int = 1
    app_password: int = 0
