"""The /system calls, but for backups: decode, one core call, encode."""

from __future__ import annotations

from mailhub.core.aliases import Aliases
from mailhub.core.checkup import Checkup
from mailhub.core.rights import Resource, reads, updates
from mailhub.core.system import System
from mailhub.http.about import About
from mailhub.http.call import Answer, Call
from mailhub.http.mailinabox import replies, shapes
from mailhub.http.mailinabox.replies import TEXT, Refusal
from mailhub.http.mailinabox.shapes import Form, Shown
from mailhub.http.routing import route
from mailhub.model.checkup import Chapter, Finding
from mailhub.model.errors import NotPermitted

PRIVATE = "private"
NO_REBOOT = "No reboot is required, so it is not allowed."


class Privacy(Form):
    """POST /system/privacy: `private`, or anything else for not."""

    value: str = shapes.text()


class Extra(Shown):
    """A further line; `monospace`: to be copied as it is."""

    text: str
    monospace: bool


class Line(Shown):
    """What was found: a heading, ok, warning or error."""

    type: str
    text: str
    extra: list[Extra]


class SystemCalls:
    """The calls."""

    def __init__(self, system: System, checkup: Checkup, aliases: Aliases) -> None:
        self._system = system
        self._checkup = checkup
        self._aliases = aliases

    @route("POST", "/system/status", About(answers={200: list[Line]}), right=reads(Resource.SYSTEM))
    async def status(self, call: Call) -> Answer:
        """Looks over the server and its domains: what works, what does not, and what mends it."""
        chapters = await self._checkup.all(await self._aliases.domains())
        return replies.shown([row for one in chapters for row in _rows(one)])

    @route(
        "GET",
        "/system/version",
        About(answers={200: None}, media=TEXT),
        right=reads(Resource.SYSTEM),
    )
    async def version(self, call: Call) -> Answer:
        """This server's version."""
        return replies.text(self._system.version)

    @route(
        "POST",
        "/system/latest-upstream-version",
        About(answers={200: None}, media=TEXT),
        right=reads(Resource.SYSTEM),
    )
    async def latest(self, call: Call) -> Answer:
        """The newest version there is; only where privacy is off."""
        return replies.text(await self._system.latest())

    @route(
        "GET",
        "/system/updates",
        About(answers={200: None}, media=TEXT),
        right=reads(Resource.SYSTEM),
    )
    async def packages(self, call: Call) -> Answer:
        """Packages of the machine with newer versions, a line each."""
        found = await self._system.updates()
        return replies.lines(*(f"{name} ({version})" for name, version in found))

    @route(
        "POST",
        "/system/update-packages",
        About(answers={200: None}, media=TEXT),
        right=updates(Resource.SYSTEM),
    )
    async def upgrade(self, call: Call) -> Answer:
        """Upgrades packages of the machine."""
        return replies.text(await self._system.upgrade())

    @route("GET", "/system/privacy", About(answers={200: bool}), right=reads(Resource.SYSTEM))
    async def privacy(self, call: Call) -> Answer:
        """Whether nobody is asked for new versions."""
        return replies.shown(self._system.private)

    @route(
        "POST",
        "/system/privacy",
        About(form=Privacy, answers={200: None}, media=TEXT),
        right=updates(Resource.SYSTEM),
    )
    async def set_privacy(self, call: Call) -> Answer:
        """Whether nobody is asked for new versions from now on."""
        self._system.keep_private(shapes.read(Privacy, call).value == PRIVATE)
        return replies.text("OK")

    @route("GET", "/system/reboot", About(answers={200: bool}), right=reads(Resource.SYSTEM))
    async def wants_reboot(self, call: Call) -> Answer:
        """Whether an upgrade takes effect after a reboot only."""
        return replies.shown(self._system.wants_reboot())

    @route(
        "POST",
        "/system/reboot",
        About(answers={200: None}, media=TEXT),
        right=updates(Resource.SYSTEM),
    )
    async def reboot(self, call: Call) -> Answer:
        """Reboots the machine, where an upgrade wants it."""
        try:
            done = await self._system.reboot()
        except NotPermitted as error:
            raise Refusal(f"{error.text}.") from None
        return replies.text("" if done else NO_REBOOT)


def _rows(chapter: Chapter) -> list[dict[str, object]]:
    heading: dict[str, object] = {"type": "heading", "text": chapter.title, "extra": []}
    return [heading, *map(_row, chapter.findings)]


def _row(one: Finding) -> dict[str, object]:
    extra = [{"text": line.text, "monospace": line.literal} for line in one.details]
    return {"type": one.light.value, "text": one.whole, "extra": extra}
