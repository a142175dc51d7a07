"""tmail's /users calls: decode, one core call, encode."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from urllib.parse import quote

from mailhub.core.accounts import AccountOrder, Accounts
from mailhub.core.domains import Domains
from mailhub.core.homes import at_home
from mailhub.http.about import About
from mailhub.http.basic import BasicGuard
from mailhub.http.call import Answer, Call
from mailhub.http.routing import route
from mailhub.http.tmail import replies, shapes, user_shapes
from mailhub.http.tmail.listing import listing
from mailhub.http.tmail.user_shapes import NewPassword, NewUser, NewUserPath, User, UserPath
from mailhub.model.account import Account
from mailhub.model.change import Actor
from mailhub.model.errors import AlreadyExists, Invalid, MailhubError, NotFound
from mailhub.wire import address as grammar


class Users:
    """The calls. `hashes`: the names of callers who may see the hashes of passwords."""

    def __init__(
        self, accounts: Accounts, domains: Domains, guard: BasicGuard, *, hashes: Sequence[str]
    ) -> None:
        self._accounts = accounts
        self._domains = domains
        self._guard = guard
        self._hashes = {name.lower() for name in hashes}

    @route("GET", "/users", About(query=shapes.Page, answers={200: list[User]}, errors=(400,)))
    async def all(self, call: Call) -> Answer:
        """Every user, in the order in which they were made."""
        sees = await self._sees(call)
        catch_alls = await self._catch_alls()

        async def show(accounts: Sequence[Account]) -> Sequence[User]:
            return [await self._shown(account, catch_alls, sees) for account in accounts]

        return await listing(call, self._read, show)

    @route("GET", "/users/<login>", About(path=UserPath, answers={200: User}, errors=(404,)))
    async def get(self, call: Call) -> Answer:
        """One user."""
        sees = await self._sees(call)
        account = await self._find(call)
        user = await self._shown(account, await self._catch_alls(), sees)
        return replies.raw_json(shapes.dumped(user))

    @route(
        "POST",
        "/users/<login>",
        About(path=NewUserPath, body=NewUser, answers={201: None}, errors=(400, 422)),
    )
    async def create(self, call: Call) -> Answer:
        """A new user; one with a mailbox makes its domain local."""
        actor = await self._guard.actor(call)
        wanted = shapes.read(NewUser, call)
        try:
            order = wanted.order(call.arguments["login"])
            made = await self._make(order, wanted, actor)
        except (Invalid, AlreadyExists) as error:
            raise replies.refused("unable to create new user", error) from None
        return replies.empty(201, Location=_location(call, made.username))

    @route(
        "PUT",
        "/users/<login>",
        About(path=UserPath, body=NewPassword, answers={204: None}, errors=(400, 404, 422)),
    )
    async def change(self, call: Call) -> Answer:
        """A new password; every session of the user ends."""
        actor = await self._guard.actor(call)
        wanted = shapes.read(NewPassword, call)
        account = await self._find(call)
        try:
            user_shapes.check_password(wanted.passwd)
            await self._accounts.set_password(account.number, wanted.passwd, actor)
        except Invalid as error:
            raise replies.refused("unable to change user password", error) from None
        return replies.empty(204)

    @route("DELETE", "/users/<login>", About(path=UserPath, answers={200: None}, errors=(404,)))
    async def remove(self, call: Call) -> Answer:
        """The user with its mailbox."""
        actor = await self._guard.actor(call)
        account = await self._find(call)
        if account.address:
            domain = account.address.rpartition("@")[2]
            await self._domains.drop_catch_all(domain, account.address, actor)
        await self._accounts.remove(account.number, actor)
        return replies.empty()

    async def _make(self, order: AccountOrder, wanted: NewUser, actor: Actor) -> Account:
        if not wanted.have_mailbox:
            return await self._accounts.create(order, actor)
        name = grammar.split(order.username)[1]
        await self._check_domain(name, wanted.is_catchall)
        made = await at_home(
            self._domains, order.username, actor, lambda: self._accounts.create(order, actor)
        )
        if wanted.is_catchall:
            try:
                await self._domains.take_catch_all(name, made.address, actor)
            except MailhubError:
                await self._accounts.remove(made.number, actor, due=0)
                raise
        return made

    async def _check_domain(self, name: str, is_catchall: bool) -> None:
        """Raises Invalid: a mailbox stands in a local domain alone."""
        try:
            domain = await self._domains.get(name)
        except NotFound:
            return
        if domain.relay:
            raise Invalid(f"domain {domain.name} is remote")
        if domain.alias_of:
            raise Invalid(f"domain {domain.name} is an alias")
        if is_catchall and domain.catch_all:
            raise Invalid(f"domain {domain.name} has a catchall already")

    async def _find(self, call: Call) -> Account:
        """By login alone: an alias of somebody is no user."""
        login = call.arguments["login"]
        try:
            return await self._accounts.by_username(login)
        except NotFound:
            raise replies.Refusal(404, f"no such user {login}") from None

    async def _sees(self, call: Call) -> bool:
        """Whether the caller, who has to be one, may see the hashes of passwords."""
        return (await self._guard.caller(call)).name.lower() in self._hashes

    async def _read(self, after: int, limit: int) -> Sequence[Account]:
        return (await self._accounts.page(after=after, limit=limit))[0]

    async def _shown(self, account: Account, catch_alls: Mapping[str, str], sees: bool) -> User:
        hashed = await self._accounts.password_hash(account.number) if sees else ""
        domain = account.address.rpartition("@")[2]
        is_catchall = bool(account.address) and catch_alls.get(domain) == account.address
        return user_shapes.shown(account, hashed, is_catchall)

    async def _catch_alls(self) -> Mapping[str, str]:
        return {domain.name: domain.catch_all for domain in await self._domains.all()}


def _location(call: Call, login: str) -> str:
    """The absolute URL of a new user; relative to the host for clients that named none."""
    path = quote(call.path.rpartition("/")[0]) + "/" + quote(login, safe="@")
    host = call.header("host")
    scheme = "http" if call.peer.tls is None else "https"
    return f"{scheme}://{host}{path}" if host else path
