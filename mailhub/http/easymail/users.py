"""EasyMail's calls about users: decode, one core call, encode."""

from __future__ import annotations

from collections.abc import Sequence

from mailhub.core.accounts import AccountOrder, Accounts
from mailhub.core.addresses import Addresses
from mailhub.core.administrators import Administrators
from mailhub.core.domains import Domains
from mailhub.core.rights import Resource, creates, deletes, reads, updates
from mailhub.http.about import About
from mailhub.http.call import Answer, Call
from mailhub.http.easymail import replies, shapes
from mailhub.http.easymail.replies import Refusal
from mailhub.http.routing import route
from mailhub.model.account import Account
from mailhub.model.address import Address, Domain
from mailhub.model.errors import AlreadyExists, Invalid, NotFound
from mailhub.wire import address as grammar

THERE = "User already exist!"
"""EasyMail's words."""
NO_SUCH = "No such user"
PAGE = 500


class Users:
    """The calls."""

    def __init__(
        self,
        accounts: Accounts,
        addresses: Addresses,
        domains: Domains,
        administrators: Administrators,
        *,
        legacy: bool = False,
    ) -> None:
        self._accounts = accounts
        self._addresses = addresses
        self._domains = domains
        self._administrators = administrators
        self._legacy = legacy

    @route(
        "GET",
        "/users/<domain_id>",
        About(takes=shapes.DomainId, answers={200: shapes.Users}, errors=(404,)),
        right=reads(Resource.USERS),
    )
    async def all(self, call: Call) -> Answer:
        """The users of a domain, the newest first."""
        try:
            domain = await self._domain(shapes.read(shapes.DomainId, call).domain_id)
        except Refusal:
            if not self._legacy:
                raise
            return replies.shown(shapes.Users(users=[]).model_dump())
        rows = [
            shapes.User(id=row.account, domain_id=domain.number, email=row.address)
            for row in reversed(await mains(self._addresses, domain.name))
            if row.account is not None
        ]
        return replies.shown(shapes.Users(users=rows).model_dump())

    @route(
        "POST",
        "/users/<domain_id>",
        About(takes=shapes.NewUser, answers={200: shapes.Made}, errors=(404, 409)),
        right=creates(Resource.USERS),
    )
    @route(
        "POST",
        "/user/<domain_id>",
        About(takes=shapes.NewUser, answers={200: shapes.Made}, errors=(404, 409)),
        right=creates(Resource.USERS),
    )
    async def create(self, call: Call) -> Answer:
        """A new user of a domain."""
        given = shapes.read(shapes.NewUser, call)
        domain = await self._domain(given.domain_id)
        if not (given.email and given.password):
            raise Refusal(400, "email and password are required")
        check_email(given.email, domain.name)
        order = AccountOrder(
            username=given.email,
            password="" if given.is_encrypted else given.password,
            hashed=given.password if given.is_encrypted else "",
        )
        try:
            made = await self._accounts.create(order, call.actor)
        except AlreadyExists:
            raise Refusal(409, THERE) from None
        return replies.done(id=made.number)

    @route(
        "POST",
        "/user-change-password",
        About(takes=shapes.NewPassword, answers={200: shapes.Done}, errors=(404,)),
        right=updates(Resource.USERS),
    )
    async def password(self, call: Call) -> Answer:
        """A new password; every session of the user ends."""
        given = shapes.read(shapes.NewPassword, call)
        domain = await self._domain(given.domain_id)
        account = await self._find(shapes.number(given.id, "user"))
        if account.address.rpartition("@")[2] != domain.name:
            raise Refusal(404, NO_SUCH)
        if not given.password:
            raise Refusal(400, "password is required")
        clear, hashed = ("", given.password) if given.is_encrypted else (given.password, "")
        await self._accounts.set_password(account.number, clear, call.actor, hashed=hashed)
        return replies.done()

    @route(
        "DELETE",
        "/users",
        About(takes=shapes.Email, answers={200: shapes.Done}, errors=(404, 409)),
        right=deletes(Resource.USERS),
    )
    async def remove(self, call: Call) -> Answer:
        """The user is no more; it can come back while its time of grace runs."""
        email = shapes.read(shapes.Email, call).email
        try:
            account = await self._accounts.by_username(email)
        except NotFound:
            raise Refusal(404, NO_SUCH) from None
        account = await self._administrators.revoke(account, call.actor)
        if account.address:
            domain = account.address.rpartition("@")[2]
            await self._domains.drop_catch_all(domain, account.address, call.actor)
        await self._accounts.remove(account.number, call.actor)
        return replies.done()

    async def _domain(self, written: str) -> Domain:
        wanted = shapes.number(written, "domain")
        for one in await self._domains.all():
            if one.number == wanted and not one.relay:
                return one
        raise Refusal(404, "No such domain")

    async def _find(self, number: int) -> Account:
        try:
            return await self._accounts.get(number)
        except NotFound:
            raise Refusal(404, NO_SUCH) from None


async def mains(addresses: Addresses, domain: str) -> Sequence[Address]:
    """Main addresses in a domain, the oldest first."""
    found: list[Address] = []
    after = 0
    while True:
        batch, _ = await addresses.page(after=after, limit=PAGE, domain=domain)
        found += [row for row in batch if row.main and row.account is not None]
        if len(batch) < PAGE:
            return found
        after = batch[-1].number


def check_email(email: str, domain: str) -> None:
    """Raises Refusal for what is no address in this domain."""
    try:
        name = grammar.split(email)[1]
    except Invalid as error:
        raise Refusal(400, error.text) from None
    if name != domain:
        raise Refusal(400, f"The email has to be in {domain}")
