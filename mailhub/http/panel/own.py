"""An account's first page: what it has, what is worth knowing about it, and where mail is."""

from __future__ import annotations

from urllib.parse import quote

from mailhub.core.addresses import Addresses
from mailhub.core.exporting import Exporting
from mailhub.core.identity import Identity
from mailhub.core.rights import Resource, reads
from mailhub.http.call import Answer
from mailhub.http.panel import pages
from mailhub.http.panel.door import Visitor, kept
from mailhub.wire.autoconfig import MailServers
from mailhub.wire.mobileconfig import Server

GZIP = "application/gzip"
NEWEST = 5
"""Sign-ins that the page shows."""


class Own:
    """`quota`: of an account that has no own one."""

    def __init__(
        self, addresses: Addresses, identity: Identity, exporting: Exporting, quota: int
    ) -> None:
        self._addresses = addresses
        self._exporting = exporting
        self._profiles = identity.profiles
        self._log = identity.authlog
        self._quota = quota

    @kept("GET", "/", reads(Resource.USERS))
    async def home(self, visitor: Visitor) -> Answer:
        """The page."""
        account = visitor.account
        rows = await self._addresses.of_account(account.number)
        logins, _ = await self._log.page(account.number, limit=NEWEST, action="authentication")
        limit = account.limits.storage or self._quota
        return shown(
            visitor,
            "home.html",
            addresses=[row.address for row in rows],
            used=account.used_storage,
            messages=account.used_messages,
            limit=limit,
            percent=min(100, account.used_storage * 100 // limit) if limit else 0,
            servers=servers(self._profiles.servers()),
            logins=logins,
        )

    @kept("GET", "/archive", reads(Resource.ARCHIVE))
    async def archive(self, visitor: Visitor) -> Answer:
        """All of the account's mail, and what is set for it, as a file."""
        made = await self._exporting.own(visitor.account)
        name = f"attachment; filename*=UTF-8''{quote(made.name, safe='@')}"
        headers = (("Content-Disposition", name), *pages.HEADERS)
        return Answer(200, type=GZIP, headers=headers, stream=made.pieces())


def servers(told: MailServers) -> list[tuple[str, Server]]:
    """Where mail is read and sent, as pages list it."""
    listed = [("IMAP", told.imap), ("SMTP", told.smtp)]
    return [*listed, ("POP3", told.pop3)] if told.pop3 is not None else listed


def shown(visitor: Visitor, template: str, status: int = 200, **values: object) -> Answer:
    """A page inside the frame that all have who are signed in."""
    path = visitor.call.path.rstrip("/")
    return pages.page(
        template,
        visitor.language,
        status,
        account=visitor.account,
        administers=visitor.administers,
        csrf=visitor.csrf,
        here=path.removeprefix(pages.PREFIX) or "/",
        **values,
    )
