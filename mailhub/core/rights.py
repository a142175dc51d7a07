"""What a caller of an API may do: one table for every operation of every face.

A face declares with each call which right it takes and whose things it is about; here stands who
has that right. Who the caller is was proven before; nothing here looks at a credential.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from mailhub.model.change import Actor


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


class Action(Enum):
    """What an operation does with it."""

    READ = "read"
    CREATE = "create"
    UPDATE = "update"
    DELETE = "delete"


@dataclass(frozen=True, slots=True)
class Right:
    """Leave for one action on one kind of thing."""

    resource: Resource
    action: Action


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls an API. `account`: the account that a token stands for, None for the root: the
    operator's own application. `id`: the account's 24 hex digits. `address`: of the machine."""

    address: str
    account: int | None = None
    id: str = ""

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
