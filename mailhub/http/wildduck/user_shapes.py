"""Parameters of WildDuck's user calls, and how they become orders for core."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints
from pydantic_core import PydanticCustomError

from mailhub.core import languages
from mailhub.core.accounts import AccountOrder
from mailhub.http.wildduck.shapes import (
    Boolean,
    Number,
    Page,
    Parameters,
    Tags,
    TagWords,
    Trimmed,
    UserCall,
)
from mailhub.model.account import CLEAR, SPAM_LEVEL, Account, Encryption, Limits, Scope
from mailhub.model.errors import Invalid
from mailhub.wire import openpgp

USERNAME = r"^[A-Za-z0-9\-._=:]+(?:@[^@\s]+)?$"
METADATA, INTERNAL = "metaData", "internalData"
"""Where an account's metadata keep what applications store with it."""
DATA_LIMIT = 1 << 20
SCOPES = (Scope.IMAP.value, Scope.POP3.value, Scope.SMTP.value)
LIMITS = {
    "quota": "storage",
    "recipients": "recipients",
    "forwards": "forwards",
    "filters": "filters",
    "received_max": "received",
    "imap_max_upload": "imap_upload",
    "imap_max_download": "imap_download",
    "pop3_max_download": "pop3_download",
    "pop3_max_messages": "pop3_messages",
    "imap_max_connections": "imap_connections",
}
"""Core's limits by the parameter that sets them."""


def _password(value: object) -> object:
    """A text, or false for none."""
    if value is False or (isinstance(value, str) and len(value) <= 256):
        return value
    if isinstance(value, str):
        raise PydanticCustomError(
            "long", "length must be less than or equal to 256 characters long"
        )
    raise PydanticCustomError("password", "must be one of [string, false]")


def _key(value: str) -> str:
    if value:
        try:
            openpgp.read(value)
        except Invalid as error:
            raise PydanticCustomError("key", "{reason}", {"reason": error.text}) from None
    return value


def _data(value: object) -> object:
    """An object, or its JSON as text."""
    if isinstance(value, str):
        try:
            value = json.loads(value) if len(value) <= DATA_LIMIT else None
        except (ValueError, RecursionError):
            value = None
    if not isinstance(value, dict):
        raise PydanticCustomError("data", "must be valid JSON object string")
    return value


def _date(value: object) -> object:
    """A date as ISO 8601, or milliseconds since the epoch; false for none. Epoch seconds."""
    if value in (False, "false", None):
        return None
    try:
        if isinstance(value, str) and not value.isdigit():
            moment = datetime.fromisoformat(value)
            aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
            return int(aware.timestamp())
        if isinstance(value, (int, str)) and not isinstance(value, bool):
            return int(value) // 1000
    except (ValueError, OverflowError):
        pass
    raise PydanticCustomError("date", "must be a valid date")


def _scope(value: str) -> str:
    if value not in SCOPES:
        raise PydanticCustomError("scope", "must be one of [imap, pop3, smtp]")
    return value


def _targets(value: object) -> object:
    return [value] if isinstance(value, str) else value


Password = Annotated[str | Literal[False], BeforeValidator(_password)]
Username = Annotated[
    str,
    StringConstraints(
        strip_whitespace=True, to_lower=True, min_length=1, max_length=128, pattern=USERNAME
    ),
]
Name = Annotated[Trimmed, Field(max_length=256)]
Language = Annotated[Trimmed, Field(max_length=20)]
PublicKey = Annotated[Trimmed, Field(max_length=openpgp.LIMIT), AfterValidator(_key)]
Data = Annotated[dict[str, Any], BeforeValidator(_data)]
Targets = Annotated[
    list[Annotated[Trimmed, Field(min_length=3, max_length=254)]],
    BeforeValidator(_targets),
    Field(max_length=1000),
]
Scopes = Annotated[list[Annotated[str, AfterValidator(_scope)]], Field(max_length=3)]
Moment = Annotated[int | None, BeforeValidator(_date)]


class MailboxNames(Parameters):
    """Names for the mailboxes of a new user, instead of those of the language."""

    sent: Trimmed = ""
    trash: Trimmed = ""
    drafts: Trimmed = ""
    junk: Trimmed = ""
    archive: Trimmed = ""

    def by_use(self) -> Mapping[str, str]:
        """By special use."""
        given = {
            languages.SENT: self.sent,
            languages.TRASH: self.trash,
            languages.DRAFTS: self.drafts,
            languages.JUNK: self.junk,
            languages.ARCHIVE: self.archive,
        }
        return {use: name for use, name in given.items() if name}


class Profile(Parameters):
    """What can be set both on a new user and on an old one; None: not given."""

    clearable: ClassVar[frozenset[str]] = frozenset({"name", "pubKey", "language"})

    name: Name | None = None
    quota: Number | None = None
    retention: Number | None = None
    recipients: Number | None = None
    forwards: Number | None = None
    filters: Number | None = None
    received_max: Number | None = None
    imap_max_upload: Number | None = None
    imap_max_download: Number | None = None
    pop3_max_download: Number | None = None
    pop3_max_messages: Number | None = None
    imap_max_connections: Number | None = None
    language: Language | None = None
    tags: Tags | None = None
    targets: Targets | None = None
    spam_level: Annotated[Number | None, Field(le=100)] = None
    pub_key: PublicKey | None = None
    encrypt_messages: Boolean | None = None
    encrypt_forwarded: Boolean | None = None
    meta_data: Data | None = None
    internal_data: Data | None = None
    disabled_scopes: Scopes | None = None
    hashed_password: Boolean = False

    def limits(self, before: Limits) -> Limits:
        """`before` with what is given."""
        changes = {
            name: value
            for parameter, name in LIMITS.items()
            if (value := getattr(self, parameter)) is not None
        }
        return dataclasses.replace(before, **changes)

    def encryption(self, before: Encryption) -> Encryption:
        """`before` with what is given."""
        given = {
            "key": self.pub_key,
            "stored": self.encrypt_messages,
            "forwarded": self.encrypt_forwarded,
        }
        changes: dict[str, Any] = {
            name: value for name, value in given.items() if value is not None
        }
        return dataclasses.replace(before, **changes)

    def metadata(self, before: Mapping[str, object]) -> Mapping[str, object]:
        """`before` with what is given."""
        given = {METADATA: self.meta_data, INTERNAL: self.internal_data}
        return {**before, **{name: value for name, value in given.items() if value is not None}}

    def unique_tags(self) -> tuple[str, ...]:
        """The tags, one of each whatever its case."""
        return unique(self.tags or [])

    def scopes(self) -> frozenset[Scope]:
        """What nobody may log in for."""
        return frozenset(Scope(word) for word in self.disabled_scopes or [])


class NewUser(Profile):
    """POST /users."""

    username: Username
    password: Password
    address: Annotated[Trimmed, Field(max_length=254)] = ""
    empty_address: Boolean = False
    mailboxes: MailboxNames = MailboxNames()

    def order(self, default_domain: str) -> AccountOrder:
        """The order for core; a missing address is made from the name (WildDuck's rule)."""
        password = self.password or ""
        # Who names no language gets English names here, as applications expect.
        english = {} if self.language else languages.names("en")
        return AccountOrder(
            username=self.username,
            password="" if self.hashed_password else password,
            hashed=password if self.hashed_password else "",
            address=self.main_address(default_domain),
            name=self.name or "",
            limits=self.limits(Limits()),
            language=self.language or "",
            retention=self.retention or 0,
            tags=self.unique_tags(),
            metadata=self.metadata({}),
            spam_level=SPAM_LEVEL if self.spam_level is None else self.spam_level,
            targets=tuple(self.targets or ()),
            encryption=self.encryption(CLEAR),
            disabled_scopes=self.scopes(),
            mailboxes={**english, **self.mailboxes.by_use()},
        )

    def main_address(self, default_domain: str) -> str:
        """Empty for none. A label is cut off; a wildcard is no main address. Raises Invalid."""
        if self.empty_address:
            return ""
        address = self.address or self.username
        local, at, domain = address.rpartition("@")
        if not at:
            local, domain = address, default_domain
        if "*" in address:
            raise Invalid("A wildcard is no main address", field="address")
        if not domain:
            raise Invalid("This server has no default domain", field="address")
        return f"{local.partition('+')[0]}@{domain}"


class OldUser(Profile, UserCall):
    """PUT /users/{user}: only what is given changes."""

    password: Password | None = None
    existing_password: Annotated[str, Field(max_length=256)] = ""
    disabled: Boolean | None = None
    suspended: Boolean | None = None
    disable2fa: Annotated[Boolean | None, Field(alias="disable2fa")] = None

    def changes(self) -> bool:
        """Whether anything is given that can change."""
        passive = {"user", "sess", "ip", "existing_password", "hashed_password"}
        return bool(self.model_fields_set - passive)

    def applied(self, account: Account) -> Account:
        """The account as it shall be; the password is not part of it."""
        given = {
            "name": self.name,
            "language": self.language,
            "retention": self.retention,
            "disabled": self.disabled,
            "suspended": self.suspended,
            "spam_level": self.spam_level,
            "targets": None if self.targets is None else tuple(self.targets),
            "tags": None if self.tags is None else self.unique_tags(),
            "disabled_scopes": None if self.disabled_scopes is None else self.scopes(),
        }
        changes: dict[str, Any] = {
            name: value for name, value in given.items() if value is not None
        }
        return dataclasses.replace(
            account,
            **changes,
            limits=self.limits(account.limits),
            encryption=self.encryption(account.encryption),
            metadata=self.metadata(account.metadata),
        )


class UserList(Page):
    """GET /users."""

    query: Annotated[Trimmed, Field(max_length=255)] = ""
    tags: TagWords = Field(default=[], max_length=100)
    required_tags: TagWords = Field(default=[], max_length=100)
    meta_data: Boolean = False
    internal_data: Boolean = False


class UserName(Parameters):
    """GET /users/resolve/{username}."""

    username: Username


class OldUserGone(UserCall):
    """DELETE /users/{user}."""

    delete_after: Moment = None


class Goodbye(UserCall):
    """PUT /users/{user}/logout."""

    reason: Annotated[Trimmed, Field(max_length=128)] = ""


def unique(tags: list[str]) -> tuple[str, ...]:
    """Tags, one of each whatever its case; the first spelling stays."""
    return tuple({tag.casefold(): tag for tag in reversed(tags)}.values())[::-1]
