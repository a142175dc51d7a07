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

from mailhub.core import profile
from mailhub.core.addresses import Addresses
from mailhub.core.app_passwords import salt_of
from mailhub.core.ids import Ids
from mailhub.core.mailboxes import Mailboxes
from mailhub.model.account import (
    CLEAR,
    SPAM_LEVEL,
    Account,
    Encryption,
    Limits,
    NewAccount,
    RemovedAccount,
    Role,
    Scope,
    Secrets,
    Sending,
)
from mailhub.model.change import Actor
from mailhub.model.errors import Invalid, NotFound
from mailhub.ports import Clock, Hashing, Storage
from mailhub.wire import address as grammar

USERNAME_LIMIT = 256
PASSWORD_LIMIT = 1024
"""Longest password in octets of UTF-8; what is longer is refused before it costs a hash."""
_USERNAME = re.compile(r"[^\s\x00-\x20\x7f\"(),:;<>@\[\\\]\u0080-\u00a0\u2028\u2029]+")
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
    where that is an address, else none. `mailboxes`: their names by special use, where they shall
    be others than the language's.
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
    spam_level: int = SPAM_LEVEL
    targets: tuple[str, ...] = ()
    encryption: Encryption = CLEAR
    disabled_scopes: frozenset[Scope] = frozenset()
    mailboxes: Mapping[str, str] = field(default_factory=dict)


class Accounts:
    """Every account of the server. `grace`: seconds for which a removed one can come back."""

    def __init__(
        self,
        storage: Storage,
        hashing: Hashing,
        addresses: Addresses,
        mailboxes: Mailboxes,
        clock: Clock,
        ids: Ids,
        *,
        grace: int = 0,
    ) -> None:
        self._storage = storage
        self._hashing = hashing
        self._addresses = addresses
        self._mailboxes = mailboxes
        self._clock = clock
        self._ids = ids
        self._grace = grace

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
        new = self._new(order)
        boxes = self._mailboxes.defaults(new.language, new.retention, order.mailboxes)
        address = order.address
        if address is None:
            address = new.username if "@" in new.username else ""
        order_main = self._addresses.order
        addresses = [await order_main(address, name=new.name, main=True)] if address else []
        secrets = await self._secrets(order.password, order.hashed)
        return await self._storage.accounts.create(new, secrets, boxes, addresses, actor)

    def _new(self, order: AccountOrder) -> NewAccount:
        new = NewAccount(
            id=self._ids.new(),
            username=fold_username(order.username),
            created=int(self._clock.now()),
            name=order.name,
            role=order.role,
            limits=order.limits,
            language=order.language,
            retention=order.retention,
            tags=order.tags,
            metadata=order.metadata,
            disabled=order.disabled,
            sending=order.sending,
            spam_level=order.spam_level,
            targets=order.targets,
            encryption=order.encryption,
            disabled_scopes=order.disabled_scopes,
        )
        return profile.checked(new)

    async def update(self, account: Account, actor: Actor) -> Account:
        """Stores a changed account; counters, number, id and main address are not set by this.

        An account that becomes disabled or suspended, or loses a scope, ends its sessions. Raises
        Invalid (with `field`), NotFound, AlreadyExists (username).
        """
        before = await self.get(account.number)
        shut = (account.disabled and not before.disabled) or (
            account.suspended and not before.suspended
        )
        shut = shut or not account.disabled_scopes <= before.disabled_scopes
        checked = profile.checked(account, before.encryption)
        version = before.auth_version + 1 if shut else account.auth_version
        return await self._storage.accounts.replace(
            dataclasses.replace(
                checked, username=fold_username(account.username), auth_version=version
            ),
            actor,
        )

    async def remove(self, number: int, actor: Actor, *, due: int | None = None) -> tuple[int, int]:
        """The account is gone, its name and addresses are free: how many addresses, and when its
        mail goes too, epoch seconds: `due`, or after the server's time of grace. Until then
        `restore` brings it back. Raises NotFound."""
        now = int(self._clock.now())
        gone = max(now + self._grace if due is None else due, now)
        return await self._storage.accounts.remove(number, actor, due=gone), gone

    def in_time(self, seconds: int) -> int:
        """So many seconds from now, in epoch seconds."""
        return int(self._clock.now()) + seconds

    async def removed(self, id: str) -> RemovedAccount:
        """An account that can come back. Raises NotFound."""
        found = await self._storage.accounts.removed(id)
        if found is None:
            raise NotFound("No such account")
        return found

    async def all_removed(self) -> Sequence[RemovedAccount]:
        """Every account that can come back."""
        return await self._storage.accounts.all_removed()

    async def restore(self, id: str, actor: Actor) -> tuple[Account, int]:
        """The account is back with its mail, and so many of its addresses: those that nobody
        took. Raises NotFound, AlreadyExists (username)."""
        return await self._storage.accounts.restore(id, actor)

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

    async def end_sessions(self, number: int, actor: Actor, reason: str = "") -> Account:
        """Ends every session of the account; the password stays. `reason`: one line that clients
        are told. Raises NotFound, Invalid (field `reason`)."""
        text = profile.line(reason, "reason", profile.REASON_LIMIT)
        return await self._storage.accounts.end_sessions(number, actor, text)

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
