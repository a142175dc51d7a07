"""Administrators' page of everybody's logins, and of who has to wait after too many guesses."""

from __future__ import annotations

import re
from collections.abc import Sequence
from ipaddress import ip_address
from urllib.parse import urlencode

from mailhub.core.accounts import Accounts
from mailhub.core.logins import LoginLog
from mailhub.core.rights import Action, Resource, Right
from mailhub.http.call import Answer
from mailhub.http.panel import pages
from mailhub.http.panel.door import Visitor, kept
from mailhub.http.panel.own import shown
from mailhub.model.errors import MailhubError
from mailhub.model.identity import Login

PAGE = 50
READS = Right(Resource.AUTHLOG, Action.LIST)
ALTERS = Right(Resource.SYSTEM, Action.UPDATE)
_ID = re.compile(r"[0-9a-f]{24}")


class LoginPages:
    """The page, and the form that lets somebody guess again."""

    def __init__(self, logins: LoginLog, accounts: Accounts) -> None:
        self._logins = logins
        self._accounts = accounts

    @kept("GET", "/logins", READS)
    async def all(self, visitor: Visitor) -> Answer:
        """Newest first; of one account, from one network, or failures alone where that is asked."""
        return await self._shown(visitor)

    @kept("POST", "/logins/release", ALTERS)
    async def release(self, visitor: Visitor) -> Answer:
        """An address and its network may guess again."""
        try:
            await self._logins.release(visitor.fields.get("address", "").strip())
        except MailhubError as error:
            return await self._shown(visitor, error.text)
        return pages.seen("/logins")

    async def _shown(self, visitor: Visitor, problem: str = "") -> Answer:
        asked = visitor.call.fields()
        user, ip = asked.get("user", "").strip()[:200], asked.get("ip", "").strip()[:50]
        before, failures = asked.get("before", ""), bool(asked.get("failures"))
        account, more = None, ""
        rows: Sequence[Login] = ()
        try:
            if user:
                account = (await self._accounts.by_name(user.lower())).number
            found = await self._logins.page(
                account=account,
                ip=ip,
                failures=failures,
                before=before if _ID.fullmatch(before) else "",
                limit=PAGE,
            )
            rows, more = found.rows, found.before
        except MailhubError as error:
            problem = problem or error.text
        failed = {one.entry.event.ip for one in rows if one.entry.event.result != "success"}
        addresses = [one for one in {*failed, ip} if _is_address(one)]
        given = {"user": user, "ip": ip, "failures": "1" if failures else "", "before": more}
        return shown(
            visitor,
            "logins.html",
            400 if problem else 200,
            rows=rows,
            user=user,
            ip=ip,
            failures=failures,
            more=urlencode({name: value for name, value in given.items() if value}) if more else "",
            held=await self._logins.held(sorted(addresses)),
            problem=problem,
        )


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True
