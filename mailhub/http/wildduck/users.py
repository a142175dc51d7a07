"""WildDuck's /users calls: decode, one core call, encode."""

from __future__ import annotations

from mailhub.core.accounts import Accounts
from mailhub.core.domains import Domains
from mailhub.core.homes import at_home
from mailhub.core.login import Login
from mailhub.core.rights import Resource, creates, deletes, reads, updates
from mailhub.http.call import Answer, Call
from mailhub.http.routing import route
from mailhub.http.wildduck import paging, replies, shapes, user_shapes
from mailhub.http.wildduck.subject import Subjects
from mailhub.model.account import Account, Service
from mailhub.model.errors import AuthenticationFailed, Invalid, NotFound


class Users:
    """`default_domain`: of users without an address of their own, empty for the first domain;
    `quota`: the default, 0 none."""

    def __init__(
        self,
        accounts: Accounts,
        subjects: Subjects,
        domains: Domains,
        login: Login,
        default_domain: str,
        quota: int,
    ) -> None:
        self._accounts = accounts
        self._subjects = subjects
        self._domains = domains
        self._login = login
        self._default_domain = default_domain
        self._quota = quota

    @route("GET", "/users", right=reads(Resource.USERS))
    async def page(self, call: Call) -> Answer:
        """Users in the order they were made."""
        wanted = shapes.read(user_shapes.UserList, call)
        where = paging.span(wanted)
        rows, total = await self._accounts.page(
            after=where.after,
            before=where.before,
            limit=wanted.limit + 1,
            query=wanted.query,
            tags=wanted.tags,
            required_tags=wanted.required_tags,
        )
        rows, frame = paging.listed(wanted, where, rows, total)
        results = [
            user_shapes.listed(row, await self._accounts.has_password(row.number), self._quota)
            for row in rows
        ]
        return replies.success(query=wanted.query, **frame, results=results)

    @route("GET", "/users/<user>", right=reads(Resource.USERS))
    async def show(self, call: Call) -> Answer:
        """One user."""
        account = await self._subjects.of(shapes.read(shapes.UserCall, call).user)
        has_password = await self._accounts.has_password(account.number)
        return replies.success(**user_shapes.shown(account, has_password, self._quota))

    @route("POST", "/users", right=creates(Resource.USERS))
    async def create(self, call: Call) -> Answer:
        """A new user; a domain that is new to the server is made with it."""
        actor = call.actor
        order = shapes.read(user_shapes.NewUser, call).order(await self._home())
        if order.address:
            account = await at_home(
                self._domains, order.address, actor, lambda: self._accounts.create(order, actor)
            )
        else:
            account = await self._accounts.create(order, actor)
        return replies.success(id=account.id)

    @route("PUT", "/users/<user>", right=updates(Resource.USERS))
    async def update(self, call: Call) -> Answer:
        """Changes what is given. A new password ends the user's sessions."""
        actor = call.actor
        wanted = shapes.read(user_shapes.OldUser, call)
        account = await self._subjects.of(wanted.user)
        if wanted.existing_password:
            await self._verify(account, wanted.existing_password, call)
        if not wanted.changes():
            raise replies.Refusal(400, "NoUpdates", "Nothing was changed")
        changed = wanted.applied(account)
        if changed != account:
            await self._accounts.update(changed, actor)
        if wanted.password is not None:
            clear = wanted.password or ""
            hashed = clear if wanted.hashed_password else ""
            await self._accounts.set_password(
                account.number, "" if hashed else clear, actor, hashed=hashed
            )
        return replies.success()

    @route("DELETE", "/users/<user>", right=deletes(Resource.USERS))
    async def remove(self, call: Call) -> Answer:
        """The user with everything of theirs; done again it succeeds again."""
        actor = call.actor
        try:
            account = await self._accounts.by_id(shapes.read(shapes.UserCall, call).user)
            await self._accounts.remove(account.number, actor)
        except NotFound:
            return replies.success()
        return replies.success()

    async def _home(self) -> str:
        """Where users are at home whose name is no address: as set, else the first domain."""
        if self._default_domain:
            return self._default_domain
        domains = await self._domains.all()
        return min(domains, key=lambda domain: domain.number).name if domains else ""

    async def _verify(self, account: Account, password: str, call: Call) -> None:
        try:
            await self._login.plain(account.username, password, call.peer, Service.HTTP)
        except (AuthenticationFailed, Invalid):
            raise replies.Refusal(403, "AuthFail", "Password validation failed") from None
