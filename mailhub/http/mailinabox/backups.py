"""The /system/backup calls: decode, one core call, encode. What goes wrong is told with 200."""

from __future__ import annotations

from mailhub.core.backup import Backups
from mailhub.core.rights import Resource, reads, updates
from mailhub.http.about import About
from mailhub.http.call import Answer, Call
from mailhub.http.mailinabox import backup_shapes, replies, shapes
from mailhub.http.mailinabox.backup_shapes import Config, NewConfig, Status
from mailhub.http.mailinabox.replies import Refusal
from mailhub.http.routing import route
from mailhub.model.backup import LOCAL, OFF, BackupTarget
from mailhub.model.errors import Invalid, Unavailable
from mailhub.ports import Clock

OURS = f"file://{backup_shapes.FOLDER}"


class BackupCalls:
    """The calls."""

    def __init__(self, backups: Backups, clock: Clock) -> None:
        self._backups = backups
        self._clock = clock

    @route(
        "GET",
        "/system/backup/status",
        About(answers={200: Status}),
        right=reads(Resource.SYSTEM),
    )
    async def status(self, call: Call) -> Answer:
        """Every backup, the newest first."""
        try:
            found = await self._backups.status()
        except Unavailable as error:
            return replies.shown({"error": error.text})
        return replies.shown(backup_shapes.status(found, self._clock.now()))

    @route(
        "GET",
        "/system/backup/config",
        About(answers={200: Config}),
        right=reads(Resource.SYSTEM),
    )
    async def config(self, call: Call) -> Answer:
        """Where backups go, and how long they are kept."""
        target = self._backups.target
        key = ""
        if target.address.startswith(("sftp://", "rsync://")):
            key = (await self._backups.status()).public_key
        return replies.shown(backup_shapes.config(target, self._backups.shown(target), key))

    @route(
        "POST",
        "/system/backup/config",
        About(form=NewConfig, answers={200: str}),
        right=updates(Resource.SYSTEM),
    )
    async def choose(self, call: Call) -> Answer:
        """Where backups go from now on."""
        try:
            self._backups.choose(self._wanted(shapes.read(NewConfig, call)))
        except (Invalid, Refusal) as error:
            return replies.shown(error.text)
        return replies.shown("OK")

    def _wanted(self, given: NewConfig) -> BackupTarget:
        if given.target.strip() == OURS:
            given = given.model_copy(update={"target": LOCAL})
        if given.target.strip() == OFF and not given.min_age.strip():
            given = given.model_copy(update={"min_age": "0"})
        return given.wanted(self._backups.target)
