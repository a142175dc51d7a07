"""Composes the daily look over the server. A part of the composition root, apart from it for its
size."""

from __future__ import annotations

from pathlib import Path

from mailhub.core.checkup_mail import CheckupMail
from mailhub.net.keptfile import KeptFile
from mailhub.net.rounds import Round
from mailhub.parts import Parts
from mailhub.service import Step

EACH, FIRST = 3600.0, 900.0
"""Seconds between two looks at whether a day is over, and from the start to the first."""


def compose(parts: Parts) -> Step:
    """On parts that are not started yet."""
    mail = CheckupMail(
        parts.checkup,
        parts.administration.aliases,
        parts.intake,
        KeptFile(Path(parts.settings.data) / "checkup.json"),
        parts.clock,
        parts.log,
        parts.hostname,
    )
    looking = Round(mail.round, EACH, parts.reactor, parts.log, "checkup", first=FIRST)
    return Step("checkup", looking.start, looking.stop)
