"""Composes what the panel shows administrators of the whole server, and what is noted for it from
time to time. A part of the composition root, apart from it for its size."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from mailhub.core.configured import PREFIX, Configured
from mailhub.core.graphs import Graphs, Sampling
from mailhub.core.logins import LoginLog
from mailhub.core.oversight import Oversight
from mailhub.core.reportsummary import Summaries
from mailhub.core.story import Stories
from mailhub.model.sample import FIVE_MINUTES
from mailhub.net.machine import DataVolume
from mailhub.net.rounds import Round
from mailhub.parts import Parts
from mailhub.policy.limits import Guesses
from mailhub.service import Step

SEAL = 5.0
"""Seconds between two looks at whether more of the journal can be found quickly."""


def compose(parts: Parts) -> Oversight:
    """On parts that may not have started yet."""
    variables = [name for name in os.environ if name.startswith(PREFIX)]
    guesses = Guesses(parts.coordination.counters, parts.settings.limits)
    return Oversight(
        Stories(parts.store, parts.clock),
        Graphs(parts.store, parts.clock),
        LoginLog(parts.store, parts.login.noted, guesses),
        parts.records,
        parts.suppressions,
        Summaries(parts.store, parts.clock),
        Configured(parts.settings, parts.file, variables),
    )


def steps(parts: Parts) -> Sequence[Step]:
    """What comes round."""
    stories = Stories(parts.store, parts.clock)
    volume = DataVolume(Path(parts.settings.data))
    rejected = parts.metrics.rejected
    sampling = Sampling(parts.store, volume, parts.clock, rejected)
    reactor, log = parts.reactor, parts.log
    sealing = Round(stories.seal, SEAL, reactor, log, "stories", lease=parts.lease("stories"))
    lease = parts.lease("samples")
    taking = Round(
        sampling.sample, FIVE_MINUTES, reactor, log, "samples", first=10, last=True, lease=lease
    )
    # What this process refused nobody else knows.
    refused = Round(sampling.refused, FIVE_MINUTES, reactor, log, "refused", first=20, last=True)
    return (
        Step("stories", sealing.start, sealing.stop),
        Step("samples", taking.start, taking.stop),
        Step("refused", refused.start, refused.stop),
    )
