"""Core as the `mailhub` command reaches it: behind a server's control socket, and without one.

A command that finds no server opens the store itself; it should not wait for protocols, listeners
and dialects to be imported, so none of them may be imported here.
"""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable
from typing import Any

from mailhub.control import acts
from mailhub.core.transfer import Transfers
from mailhub.model.settings import Settings
from mailhub.net.log import ServiceLog, Sink
from mailhub.net.metrics import Metrics
from mailhub.parts import Parts, compose
from mailhub.queue.ways import Ways
from mailhub.reporting import Reports


def services(
    parts: Parts,
    ways: Ways,
    reports: Reports,
    drain: Callable[[float, bool], Awaitable[int]] | None = None,
) -> acts.Services:
    """What the control socket offers of core. `drain`: of the server that has it."""
    transfers = Transfers(parts.store, parts.mailboxes, parts.messages, parts.clock)
    return acts.Services(
        parts.domains,
        parts.accounts,
        parts.addresses,
        parts.mailboxes,
        transfers,
        parts.store.spools,
        parts.routes,
        parts.relays,
        parts.keys,
        parts.records,
        parts.queue,
        parts.suppressions,
        ways,
        reports.reporting,
        reports.reading,
        reports.summaries,
        webhooks=parts.webhooks,
        identity=parts.identity,
        search_index=parts.store.search_index,
        filters=parts.filters,
        filtering=parts.owners.filtering,
        scripts=parts.scripts,
        upload_keys=parts.upload_keys,
        tokens=parts.tokens,
        mirroring=parts.directories.mirroring,
        mailroom=parts.mailroom,
        certificates=parts.certificates,
        provisioning=parts.certifying.provisioning,
        zones=parts.naming.zones,
        secondaries=parts.naming.secondaries,
        zone_keys=parts.naming.keys,
        backups=parts.backups.backups,
        exporting=parts.exporting,
        importing=parts.importing,
        checkup=parts.checkup,
        elsewheres=parts.elsewheres,
        nodes=parts.store.nodes,
        drain=drain,
    )


def compose_alone(settings: Settings, reactor: Any) -> Parts:
    """Core without faces, for one command that owns the store. Logs to standard error only what
    went wrong."""
    # Not by its name: in a container another user may have opened it, and it is theirs.
    sink = Sink(sys.stderr, reactor, "plain")
    return compose(settings, reactor, ServiceLog(sink, "error"), Metrics(), lambda: False)
