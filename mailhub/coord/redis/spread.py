"""Commands of one key each, all over a Redis Cluster: every node that has slots is connected to.

For counters and sessions, whose keys nobody needs two of together. The schedule, whose keys are
all in one slot, has a connection of its own to the master of that. Knows no command's sense.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred, DeferredList

from mailhub.coord.redis.atlas import Atlas, name
from mailhub.coord.redis.health import Standing
from mailhub.coord.redis.link import Link, State
from mailhub.coord.redis.wire import Refused, Reply, Wire
from mailhub.model.errors import Unavailable
from mailhub.wire.redisslots import Place, SlotMap, parse_redirection, slot_of

HOPS = 4
"""Nodes that one command is sent to at most, where each points to another."""
ELSEWHERE = frozenset({"MOVED", "ASK", "CLUSTERDOWN", "TRYAGAIN", "READONLY", "MASTERDOWN"})
"""Errors after which the map is not believed any more."""
UNFIT = frozenset({"READONLY", "LOADING", "MASTERDOWN", "NOAUTH"})
"""Errors of a node that another connection may help with."""
Words = tuple[str | bytes | int, ...]


class Node:
    """One master, connected. What it refuses makes it ill until it takes the same again."""

    def __init__(self, standing: Standing) -> None:
        self.link: Link[Wire] | None = None
        self.standing = standing
        self._refused: Words = ()

    def turned(self, state: State, why: str) -> None:
        """The link's state changed."""
        if state is State.HERE:
            self._refused = ()
            self.standing.well()
        elif state is State.AWAY:
            self.standing.ill(why)
        else:
            self.standing.gone()

    async def ask(self, words: Words, *, asking: bool) -> Reply:
        """`asking`: the slot is on its way to this node. Raises Refused, Unavailable."""
        link = self.link
        assert link is not None
        if asking:
            # Nothing may come between the two; both are written before anything is awaited.
            Deferred.fromCoroutine(link.ask("ASKING")).addErrback(lambda _: None)
        try:
            reply = await link.ask(*words)
        except Refused as error:
            self._heed(words, error)
            raise
        if self._refused == _verb(words):
            self._refused = ()
            self.standing.well()
        return reply

    def _heed(self, words: Words, error: Refused) -> None:
        if error.code == "NOSCRIPT" or error.code in ELSEWHERE:
            return
        self._refused = _verb(words)
        self.standing.ill(error.reason)
        if error.code in UNFIT and self.link is not None:
            self.link.drop()


class Spread:
    """`Asks` for commands whose keys are all in one slot. `make`: a link to a node, not started."""

    def __init__(
        self,
        atlas: Atlas,
        make: Callable[[Place, Callable[[State, str], None]], Link[Wire]],
        standing: Callable[[str], Standing],
    ) -> None:
        self._atlas = atlas
        self._make = make
        self._standing = standing
        self._map = SlotMap()
        self._sure = False
        self._nodes: dict[Place, Node] = {}
        self._looking = False

    async def start(self) -> None:
        """Ends when every node was tried."""
        await self.look()

    async def stop(self) -> None:
        """Ends all connections."""
        nodes, self._nodes = self._nodes, {}
        self._map, self._sure = SlotMap(), False
        for node in nodes.values():
            if node.link is not None:
                await node.link.stop()

    def slots(self, place: Place) -> Callable[[int], bool]:
        """Whether a slot is this node's, as far as is known."""
        found = self._map
        return lambda slot: found.owner(slot) == place

    def troubles(self) -> dict[str, str]:
        """What is wrong with which node."""
        return {
            name(place): node.standing.trouble
            for place, node in self._nodes.items()
            if node.standing.trouble
        }

    async def look(self) -> None:
        """To be called about once a second: learns the map anew while there is reason to doubt
        it, connects to who has slots, and leaves who has none. Never raises."""
        if self._looking or (self._sure and all(map(_here, self._nodes.values()))):
            return
        self._looking = True
        try:
            self._map = await self._atlas.learn()
            self._sure = True
            owners = self._map.owners()
            for place in [place for place in self._nodes if place not in owners]:
                await self._leave(place)
            fresh = [place for place in owners if place not in self._nodes]
            await DeferredList([Deferred.fromCoroutine(self._reach(place)) for place in fresh])
        except Unavailable:
            return
        finally:
            self._looking = False

    async def ask(self, *words: str | bytes | int) -> Reply:
        """One command. Raises Refused; Unavailable, at once where the node is away."""
        slot = slot_of(key_of(words))
        place, asking = self._map.owner(slot), False
        for _ in range(HOPS):
            if place is None:
                break
            node = self._nodes.get(place) or await self._reach(place)
            try:
                return await node.ask(words, asking=asking)
            except Refused as error:
                self._sure = self._sure and error.code not in ELSEWHERE
                turn = parse_redirection(error.reason, place)
                if turn is None:
                    raise
                if not turn.once:
                    self._map = self._map.moved(slot, turn.place)
                place, asking = turn.place, turn.once
        self._sure = False
        raise Unavailable

    async def _reach(self, place: Place) -> Node:
        """Ends when it is connected, or that failed once."""
        node = self._nodes[place] = Node(self._standing(name(place)))
        node.link = self._make(place, node.turned)
        await node.link.start()
        return node

    async def _leave(self, place: Place) -> None:
        node = self._nodes.pop(place)
        if node.link is not None:
            await node.link.stop()


def key_of(words: tuple[Any, ...]) -> str:
    """The first key of a command: behind the number of keys of a script, else the first word."""
    return str(words[3] if words[0] in ("EVAL", "EVALSHA") else words[1])


def _verb(words: Words) -> Words:
    return words[:2] if words[0] in ("EVAL", "EVALSHA") else words[:1]


def _here(node: Node) -> bool:
    return node.link is not None and node.link.state is State.HERE
