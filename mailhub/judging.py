"""Composes the steps that judge what comes in, in the order in which they run.

A part of the composition root, apart from it for its size. What a step finds is its own module's,
what a finding leads to `policy.consequences`'.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from mailhub.core.judging import Judging
from mailhub.model.settings import Settings
from mailhub.net.resolver import StubResolver
from mailhub.net.resolver.bounded import BoundedResolver
from mailhub.net.together import together
from mailhub.policy import filters
from mailhub.policy.authentication import Authentication, Author
from mailhub.policy.consequences import rules
from mailhub.policy.pipeline import Pipeline
from mailhub.policy.step import Step
from mailhub.ports import Clock, Log, Randomness, Tally
from mailhub.wire.networks import Networks


def authserv_id(settings: Settings, hostname: str) -> str:
    """Our name in Authentication-Results, and in the seals that repeat them."""
    return settings.policy.authserv_id or hostname


def authentication(
    settings: Settings,
    hostname: str,
    resolver: StubResolver,
    reactor: Any,
    clock: Clock,
    randomness: Randomness,
) -> list[Step]:
    """Who vouches for a message."""
    policy = settings.policy
    if not policy.authenticate:
        return []
    return [
        Author(),
        Authentication(
            partial(BoundedResolver, resolver, reactor, policy.deadline),
            together,
            clock,
            randomness,
            sealers=policy.arc_sealers,
            receiver=hostname,
        ),
    ]


def compose(
    settings: Settings,
    hostname: str,
    steps: Sequence[Step],
    log: Log,
    tally: Tally | None = None,
) -> Judging:
    """`steps`: in the order in which those of one stage run."""
    policy = settings.policy
    found = rules(policy, filters.table(settings), filters.levels(settings.levels))
    pipeline = Pipeline(steps, found, authserv_id(settings, hostname), log)
    return Judging(pipeline, log, exempt=Networks(policy.exempt_networks), tally=tally)
