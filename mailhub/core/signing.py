"""The keys that sign domains' mail: made, published, used, replaced (RFC 6376 3.1, RFC 8463).

A key becomes active once the DNS has its record; the one that it replaces stays in the DNS while
mail under way may still be verified with it. How a signature is made is `policy.signing`'s, what
is signed `core.departure`'s.
"""

from __future__ import annotations

import re
import time
from collections.abc import Mapping, Sequence

from mailhub.model.change import Actor, Change, Missed, ZonesChanged
from mailhub.model.dkim import DkimKey, KeyState
from mailhub.model.errors import (
    Conflict,
    InUse,
    Invalid,
    LimitReached,
    MailhubError,
    NotFound,
    Unavailable,
)
from mailhub.model.settings import DkimSettings
from mailhub.policy import signing
from mailhub.policy.signing import Signer
from mailhub.ports import Clock, KeyMaking, Log, Resolver, Storage
from mailhub.wire import address as grammar

REVIEW = Actor(source="key review")
REMEMBERED = 60.0
"""Seconds for which loaded keys are believed to be current; another process may change them."""
DOMAINS = 4096
"""Domains whose keys are kept loaded."""
LETTERS = "abcdefghijklmnopqrstuvwxyz"
_SELECTOR = re.compile(r"(?=.{1,63}\Z)[a-z0-9](?:[a-z0-9_-]*[a-z0-9])?(?:\.[a-z0-9][a-z0-9_-]*)*")
_WSP = re.compile(rb"[ \t\r\n]+")

NEXT: Mapping[KeyState, frozenset[KeyState]] = {
    KeyState.PENDING: frozenset({KeyState.ACTIVE}),
    KeyState.ACTIVE: frozenset({KeyState.RETIRING, KeyState.PAUSED}),
    KeyState.PAUSED: frozenset({KeyState.ACTIVE, KeyState.RETIRING}),
    KeyState.RETIRING: frozenset({KeyState.RETIRED, KeyState.ACTIVE}),
    KeyState.RETIRED: frozenset(),
}
"""What may become of a key. RETIRING → ACTIVE: an administrator takes a rotation back."""


class Keys:
    """Signing keys of all domains."""

    def __init__(
        self,
        storage: Storage,
        resolver: Resolver,
        making: KeyMaking,
        clock: Clock,
        log: Log,
        settings: DkimSettings,
    ) -> None:
        self._storage = storage
        self._resolver = resolver
        self._making = making
        self._clock = clock
        self._log = log
        self._settings = settings
        self._loaded: dict[str, tuple[float, tuple[Signer, ...]]] = {}
        self._changes = 0
        storage.watch(self._heard)

    def _heard(self, changes: Sequence[Change]) -> None:
        if any(isinstance(change, (ZonesChanged, Missed)) for change in changes):
            self._changes += 1
            self._loaded.clear()

    # -- what signs

    async def signers(self, domain: str) -> tuple[Signer, ...]:
        """The active keys of exactly this domain (A-label), RSA first; none where it has none."""
        known = self._loaded.get(domain)
        if known is not None and known[0] > self._clock.seconds():
            return known[1]
        changes = self._changes
        rows = await self._storage.dkim_keys.all(domain) if domain else ()
        active = [row for row in rows if row.state is KeyState.ACTIVE]
        active.sort(key=lambda row: signing.ALGORITHMS.index(row.algorithm))
        made = tuple(signing.signer(row) for row in active)
        if len(self._loaded) >= DOMAINS:
            self._loaded.clear()
        if changes == self._changes:
            self._loaded[domain] = (self._clock.seconds() + REMEMBERED, made)
        return made

    # -- what administrators see and do

    async def all(self, domain: str = "") -> Sequence[DkimKey]:
        """The keys of a local domain, or of all, newest first. Raises NotFound (the domain)."""
        return await self._storage.dkim_keys.all(await self._local(domain) if domain else "")

    async def get(self, domain: str, selector: str) -> DkimKey:
        """Raises NotFound."""
        for key in await self.all(domain):
            if key.selector == selector:
                return key
        raise NotFound("No such key")

    async def found(self, domain: str, actor: Actor) -> Sequence[DkimKey]:
        """First keys for a domain that has none; its keys otherwise."""
        name = await self._local(domain)
        present = await self._storage.dkim_keys.all(name)
        return present or await self._make(name, "", actor)

    async def welcome(self, domain: str, actor: Actor) -> None:
        """First keys for a domain that was just added, where they are wanted. That none could be
        made is no reason to do without the domain: it is logged."""
        if not self._settings.keys:
            return
        try:
            await self.found(domain, actor)
        except MailhubError as error:
            self._log.event("dkim", domain=domain, outcome=error.text, level="warn")

    async def rotate(self, domain: str, actor: Actor, *, selector: str = "") -> Sequence[DkimKey]:
        """New keys, pending: to be published. Raises NotFound, Conflict (some are pending
        already), Invalid (`selector`), AlreadyExists, LimitReached, Unavailable."""
        name = await self._local(domain)
        if any(key.state is KeyState.PENDING for key in await self._storage.dkim_keys.all(name)):
            raise Conflict("New keys wait already: publish and activate them, or remove them")
        return await self._make(name, selector, actor)

    async def add(self, domain: str, selector: str, private: str, actor: Actor) -> DkimKey:
        """A key that was made elsewhere, as PEM; pending. Raises NotFound, Invalid (`private`,
        `selector`), AlreadyExists."""
        name = await self._local(domain)
        algorithm, private, public = signing.imported(private)
        key = self._pending(name, _selector(selector), algorithm, private, public)
        await self._storage.dkim_keys.add([key], actor)
        return key

    async def activate(
        self, domain: str, actor: Actor, *, selectors: Sequence[str] = ()
    ) -> Sequence[DkimKey]:
        """Pending keys (all, or these ones, which may be retiring too) sign from now on, in place
        of those of their algorithm that did. Raises NotFound (nothing to activate), Conflict."""
        name = await self._local(domain)
        rows = await self._storage.dkim_keys.all(name)
        if selectors:
            fresh = [row for row in rows if row.selector in selectors]
        else:
            fresh = [row for row in rows if row.state is KeyState.PENDING]
        if not fresh or len(fresh) < len(set(selectors)):
            raise NotFound("No such key, or none that is pending")
        await self._promote(name, rows, fresh, actor)
        return await self._storage.dkim_keys.all(name)

    async def disable(self, domain: str, actor: Actor) -> None:
        """Its mail is not signed until `enable`. Raises NotFound (no active key)."""
        await self._switch(domain, KeyState.ACTIVE, KeyState.PAUSED, actor)

    async def enable(self, domain: str, actor: Actor) -> None:
        """Its mail is signed again, or for the first time: keys are made where there are none,
        and pending ones do not wait for the DNS."""
        name = await self._local(domain)
        rows = await self.found(name, actor)
        states = {row.state for row in rows}
        if KeyState.PAUSED in states:
            await self._switch(name, KeyState.PAUSED, KeyState.ACTIVE, actor)
        elif KeyState.ACTIVE not in states:
            await self.activate(name, actor)

    async def remove(self, domain: str, selector: str, actor: Actor) -> None:
        """Forgets a key. Raises NotFound, InUse (it signs)."""
        key = await self.get(domain, selector)
        if key.state is KeyState.ACTIVE:
            raise InUse("This key signs: rotate, or disable signing, first")
        await self._storage.dkim_keys.remove(key.domain, [selector], actor)

    async def forget(self, domain: str, actor: Actor) -> None:
        """Forgets all keys of a domain that is removed."""
        rows = await self._storage.dkim_keys.all(domain)
        if rows:
            await self._storage.dkim_keys.remove(domain, [row.selector for row in rows], actor)
        self._loaded.pop(domain, None)

    def reload(self, domain: str) -> None:
        """The domain's keys may be others than before."""
        self._loaded.pop(domain, None)

    # -- what happens by itself

    async def review(self) -> None:
        """Activates pending keys whose record the DNS shows, and retires old ones."""
        now = int(self._clock.now())
        by_domain: dict[str, list[DkimKey]] = {}
        for row in await self._storage.dkim_keys.all():
            by_domain.setdefault(row.domain, []).append(row)
        for name, rows in by_domain.items():
            try:
                await self._review(name, rows, now)
            except MailhubError as error:
                self._log.event("dkim-review", domain=name, outcome=error.text, level="warn")

    async def _review(self, name: str, rows: Sequence[DkimKey], now: int) -> None:
        gone = [
            row.selector
            for row in rows
            if row.state is KeyState.RETIRING and now - row.changed >= self._settings.retire
        ]
        if gone:
            await self._storage.dkim_keys.move(name, gone, KeyState.RETIRED, REVIEW)
            self._log.event("dkim", domain=name, selectors=gone, state="retired")
        pending = [row for row in rows if row.state is KeyState.PENDING]
        states = {row.state for row in rows}
        if not pending or KeyState.PAUSED in states:
            return
        if KeyState.ACTIVE in states:
            pending = [row for row in pending if now - row.created >= self._settings.wait]
        ready = [row for row in pending if await self.is_published(row)]
        if ready:
            await self._promote(name, rows, ready, REVIEW)

    async def is_published(self, key: DkimKey) -> bool:
        """Whether the DNS has this key's record. False where the DNS cannot be asked."""
        try:
            answer = await self._resolver.query(record_name(key), "TXT")
        except (NotFound, Unavailable):
            return False
        wanted = b"p=" + key.public.encode()
        return any(
            wanted in _WSP.sub(b"", record).split(b";")
            for record in answer.records
            if isinstance(record, bytes)
        )

    # -- the table at work

    async def _promote(
        self, name: str, rows: Sequence[DkimKey], fresh: Sequence[DkimKey], actor: Actor
    ) -> None:
        """First the new ones in, then the old ones out: no moment without a signature."""
        algorithms = {row.algorithm for row in fresh}
        chosen = {row.selector for row in fresh}
        old = [
            row
            for row in rows
            if row.state in (KeyState.ACTIVE, KeyState.PAUSED)
            and row.algorithm in algorithms
            and row.selector not in chosen
        ]
        await self._move(name, fresh, KeyState.ACTIVE, actor)
        await self._move(name, old, KeyState.RETIRING, actor)

    async def _switch(self, domain: str, before: KeyState, after: KeyState, actor: Actor) -> None:
        name = await self._local(domain)
        rows = [row for row in await self._storage.dkim_keys.all(name) if row.state is before]
        if not rows:
            raise NotFound(f"This domain has no {before.value} key")
        await self._move(name, rows, after, actor)

    async def _move(
        self, name: str, rows: Sequence[DkimKey], state: KeyState, actor: Actor
    ) -> None:
        for row in rows:
            if state not in NEXT[row.state]:
                raise Conflict(f"A {row.state.value} key cannot become {state.value}")
        if rows:
            selectors = [row.selector for row in rows]
            await self._storage.dkim_keys.move(name, selectors, state, actor)
            self._log.event("dkim", domain=name, selectors=selectors, state=state.value)
        self._loaded.pop(name, None)

    async def _make(self, name: str, selector: str, actor: Actor) -> Sequence[DkimKey]:
        base = _selector(selector) if selector else await self._fresh_selector(name)
        made = []
        for algorithm in self._settings.algorithms:
            private, public = await self._making.make(algorithm)
            own = base + ("e" if algorithm == "ed25519" else "")
            made.append(self._pending(name, own, algorithm, private, public))
        await self._storage.dkim_keys.add(made, actor)
        self._log.event("dkim", domain=name, selectors=[one.selector for one in made], state="new")
        return made

    def _pending(
        self, name: str, selector: str, algorithm: str, private: str, public: str
    ) -> DkimKey:
        now = int(self._clock.now())
        return DkimKey(name, selector, algorithm, private, public, KeyState.PENDING, now, now)

    async def _fresh_selector(self, name: str) -> str:
        """`m202611a`, then `m202611b`: a name that was in use may still be cached somewhere."""
        month = time.strftime("m%Y%m", time.gmtime(self._clock.now()))
        taken = {row.selector for row in await self._storage.dkim_keys.all(name)}
        for letter in LETTERS:
            if f"{month}{letter}" not in taken and f"{month}{letter}e" not in taken:
                return f"{month}{letter}"
        raise LimitReached("Too many new keys this month")

    async def _local(self, domain: str) -> str:
        """The canonical name of a domain of ours. Raises NotFound."""
        try:
            found = await self._storage.domains.get(grammar.domain(domain))
        except Invalid:
            found = None
        if found is None:
            raise NotFound("No such domain")
        return found.name


def record_name(key: DkimKey) -> str:
    """Where the key stands in the DNS (RFC 6376 3.6.2.1)."""
    return f"{key.selector}._domainkey.{key.domain}"


def record(key: DkimKey) -> str:
    """What stands there (RFC 6376 3.6.1)."""
    return f"v=DKIM1; k={key.algorithm}; p={key.public}"


def _selector(text: str) -> str:
    """A selector in lower case. Raises Invalid."""
    text = text.lower()
    if not _SELECTOR.fullmatch(text):
        raise Invalid("A selector is a name of letters, digits and hyphens", field="selector")
    return text


__all__ = ["NEXT", "Keys", "record", "record_name"]
