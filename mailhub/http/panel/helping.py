"""Administrators' pages of how an account's owner signs in, and of accounts that left."""

from __future__ import annotations

from mailhub.core.accounts import Accounts
from mailhub.core.administration import Administration
from mailhub.core.identity import Identity
from mailhub.core.rights import Action, Resource, Right, administers
from mailhub.http.call import Answer
from mailhub.http.panel import pages
from mailhub.http.panel.door import Visitor, kept
from mailhub.http.panel.own import shown
from mailhub.model.account import Account
from mailhub.model.errors import MailhubError

PAGE = 100
LISTS = Right(Resource.USERS, Action.LIST)
ALTERS = administers(Resource.USERS)


class Helping:
    """The pages."""

    def __init__(
        self, accounts: Accounts, identity: Identity, administration: Administration
    ) -> None:
        self._accounts = accounts
        self._identity = identity
        self._leaving = administration.leaving

    @kept("GET", "/users/<user>/access", LISTS)
    async def look(self, visitor: Visitor) -> Answer:
        """App passwords, and what is shown besides the password."""
        return await self._shown(visitor)

    @kept("POST", "/users/<user>/access/app-password", ALTERS)
    async def end_password(self, visitor: Visitor) -> Answer:
        """An app password ends, and what was signed in with it."""
        account = await self._meant(visitor)
        try:
            await self._identity.app_passwords.remove(
                account.number, visitor.fields.get("id", ""), visitor.caller.actor
            )
        except MailhubError as error:
            return await self._shown(visitor, error.text)
        return pages.seen(f"/users/{account.id}/access")

    @kept("POST", "/users/<user>/access/two-step", ALTERS)
    async def end_factors(self, visitor: Visitor) -> Answer:
        """Every second factor is off, as for somebody who lost a phone."""
        account = await self._meant(visitor)
        await self._identity.codes.disable_all(account, visitor.caller.actor)
        return pages.seen(f"/users/{account.id}/access")

    @kept("GET", "/users/left", LISTS)
    async def left(self, visitor: Visitor) -> Answer:
        """Accounts that left and whose mail is kept, the last to leave first."""
        return await self._gone(visitor)

    @kept("POST", "/users/left", ALTERS)
    async def restore(self, visitor: Visitor) -> Answer:
        """One comes back as it was."""
        id, actor = visitor.fields.get("id", ""), visitor.caller.actor
        try:
            account, _ = await self._accounts.restore(id, actor)
        except MailhubError as error:
            return await self._gone(visitor, error.text)
        return pages.seen(f"/users/{account.id}")

    async def _meant(self, visitor: Visitor) -> Account:
        return await self._accounts.by_id(visitor.call.arguments["user"])

    async def _gone(self, visitor: Visitor, problem: str = "") -> Answer:
        asked = visitor.call.fields()
        query, after = asked.get("query", "").strip().lower()[:200], asked.get("after", "")
        start = int(after) if after.isdecimal() and len(after) < 10 else 0
        found = [one for one in await self._leaving.gone() if query in one.username]
        found.sort(key=lambda one: (-one.removed, one.username))
        return shown(
            visitor,
            "left.html",
            400 if problem else 200,
            rows=found[start : start + PAGE],
            query=query,
            more=start + PAGE if len(found) > start + PAGE else 0,
            problem=problem,
        )

    async def _shown(self, visitor: Visitor, problem: str = "") -> Answer:
        account = await self._meant(visitor)
        return shown(
            visitor,
            "access.html",
            400 if problem else 200,
            user=account,
            apps=await self._identity.app_passwords.all(account.number),
            keys=await self._identity.keys.all(account.number),
            problem=problem,
        )
