"""The /web calls: decode, one core call, encode."""

from __future__ import annotations

from collections.abc import Sequence

from mailhub.core.certificates import Certificates
from mailhub.core.rights import Resource, reads, updates
from mailhub.core.websites import Websites
from mailhub.http.about import About
from mailhub.http.call import Answer, Call
from mailhub.http.mailinabox import certificate_shapes, replies
from mailhub.http.mailinabox.replies import TEXT
from mailhub.http.mailinabox.shapes import Shown
from mailhub.http.routing import route
from mailhub.model.website import Website


class Site(Shown):
    """A name's site. `root`: where its files are; `custom_root`: where they would be if they were
    its own. `ssl_certificate`: a light, and words. `static_enabled`: files are shown."""

    domain: str
    root: str
    custom_root: str
    ssl_certificate: list[str]
    static_enabled: bool


class WebCalls:
    """The calls."""

    def __init__(self, websites: Websites, certificates: Certificates) -> None:
        self._websites = websites
        self._certificates = certificates
        self._told: Sequence[Website] | None = None

    @route("GET", "/web/domains", About(answers={200: list[Site]}), right=reads(Resource.WEBSITES))
    async def domains(self, call: Call) -> Answer:
        """Every name that shows a site."""
        return replies.shown([self._row(one) for one in await self._websites.all()])

    @route(
        "POST",
        "/web/update",
        About(answers={200: None}, media=TEXT),
        right=updates(Resource.WEBSITES),
    )
    async def update(self, call: Call) -> Answer:
        """Whether sites are others than at the last call. They are shown as they are without it."""
        found = tuple(await self._websites.all())
        before, self._told = self._told, found
        return replies.text("" if found == before else "web updated\n")

    def _row(self, one: Website) -> dict[str, object]:
        status = self._certificates.status(one.name)
        return {
            "domain": one.name,
            "root": one.root,
            "custom_root": one.custom_root,
            "ssl_certificate": [status.standing.value, certificate_shapes.words(status)],
            "static_enabled": one.has_files,
        }
