"""Which route a recipient's mail takes: the most specific rule that an administrator wrote.

Pure: rules and a recipient in, routes in the order in which they are tried out. What a route
leads to is looked up in `queue.destination`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import groupby

from mailhub.model.errors import Invalid
from mailhub.model.queue import QueueEntry
from mailhub.model.route import Route
from mailhub.wire import address as grammar

ANY = "*"

Draw = Callable[[], float]
"""Even in [0, 1)."""


def choose(routes: Sequence[Route], entry: QueueEntry, draw: Draw) -> Sequence[Route]:
    """Routes to try, in order; none: the MX.

    Most specific first: account, sender address, sender domain, each with the destination, then
    the same for any destination, then the destination alone, then `*`. Only routes that are as
    specific as the best one are used: by priority, and at random by weight among equals. The
    route that an administrator chose for the entry stands before all, as long as it exists.
    """
    chosen = [route for route in routes if entry.route and route.number == entry.route]
    if chosen or not routes:
        return chosen
    sender = _folded(entry.sender.address)
    ranked = [
        (rank, route) for route in routes if (rank := _rank(route, entry, *sender)) is not None
    ]
    if not ranked:
        return ()
    best = min(rank for rank, _ in ranked)
    equals = sorted(
        (route for rank, route in ranked if rank == best), key=lambda route: route.priority
    )
    ordered: list[Route] = []
    for _, group in groupby(equals, key=lambda route: route.priority):
        ordered += _shuffled(list(group), draw)
    return ordered


class Table:
    """Routes by destination: a message is held against those that may apply to it, however many
    there are."""

    def __init__(self, routes: Sequence[Route] = ()) -> None:
        self._by_number = {route.number: route for route in routes}
        self._by_destination: dict[str, list[Route]] = {}
        for route in routes:
            self._by_destination.setdefault(route.destination, []).append(route)

    def choose(self, entry: QueueEntry, draw: Draw) -> Sequence[Route]:
        """See `choose`."""
        if not self._by_number:
            return ()
        named = self._by_number.get(entry.route) if entry.route else None
        if named is not None:
            return (named,)
        found = self._by_destination.get
        return choose([*found(entry.lane, ()), *found(ANY, ())], entry, draw)


def _folded(sender: str) -> tuple[str, str]:
    """Sender address and its domain as routes spell them; empty for the null sender."""
    try:
        local, domain = grammar.split(sender)
    except Invalid:
        return "", ""
    return grammar.join(grammar.fold(local), domain), domain


def _rank(route: Route, entry: QueueEntry, sender: str, domain: str) -> tuple[int, int] | None:
    """How specific a route is for the entry, the most specific lowest; None: it does not apply."""
    if route.destination not in (ANY, entry.lane):
        return None
    if route.account is not None and route.account != entry.sender.account:
        return None
    who = 0 if route.account is None else 3
    if route.sender:
        wanted = route.sender.lower().removeprefix("@")
        if wanted not in (sender, domain):
            return None
        who += 2 if "@" in wanted else 1
    anywhere = route.destination == ANY
    if who:
        return (1 if anywhere else 0, -who)
    return (3 if anywhere else 2, 0)


def _shuffled(routes: list[Route], draw: Draw) -> list[Route]:
    """Equals in random order, each as likely to come first as its weight says."""
    order = []
    while len(routes) > 1:
        left = draw() * sum(max(route.weight, 0) for route in routes)
        at = 0
        for at, route in enumerate(routes):  # noqa: B007
            left -= max(route.weight, 0)
            if left < 0:
                break
        order.append(routes.pop(at))
    return order + routes
