"""Accounts, their secrets, and the principal that a login yields."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum


class Role(Enum):
    """What an account may administer."""

    USER = "user"
    ADMIN = "admin"


class Sending(Enum):
    """To whom, and as whom, an account may send."""

    LOCAL = "local"
    """As its own addresses, to recipients of this server only."""
    OWN = "own"
    """As its own addresses, to anybody."""
    ANY = "any"
    """As any address, to anybody: for machines and applications that relay through this server."""


class Scope(Enum):
    """What a login is for; an app password has some of the first three, or all and the fourth."""

    IMAP = "imap"
    POP3 = "pop3"
    SMTP = "smtp"
    SIEVE = "sieve"
    """Scripts, over ManageSieve: for app passwords without a bound alone."""
    MASTER = "master"
    """Everything, where whoever asks for the password asks for the second factor too."""
    API = "api"
    """Everything, with the password alone."""


class Factor(Enum):
    """What proves a login besides the password."""

    TOTP = "totp"
    WEBAUTHN = "webauthn"
    CUSTOM = "custom"
    """One that an application asks for by itself; nothing here can check it."""


@dataclass(frozen=True, slots=True)
class Limits:
    """An account's allowances; 0 means the server's default, which may be none."""

    storage: int = 0
    """Bytes of mail."""
    messages: int = 0
    """Count of messages."""
    recipients: int = 0
    """Recipients per 24 hours of submitted mail."""
    forwards: int = 0
    """Forwarded messages per 24 hours."""
    received: int = 0
    """Messages per minute that other servers bring."""
    filters: int = 0
    """Filters that the account may have."""
    imap_upload: int = 0
    """Bytes per 24 hours appended over IMAP."""
    imap_download: int = 0
    """Bytes per 24 hours of messages read over IMAP."""
    pop3_download: int = 0
    """Bytes per 24 hours of messages read over POP3."""
    pop3_messages: int = 0
    """Newest messages that POP3 shows."""
    imap_connections: int = 0
    """IMAP sessions at one time."""


@dataclass(frozen=True, slots=True)
class Encryption:
    """What becomes of the account's mail with its OpenPGP public key. `key`: armored, or empty.
    `stored`: mail is encrypted before it is stored; `forwarded`: before it is forwarded."""

    key: str = ""
    stored: bool = False
    forwarded: bool = False

    @property
    def storing(self) -> str:
        """The key for mail that is stored; empty: it stays as it is."""
        return self.key if self.stored else ""

    @property
    def forwarding(self) -> str:
        """The key for mail that goes on; empty: it stays as it is."""
        return self.key if self.forwarded else ""


CLEAR = Encryption()
SPAM_LEVEL = 50
"""The spam level that takes the server's own verdict."""


@dataclass(frozen=True, slots=True)
class Account:
    """One mail account, as stored.

    `number`: the integer key of everything the account owns. `id`: 24 hex digits, the same
    account for clients that expect those. `username`: folded login name. `address`: its main
    address, or empty. Times are seconds since the epoch. `retention`: milliseconds, 0 for ever.
    """

    number: int
    id: str
    username: str
    address: str
    name: str
    role: Role
    limits: Limits
    used_storage: int
    used_messages: int
    disabled: bool
    suspended: bool
    language: str
    retention: int
    tags: tuple[str, ...]
    metadata: Mapping[str, object]
    """What a dialect stores for its clients and core does not read (public keys, labels …)."""
    created: int
    auth_version: int
    """Grows with every change that must end sessions (password, disabling, logout)."""
    sending: Sending = Sending.OWN
    disabled_scopes: frozenset[Scope] = frozenset()
    """What nobody may log in for, whatever the password."""
    factors: tuple[Factor, ...] = ()
    """The second factors that are on: then the password alone opens nothing."""
    spam_level: int = SPAM_LEVEL
    """0: everything is spam; 100: nothing is; between them, how much is let through."""
    targets: tuple[str, ...] = ()
    """Where all of the account's mail is forwarded to."""
    encryption: Encryption = CLEAR
    has_password: bool = False
    """Whether any password of its own logs in."""
    autoreply: bool = False
    """Whether an automatic reply is switched on."""
    must_change: bool = False
    """The password was given by somebody else and has to be replaced; until then it opens nothing
    but what asks for a new one."""

    @property
    def password_opens(self) -> bool:
        """Whether the password alone is a whole login."""
        return not self.factors and not self.must_change


@dataclass(frozen=True, slots=True)
class NewAccount:
    """The order for an account; `id` is given by core, `number` by the store."""

    id: str
    username: str
    created: int
    name: str = ""
    role: Role = Role.USER
    limits: Limits = field(default_factory=Limits)
    language: str = ""
    retention: int = 0
    tags: tuple[str, ...] = ()
    metadata: Mapping[str, object] = field(default_factory=dict)
    disabled: bool = False
    sending: Sending = Sending.OWN
    spam_level: int = SPAM_LEVEL
    targets: tuple[str, ...] = ()
    encryption: Encryption = CLEAR
    disabled_scopes: frozenset[Scope] = frozenset()


@dataclass(frozen=True, slots=True)
class RemovedAccount:
    """An account that is gone for everybody, and can come back until `due`. `addresses`: those of
    its own that it had. Times are epoch seconds."""

    number: int
    id: str
    username: str
    removed: int
    due: int
    tags: tuple[str, ...]
    used_storage: int
    addresses: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ScramKeys:
    """What SCRAM stores instead of a password (RFC 5802 section 3). All keys are raw bytes."""

    salt: bytes
    iterations: int
    stored_key: bytes
    server_key: bytes


@dataclass(frozen=True, slots=True)
class Secrets:
    """`password`: a crypt-style hash, empty when no password logs in. `scram_sha256`: absent until
    the clear password was last seen."""

    password: str = ""
    scram_sha256: ScramKeys | None = None


class Service(Enum):
    """The doors an account can come in by."""

    SMTP = "smtp"
    SUBMISSION = "submission"
    LMTP = "lmtp"
    IMAP = "imap"
    POP3 = "pop3"
    HTTP = "http"
    SIEVE = "sieve"


@dataclass(frozen=True, slots=True)
class Principal:
    """Who is acting, after authentication: an account through one service, at one auth version.
    `address`: from where; `means`: what the app password that let it in is for, empty where it was
    the account's own password, or nothing here."""

    account: int
    account_id: str
    username: str
    role: Role
    service: Service
    auth_version: int
    address: str = ""
    means: str = ""
