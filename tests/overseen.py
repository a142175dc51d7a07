"""What administrators are shown of a server in memory, joined as `overseeing` joins it."""

from __future__ import annotations

from mailhub.core.configured import Configured
from mailhub.core.graphs import Graphs
from mailhub.core.logins import LoginLog
from mailhub.core.oversight import Oversight
from mailhub.core.reportsummary import Summaries
from mailhub.core.story import Stories
from mailhub.core.suppressions import Suppressions
from mailhub.model.settings import LimitSettings, Settings
from mailhub.policy.limits import Guesses
from tests.world import World

LIFE = 7 * 86_400


def oversight(here: World, settings: Settings | None = None) -> Oversight:
    """Of this world."""
    return Oversight(
        Stories(here.store, here.clock),
        Graphs(here.store, here.clock),
        LoginLog(here.store, here.login.noted, Guesses(here.counters, LimitSettings())),
        here.records,
        Suppressions(here.store, here.clock, LIFE),
        Summaries(here.store, here.clock),
        Configured(settings or Settings(), "/etc/mailhub/mailhub.toml", ()),
    )
