"""Looks over the server and its domains: what works, what does not, and what mends it.

Each thing is looked at by itself and at the same time as the others, so that one that does not
answer holds up none; what was found is kept a little while. Words for people are made here, as
every face shows the same. Nothing is changed.
"""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import ip_address

from mailhub.core.addresses import Addresses
from mailhub.core.backup import Backups
from mailhub.core.provisioning import Provisioning
from mailhub.core.records import Records, Wanted
from mailhub.core.required import administrator
from mailhub.model.certificate import Standing, Status
from mailhub.model.checkup import Chapter, Detail, Finding, error, ok, warning
from mailhub.model.errors import MailhubError, NotFound, Unavailable
from mailhub.ports import Clock, Resolver, Together, Volume

FRESH = 60.0
"""Seconds for which what was found is told again."""
DAY = 86400
OLD = 7
"""Days after which a backup is missed."""
LOW, SCARCE = 0.30, 0.15
"""Parts of a volume that should be free, and that have to be."""
BUSY = 10
"""Domains that are looked at together."""


class Checkup:
    """`hostname`: this server's. `own`: its public addresses, where the settings say them."""

    def __init__(
        self,
        addresses: Addresses,
        records: Records,
        provisioning: Provisioning,
        backups: Backups,
        resolver: Resolver,
        volume: Volume,
        clock: Clock,
        together: Together,
        hostname: str,
        own: Sequence[str] = (),
    ) -> None:
        self._addresses = addresses
        self._records = records
        self._provisioning = provisioning
        self._backups = backups
        self._resolver = resolver
        self._volume = volume
        self._clock = clock
        self._together = together
        self._hostname = hostname
        self._own = tuple(own)
        self._found: Sequence[Chapter] = ()
        self._of: tuple[str, ...] = ()
        self._until = -1.0

    async def all(self, domains: Sequence[str]) -> Sequence[Chapter]:
        """The system, the server's own name, and each of `domains`."""
        if self._clock.seconds() >= self._until or self._of != tuple(domains):
            self._found, self._of = await self._look(domains), tuple(domains)
            self._until = self._clock.seconds() + FRESH
        return self._found

    async def _look(self, domains: Sequence[str]) -> Sequence[Chapter]:
        try:
            statuses = {one.name: one for one in await self._provisioning.statuses()}
        except Unavailable:
            statuses = {}
        chapters: list[Chapter] = []
        chapters += await self._together([self._system(), self._host(statuses)])
        for start in range(0, len(domains), BUSY):
            batch = domains[start : start + BUSY]
            chapters += await self._together([self._domain(one, statuses) for one in batch])
        return _merged(chapters)

    # -- the system

    async def _system(self) -> Chapter:
        found = [self._space(), await self._administrator(), await self._backup()]
        return Chapter("System", tuple(found))

    def _space(self) -> Finding:
        free, total = self._volume.room()
        part = free / total if total else 0.0
        said = f"The disk has {free / (1 << 30):.1f} GB space remaining ({part:.0%})."
        if part < SCARCE:
            return error("The disk is nearly full. Make room, or mail is refused.", Detail(said))
        if part < LOW:
            return warning("The disk is filling. Make room in time.", Detail(said))
        return ok(said)

    async def _administrator(self) -> Finding:
        address = administrator(self._hostname)
        try:
            await self._addresses.get(address)
        except NotFound:
            return warning(
                f"Nobody is {address}. Add that as an alias for who is responsible: then "
                "postmaster, admin and abuse of every domain, and hostmaster here, lead there."
            )
        return ok(f"{address} exists.")

    async def _backup(self) -> Finding:
        if not self._backups.target.on:
            return warning("Backups are off. Choose where they shall go.")
        try:
            last = (await self._backups.status()).last
        except MailhubError as problem:
            return error("The place of backups does not answer.", Detail(problem.text))
        age = self._clock.now() - last.good
        if last.good and age <= OLD * DAY:
            return ok(f"The last backup is {int(age // DAY)} days old.")
        said = "No backup was made yet." if not last.good else "The last backup is too old."
        details = (Detail(last.text),) if last.text else ()
        return error(said, *details)

    # -- names

    async def _host(self, statuses: dict[str, Status]) -> Chapter:
        found = [await self._address(self._hostname)]
        found += [await self._reverse(one) for one in self._own]
        found += _certificates([self._hostname], statuses)
        return Chapter(self._hostname, tuple(found))

    async def _address(self, name: str) -> Finding:
        known: list[str] = []
        try:
            for kind in ("A", "AAAA"):
                known += await self._query(name, kind)
        except Unavailable as problem:
            return warning(f"The DNS could not be asked for {name}.", Detail(problem.text))
        shown = ", ".join(known)
        if not known:
            return error(f"{name} has no address in the DNS. Add an A record of this machine's.")
        own = {str(ip_address(one)) for one in self._own}
        if own and not set(known) <= own:
            return error(
                f"{name} resolves to {shown}, and this machine is {', '.join(sorted(own))}. "
                "Correct its A and AAAA records."
            )
        return ok(f"{name} resolves to {shown}.")

    async def _reverse(self, address: str) -> Finding:
        name = ip_address(address).reverse_pointer
        try:
            names = [one.rstrip(".").lower() for one in await self._query(name, "PTR")]
        except Unavailable as problem:
            return warning(f"The DNS could not be asked for {address}.", Detail(problem.text))
        if self._hostname in names:
            return ok(f"Reverse DNS of {address} is {self._hostname}.")
        said = f"is {', '.join(names)}" if names else "is not set"
        return error(
            f"Reverse DNS of {address} {said}, and other servers refuse mail for that. Set it to "
            f"{self._hostname} where you have the address from."
        )

    async def _query(self, name: str, kind: str) -> list[str]:
        """Raises Unavailable."""
        try:
            answer = await self._resolver.query(name, kind)
        except NotFound:
            return []
        return [str(one) for one in answer.records]

    # -- domains

    async def _domain(self, domain: str, statuses: dict[str, Status]) -> Chapter:
        found: list[Finding] = []
        try:
            wanted = await self._records.of(domain)
            states = await self._together([self._records.state(one) for one in wanted])
            found += [_record(one, state) for one, state in zip(wanted, states, strict=True)]
        except NotFound:
            return Chapter(domain, (warning(f"{domain} is no longer here."),))
        found.append(await self._postmaster(domain))
        names = [name for name in statuses if name == domain or name.endswith(f".{domain}")]
        found += _certificates([name for name in names if name != self._hostname], statuses)
        return Chapter(domain, tuple(found))

    async def _postmaster(self, domain: str) -> Finding:
        address = f"postmaster@{domain}"
        try:
            await self._addresses.resolve(address)
        except MailhubError as problem:
            return error(
                f"Mail for {address} goes nowhere, which it has to (RFC 5321). Add an alias.",
                Detail(problem.text),
            )
        return ok(f"Mail for {address} is taken.")


def _merged(chapters: Sequence[Chapter]) -> Sequence[Chapter]:
    """One chapter a title: the server's own name may be a mail domain too."""
    found: dict[str, tuple[Finding, ...]] = {}
    for one in chapters:
        found[one.title] = (*found.get(one.title, ()), *one.findings)
    return [Chapter(title, findings) for title, findings in found.items()]


def _record(one: Wanted, state: str) -> Finding:
    title = f"The {one.kind} record of {one.name} ({one.why})"
    line = Detail(one.line, literal=True)
    if state == "ok":
        return ok(f"{title} is right.")
    if state == "unknown":
        return warning(f"{title} could not be looked up.")
    said = "says something else" if state == "different" else "is missing"
    return error(f"{title} {said}. It should be:", line)


def _certificates(names: Sequence[str], statuses: dict[str, Status]) -> list[Finding]:
    found = []
    for name in names:
        one = statuses.get(name)
        if one is None or one.standing is Standing.ELSEWHERE:
            continue
        reasons = tuple(Detail(text) for text in (one.obstacle, one.failure) if text)
        if one.standing is Standing.GOOD:
            found.append(ok(f"The certificate of {name} is good for {one.days} more days."))
        elif one.certificate is None:
            found.append(warning(f"{name} has no certificate. Ask for one.", *reasons))
        else:
            text = f"The certificate of {name} is not good. Ask for another one."
            found.append(warning(text, *reasons))
    return found
