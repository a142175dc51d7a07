"""What the control socket can be asked about how the server does."""

from __future__ import annotations

from collections.abc import Mapping

from mailhub.control.acts import Act, Arguments, Json, Services
from mailhub.model.checkup import Chapter


async def status(services: Services, arguments: Arguments) -> Json:
    """What is found of the system, the network and the server's name now, and of `domains`."""
    domains = arguments.texts("domains")
    for one in domains:
        await services.domains.get(one)
    titles = [*services.checkup.own, *domains]
    return [_chapter(one) for one in await services.checkup.some(titles, anew=True)]


def _chapter(chapter: Chapter) -> Json:
    return {
        "title": chapter.title,
        "status": chapter.light.value,
        "findings": [
            {
                "what": one.what,
                "status": one.light.value if one.sure else "unknown",
                "text": one.text,
                "mend": one.mend,
                "details": [detail.text for detail in one.details],
            }
            for one in chapter.findings
        ],
    }


ACTS: Mapping[str, Act] = {"status": status}
