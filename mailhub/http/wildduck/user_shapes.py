"""Users as WildDuck spells them: parameters of its calls, and an account as its JSON."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints
from pydantic_core import PydanticCustomError

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
from mailhub.model.account import Account, Limits
from mailhub.model.errors import Invalid
from mailhub.wire import openpgp

RECIPIENTS = 2000
"""WildDuck's default for recipients and for forwards a day; shown where an account has no own."""
USERNAME = r"^[A-Za-z0-9\-._=:]+(?:@[^@\s]+)?$"
KEY, ENCRYPT, ENCRYPT_FORWARDED = "pgp_public_key", "encrypt_messages", "encrypt_forwarded"
"""Where an account's metadata keeps what core does not read yet."""


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


class Profile(Parameters):
    """What can be set both on a new user and on an old one; None: not given."""

    clearable: ClassVar[frozenset[str]] = frozenset({"name", "pubKey", "language"})

    name: Name | None = None
    quota: Number | None = None
    retention: Number | None = None
    recipients: Number | None = None
    forwards: Number | None = None
    language: Language | None = None
    tags: Tags | None = None
    pub_key: PublicKey | None = None
    encrypt_messages: Boolean | None = None
    encrypt_forwarded: Boolean | None = None
    hashed_password: Boolean = False

    def limits(self, before: Limits) -> Limits:
        """`before` with what is given."""
        given = {"storage": self.quota, "recipients": self.recipients, "forwards": self.forwards}
        changes = {name: value for name, value in given.items() if value is not None}
        return dataclasses.replace(before, **changes)

    def metadata(self, before: Mapping[str, object]) -> Mapping[str, object]:
        """`before` with what is given."""
        given = {
            KEY: self.pub_key,
            ENCRYPT: self.encrypt_messages,
            ENCRYPT_FORWARDED: self.encrypt_forwarded,
        }
        return {**before, **{name: value for name, value in given.items() if value is not None}}

    def unique_tags(self) -> tuple[str, ...]:
        """The tags, one of each whatever its case."""
        return tuple({tag.casefold(): tag for tag in reversed(self.tags or [])}.values())[::-1]


class NewUser(Profile):
    """POST /users."""

    username: Username
    password: Password
    address: Annotated[Trimmed, Field(max_length=254)] = ""
    empty_address: Boolean = False

    def order(self, default_domain: str) -> AccountOrder:
        """The order for core; a missing address is made from the name (WildDuck's rule)."""
        password = self.password or ""
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
    disable2fa: Boolean | None = None

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
        }
        changes: dict[str, Any] = {
            name: value for name, value in given.items() if value is not None
        }
        if self.tags is not None:
            changes["tags"] = self.unique_tags()
        return dataclasses.replace(
            account,
            **changes,
            limits=self.limits(account.limits),
            metadata=self.metadata(account.metadata),
        )


class UserList(Page):
    """GET /users."""

    query: Annotated[Trimmed, Field(max_length=255)] = ""
    tags: TagWords = Field(default=[], max_length=100)
    required_tags: TagWords = Field(default=[], max_length=100)


class Login(Parameters):
    """POST /authenticate."""

    username: Annotated[Trimmed, Field(min_length=1, max_length=254)]
    password: Annotated[str, Field(min_length=1, max_length=256)]
    scope: Annotated[Trimmed, Field(max_length=64)] = "master"
    protocol: Annotated[Trimmed, Field(max_length=64)] = "API"
    token: Boolean = False
    app_id: Annotated[str, Field(max_length=255)] = ""


def listed(account: Account, has_password: bool, quota: int) -> dict[str, object]:
    """A row of GET /users. `quota`: the server's default."""
    return {**_common(account, has_password), "quota": _quota(account, quota)}


def _common(account: Account, has_password: bool) -> dict[str, object]:
    return {
        "id": account.id,
        "username": account.username,
        "name": account.name or None,
        "address": account.address,
        "tags": list(account.tags),
        "enabled2fa": [],
        "encryptMessages": bool(account.metadata.get(ENCRYPT)),
        "encryptForwarded": bool(account.metadata.get(ENCRYPT_FORWARDED)),
        "hasPasswordSet": has_password,
        "activated": True,
        "disabled": account.disabled,
        "suspended": account.suspended,
    }


def shown(account: Account, has_password: bool, quota: int) -> dict[str, object]:
    """GET /users/{user}. Nothing is counted per day yet, so `used` is 0 and `ttl` false."""
    limits = account.limits
    key = str(account.metadata.get(KEY) or "")
    return {
        **_common(account, has_password),
        "language": account.language,
        "retention": account.retention or False,
        "pubKey": key,
        "keyInfo": _key_info(key),
        "limits": {
            "quota": _quota(account, quota),
            "recipients": {"allowed": limits.recipients or RECIPIENTS, "used": 0, "ttl": False},
            "forwards": {"allowed": limits.forwards or RECIPIENTS, "used": 0, "ttl": False},
        },
    }


def _quota(account: Account, default: int) -> dict[str, int]:
    return {"allowed": account.limits.storage or default, "used": account.used_storage}


def _key_info(key: str) -> dict[str, str] | Literal[False]:
    if not key:
        return False
    facts = openpgp.read(key)
    return {"name": facts.name, "address": facts.address, "fingerprint": facts.fingerprint}
