"""Asks an authority for the certificates that names here lack, before theirs end (RFC 8555).

Which names may be asked for, in which orders, and what is done after a failure is decided here; how
an authority is spoken to is the backend's, what a certificate is worth `core.certificates`'.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from ipaddress import ip_address
from itertools import groupby

from mailhub.core.certificates import WILDCARD, Certificates
from mailhub.core.hosted import Hosted, HostedName
from mailhub.core.renewing import Wishes
from mailhub.core.unissued import advice, pause
from mailhub.model.acme import (
    DNS_01,
    HTTP_01,
    Attempt,
    Challenge,
    NotIssued,
    Provision,
    Result,
)
from mailhub.model.certificate import DAY, Status
from mailhub.model.change import Actor
from mailhub.model.errors import InUse, Invalid, MailhubError, NotFound, Unavailable
from mailhub.model.settings_acme import ACMESettings
from mailhub.ports import (
    CertificateAuthority,
    CertificateFiles,
    CertificateNotes,
    ChallengeRecords,
    Clock,
    Counters,
    Log,
    Resolver,
    Together,
)
from mailhub.wire import address as grammar
from mailhub.wire import x509
from mailhub.wire.networks import plain

MOST = 100
"""Names of one certificate; authorities take no more."""
LIFE = 3600
"""Seconds for which a challenge is answered."""
LEASE = "certificates"
"""The counter that the one who asks for certificates holds."""
LEASED = 1800.0
"""Seconds after which one that died holds it no more."""
ACTOR = Actor(source="certificate renewal")
ASLEEP = "The server does not run, so no authority could look at it: start it first"
NO_DOOR = "There is no [[listener]] for http without TLS, which the authority could look at."
OFF = "Certificates are not asked for here: set `acme.agree` to do so"


class Provisioning:
    """Asks for certificates. `authority`: None where the settings name none. `records`: our zones,
    None where we serve none. `own`: our addresses, where the settings of zones know them. `ready`:
    whether the server runs, so that authorities can look at it. `has_door`: whether it has a
    listener that they can look at."""

    def __init__(
        self,
        certificates: Certificates,
        hosted: Hosted,
        files: CertificateFiles,
        notes: CertificateNotes,
        authority: CertificateAuthority,
        resolver: Resolver,
        counters: Counters,
        clock: Clock,
        log: Log,
        together: Together,
        settings: ACMESettings,
        records: ChallengeRecords | None = None,
        own: Callable[[], Sequence[str]] = lambda: (),
        ready: Callable[[], bool] = lambda: True,
        has_door: bool = True,
    ) -> None:
        self._certificates = certificates
        self._hosted = hosted
        self._files = files
        self._notes = notes
        self._authority = authority
        self._resolver = resolver
        self._counters = counters
        self._clock = clock
        self._log = log
        self._together = together
        self._settings = settings
        self._records = records
        self._own = own
        self._ready = ready
        self._has_door = has_door
        self._wishes = Wishes(files, authority, clock)

    # -- what could be done

    async def statuses(self) -> Sequence[Status]:
        """Of every name that is served here: its certificate, and why none can be asked for.

        Raises Unavailable.
        """
        return await self.about(await self._hosted.all())

    async def about(self, names: Sequence[HostedName]) -> Sequence[Status]:
        """The same, of these alone. Raises Unavailable."""
        obstacles = await self._obstacles(names)
        failed = {one.name: one.reason for one in await self._notes.attempts()}
        return [
            replace(
                self._certificates.status(one.name, elsewhere=one.elsewhere),
                obstacle=obstacles[one.name],
                failure=failed.get(one.name, ""),
            )
            for one in names
        ]

    def is_due(self, name: str) -> bool:
        """Whether it is time for another certificate: it has none that is worth anything, or one
        in the last third of its life. Raises Unavailable."""
        found, now = self._certificates.of(name), self._clock.now()
        return found is None or now >= self._wishes.due(found)

    # -- doing it

    async def review(self) -> None:
        """One round of the sweep: asks for what is due, unless it failed a while ago, and clears
        away what is over."""
        await self._certificates.tidy(ACTOR)
        if not self._settings.agree:
            return
        shown = [self._certificates.of(one.name) for one in await self._hosted.all()]
        await self._wishes.ask(one for one in shown if one is not None)
        try:
            await self.provision(ACTOR, waiting=True)
        except InUse:
            return  # another process is at it

    async def provision(
        self, actor: Actor, names: Sequence[str] = (), *, waiting: bool = False, force: bool = False
    ) -> Sequence[Provision]:
        """Asks for the certificates of `names`, or of all that are due. `waiting`: not for those
        whose last failure is too fresh. `force`: also for those that are not due.

        Raises InUse (somebody is at it), Invalid, NotFound (no such name here), Unavailable (it is
        off, or the server does not run).
        """
        if not self._settings.agree:
            raise Unavailable(OFF)
        if not self._ready():
            raise Unavailable(ASLEEP)
        wanted = await self._wanted(names)
        if await self._counters.hit(LEASE, LEASED) != 1:
            raise InUse("Certificates are being asked for already; look again in a minute")
        try:
            return await self._provision(actor, wanted, waiting=waiting, force=force)
        finally:
            await self._counters.clear(LEASE)

    async def revoke(self, id: str, actor: Actor) -> None:
        """Takes a certificate back at the authority that issued it, and removes it.

        Raises NotFound, Unavailable.
        """
        if not self._settings.agree:
            raise Unavailable(OFF)
        await self._authority.revoke(self._files.chain(id).decode())
        await self._certificates.remove(id, actor)

    async def _wanted(self, names: Sequence[str]) -> Sequence[HostedName]:
        served = await self._hosted.all()
        if not names:
            return served
        known = {one.name: one for one in served}
        found = []
        for name in names:
            star = WILDCARD if name.startswith(WILDCARD) else ""
            bare = grammar.domain(name.removeprefix(star).lower())
            domain = known.get(bare)
            if domain is None:
                raise NotFound(f"{name} is not served here")
            found.append(replace(domain, name=star + bare))
        return found

    async def _provision(
        self, actor: Actor, wanted: Sequence[HostedName], *, waiting: bool, force: bool
    ) -> Sequence[Provision]:
        due = [one for one in wanted if force or (self.is_due(one.name) and not one.elsewhere)]
        now = self._clock.now()
        last = {one.name: one for one in await self._notes.attempts()}
        if waiting:
            due = [one for one in due if one.name not in last or last[one.name].due <= now]
        obstacles = await self._obstacles(due)
        done = [
            Provision((one.name,), Result.SKIPPED, (obstacles[one.name],))
            for one in due
            if obstacles[one.name]
        ]
        able = sorted(
            (one for one in due if not obstacles[one.name]), key=lambda one: (one.zone, one.name)
        )
        for _, group in groupby(able, key=lambda one: one.zone):
            members = [one.name for one in group]
            for start in range(0, len(members), MOST):
                batch = members[start : start + MOST]
                done += await self._order(batch, last, actor)
        return done

    async def _order(
        self, names: Sequence[str], last: Mapping[str, Attempt], actor: Actor
    ) -> Sequence[Provision]:
        """One certificate; without the names that could not be proven, where that helps others."""
        try:
            log = await self._issue(names, actor)
        except NotIssued as error:
            reasons = dict(error.names)
            rest = [name for name in names if name not in reasons]
            failed = [name for name in names if name in reasons] or names
            await self._fail(failed, error, last)
            lines = [f"{name}: {why}" for name, why in error.names] or [error.text]
            done = [Provision(tuple(failed), Result.ERROR, (*lines, *advice(error)))]
            if reasons and rest:
                done += await self._order(rest, last, actor)
            return done
        except MailhubError as error:
            self._log.event("certificate", outcome="failed", names=list(names), reason=error.text)
            return [Provision(tuple(names), Result.ERROR, (error.text,))]
        return [Provision(tuple(names), Result.INSTALLED, tuple(log))]

    async def _issue(self, names: Sequence[str], actor: Actor) -> Sequence[str]:
        """Raises NotIssued, and what installing raises."""
        request = x509.request(self._files.system_key(), names)
        order = await self._authority.open(names, request)
        try:
            await self._show(order.challenges)
            chain = await self._authority.finish(order)
        finally:
            await self._hide(order.challenges)
        found = await self._certificates.install(names[0], chain, "", actor)
        days = int((found.ends - self._clock.now()) // DAY)
        return [f"Installed a certificate of {found.issuer} that is valid for {days} days."]

    async def _show(self, challenges: Sequence[Challenge]) -> None:
        tokens = [(one.token, one.content) for one in challenges if one.kind == HTTP_01]
        if tokens:
            await self._notes.put(tokens, int(self._clock.now()) + LIFE)
        texts = [
            (f"_acme-challenge.{one.name}", one.content) for one in challenges if one.kind == DNS_01
        ]
        if texts:
            assert self._records is not None
            await self._records.publish(texts)

    async def _hide(self, challenges: Sequence[Challenge]) -> None:
        await self._notes.drop([one.token for one in challenges if one.kind == HTTP_01])
        if self._records is not None and any(one.kind == DNS_01 for one in challenges):
            await self._records.publish(())

    async def _fail(
        self, names: Sequence[str], error: NotIssued, last: Mapping[str, Attempt]
    ) -> None:
        """Remembers it, so that the sweep waits."""
        now, reasons = int(self._clock.now()), dict(error.names)
        self._log.event("certificate", outcome="refused", names=list(names), reason=error.text)
        attempts = []
        for name in names:
            failures = 1 + (last[name].failures if name in last else 0)
            due = now + int(pause(failures, error))
            attempts.append(Attempt(name, failures, now, due, reasons.get(name, error.text)))
        await self._notes.failed(attempts)

    # -- where names lead

    async def _obstacles(self, names: Sequence[HostedName]) -> Mapping[str, str]:
        """Why a certificate for each cannot be asked for; empty where it can."""
        if not self._settings.agree:
            return dict.fromkeys((one.name for one in names), OFF)
        try:
            own = await self._own_addresses()
        except MailhubError as error:
            return dict.fromkeys((one.name for one in names), error.text)
        found = await self._together([self._obstacle(one, own) for one in names])
        return {one.name: why for one, why in zip(names, found, strict=True)}

    async def _obstacle(self, one: HostedName, own: frozenset[str]) -> str:
        if one.elsewhere:
            return "A custom record leads this name to another server."
        if one.name.startswith(WILDCARD):
            bare = one.name.removeprefix(WILDCARD)
            if self._records is None or not await self._records.serves(bare):
                return "A wildcard is proven in the DNS, and this server does not serve its zone."
            return ""
        if not self._has_door:
            return NO_DOOR
        try:
            found = {kind: await self._addresses(one.name, kind) for kind in ("A", "AAAA")}
        except Unavailable as error:
            return f"The DNS could not be asked for it: {error.text}."
        all_found = found["A"] | found["AAAA"]
        if all_found and all_found <= own:
            return ""
        said = ", ".join(
            f"{' / '.join(sorted(values)) or '[Not Set]'} ({kind})"
            for kind, values in found.items()
        )
        return f"The domain name does not resolve to this machine: {said}."

    async def _own_addresses(self) -> frozenset[str]:
        """Ours, as others reach them. Raises Unavailable, Invalid."""
        own = frozenset(str(ip_address(plain(one))) for one in self._own())
        if own:
            return own
        host = self._certificates.hostname
        own = await self._addresses(host, "A") | await self._addresses(host, "AAAA")
        if not own:
            raise Invalid(f"{host} has no address in the DNS; make it one, or set `dns.addresses`.")
        return own

    async def _addresses(self, name: str, kind: str) -> frozenset[str]:
        try:
            answer = await self._resolver.query(name, kind)
        except NotFound:
            return frozenset()
        return frozenset(plain(one) for one in answer.records)
