"""What a caller of an API may do: one table for every operation of every face.

A face declares with each call which right it takes and whose things it is about; here stands who
has that right. Who the caller is was proven before; nothing here looks at a credential.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from mailhub.model.change import Actor
from mailhub.model.errors import NotPermitted


class Resource(Enum):
    """What an operation is about."""

    USERS = "users"
    ADDRESSES = "addresses"
    MAILBOXES = "mailboxes"
    MESSAGES = "messages"
    ARCHIVE = "archive"
    FILTERS = "filters"
    AUTOREPLIES = "autoreplies"
    SCRIPTS = "scripts"
    APP_PASSWORDS = "app passwords"
    FACTORS = "second factors"
    AUTHENTICATION = "authentication"
    AUTHLOG = "authlog"
    SUBMISSION = "submission"
    UPDATES = "updates"
    WEBHOOKS = "webhooks"
    TOKENS = "tokens"
    ZONES = "zones"
    CERTIFICATES = "certificates"
    SYSTEM = "system"
    WEBSITES = "web sites"
    DOMAINS = "domains"
    QUEUE = "queue"
    BACKUPS = "backups"
    FILES = "files"


MAIL = frozenset({Resource.MAILBOXES, Resource.MESSAGES, Resource.ARCHIVE})
"""What is where the account's mail is: while that is another server, nobody has it here."""


class Action(Enum):
    """What an operation does with it."""

    READ = "read"
    LIST = "list"
    """To read what is everybody's at once."""
    CREATE = "create"
    UPDATE = "update"
    DELETE = "delete"
    PROVE = "prove"
    """To show that one has it: a second factor."""
    ADMINISTER = "administer"
    """What nobody does to their own account: give it another password, bring it back."""


@dataclass(frozen=True, slots=True)
class Right:
    """Leave for one action on one kind of thing."""

    resource: Resource
    action: Action


class Standing(Enum):
    """What a token still waits for before it opens what its role may do."""

    WHOLE = "whole"
    FACTOR = "factor"
    """The second factor."""
    PASSWORD = "password"  # noqa: S105  (no password)
    """A password in place of one that somebody else gave."""


class Role(Enum):
    """What a token is for. Those of a person (`is_personal`) reach what is their own account's,
    the others that of every account. Names are those that WildDuck gives, where it has one."""

    ROOT = "root"
    """The operator's own application: everything."""
    MANAGER = "manager"
    """Accounts and all that is set on them, but nobody's mail."""
    WEBMAIL = "webmail"
    """Everybody's mail and settings, but accounts are neither listed, made nor removed."""
    USER = "user"
    """One's own mail and settings."""
    READER = "reader"
    """As USER, without changing anything."""
    SENDER = "sender"
    """To send as oneself."""
    MAILER = "mailer"
    """To send as anybody."""
    AUTH = "auth"
    """To ask whether a password is right, and a second factor."""
    TOKEN_AUTH = "tokenAuth"  # noqa: S105  (no token)
    """The same, and to be given a token then."""
    ATTACHMENTS = "attachments"
    """To read messages and what is attached to them."""
    LISTENER = "listener"
    """To hear of changes: live updates and webhooks."""
    AUDIT = "audit"
    """To read everything, and change nothing."""

    @property
    def is_personal(self) -> bool:
        """Whether it is about one account's own things."""
        return self in (Role.USER, Role.READER, Role.SENDER)


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls an API. `account`: the account that a token stands for, None for the operator's
    own applications. `id`: the account's 24 hex digits. `address`: of the machine. `session`: the
    token's key, for those that can end it; empty for one that the configuration holds."""

    address: str
    account: int | None = None
    id: str = ""
    role: Role = Role.ROOT
    standing: Standing = Standing.WHOLE
    session: str = ""
    auth_version: int = 0

    @property
    def actor(self) -> Actor:
        """The caller, as the journal names who changed something."""
        return Actor(self.account, f"http {self.address}")


def reads(resource: Resource) -> Right:
    """The right to read."""
    return Right(resource, Action.READ)


def creates(resource: Resource) -> Right:
    """The right to create."""
    return Right(resource, Action.CREATE)


def updates(resource: Resource) -> Right:
    """The right to change."""
    return Right(resource, Action.UPDATE)


def deletes(resource: Resource) -> Right:
    """The right to delete."""
    return Right(resource, Action.DELETE)


def proves(resource: Resource) -> Right:
    """The right to show that one has it."""
    return Right(resource, Action.PROVE)


def administers(resource: Resource) -> Right:
    """The right to what nobody does to their own account."""
    return Right(resource, Action.ADMINISTER)


# -- the table

_Actions = frozenset[Action]
_READ: _Actions = frozenset({Action.READ})
_CREATE: _Actions = frozenset({Action.CREATE})
_PROVE: _Actions = frozenset({Action.PROVE})
_ALL: _Actions = frozenset(Action)
_WORK: _Actions = _ALL - {Action.ADMINISTER, Action.LIST}
_LOOK: _Actions = frozenset({Action.READ, Action.LIST})
_KEEP: _Actions = frozenset({Action.READ, Action.UPDATE})
_SELF: Mapping[Resource, _Actions] = {Resource.TOKENS: frozenset({Action.READ, Action.DELETE})}
"""What whoever has a token may do with that token."""
_MAIL = (
    Resource.MAILBOXES,
    Resource.MESSAGES,
    Resource.ARCHIVE,
    Resource.SUBMISSION,
    Resource.FILES,
)
_RULES = (Resource.FILTERS, Resource.AUTOREPLIES, Resource.SCRIPTS)
_PROOFS = (Resource.APP_PASSWORDS, Resource.FACTORS)
_LOGS = (Resource.AUTHLOG, Resource.UPDATES)
_MINE = (Resource.USERS, Resource.ADDRESSES, *_MAIL, *_RULES, *_PROOFS, *_LOGS)


def _each(resources: tuple[Resource, ...], actions: _Actions) -> dict[Resource, _Actions]:
    return dict.fromkeys(resources, actions)


ROLES: Mapping[Role, Mapping[Resource, _Actions]] = {
    Role.ROOT: _each(tuple(Resource), _ALL),
    Role.MANAGER: _each(
        (Resource.USERS, Resource.ADDRESSES, Resource.DOMAINS, *_RULES, *_PROOFS), _ALL
    )
    | _each((Resource.AUTHENTICATION,), _READ | _CREATE)
    | _each((Resource.AUTHLOG,), _READ),
    Role.WEBMAIL: _each((Resource.ADDRESSES, *_MAIL, *_RULES, *_PROOFS), _WORK)
    | _each((Resource.USERS,), _KEEP)
    | _each((Resource.AUTHENTICATION,), _READ | _CREATE)
    | _each(_LOGS, _READ),
    Role.USER: _each((*_MAIL, *_RULES, *_PROOFS), _WORK)
    | _each((Resource.USERS,), _KEEP)
    | _each((Resource.ADDRESSES, *_LOGS), _READ),
    Role.READER: _each(_MINE, _READ),
    Role.SENDER: _each((Resource.SUBMISSION,), _WORK),
    Role.MAILER: _each((Resource.SUBMISSION,), _WORK),
    Role.AUTH: _each((Resource.AUTHENTICATION,), _CREATE) | _each((Resource.FACTORS,), _PROVE),
    Role.TOKEN_AUTH: _each((Resource.AUTHENTICATION,), _CREATE)
    | _each((Resource.FACTORS,), _PROVE)
    | _each((Resource.TOKENS,), _CREATE),
    Role.ATTACHMENTS: _each((Resource.MESSAGES,), _READ),
    Role.LISTENER: _each((Resource.UPDATES,), _READ) | _each((Resource.WEBHOOKS,), _ALL),
    Role.AUDIT: _each((*_MINE, Resource.WEBHOOKS, Resource.DOMAINS), _LOOK),
}
"""Role → kind of thing → what may be done with it. What does not stand here may not be done."""
WAITING: Mapping[Standing, Mapping[Resource, _Actions]] = {
    Standing.FACTOR: {Resource.FACTORS: frozenset({Action.PROVE})},
    Standing.PASSWORD: {Resource.USERS: frozenset({Action.UPDATE})},
}
"""What a token opens that waits for something."""


def check(caller: Caller, right: Right, subject: str | None) -> None:
    """Whether the caller has the right. `subject`: the id of the account that the call names; None:
    it is about no one account. Raises NotPermitted, which says nothing of whether that exists.
    """
    if right.action in _SELF.get(right.resource, ()) and subject is None and caller.session:
        return
    if right.action is Action.READ and subject is None:
        right = Right(right.resource, Action.LIST)
    allowed = ROLES[caller.role]
    if caller.standing is not Standing.WHOLE:
        allowed = WAITING[caller.standing]
    if right.action not in allowed.get(right.resource, ()):
        raise NotPermitted("This token may not do that")
    if caller.role.is_personal and subject != caller.id:
        raise NotPermitted("This token is for another account")
