"""An account's first page: what it has, and how mail programs reach it."""

from __future__ import annotations

from mailhub.core.addresses import Addresses
from mailhub.core.rights import Resource, reads
from mailhub.http.call import Answer
from mailhub.http.panel import pages
from mailhub.http.panel.door import Visitor, kept

PORTS = (("IMAP", 993), ("POP3", 995), ("SMTP", 465))
"""All of them TLS from the first byte, as RFC 8314 wants it."""


class Own:
    """`hostname`: what mail programs are told; `quota`: of an account that has no own one."""

    def __init__(self, addresses: Addresses, hostname: str, quota: int) -> None:
        self._addresses = addresses
        self._hostname = hostname
        self._quota = quota

    @kept("GET", "/", reads(Resource.USERS))
    async def home(self, visitor: Visitor) -> Answer:
        """The page."""
        account = visitor.account
        rows = await self._addresses.of_account(account.number)
        limit = account.limits.storage or self._quota
        return shown(
            visitor,
            "home.html",
            addresses=[row.address for row in rows],
            used=account.used_storage,
            messages=account.used_messages,
            limit=limit,
            percent=min(100, account.used_storage * 100 // limit) if limit else 0,
            hostname=self._hostname,
            ports=PORTS,
        )


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
