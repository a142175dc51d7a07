"""Users as WildDuck shows them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from pydantic import Field

from mailhub.core.allowances import Kind, Use
from mailhub.http.wildduck.shapes import Result, Shown
from mailhub.http.wildduck.user_shapes import INTERNAL, METADATA
from mailhub.model.account import Account, RemovedAccount
from mailhub.model.errors import Invalid
from mailhub.wire import address as grammar
from mailhub.wire import openpgp

Cursor = str | Literal[False]
Asked = Annotated[dict[str, Any] | None, Field(exclude_if=lambda value: value is None)]


class Room(Shown):
    """What may be used, 0 for no limit, and what is."""

    allowed: int
    used: int


class Counted(Room):
    """What is counted for a while. `ttl`: seconds until the count begins anew, or false."""

    ttl: int | Literal[False]


class Bound(Shown):
    """A plain limit, 0 for none."""

    allowed: int


class UserLimits(Shown):
    """Everything that is limited."""

    quota: Room
    recipients: Counted
    filters: Room
    forwards: Counted
    received: Counted
    imap_upload: Counted
    imap_download: Counted
    pop3_download: Counted
    pop3_max_messages: Bound
    imap_max_connections: Room


class KeyInfo(Shown):
    """What an OpenPGP key says of itself."""

    name: str
    address: str
    fingerprint: str


class Facts(Shown):
    """What rows of the list and whole users have in common."""

    id: str
    username: str
    name: str | None
    address: str
    tags: list[str]
    targets: list[str]
    autoreply: bool
    enabled2fa: Annotated[list[str], Field(alias="enabled2fa")]
    encrypt_messages: bool
    encrypt_forwarded: bool
    has_password_set: bool
    activated: bool
    disabled: bool
    suspended: bool


class UserRow(Facts):
    """A row of GET /users. What applications store with users is there where it is asked for."""

    quota: Room
    meta_data: Asked = None
    internal_data: Asked = None


class Users(Result):
    """GET /users."""

    query: str
    total: int
    page: int
    previous_cursor: Cursor
    next_cursor: Cursor
    results: list[UserRow]

    @classmethod
    def of(cls, query: str, frame: Mapping[str, object], rows: list[UserRow]) -> Users:
        """The list in its `frame` (see `paging.listed`)."""
        return cls.model_validate({"query": query, **frame, "results": rows})


class User(Facts, Result):
    """GET /users/{user}."""

    language: str
    retention: int | Literal[False]
    spam_level: int
    pub_key: str
    key_info: KeyInfo | Literal[False]
    limits: UserLimits
    meta_data: dict[str, Any]
    internal_data: dict[str, Any]
    disabled_scopes: list[str]


class Made(Result):
    """The id of what was made, or found."""

    id: str


class AddressCount(Shown):
    """How many addresses went."""

    deleted: int


class Scheduled(Result):
    """DELETE /users/{user}: the mail goes at `delete_after`."""

    code: Literal["TaskScheduled"] = "TaskScheduled"
    user: str
    addresses: AddressCount
    delete_after: str
    task: str


class Recoverable(Result):
    """GET /users/{user}/restore."""

    user: str
    username: str
    storage_used: int
    tags: list[str]
    deleted: str
    delete_after: str
    recoverable_addresses: list[str]


class Recovered(Shown):
    """Which addresses came back."""

    recovered: int
    main: str


class Restored(Result):
    """POST /users/{user}/restore."""

    code: Literal["TaskCancelled"] = "TaskCancelled"
    user: str
    task: str
    addresses: Recovered


class QuotaCounted(Result):
    """POST /users/{user}/quota/reset."""

    storage_used: int
    previous_storage_used: int


def moment(seconds: int) -> str:
    """Epoch seconds as WildDuck writes times."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")


def row(account: Account, quota: int, *, data: bool, internal: bool) -> UserRow:
    """A row of GET /users. `quota`: the server's default."""
    return UserRow(
        **_facts(account),
        quota=_quota(account, quota),
        meta_data=_data(account, METADATA) if data else None,
        internal_data=_data(account, INTERNAL) if internal else None,
    )


def user(
    account: Account, quota: int, used: Mapping[Kind, Use], *, filters: Room, sessions: Room
) -> User:
    """A whole user. `quota`: the server's default; `sessions`: of IMAP, open now."""
    return User(
        **_facts(account),
        language=account.language,
        retention=account.retention or False,
        spam_level=account.spam_level,
        pub_key=account.encryption.key,
        key_info=_key_info(account.encryption.key),
        limits=UserLimits(
            quota=_quota(account, quota),
            filters=filters,
            pop3_max_messages=Bound(allowed=account.limits.pop3_messages),
            imap_max_connections=sessions,
            **{kind.value: counted(use) for kind, use in used.items()},
        ),
        meta_data=_data(account, METADATA),
        internal_data=_data(account, INTERNAL),
        disabled_scopes=sorted(scope.value for scope in account.disabled_scopes),
    )


def scheduled(user: str, addresses: int, due: int) -> Scheduled:
    """A removal, whose task is known by its user."""
    return Scheduled(
        user=user,
        addresses=AddressCount(deleted=addresses),
        delete_after=moment(due),
        task=user,
    )


def recoverable(gone: RemovedAccount) -> Recoverable:
    """What can come back."""
    return Recoverable(
        user=gone.id,
        username=gone.username,
        storage_used=gone.used_storage,
        tags=list(gone.tags),
        deleted=moment(gone.removed),
        delete_after=moment(gone.due),
        recoverable_addresses=[grammar.readable(one) for one in gone.addresses],
    )


def counted(use: Use) -> Counted:
    """How much of an allowance is used."""
    return Counted(allowed=use.allowed, used=use.used, ttl=False if use.ttl is None else use.ttl)


def _facts(account: Account) -> dict[str, Any]:
    return {
        "id": account.id,
        "username": account.username,
        "name": account.name or None,
        "address": grammar.readable(account.address),
        "tags": list(account.tags),
        "targets": list(account.targets),
        "autoreply": account.autoreply,
        "enabled2fa": [factor.value for factor in account.factors],
        "encrypt_messages": account.encryption.stored,
        "encrypt_forwarded": account.encryption.forwarded,
        "has_password_set": account.has_password,
        "activated": True,
        "disabled": account.disabled,
        "suspended": account.suspended,
    }


def _quota(account: Account, default: int) -> Room:
    return Room(allowed=account.limits.storage or default, used=account.used_storage)


def _data(account: Account, name: str) -> dict[str, Any]:
    kept = account.metadata.get(name)
    return kept if isinstance(kept, dict) else {}


def _key_info(key: str) -> KeyInfo | Literal[False]:
    if not key:
        return False
    try:
        facts = openpgp.read(key)
    except Invalid:  # it came from an older server, which looked less closely
        return False
    return KeyInfo(name=facts.name, address=facts.address, fingerprint=facts.fingerprint)
