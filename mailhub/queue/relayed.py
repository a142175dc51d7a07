"""The way to a server that an account named for its own mail, in its targets or in a filter.

The queue knows the server by its lane, which people see; the password is read from where the
account wrote it, when it is needed.
"""

from __future__ import annotations

from mailhub.model.errors import Invalid
from mailhub.model.queue import QueueEntry
from mailhub.model.route import Route, TLSLevel
from mailhub.ports import Storage
from mailhub.wire import relayurl
from mailhub.wire.relayurl import RelayURL


async def relayed(storage: Storage, entry: QueueEntry) -> Route:
    """The route of an entry in a relay's lane. Passwords are shown to nobody whose certificate was
    not verified. Raises Unavailable."""
    ruling = await storage.filters.ruling(entry.home)
    urls = [*ruling.targets, *(url for one in ruling.filters for url in one.actions.uploads)]
    named = relayurl.parse(entry.lane)
    for url in urls:
        if relayurl.is_relay(url):
            found = _read(url)
            if found is not None and found.place == entry.lane:
                named = found
                break
    private = named.implicit or named.username
    return Route(
        number=-entry.home,
        destination=entry.lane,
        host=named.host,
        port=named.port,
        username=named.username,
        password=named.password,
        tls=TLSLevel.VERIFIED if private else TLSLevel.OPPORTUNISTIC,
        implicit=named.implicit,
        guarded=True,
    )


def _read(url: str) -> RelayURL | None:
    try:
        return relayurl.parse(url)
    except Invalid:
        return None
