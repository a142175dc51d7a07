"""The pages of what is signed in with an account now: its owner's, and an administrator's."""

from __future__ import annotations

from contextlib import suppress

from mailhub.core.accounts import Accounts
from mailhub.core.open_logins import OpenLogins
from mailhub.core.rights import Action, Resource, Right, administers, deletes, reads
from mailhub.core.sign_ins import SignIns
from mailhub.http.call import Answer
from mailhub.http.panel import pages
from mailhub.http.panel.door import Door, Visitor, kept
from mailhub.http.panel.own import shown
from mailhub.model.account import Account, Service
from mailhub.model.errors import NotFound

PAGE = "/sessions"
THEIRS = "/users/<user>/sessions"
SHOWN = 200
"""Open sessions of mail programs that a page lists."""
PROTOCOLS = {Service.SUBMISSION: "SMTP", Service.SIEVE: "ManageSieve"}
LOOKS, ENDS = reads(Resource.AUTHLOG), deletes(Resource.APP_PASSWORDS)
LOOKS_THERE, ENDS_THERE = Right(Resource.USERS, Action.LIST), administers(Resource.USERS)


class Sessions:
    """The pages. `sign_ins`: of browsers; `logins`: of mail programs."""

    def __init__(
        self, door: Door, accounts: Accounts, sign_ins: SignIns, logins: OpenLogins
    ) -> None:
        self._door = door
        self._accounts = accounts
        self._sign_ins = sign_ins
        self._logins = logins

    # -- one's own

    @kept("GET", PAGE, LOOKS)
    async def own(self, visitor: Visitor) -> Answer:
        """What is signed in."""
        return await self._shown(visitor, visitor.account, PAGE)

    @kept("POST", f"{PAGE}/browsers/<id>/end", ENDS)
    async def end_own_browser(self, visitor: Visitor) -> Answer:
        """Signs a browser out; perhaps this one."""
        return await self._end_browser(visitor, visitor.account, PAGE)

    @kept("POST", f"{PAGE}/programs/<number>/end", ENDS)
    async def end_own_program(self, visitor: Visitor) -> Answer:
        """Closes a connection of a mail program."""
        return self._end_program(visitor, visitor.account, PAGE)

    @kept("POST", f"{PAGE}/end", ENDS)
    async def end_others(self, visitor: Visitor) -> Answer:
        """Ends everything but this browser's session, wherever it is."""
        await self._accounts.end_sessions(visitor.account.number, visitor.caller.actor)
        return await self._door.again(visitor, PAGE)

    # -- an administrator's view of somebody else's

    @kept("GET", THEIRS, LOOKS_THERE)
    async def theirs(self, visitor: Visitor) -> Answer:
        """What is signed in with an account."""
        account = await self._meant(visitor)
        return await self._shown(visitor, account, _path(account))

    @kept("POST", f"{THEIRS}/browsers/<id>/end", ENDS_THERE)
    async def end_their_browser(self, visitor: Visitor) -> Answer:
        """Signs a browser out."""
        account = await self._meant(visitor)
        return await self._end_browser(visitor, account, _path(account))

    @kept("POST", f"{THEIRS}/programs/<number>/end", ENDS_THERE)
    async def end_their_program(self, visitor: Visitor) -> Answer:
        """Closes a connection of a mail program."""
        account = await self._meant(visitor)
        return self._end_program(visitor, account, _path(account))

    @kept("POST", f"{THEIRS}/end", ENDS_THERE)
    async def end_theirs(self, visitor: Visitor) -> Answer:
        """Ends everything; whoever administers themselves stays here."""
        account = await self._meant(visitor)
        await self._accounts.end_sessions(account.number, visitor.caller.actor)
        if account.number == visitor.account.number:
            return await self._door.again(visitor, _path(account))
        return pages.seen(_path(account))

    # -- what both share

    async def _meant(self, visitor: Visitor) -> Account:
        return await self._accounts.by_id(visitor.call.arguments["user"])

    async def _end_browser(self, visitor: Visitor, account: Account, path: str) -> Answer:
        """What is over already is as it should be."""
        with suppress(NotFound):
            await self._sign_ins.end(account.number, visitor.call.arguments["id"])
        return pages.seen(path)

    def _end_program(self, visitor: Visitor, account: Account, path: str) -> Answer:
        number = visitor.call.arguments["number"][:18]
        with suppress(NotFound):
            self._logins.end(account.number, int(number) if number.isdecimal() else 0)
        return pages.seen(path)

    async def _shown(self, visitor: Visitor, account: Account, path: str) -> Answer:
        browsers = await self._sign_ins.of_account(account.number)
        open_now = self._logins.of_account(account.number)
        return shown(
            visitor,
            "sessions.html",
            user=account,
            path=pages.PREFIX + path,
            own=account.number == visitor.account.number and path == PAGE,
            current=visitor.caller.session,
            browsers=browsers,
            programs=[
                {
                    "number": one.number,
                    "protocol": PROTOCOLS.get(
                        one.principal.service, one.principal.service.value.upper()
                    ),
                    "address": one.principal.address,
                    "since": one.since,
                    "means": one.principal.means,
                }
                for one in open_now[:SHOWN]
            ],
            hidden=max(0, len(open_now) - SHOWN),
        )


def _path(account: Account) -> str:
    return f"/users/{account.id}/sessions"
