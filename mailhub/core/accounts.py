"""Accounts: create, look up, change, remove, and their passwords.

Passwords pass through here once, on their way to the hashing pool; checking them is `core.login`.
Addresses beyond the main one belong to `core.addresses`.
"""

from __future__ import annotations

import dataclasses
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from mailhub.core.addresses import Addresses
from mailhub.core.app_passwords import salt_of
from mailhub.core.ids import Ids
from mailhub.core.mailboxes import Mailboxes
from mailhub.model.account import Account, Limits, NewAccount, Role, Secrets, Sending
from mailhub.model.change import Actor
from mailhub.model.errors import Invalid, NotFound
from mailhub.ports import Clock, Hashing, Storage
from mailhub.wire import address as grammar

USERNAME_LIMIT = 256
PASSWORD_LIMIT = 1024
"""Longest password in octets of UTF-8; what is longer is refused before it costs a hash."""
NAME_LIMIT = 256
TAGS_LIMIT = 100
_USERNAME = re.compile(r"[^\s\x00-\x20\x7f\"(),:;<>@\[\\\]\u0080-\u00a0\u2028\u2029]+")
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_LANGUAGE = re.compile(r"[A-Za-z]{2,8}(?:[-_][A-Za-z0-9]{1,8})*")
_HASH = re.compile(
    r"(?:\{(?:CRYPT|MD5-CRYPT|BLF-CRYPT|SHA(?:256|512)-CRYPT|ARGON2ID?|PBKDF2|S?SHA(?:1|256|512)?)\}"
    r"|\$(?:1|2[aby]|5|6|argon2(?:id?|d)|pbkdf2(?:-sha(?:1|256|512))?)\$"
    r"|pbkdf2_sha(?:1|256|512)\$)[!-~]+",
    re.IGNORECASE,
)
"""The kinds of hash that the hashing pool reads; clear text is none of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountOrder:
    """What a new account shall be.

    `username`: a login name, or an address. `password`: clear, or `hashed`: crypt-style from
    another server; neither: no password logs in. `address`: the main address; None: the username
    where that is an address, else none.
    """

    username: str
    password: str = ""
    hashed: str = ""
    address: str | None = None
    name: str = ""
    role: Role = Role.USER
    limits: Limits = field(default_factory=Limits)
    language: str = ""
    retention: int = 0
    tags: tuple[str, ...] = ()
    metadata: Mapping[str, object] = field(default_factory=dict)
    disabled: bool = False
    sending: Sending = Sending.OWN


class Accounts:
    """Every account of the server."""

    def __init__(
        self,
        storage: Storage,
        hashing: Hashing,
        addresses: Addresses,
        mailboxes: Mailboxes,
        clock: Clock,
        ids: Ids,
    ) -> None:
        self._storage = storage
        self._hashing = hashing
        self._addresses = addresses
        self._mailboxes = mailboxes
        self._clock = clock
        self._ids = ids

    # -- looking

    async def get(self, number: int) -> Account:
        """Raises NotFound."""
        return _found(await self._storage.accounts.get(number))

    async def by_id(self, id: str) -> Account:
        """Raises NotFound."""
        return _found(await self._storage.accounts.by_id(id))

    async def by_name(self, name: str) -> Account:
        """By username or any address of the account. Raises NotFound."""
        try:
            found = await self._storage.accounts.by_username(fold_username(name))
        except Invalid:
            raise NotFound("No such account") from None
        if found is None and "@" in name:
            row = await self._addresses.find(name)
            if row is not None and row.account is not None:
                found = await self._storage.accounts.get(row.account)
        return _found(found)

    async def page(
        self,
        *,
        after: int = 0,
        before: int = 0,
        limit: int = 100,
        query: str = "",
        tags: Sequence[str] = (),
        required_tags: Sequence[str] = (),
    ) -> tuple[Sequence[Account], int]:
        """See `ports.Accounts.page`."""
        return await self._storage.accounts.page(
            after=after,
            before=before,
            limit=limit,
            query=query,
            tags=tags,
            required_tags=required_tags,
        )

    async def by_username(self, username: str) -> Account:
        """By username alone. Raises NotFound."""
        try:
            return _found(await self._storage.accounts.by_username(fold_username(username)))
        except Invalid:
            raise NotFound("No such account") from None

    async def has_password(self, number: int) -> bool:
        """Whether any password logs in. Raises NotFound."""
        return bool((await self._storage.accounts.secrets(number)).password)

    async def password_hash(self, number: int) -> str:
        """The stored hash, empty for none: only for callers that were given that right. Raises
        NotFound."""
        return (await self._storage.accounts.secrets(number)).password

    async def count(self) -> int:
        """How many accounts there are."""
        return await self._storage.accounts.count()

    # -- changing

    async def create(self, order: AccountOrder, actor: Actor) -> Account:
        """The account, its default mailboxes and its main address, in one commit.

        Raises Invalid (with `field`), AlreadyExists (username or address).
        """
        username = fold_username(order.username)
        new = NewAccount(
            id=self._ids.new(),
            username=username,
            created=int(self._clock.now()),
            name=_text(order.name, "name", NAME_LIMIT),
            role=order.role,
            limits=_limits(order.limits),
            language=_language(order.language),
            retention=_natural(order.retention, "retention"),
            tags=_tags(order.tags),
            metadata=order.metadata,
            disabled=order.disabled,
            sending=order.sending,
        )
        address = order.address
        if address is None:
            address = username if "@" in username else ""
        order_main = self._addresses.order
        addresses = [await order_main(address, name=new.name, main=True)] if address else []
        secrets = await self._secrets(order.password, order.hashed)
        mailboxes = self._mailboxes.defaults()
        return await self._storage.accounts.create(new, secrets, mailboxes, addresses, actor)

    async def update(self, account: Account, actor: Actor) -> Account:
        """Stores a changed account; counters, number, id and main address are not set by this.

        An account that becomes disabled or suspended, or loses a scope, ends its sessions. Raises Invalid (with
        `field`), NotFound, AlreadyExists (username).
        """
        before = await self.get(account.number)
        shut = (account.disabled and not before.disabled) or (
            account.suspended and not before.suspended
        )
        shut = shut or not account.disabled_scopes <= before.disabled_scopes
        checked = dataclasses.replace(
            account,
            username=fold_username(account.username),
            name=_text(account.name, "name", NAME_LIMIT),
            limits=_limits(account.limits),
            language=_language(account.language),
            retention=_natural(account.retention, "retention"),
            tags=_tags(account.tags),
        )
        stored = await self._storage.accounts.replace(checked, actor)
        return await self.end_sessions(stored.number, actor) if shut else stored

    async def remove(self, number: int, actor: Actor) -> None:
        """The account with its mailboxes, messages and addresses. Raises NotFound."""
        await self._storage.accounts.remove(number, actor)

    # -- passwords and sessions

    async def set_password(
        self, number: int, password: str, actor: Actor, *, hashed: str = ""
    ) -> Account:
        """A new password, clear or as a crypt-style hash; every session ends.

        Both empty: no password logs in any more. Raises Invalid (field `password`), NotFound,
        Unavailable.
        """
        secrets = await self._secrets(password, hashed, await salt_of(self._storage, number))
        return await self._storage.accounts.set_secrets(number, secrets, actor, end_sessions=True)

    async def end_sessions(self, number: int, actor: Actor) -> Account:
        """Ends every session of the account; the password stays. Raises NotFound."""
        secrets = await self._storage.accounts.secrets(number)
        return await self._storage.accounts.set_secrets(number, secrets, actor, end_sessions=True)

    async def _secrets(self, password: str, hashed: str, salt: bytes = b"") -> Secrets:
        if hashed:
            if len(hashed) > PASSWORD_LIMIT or _HASH.fullmatch(hashed) is None:
                raise Invalid("Not a password hash", field="hashed")
            return Secrets(hashed)
        if not password:
            return Secrets()
        check_password(password)
        return await self._hashing.hash(password, salt)


def fold_username(username: str) -> str:
    """The form a login name is stored and found in: NFKC, case-folded; an address canonically.

    Raises Invalid (field `username`).
    """
    text = unicodedata.normalize("NFKC", username.strip()).casefold()
    if not text or len(text) > USERNAME_LIMIT:
        raise Invalid(f"A username has 1 to {USERNAME_LIMIT} characters", field="username")
    if "@" in text:
        try:
            return grammar.key(text, delimiter="")
        except Invalid as error:
            raise Invalid(error.text, field="username") from None
    if _USERNAME.fullmatch(text) is None:
        raise Invalid("The username has a character that is not allowed", field="username")
    return text


def check_password(password: str) -> None:
    """Raises Invalid (field `password`) for one that no login could send."""
    if not password or "\x00" in password:
        raise Invalid("The password is empty or holds a NUL", field="password")
    try:
        size = len(password.encode())
    except UnicodeEncodeError:
        raise Invalid("The password is no text", field="password") from None
    if size > PASSWORD_LIMIT:
        raise Invalid(f"A password has at most {PASSWORD_LIMIT} octets", field="password")


def _found(account: Account | None) -> Account:
    if account is None:
        raise NotFound("No such account")
    return account


def _text(value: str, field: str, limit: int) -> str:
    if len(value) > limit or _CONTROL.search(value):
        raise Invalid("Too long, or with control characters", field=field)
    return value


def _natural(value: int, field: str) -> int:
    if not 0 <= value < 1 << 62:
        raise Invalid("Not a number of this range", field=field)
    return value


def _limits(limits: Limits) -> Limits:
    for name in ("storage", "messages", "recipients", "forwards"):
        _natural(getattr(limits, name), name)
    return limits


def _language(language: str) -> str:
    if language and (len(language) > 20 or _LANGUAGE.fullmatch(language) is None):
        raise Invalid("Not a language tag", field="language")
    return language


def _tags(tags: tuple[str, ...]) -> tuple[str, ...]:
    if len(tags) > TAGS_LIMIT:
        raise Invalid(f"An account has at most {TAGS_LIMIT} tags", field="tags")
    return tuple(dict.fromkeys(_text(tag, "tags", 128) for tag in tags))
