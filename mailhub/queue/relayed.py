"""The way to a server that was named for an account's mail, or for that of an address: in their
targets, or in a filter.

The queue knows the server by its lane, which people see; the password is read from where it was
written, when it is needed.
"""

from __future__ import annotations

from collections.abc import Sequence

from mailhub.model.errors import Invalid
from mailhub.model.queue import QueueEntry
from mailhub.model.route import Route, TLSLevel
from mailhub.ports import Storage
from mailhub.wire import address as grammar
from mailhub.wire import relayurl
from mailhub.wire.relayurl import RelayURL


async def relayed(storage: Storage, entry: QueueEntry) -> Route:
    """The route of an entry in a relay's lane. Passwords are shown to nobody whose certificate was
    not verified. Raises Unavailable."""
    urls = await _named(storage, entry)
    named = relayurl.parse(entry.lane)
    for url in urls:
        if relayurl.is_relay(url):
            found = _read(url)
            if found is not None and found.place == entry.lane:
                named = found
                break
    private = named.implicit or named.username
    return Route(
        number=-(entry.home or entry.number),
        destination=entry.lane,
        host=named.host,
        port=named.port,
        username=named.username,
        password=named.password,
        tls=TLSLevel.VERIFIED if private else TLSLevel.OPPORTUNISTIC,
        implicit=named.implicit,
        guarded=True,
    )


async def _named(storage: Storage, entry: QueueEntry) -> Sequence[str]:
    """Among what the relay was: targets of an account and of its filters, or of an address."""
    if entry.home:
        ruling = await storage.filters.ruling(entry.home)
        return [*ruling.targets, *(url for one in ruling.filters for url in one.actions.uploads)]
    spellings = [
        grammar.key(entry.recipient, delimiter="", ignore_dots=dots) for dots in (False, True)
    ]
    address = await storage.addresses.match(spellings)
    return address.targets if address is not None else ()


def _read(url: str) -> RelayURL | None:
    try:
        return relayurl.parse(url)
    except Invalid:
        return None
