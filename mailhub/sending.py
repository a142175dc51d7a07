"""Composes what sends mail: resolver's answers to servers to try, the SMTP client, the runner.

A part of the composition root, apart from it for its size. No rule of mail may live here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from mailhub.core.homecoming import Homecomings
from mailhub.core.uploading import Uploads
from mailhub.net.fetch import SafeFetch
from mailhub.net.outward import authorities
from mailhub.net.ownaddress import Listening, OwnAddresses
from mailhub.net.programs import ProcessPrograms
from mailhub.net.shelf import FileShelf
from mailhub.parts import Parts
from mailhub.policy.sts_found import STSPolicies
from mailhub.ports import Shelf
from mailhub.queue import plan
from mailhub.queue.destination import Destinations
from mailhub.queue.hooked import HookedOutbound
from mailhub.queue.lanes import Lanes
from mailhub.queue.lease import Means
from mailhub.queue.originals import Prefixes
from mailhub.queue.runner import Runner
from mailhub.queue.suppression import Suppressions
from mailhub.queue.ways import Ways
from mailhub.service import Step
from mailhub.smtp.sender import Sender

POLICIES = "sts-policies.json"


@dataclass(frozen=True, slots=True)
class Sending:
    """What runs. `ways`: where mail goes. `steps`: in the order in which they start."""

    runner: Runner
    ways: Ways
    steps: Sequence[Step]


def compose(parts: Parts, listening: Listening) -> Sending:
    """`listening`: addresses and ports of our own, which no mail is sent to."""
    settings, log, clock = parts.settings, parts.log, parts.clock
    queue = settings.queue
    shelf = FileShelf(Path(settings.data) / POLICIES, parts.reactor, log)
    ways = find_ways(parts, listening, shelf)
    outbound = Sender(settings.sender, parts.hostname, parts.reactor, clock, parts.randomness, log)
    programs = ProcessPrograms(settings.programs, parts.reactor, log)
    lanes = Lanes(lambda failures: plan.back_off(failures, queue))
    runner = Runner(
        Means(
            storage=parts.store,
            schedule=parts.coordination.schedule,
            addresses=parts.addresses,
            ways=ways,
            outbound=HookedOutbound(outbound, parts.hooks),
            home=Homecomings(
                parts.store,
                parts.intake,
                clock,
                settings.smtp.received_hops,
                parts.owners.applying,
            ),
            programs=programs,
            uploads=Uploads(
                parts.store,
                parts.web,
                parts.upload_keys,
                clock,
                seconds=settings.filters.upload_timeout,
            ),
            prefixes=Prefixes(parts.departures),
            notices=parts.notices,
            elsewheres=parts.elsewheres,
            suppressions=Suppressions(parts.store, clock, queue),
            lanes=lanes,
            settings=queue,
            clock=clock,
            randomness=parts.randomness,
            log=log,
            reported=parts.tallies.tls,
        )
    )
    gauge = parts.metrics.gauge
    gauge("mailhub_queue_recipients", "Queued recipients", lambda: runner.size)
    gauge("mailhub_queue_leases", "Leases that are worked on", lambda: runner.working)
    gauge(
        "mailhub_queue_lanes_resting",
        "Destinations that are let alone for a while",
        lambda: lanes.resting(int(clock.now())),
    )
    steps = [
        Step("TLS policies", lambda: None, shelf.stop),
        Step("sender", lambda: None, outbound.stop),
        Step("programs", lambda: None, programs.stop),
        Step("queue", runner.start, runner.stop),
    ]
    return Sending(runner, ways, steps)


def find_ways(parts: Parts, listening: Listening, shelf: Shelf) -> Ways:
    """`shelf`: where policies of others are kept."""
    settings, queue = parts.settings, parts.settings.queue
    fetch = SafeFetch(
        parts.resolver,
        parts.reactor,
        private=queue.private_addresses,
        authorities=authorities(settings.sender.trusted, "sender.trusted"),
    )
    destinations = Destinations(
        parts.resolver,
        STSPolicies(parts.resolver, fetch, parts.clock, shelf),
        queue,
        parts.randomness,
        hostname=parts.hostname,
        own=OwnAddresses(listening),
    )
    return Ways(parts.store, destinations, parts.clock, parts.randomness)


def ways_alone(parts: Parts) -> Ways:
    """Where mail would go, for who only asks."""
    shelf = FileShelf(Path(parts.settings.data) / POLICIES, parts.reactor, parts.log)
    return find_ways(parts, lambda: (), shelf)
