"""Zones of the DNS: which there are, what they say, and what administrators add to them.

What faces ask for:

- `zones()`: names of all zones; `zonefile(zone)`: one as text; `dump()`: every record with why it
  is there, the most important first; `ds(zone)`: what the zone above needs for DNSSEC.
- `custom(name, kind)`, `add`, `replace`, `remove`: records of an administrator's own. The three
  that change return the zones that are new then; none: nothing changed. They raise `BadRecord`,
  whose `fault` says which rule was broken.
- `secondaries()`, `set_secondaries(names)`: servers that fetch our zones.
- `update(force)`: zones whose content is new since the last time; they get a new serial.

`published` is for who serves them. How records come about is `core.zonemaking`'s, from what,
`core.zonefacts`'; no packet and no file is known here.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from mailhub.core import zonemaking
from mailhub.core.turns import Turns, run
from mailhub.core.zonefacts import Facts, Gathering
from mailhub.model.change import Actor
from mailhub.model.errors import AlreadyExists, Conflict, NotFound
from mailhub.model.settings_dns import DNSSettings
from mailhub.model.zone import (
    BadRecord,
    CustomRecord,
    PublishedZone,
    Record,
    RecordFault,
    Zone,
    ZoneKey,
    ZoneKeyState,
    ZoneState,
    signing,
    wanted,
)
from mailhub.ports import Clock, KeyMaking, Storage, ZoneServer
from mailhub.wire import dnskey, zonerecord

MOST = 5_000
"""Custom records of all zones."""
MOST_ALIKE = 100
"""Custom records of one name and type: with the longest values, half of what a message holds."""
AGAIN = 5
"""How often a change that met another one is tried."""
RENEWED = 14 * 86400
"""Seconds after which signatures are made anew, long before they end; each zone has a day and an
hour of its own for it, which only its name decides."""
KEEPER = Actor(source="zones")


@dataclass(frozen=True, slots=True)
class _Composed:
    """All zones of one moment, and which of them are not published yet."""

    zones: Sequence[Zone]
    new: Sequence[ZoneState]
    gone: Sequence[str]
    facts: Facts


class Zones:
    """Every zone of this server."""

    def __init__(
        self,
        storage: Storage,
        gathering: Gathering,
        making: KeyMaking,
        clock: Clock,
        settings: DNSSettings,
    ) -> None:
        self._storage = storage
        self._gathering = gathering
        self._making = making
        self._clock = clock
        self._settings = settings
        self._momentary: tuple[CustomRecord, ...] = ()
        self._signer: ZoneServer | None = None
        self._served: Callable[[], Awaitable[None]] | None = None

    # -- what zones say

    async def zones(self) -> Sequence[str]:
        """The topmost of all names that are ours, in alphabetical order."""
        return await self._gathering.zones()

    async def all(self) -> Sequence[Zone]:
        """Every zone as it is now; a version that is not published has the serial that it would
        get."""
        return (await self._compose(force=False)).zones

    async def get(self, name: str) -> Zone:
        """Raises NotFound."""
        wanted = name.strip().rstrip(".").lower()
        for zone in (await self._compose(force=False, only=wanted)).zones:
            return zone
        raise NotFound("No such zone")

    async def zonefile(self, name: str) -> str:
        """A zone as text (RFC 1035 5), unsigned. Raises NotFound."""
        return zonerecord.zone_file(await self.get(name))

    async def dump(self) -> Sequence[tuple[str, Sequence[Record]]]:
        """What an administrator of another name server would have to enter: all records by zone
        but those of the name servers themselves, required ones first."""
        shown = []
        for zone in await self.all():
            rows = [one for one in zone.records if not _is_server(zone, one)]
            rows.sort(key=lambda one: _rank(one.why))
            shown.append((zone.name, rows))
        return shown

    async def ds(self, name: str) -> Sequence[str]:
        """The DS records for the zone above, SHA-256 and SHA-384; none where the zone is not
        signed. Raises NotFound, Unavailable (who signs it elsewhere)."""
        zone = await self.get(name)
        if self._signer is not None:
            return dnskey.ds(zone.name, *await self._signer.keys(zone.name))
        if not self._settings.sign:
            return []
        keys = (await self._storage.zones.keys()).get(zone.name)
        if not keys:
            await self.update(KEEPER)
            keys = (await self._storage.zones.keys())[zone.name]
        key = wanted(keys)
        return dnskey.ds(zone.name, dnskey.text_of(key.public)) if key is not None else []

    async def ds_of_all(self) -> Mapping[str, Callable[[], Awaitable[Sequence[str]]]]:
        """By zone, what asks for the same: a cheap way for who looks at all of them. Zones that are
        not signed, or were not published yet, are not in it."""
        if self._signer is not None:
            return {one: partial(_elsewhere, self._signer, one) for one in await self.zones()}
        if not self._settings.sign:
            return {}
        keys = {name: wanted(all) for name, all in (await self._storage.zones.keys()).items()}
        texts = {name: dnskey.text_of(key.public) for name, key in keys.items() if key is not None}
        return {name: partial(_pointing, name, text) for name, text in texts.items()}

    async def serials(self) -> Mapping[str, int]:
        """The version of each zone that others have seen, by its name."""
        return {name: one.serial for name, one in (await self._storage.zones.states()).items()}

    # -- what administrators add

    async def custom(self, name: str = "", kind: str = "") -> Sequence[CustomRecord]:
        """Custom records in the order in which they were made: all, or those of a name, or of one
        type there."""
        wanted = name.strip().rstrip(".").lower()
        return [
            one
            for one in await self._storage.zones.records()
            if (not wanted or one.name == wanted) and (not kind or one.kind == kind.upper())
        ]

    async def add(self, name: str, kind: str, value: str, actor: Actor) -> Sequence[str]:
        """One more record. Raises BadRecord, LimitReached."""
        record = await self._checked(name, kind, value)
        alike = await self.custom(record.name, record.kind)
        if len(alike) >= MOST_ALIKE:
            raise BadRecord(RecordFault.VALUE, f"A name has {MOST_ALIKE} such records at most")
        if record.kind == "CNAME" and any(one.value != record.value for one in alike):
            raise BadRecord(RecordFault.CONFLICT, "A name has one CNAME at most", record.name)
        if not await self._storage.zones.add(record, MOST, actor):
            return []
        return await self._changed(record.name, actor)

    async def replace(self, name: str, kind: str, value: str, actor: Actor) -> Sequence[str]:
        """The only record of its name and type. Raises BadRecord, LimitReached."""
        record = await self._checked(name, kind, value)
        store = self._storage.zones
        if not await store.replace(record.name, record.kind, [record.value], MOST, actor):
            return []
        return await self._changed(record.name, actor)

    async def remove(self, name: str, kind: str, value: str, actor: Actor) -> Sequence[str]:
        """One record, or with an empty value all of that name and type. Raises BadRecord where the
        name is not ours, or the value not one of that type."""
        found = await self._owned(name)
        kind = kind.strip().upper()
        if value.strip():
            value = zonerecord.value(zonerecord.kind(kind), value)
        if not await self._storage.zones.remove(found, kind, value.strip(), actor):
            return []
        return await self._changed(found, actor)

    async def secondaries(self) -> Sequence[str]:
        """Servers that fetch our zones, as they were written: host names, `xfr:` and a network."""
        return await self._storage.zones.secondaries()

    async def set_secondaries(self, names: Sequence[str], actor: Actor) -> Sequence[str]:
        """Replaces them all; names were checked (see `core.secondaries`). The zones that are new
        then."""
        await self._storage.zones.set_secondaries(names, actor)
        return await self.update(actor)

    async def has(self, name: str) -> bool:
        """Whether what stands at `name` is ours to say: it is in a zone, and not below a
        delegation."""
        zones = await self.zones()
        zone = zonemaking.zone_of(name, zones)
        cuts = {one.name for one in await self.custom() if one.kind == "NS"}
        return bool(zone) and not zonemaking.zone_of(name, cuts)

    async def challenge(self, records: Sequence[tuple[str, str]]) -> None:
        """TXT records (name, text) that stand until the next call: proofs for a certificate's
        issuer. Where this process serves zones they can be asked for then. Raises BadRecord where
        a name is not ours."""
        made = []
        for name, text in records:
            found = await self._owned(name)
            made.append(CustomRecord(found, "TXT", zonerecord.value("TXT", text)))
        self._momentary = tuple(made)
        await self.update(KEEPER)
        if self._served is not None:
            await self._served()

    # -- versions

    def signed_by(self, server: ZoneServer) -> None:
        """Another program answers for our zones with keys of its own."""
        self._signer = server

    async def former(self) -> Sequence[str]:
        """Zones that were ours once."""
        known, now = await self._storage.zones.states(), await self.zones()
        return sorted(set(known).difference(now))

    def served_by(self, serve: Callable[[], Awaitable[None]]) -> None:
        """`serve` makes what zones say now be answered by a name server of this process."""
        self._served = serve

    async def update(self, actor: Actor, *, force: bool = False) -> Sequence[str]:
        """Gives zones whose content is new their next serial; which these are. `force`: all."""
        return [one.zone for one in (await self._refresh(actor, force)).new]

    async def published(self) -> Sequence[PublishedZone]:
        """Every zone with what signs it, as others may see it from now on."""
        composed = await self._refresh(KEEPER, False)
        keys = composed.facts.keys if self._settings.sign else {}
        return [PublishedZone(zone, tuple(keys.get(zone.name, ()))) for zone in composed.zones]

    async def signatures(self, name: str) -> bytes:
        """What a name server kept of a zone's."""
        return await self._storage.zones.signatures(name)

    async def keep_signatures(self, name: str, kept: bytes) -> None:
        """Spares making them again."""
        await self._storage.zones.keep_signatures(name, kept)

    async def _changed(self, name: str, actor: Actor) -> Sequence[str]:
        """Zones that are new. The change itself makes one so even where nothing is seen of it."""
        changed = await self.update(actor)
        return changed or [zonemaking.zone_of(name, await self.zones())]

    async def _refresh(self, actor: Actor, force: bool) -> _Composed:
        for attempt in range(AGAIN):
            composed = await self._compose(force=force)
            if not composed.new and not composed.gone:
                return composed
            try:
                await self._storage.zones.publish(composed.new, composed.gone, actor)
            except Conflict:
                if attempt == AGAIN - 1:
                    raise
            else:
                return composed
        raise AssertionError("unreachable")

    async def _compose(self, *, force: bool, only: str = "") -> _Composed:
        """`only`: this zone alone."""
        facts = await self._keyed(await self._gathering.facts(self._momentary))
        start = zonemaking.soa(facts.site)
        turns = Turns(self._clock)
        zones, new = [], []
        for name in [only] if only in facts.domains else [] if only else facts.zones:
            domains, custom = facts.domains[name], facts.custom[name]
            records = await run(zonemaking.compose(name, facts.site, domains, custom), turns)
            keys = facts.keys.get(name, ()) if self._settings.sign else ()
            digest = await run(zonemaking.digest(records, start, _said_of(keys)), turns)
            state = facts.states.get(name)
            if state is None or force or state.digest != digest or self._is_old(state):
                state = self._next(name, digest, state)
                new.append(state)
            zones.append(Zone(name, records, start, state))
            await turns.rest()
        gone = [one.zone for one in facts.states.values() if one.digest]
        gone = [zone for zone in gone if zone not in facts.domains]
        return _Composed(zones, new, gone, facts)

    async def _keyed(self, facts: Facts) -> Facts:
        """The same, with a key for each zone."""
        missing = [name for name in facts.zones if signing(facts.keys.get(name, ())) is None]
        if not missing or not self._settings.sign:
            return facts
        for name in missing:
            private, public = await self._making.make("ecdsa")
            now = int(self._clock.now())
            made = ZoneKey(name, private, public, now, since=now)
            try:
                await self._storage.zones.add_key(made, KEEPER)
            except AlreadyExists:
                continue  # another process was faster
        return await self._gathering.facts(self._momentary)

    def _is_old(self, state: ZoneState) -> bool:
        return self._settings.sign and state.signed < self._turn(state.zone)

    def _turn(self, zone: str) -> int:
        """When signatures were to be made last: the same for whoever asks."""
        now = int(self._clock.now())
        own = int.from_bytes(hashlib.sha256(zone.encode()).digest()[:6])
        return now - (now - own) % RENEWED

    def _next(self, zone: str, digest: str, before: ZoneState | None) -> ZoneState:
        """The next version: its serial is the day's date with two digits, and always greater."""
        now = self._clock.now()
        day = int(time.strftime("%Y%m%d", time.gmtime(now))) * 100
        serial = max(day, before.serial + 1 if before is not None else 0)
        signed = max(self._turn(zone), before.signed if before is not None else 0)
        return ZoneState(zone, serial, digest, signed)

    # -- checks

    async def _owned(self, name: str) -> str:
        """The one spelling of a name that is ours. Raises BadRecord."""
        written = name.strip().rstrip(".").lower()
        zones = await self.zones()
        if not zonemaking.zone_of(written, zones):
            try:
                written = zonerecord.name(name)
            except BadRecord:
                written = ""
            if not zonemaking.zone_of(written, zones):
                raise BadRecord(RecordFault.FOREIGN, "The name is in none of our zones", name)
        return zonerecord.name(written)

    async def _checked(self, name: str, kind: str, value: str) -> CustomRecord:
        """A record that may stand there. Raises BadRecord."""
        if not value.strip():
            raise BadRecord(RecordFault.MISSING, "The record has no value", value)
        found = await self._owned(name)
        known = zonerecord.kind(kind)
        record = CustomRecord(found, known, zonerecord.value(known, value))
        if known in ("NS", "DS") and found in await self.zones():
            said = f"{known} records can only be set below the top of a zone"
            raise BadRecord(RecordFault.APEX, said, found)
        if known in ("NS", "DS") and found.startswith("*"):
            said = "A wildcard cannot be delegated (RFC 4592 4.2)"
            raise BadRecord(RecordFault.NAME, said, found)
        await self._check_alias(record)
        return record

    async def _check_alias(self, record: CustomRecord) -> None:
        here = [one for one in await self.custom(record.name) if one.kind != record.kind]
        said = "A CNAME and other records cannot stand at the same name"
        if record.kind != "CNAME":
            if any(one.kind == "CNAME" for one in here):
                raise BadRecord(RecordFault.CONFLICT, said, record.name)
        elif here or record.name in {*await self.zones(), *await self._gathering.mail_names()}:
            raise BadRecord(RecordFault.CONFLICT, said, record.name)


def _said_of(keys: Sequence[ZoneKey]) -> str:
    """All that a zone says of its keys."""
    key = wanted(keys)
    rows = [f"{one.public} {one.state is ZoneKeyState.ACTIVE} {one is key}" for one in keys]
    return "\n".join(rows)


async def _pointing(zone: str, text: str) -> Sequence[str]:
    return dnskey.ds(zone, text)


async def _elsewhere(signer: ZoneServer, zone: str) -> Sequence[str]:
    return dnskey.ds(zone, *await signer.keys(zone))


def _is_server(zone: Zone, one: Record) -> bool:
    """Whether a record is only there because the zone is served from here."""
    host = zone.soa.primary.removeprefix("ns1.")
    if one.kind == "NS" and one.name == zone.name:
        return True
    return one.kind in ("A", "AAAA") and one.name in (f"ns1.{host}", f"ns2.{host}")


def _rank(why: str) -> int:
    starts = ("Required.", "Recommended.")
    return next((place for place, start in enumerate(starts) if why.startswith(start)), 2)
