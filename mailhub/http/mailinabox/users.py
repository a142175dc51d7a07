"""The /mail/users calls: decode, one core call, encode."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import replace
from typing import TypeVar

from mailhub.core.accounts import AccountOrder, Accounts
from mailhub.core.administrators import Administrators
from mailhub.core.leaving import Leaving
from mailhub.core.required import is_reserved
from mailhub.core.rights import Resource, creates, deletes, reads, updates
from mailhub.http.about import About
from mailhub.http.call import Answer, Call
from mailhub.http.mailinabox import replies, shapes, user_shapes
from mailhub.http.mailinabox.effects import Effects
from mailhub.http.mailinabox.replies import TEXT, Refusal
from mailhub.http.mailinabox.user_shapes import (
    ADMIN,
    DomainUsers,
    Named,
    NewPassword,
    NewQuota,
    NewUser,
    Privilege,
)
from mailhub.http.routing import route
from mailhub.model.account import Account, Limits, Role
from mailhub.model.errors import AlreadyExists, Invalid, NotFound
from mailhub.ports import Clock

_Row = TypeVar("_Row")
PAGE = 200
TAKEN = "User already exists."


class EmailQuery(shapes.Query):
    """Which user is meant."""

    email: str


class FormatQuery(shapes.Query):
    """How a list is wanted: `json`, or text."""

    format: str = "text"


class Users:
    """The calls. `hostname`: this server's, whose domain stands first in lists."""

    def __init__(
        self,
        accounts: Accounts,
        administrators: Administrators,
        leaving: Leaving,
        effects: Effects,
        hostname: str,
        clock: Clock,
    ) -> None:
        self._accounts = accounts
        self._administrators = administrators
        self._leaving = leaving
        self._effects = effects
        self._hostname = hostname
        self._clock = clock

    @route(
        "GET",
        "/mail/users",
        About(query=FormatQuery, answers={200: list[DomainUsers]}, or_media=TEXT),
        right=reads(Resource.USERS),
    )
    async def all(self, call: Call) -> Answer:
        """Every user: a line each, or as JSON by domain with those that are archived."""
        if shapes.asked(call, "format") != "json":
            return replies.lines(*sorted([one async for one in self._each(_address)]))
        rows = [one async for one in self._each(user_shapes.active)]
        names = {one["email"] for one in rows}
        gone = [
            one
            for one in await self._leaving.gone()
            if "@" in one.username and one.username not in names
        ]
        rows += map(user_shapes.inactive, gone)
        shown = user_shapes.listed(rows, self._hostname)
        return replies.listed(shown, len(rows), self._clock)

    @route(
        "POST",
        "/mail/users/add",
        About(form=NewUser, answers={200: None}, media=TEXT),
        right=creates(Resource.USERS),
    )
    async def add(self, call: Call) -> Answer:
        """A new user, or one that was archived, with its mail."""
        wanted = shapes.read(NewUser, call)
        email = wanted.email
        user_shapes.check_email(email)
        if is_reserved(email) and await self._accounts.count():
            raise Refusal(user_shapes.RESERVED)
        user_shapes.check_password(wanted.password)
        privileges = user_shapes.given_privileges(wanted.privileges)
        storage = user_shapes.octets(wanted.quota) if wanted.quota.strip() else 0
        order = AccountOrder(
            username=email,
            password=wanted.password,
            role=Role.ADMIN if ADMIN in privileges else Role.USER,
            limits=Limits(storage=storage),
            metadata={user_shapes.PRIVILEGES: [one for one in privileges if one != ADMIN]},
        )
        try:
            await self._leaving.come(order, call.actor)
        except AlreadyExists:
            raise Refusal(TAKEN) from None
        except Invalid as error:
            raise Refusal(error.text) from None
        return replies.lines("mail user added", *await self._effects.after(call.actor))

    @route(
        "POST",
        "/mail/users/password",
        About(form=NewPassword, answers={200: None}, media=TEXT),
        right=updates(Resource.USERS),
    )
    async def password(self, call: Call) -> Answer:
        """A new password; every session of the user ends."""
        wanted = shapes.read(NewPassword, call)
        user_shapes.check_password(wanted.password)
        account = await self._find(wanted.email)
        await self._accounts.set_password(account.number, wanted.password, call.actor)
        return replies.text("OK")

    @route(
        "POST",
        "/mail/users/remove",
        About(form=Named, answers={200: None}, media=TEXT),
        right=deletes(Resource.USERS),
    )
    async def remove(self, call: Call) -> Answer:
        """Archives a user: its mail stays, and is there again when the user is added again."""
        account = await self._find(shapes.read(Named, call).email)
        await self._leaving.leave(account, call.actor)
        return replies.lines("mail user removed", *await self._effects.after(call.actor))

    # -- privileges

    @route(
        "GET",
        "/mail/users/privileges",
        About(query=EmailQuery, answers={200: None}, media=TEXT),
        right=reads(Resource.USERS),
    )
    async def privileges(self, call: Call) -> Answer:
        """What the user may, a line each; empty for nothing beyond mail."""
        account = await self._find(shapes.asked(call, "email"))
        return replies.text("\n".join(user_shapes.privileges(account)))

    @route(
        "POST",
        "/mail/users/privileges/add",
        About(form=Privilege, answers={200: None}, media=TEXT),
        right=updates(Resource.USERS),
    )
    async def grant(self, call: Call) -> Answer:
        """A further privilege; `admin` is the one that means something."""
        wanted = shapes.read(Privilege, call)
        account = await self._find(wanted.email)
        privilege = user_shapes.check_privilege(wanted.privilege)
        if privilege == ADMIN:
            await self._administrators.grant(account, call.actor)
        else:
            others = [*user_shapes.other_privileges(account), privilege]
            await self._keep(account, others, call)
        return replies.text("OK")

    @route(
        "POST",
        "/mail/users/privileges/remove",
        About(form=Privilege, answers={200: None}, media=TEXT),
        right=updates(Resource.USERS),
    )
    async def revoke(self, call: Call) -> Answer:
        """One privilege less. The last administrator stays one."""
        wanted = shapes.read(Privilege, call)
        account = await self._find(wanted.email)
        privilege = user_shapes.check_privilege(wanted.privilege)
        if privilege == ADMIN:
            await self._administrators.revoke(account, call.actor)
        else:
            others = user_shapes.other_privileges(account)
            await self._keep(account, [one for one in others if one != privilege], call)
        return replies.text("OK")

    async def _keep(self, account: Account, others: Sequence[str], call: Call) -> None:
        metadata = user_shapes.with_privileges(account.metadata, others)
        if metadata != dict(account.metadata):
            await self._accounts.update(replace(account, metadata=metadata), call.actor)

    # -- quotas

    @route(
        "GET",
        "/mail/users/quota",
        About(query=EmailQuery, answers={200: dict[str, str]}, or_media=TEXT),
        right=reads(Resource.USERS),
    )
    async def quota(self, call: Call) -> Answer:
        """How much mail the user may keep; `text=1`: in plain words."""
        account = await self._find(shapes.asked(call, "email"))
        quota = user_shapes.quota_text(account.limits.storage)
        if shapes.asked(call, "text") == "1":
            return replies.text(quota)
        return replies.shown({"email": account.address, "quota": quota})

    @route(
        "POST",
        "/mail/users/quota",
        About(form=NewQuota, answers={200: None}, media=TEXT),
        right=updates(Resource.USERS),
    )
    async def set_quota(self, call: Call) -> Answer:
        """How much mail the user may keep: `500M`, `2G`, or 0 for the server's default."""
        wanted = shapes.read(NewQuota, call)
        storage = user_shapes.octets(wanted.quota)
        account = await self._find(wanted.email)
        limits = replace(account.limits, storage=storage)
        await self._accounts.update(replace(account, limits=limits), call.actor)
        return replies.text("OK")

    async def _each(self, show: Callable[[Account], _Row]) -> AsyncIterator[_Row]:
        """Everybody who has an address, as `show` shows them; others have turns meanwhile."""
        after = 0
        while True:
            batch, _ = await self._accounts.page(after=after, limit=PAGE)
            for account in batch:
                if account.address:
                    yield show(account)
            if len(batch) < PAGE:
                return
            after = batch[-1].number

    async def _find(self, email: str) -> Account:
        """By address alone: an alias is no user. Raises Refusal."""
        try:
            account = await self._accounts.by_name(email)
        except (NotFound, Invalid):
            raise Refusal(f"That's not a user ({email}).") from None
        if account.address != email.lower() and account.username != email.lower():
            raise Refusal(f"That's not a user ({email}).")
        return account


def _address(account: Account) -> str:
    return account.address
