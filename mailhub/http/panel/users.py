"""Administrators' pages of accounts: all of them, a new one, one of them."""

from __future__ import annotations

import dataclasses
import re

from mailhub.core.accounts import AccountOrder, Accounts
from mailhub.core.addresses import Addresses
from mailhub.core.administration import Administration
from mailhub.core.rights import Action, Resource, Right, administers, creates, deletes
from mailhub.http.call import Answer
from mailhub.http.panel import pages
from mailhub.http.panel.door import Visitor, kept
from mailhub.http.panel.own import shown
from mailhub.model.account import Account, Limits, Role
from mailhub.model.errors import Invalid, MailhubError

PAGE = 50
_QUOTA = re.compile(r"(\d{1,12})\s*([KMGT]?)(?:i?B)?", re.IGNORECASE)
_UNITS = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}
LISTS = Right(Resource.USERS, Action.LIST)
ALTERS = administers(Resource.USERS)


class Users:
    """`quota`: of an account that has no own one."""

    def __init__(
        self,
        accounts: Accounts,
        addresses: Addresses,
        administration: Administration,
        quota: int,
    ) -> None:
        self._accounts = accounts
        self._addresses = addresses
        self._administrators = administration.administrators
        self._leaving = administration.leaving
        self._quota = quota

    @kept("GET", "/users", LISTS)
    async def all(self, visitor: Visitor) -> Answer:
        """Some of them, by number; `query` in name or address."""
        return await self._listed(visitor)

    @kept("POST", "/users", creates(Resource.USERS))
    async def add(self, visitor: Visitor) -> Answer:
        """A new account; under the name of one that left it is that one."""
        given = visitor.fields
        try:
            order = AccountOrder(
                username=given.get("address", "").strip().lower(),
                password=given.get("password", ""),
                name=given.get("name", "").strip(),
                limits=Limits(storage=quota(given.get("quota", ""))),
            )
            if "@" not in order.username:
                raise Invalid("An account needs a whole address", "address")
            if not order.password:
                raise Invalid("A password is needed", "password")
            account = await self._leaving.come(order, visitor.caller.actor)
        except MailhubError as error:
            return await self._listed(visitor, error.text)
        return pages.seen(f"/users/{account.id}")

    @kept("GET", "/users/<user>", LISTS)
    async def one(self, visitor: Visitor) -> Answer:
        """One account."""
        return await self._shown(visitor)

    @kept("POST", "/users/<user>", ALTERS)
    async def change(self, visitor: Visitor) -> Answer:
        """Name, quota, whether it may log in, and whether it administers."""
        account, given, actor = await self._meant(visitor), visitor.fields, visitor.caller.actor
        try:
            limits = dataclasses.replace(account.limits, storage=quota(given.get("quota", "")))
            disabled = bool(given.get("disabled"))
            if account.number == visitor.account.number and disabled:
                raise Invalid("You cannot shut yourself out", "disabled")
            if given.get("admin"):
                account = await self._administrators.grant(account, actor)
            else:
                account = await self._administrators.revoke(account, actor)
            name = given.get("name", "").strip()
            changed = dataclasses.replace(account, name=name, limits=limits, disabled=disabled)
            if changed != account:
                await self._accounts.update(changed, actor)
        except MailhubError as error:
            return await self._shown(visitor, error.text)
        return pages.seen(f"/users/{account.id}")

    @kept("POST", "/users/<user>/password", ALTERS)
    async def set_password(self, visitor: Visitor) -> Answer:
        """Another password; every session of the account ends."""
        account, password = await self._meant(visitor), visitor.fields.get("password", "")
        try:
            if not password:
                raise Invalid("A password is needed", "password")
            await self._accounts.set_password(account.number, password, visitor.caller.actor)
        except MailhubError as error:
            return await self._shown(visitor, error.text)
        return await self._shown(visitor, done="password")

    @kept("POST", "/users/<user>/sign-out", ALTERS)
    async def end_sessions(self, visitor: Visitor) -> Answer:
        """Ends every session of the account."""
        account = await self._meant(visitor)
        await self._accounts.end_sessions(account.number, visitor.caller.actor)
        return await self._shown(visitor, done="sessions")

    @kept("POST", "/users/<user>/remove", deletes(Resource.USERS))
    async def remove(self, visitor: Visitor) -> Answer:
        """The account leaves; its mail stays until it comes again."""
        account = await self._meant(visitor)
        try:
            if visitor.fields.get("address", "").strip().lower() != account.username:
                raise Invalid("Type the address, to be sure", "address")
            await self._leaving.leave(account, visitor.caller.actor)
        except MailhubError as error:
            return await self._shown(visitor, error.text)
        return pages.seen("/users")

    async def _meant(self, visitor: Visitor) -> Account:
        return await self._accounts.by_id(visitor.call.arguments["user"])

    async def _listed(self, visitor: Visitor, problem: str = "") -> Answer:
        asked = visitor.call.fields()
        query, after = asked.get("query", "").strip()[:200], asked.get("after", "")
        rows, total = await self._accounts.page(
            query=query, after=int(after) if after.isdecimal() else 0, limit=PAGE + 1
        )
        return shown(
            visitor,
            "users.html",
            400 if problem else 200,
            rows=rows[:PAGE],
            total=total,
            query=query,
            more=rows[PAGE - 1].number if len(rows) > PAGE else 0,
            default=self._quota,
            problem=problem,
            typed=visitor.fields,
        )

    async def _shown(self, visitor: Visitor, problem: str = "", done: str = "") -> Answer:
        account = await self._meant(visitor)
        rows = await self._addresses.of_account(account.number)
        return shown(
            visitor,
            "user.html",
            400 if problem else 200,
            user=account,
            admin=account.role is Role.ADMIN,
            addresses=[row.address for row in rows],
            quota=words(account.limits.storage),
            limit=account.limits.storage or self._quota,
            typed=visitor.fields if problem else {},
            problem=problem,
            done=done,
        )


def quota(text: str) -> int:
    """Octets, as `2G`; nothing and 0 are the server's own. Raises Invalid (field `quota`)."""
    found = _QUOTA.fullmatch(text.strip() or "0")
    if found is None:
        raise Invalid("A quota is a number with K, M, G or T, such as 2G", "quota")
    return int(found[1]) * _UNITS[found[2].upper()]


def words(octets: int) -> str:
    """As `quota` takes it; empty for none."""
    for unit in "TGMK":
        if octets and octets % _UNITS[unit] == 0:
            return f"{octets // _UNITS[unit]}{unit}"
    return str(octets) if octets else ""
