"""Accounts and passwords that live in mailhub's own store.

Whether a login is allowed at all (limits, disabled accounts) is decided in `core.login`; this
only finds accounts and compares passwords, and renews hashes that are out of date.
"""

from __future__ import annotations

from mailhub.model.account import Account
from mailhub.model.change import Actor
from mailhub.model.errors import Invalid, MailhubError
from mailhub.ports import Hashing, Log, Storage
from mailhub.wire import address as grammar


class LocalDirectory:
    """`ports.Directory` over the store's accounts and addresses."""

    def __init__(self, storage: Storage, hashing: Hashing, log: Log) -> None:
        self._storage = storage
        self._hashing = hashing
        self._log = log

    async def find(self, name: str) -> Account | None:
        """By folded username, or by any address of the account. Raises Unavailable."""
        found = await self._storage.accounts.by_username(name)
        if found is not None or "@" not in name:
            return found
        try:
            _, domain = grammar.split(name)
            here = await self._storage.domains.get(domain)
            if here is None:
                return None
            keys = [grammar.key(name, delimiter="", ignore_dots=here.ignore_dots)]
            if here.alias_of:
                keys.append(grammar.join(grammar.split(keys[0])[0], here.alias_of))
        except Invalid:
            return None
        row = await self._storage.addresses.match(keys)
        if row is None or row.account is None:
            return None
        return await self._storage.accounts.get(row.account)

    async def verify(self, account: Account, password: str) -> bool:
        """Whether `password` is the account's. A hash of another kind or cost, or one without
        SCRAM keys, is renewed on the way. Raises Unavailable."""
        secrets = await self._storage.accounts.secrets(account.number)
        right, stale = await self._hashing.verify(password, secrets.password)
        if right and (stale or secrets.scram_sha256 is None):
            await self._renew(account, password)
        return right

    async def _renew(self, account: Account, password: str) -> None:
        try:
            # App passwords of the account stand under the same salt.
            keys = (await self._storage.accounts.secrets(account.number)).scram_sha256
            others = await self._storage.app_passwords.all(account.number, 0)
            salt = keys.salt if keys is not None else others[0].keys.salt if others else b""
            fresh = await self._hashing.hash(password, salt)
            await self._storage.accounts.set_secrets(
                account.number, fresh, Actor(account.number, "rehash"), end_sessions=False
            )
        except MailhubError as error:  # the login itself is right: the next one tries again
            self._log.event("rehash-failed", account=account.id, reason=error.text)
