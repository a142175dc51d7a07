"""The page of how mail programs reach an account, and the profile that tells Apple's by itself."""

from __future__ import annotations

from functools import cached_property

from mailhub.core.identity import Identity
from mailhub.core.rights import Resource, creates, reads
from mailhub.http.call import Answer
from mailhub.http.panel import pages
from mailhub.http.panel.door import Visitor, kept
from mailhub.http.panel.own import servers, shown
from mailhub.model.account import Scope
from mailhub.model.errors import Invalid, MailhubError
from mailhub.wire import qrcode

PAGE = "/programs"
APPLE = "application/x-apple-aspen-config"
MAIL = frozenset({Scope.IMAP, Scope.SMTP})


class Programs:
    """The page. `hostname`: of this server, where a telephone finds the page."""

    def __init__(self, identity: Identity, hostname: str) -> None:
        self._apps = identity.app_passwords
        self._profiles = identity.profiles
        self._place = f"https://{hostname}{pages.PREFIX}{PAGE}"

    @cached_property
    def _picture(self) -> str:
        return qrcode.png(self._place)

    @kept("GET", PAGE, reads(Resource.USERS))
    async def look(self, visitor: Visitor) -> Answer:
        """For each family of programs what to type where."""
        return self._shown(visitor)

    @kept("POST", f"{PAGE}/profile", creates(Resource.APP_PASSWORDS))
    async def profile(self, visitor: Visitor) -> Answer:
        """A profile, with an app password of its own where that is wanted."""
        account, given = visitor.account, visitor.fields
        try:
            if not account.address:
                raise Invalid("The account has no address", "address")
            if given.get("with_password"):
                made, password = await self._apps.create(
                    account, given.get("description", ""), MAIL, visitor.caller.actor
                )
                profile = await self._profiles.make(account, made, password)
            else:
                profile = await self._profiles.blank(account.address.rpartition("@")[2])
        except MailhubError as error:
            return self._shown(visitor, error.text)
        name = ("Content-Disposition", 'attachment; filename="mail.mobileconfig"')
        return Answer(200, profile, APPLE, (name, *pages.HEADERS))

    def _shown(self, visitor: Visitor, problem: str = "") -> Answer:
        told = self._profiles.servers()
        return shown(
            visitor,
            "programs.html",
            400 if problem else 200,
            servers=servers(told),
            imap=told.imap,
            smtp=told.smtp,
            domain=visitor.account.address.rpartition("@")[2],
            address=self._place,
            picture=self._picture,
            typed=visitor.fields,
            problem=problem,
        )
