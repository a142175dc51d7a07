"""Administrators' page of backups."""

from __future__ import annotations

from mailhub.core.backup import Backups
from mailhub.core.rights import Action, Resource, Right
from mailhub.http.call import Answer
from mailhub.http.panel import pages
from mailhub.http.panel.door import Visitor, kept
from mailhub.http.panel.keeping import status_of
from mailhub.http.panel.own import shown
from mailhub.model.backup import BackupTarget
from mailhub.model.errors import Invalid, MailhubError

DAY = 86_400
READS = Right(Resource.BACKUPS, Action.LIST)
ALTERS = Right(Resource.BACKUPS, Action.UPDATE)


class Backing:
    """The page."""

    def __init__(self, backups: Backups) -> None:
        self._backups = backups

    @kept("GET", "/backup", READS)
    async def look(self, visitor: Visitor) -> Answer:
        """Where they go, and what there is."""
        return await self._shown(visitor)

    @kept("POST", "/backup", ALTERS)
    async def choose(self, visitor: Visitor) -> Answer:
        """Where they go from now on."""
        given, now = visitor.fields, self._backups.target
        try:
            days = given.get("keep", "")
            if not days.isdecimal() or len(days) > 5:
                raise Invalid("How many days they are kept is a number", "keep")
            self._backups.choose(
                BackupTarget(
                    address=given.get("address", "").strip() or "off",
                    user=given.get("user", "").strip() or now.user,
                    secret=given.get("secret", "") or now.secret,
                    keep=int(days) * DAY,
                )
            )
        except MailhubError as error:
            return await self._shown(visitor, error)
        return pages.seen("/backup")

    @kept("POST", "/backup/run", ALTERS)
    async def run(self, visitor: Visitor) -> Answer:
        """Makes one now."""
        try:
            await self._backups.run()
        except MailhubError as error:
            return await self._shown(visitor, error)
        return pages.seen("/backup")

    async def _shown(self, visitor: Visitor, problem: MailhubError | None = None) -> Answer:
        target, status = self._backups.target, None
        try:
            status = await self._backups.status()
        except MailhubError as error:
            problem = problem or error
        return shown(
            visitor,
            "backup.html",
            status_of(problem) if problem else 200,
            address=self._backups.shown(target),
            days=target.keep // DAY,
            target=target,
            typed=visitor.fields if problem else {},
            backups=status,
            verified=self._backups.verified,
            problem=problem.text if problem else "",
        )
