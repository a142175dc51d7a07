"""Clients that may relay without logging in: those of the configuration, and those of the store.

Asked at every recipient elsewhere, so the networks are kept until the store tells of a change.
Which recipients need it is decided in `core.intake`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from ipaddress import ip_network

from mailhub.model.change import Actor, Change, Missed, RoutesChanged
from mailhub.model.errors import Invalid
from mailhub.ports import Storage
from mailhub.wire.networks import Networks


class Relays:
    """`trusted`: networks of the configuration, which no command changes."""

    def __init__(self, storage: Storage, trusted: Iterable[str] = ()) -> None:
        self._storage = storage
        self._trusted = tuple(trusted)
        self._networks = Networks(self._trusted)
        self._stale = True
        storage.watch(self._heard)

    def __contains__(self, address: str) -> bool:
        """Whether a client of this address may relay, as of the last `refresh`."""
        return address in self._networks

    async def refresh(self) -> None:
        """Looks again where something changed. Raises Unavailable."""
        if not self._stale:
            return
        self._stale = False
        try:
            stored = await self._storage.routes.networks()
        except BaseException:
            self._stale = True
            raise
        self._networks = Networks((*self._trusted, *stored))

    async def all(self) -> Sequence[str]:
        """The store's networks, in the order in which they were added."""
        return await self._storage.routes.networks()

    async def allow(self, network: str, actor: Actor) -> str:
        """Adds `192.0.2.0/24` or one address; the network's one spelling. Raises Invalid (field
        `network`), AlreadyExists."""
        name = _canonical(network)
        await self._storage.routes.allow(name, actor)
        return name

    async def disallow(self, network: str, actor: Actor) -> None:
        """Raises Invalid (field `network`), NotFound."""
        await self._storage.routes.disallow(_canonical(network), actor)

    def _heard(self, changes: Sequence[Change]) -> None:
        if any(isinstance(change, (RoutesChanged, Missed)) for change in changes):
            self._stale = True


def _canonical(network: str) -> str:
    try:
        return str(ip_network(network.strip()))
    except ValueError as error:
        raise Invalid(f"This is no network: {error}", field="network") from None
