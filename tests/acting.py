"""The control socket's acts over a world in memory."""

from __future__ import annotations

from mailhub.control.acts import Services
from mailhub.core.messages import Messages
from mailhub.core.transfer import Transfers
from tests.world import World


def services(here: World) -> Services:
    """What the acts use: whoever adds a part adds it here."""
    messages = Messages(here.store, here.clock)
    return Services(
        domains=here.domains,
        accounts=here.accounts,
        addresses=here.addresses,
        mailboxes=here.mailboxes,
        transfers=Transfers(here.store, here.mailboxes, messages, here.clock),
        spools=here.store.spools,
        routes=here.routes,
        relays=here.relays,
        keys=here.keys,
        records=here.records,
        queue=here.queue,
    )
