"""Changing the key of a zone without anybody noticing (RFC 7583 3.3; one key for all: RFC 6781
4.1.3).

The new key is published first. Once no copy without it is left, the zone above is to point to it:
the zone says so itself (CDS, CDNSKEY: RFC 7344), or a person tells the registrar. Once it does, and
no copy of the old DS is left, the new key signs; the old one goes when nothing that it signed is
left. Each step waits for the longest time that a copy may live.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mailhub.model.change import Actor
from mailhub.model.errors import Conflict, MailhubError, NotFound
from mailhub.model.zone import NEXT_KEY_STATE, SOA, ZoneKey, ZoneKeyState, signing
from mailhub.ports import Clock, KeyMaking, Log, Resolver, Storage
from mailhub.wire import dnskey

_INTERVALS = SOA("", "")
COPIES = _INTERVALS.ttl + _INTERVALS.refresh + _INTERVALS.retry
"""Seconds that copies of what the zone said live, in resolvers and in secondaries."""
ABOVE = 2 * 86400
"""The same of what the zone above said: the longest TTL of a DS record that is usual."""
WAITS = {
    ZoneKeyState.COMING: COPIES,
    ZoneKeyState.TRUSTED: ABOVE,
    ZoneKeyState.LEAVING: COPIES,
}
"""Seconds that a key stays in a state that ends by itself."""
TRIES = 8
"""Keys that are made until one has a number of its own."""
KEEPER = Actor(source="zones")


@dataclass(frozen=True, slots=True)
class KeyStanding:
    """`tag`: its number. `until`: epoch seconds of its next step; 0: it does not come by time.
    `ds`: what the zone above is to say of it."""

    key: ZoneKey
    tag: int
    until: int
    ds: Sequence[str]


class ZoneKeys:
    """Keys of the zones that this server signs itself. `signs`: whether it does."""

    def __init__(
        self,
        storage: Storage,
        making: KeyMaking,
        resolver: Resolver,
        clock: Clock,
        log: Log,
        *,
        signs: bool = True,
    ) -> None:
        self._signs = signs
        self._storage = storage
        self._making = making
        self._resolver = resolver
        self._clock = clock
        self._log = log

    async def of(self, zone: str) -> Sequence[KeyStanding]:
        """The keys of a zone. Raises NotFound where it is not signed here."""
        return [_standing(one) for one in await self._keys(zone)]

    async def begin(self, zone: str, actor: Actor) -> Sequence[KeyStanding]:
        """Publishes a new key. Raises NotFound, Conflict (a change is under way)."""
        known = await self._keys(zone)
        if len(known) > 1:
            raise Conflict("The key of this zone is being changed already")
        now = int(self._clock.now())
        for _ in range(TRIES):
            private, public = await self._making.make("ecdsa")
            if dnskey.tag(public) != dnskey.tag(known[0].public):
                break
        made = ZoneKey(known[0].zone, private, public, now, ZoneKeyState.COMING, now)
        await self._storage.zones.add_key(made, actor)
        return await self.of(zone)

    async def confirm(self, zone: str, actor: Actor) -> Sequence[KeyStanding]:
        """A person knows that the zone above points to the new key. Raises NotFound, Conflict
        (there is none that it should point to yet)."""
        ready = [one for one in await self._keys(zone) if one.state is ZoneKeyState.READY]
        if not ready:
            raise Conflict("No key of this zone waits for the zone above")
        await self._move(ready, actor)
        return await self.of(zone)

    async def advance(self) -> None:
        """Takes every step that is due. What the DNS does not tell just now waits."""
        for zone, keys in (await self._storage.zones.keys()).items():
            for key in keys:
                if await self._is_due(zone, key):
                    await self._step(keys, key)

    async def _is_due(self, zone: str, key: ZoneKey) -> bool:
        if key.state is ZoneKeyState.READY:
            return await self._is_pointed_to(zone, key)
        wait = WAITS.get(key.state)
        return wait is not None and key.since + wait <= self._clock.now()

    async def _step(self, keys: Sequence[ZoneKey], key: ZoneKey) -> None:
        moved = [key]
        before = signing(keys)
        if key.state is ZoneKeyState.TRUSTED and before is not None:
            moved.append(before)  # at once: one signs, always
        await self._move(moved, KEEPER)

    async def _move(self, keys: Sequence[ZoneKey], actor: Actor) -> None:
        zone, now = keys[0].zone, int(self._clock.now())
        states = {one.public: NEXT_KEY_STATE[one.state] for one in keys}
        await self._storage.zones.move_keys(zone, states, now, actor)
        for one in keys:
            state = NEXT_KEY_STATE[one.state]
            said = state.value if state is not None else "removed"
            self._log.event("zone key", zone=zone, tag=dnskey.tag(one.public), outcome=said)

    async def _is_pointed_to(self, zone: str, key: ZoneKey) -> bool:
        """Whether the zone above has a DS of this key. That it has none at all is no reason to go
        on: a resolver may have asked the zone itself, which does not know."""
        try:
            answer = await self._resolver.query(zone, "DS")
        except MailhubError:
            return False
        said = {" ".join(str(one).lower().split()) for one in answer.records}
        own = {text.lower() for text in dnskey.ds(zone, dnskey.text_of(key.public))}
        return bool(said & own)

    async def _keys(self, zone: str) -> Sequence[ZoneKey]:
        name = zone.strip().rstrip(".").lower()
        found = (await self._storage.zones.keys()).get(name)
        if not found or not self._signs:
            raise NotFound("No such zone is signed here")
        return found


def _standing(key: ZoneKey) -> KeyStanding:
    wait = WAITS.get(key.state)
    shown = key.state in (ZoneKeyState.READY, ZoneKeyState.ACTIVE)
    ds = dnskey.ds(key.zone, dnskey.text_of(key.public)) if shown else []
    return KeyStanding(key, dnskey.tag(key.public), key.since + wait if wait else 0, ds)
