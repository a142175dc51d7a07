"""Looks at what lies around the server: its own listeners, programs of others that it works with,
whether mail can leave, and lists of those whose mail is refused."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from ipaddress import ip_address

from mailhub.core.checkup.means import Check, Door, Means
from mailhub.model.checkup import Detail, Finding, error, ok, unsure, warning
from mailhub.model.errors import Invalid, Unavailable
from mailhub.wire.dnslist import address_name, domain_name, means

REMOVAL = "Look there for why, and ask to be taken off: https://check.spamhaus.org"
PUBLIC = "Ask the DNS through a resolver of your own (see [resolver]): public ones are refused."


class NetworkLooks:
    """What the chapter on the network says."""

    def __init__(self, means: Means) -> None:
        self._means = means

    def checks(self) -> Sequence[Check]:
        """All of them."""
        checks: list[Check] = [("listeners", self._listeners)]
        checks += [(f"service {one.name}", partial(service, self._means, one)) for one in self._own]
        if self._means.troubles is not None:
            checks.append(("coordination", self._coordination))
        if self._means.settings.probe:
            checks.append(("port 25", self._leaving))
        if self._means.settings.addresses:
            checks += [
                (f"list {one}", partial(self._listed, one))
                for one in self._means.own
                if ip_address(one).is_global or not ip_address(one).is_loopback
            ]
        return checks

    @property
    def _own(self) -> Sequence[Door]:
        return self._means.services

    async def _listeners(self) -> Sequence[Finding]:
        doors = self._means.doors()
        if not doors:
            return ()
        found = await self._means.together([self._tried(door) for door in doors])
        closed = [
            Detail(f"{door.name}: {why}") for door, why in zip(doors, found, strict=True) if why
        ]
        if not closed:
            names = ", ".join(dict.fromkeys(door.name for door in doors))
            return [ok("listeners", f"Every listener answers: {names}.")]
        said = "Not every listener of this server can be reached."
        return [error("listeners", said, "Look at the firewall and at the log.", *closed)]

    async def _tried(self, door: Door) -> str:
        """Why it does not answer; empty where it does."""
        try:
            await self._means.reach.reach(door.endpoint)
        except Unavailable as problem:
            return problem.text
        return ""

    async def _coordination(self) -> Sequence[Finding]:
        troubles = self._means.troubles() if self._means.troubles is not None else {}
        if not troubles:
            return [ok("coordination", "Redis answers, and this server has its rights there.")]
        rows = [Detail(f"{what}: {why}") for what, why in sorted(troubles.items())]
        said = "Redis does not do what this server asks of it; mail waits to leave until it does."
        return [error("coordination", said, "Look at it, and at docs/redis.md.", *rows)]

    async def _leaving(self) -> Sequence[Finding]:
        """Whether the way out to port 25, which many providers close, is open."""
        host, _, port = self._means.settings.probe.partition(":")
        mend = (
            "Ask who provides the machine to open port 25 for mail that leaves, or send through "
            "another server (see mailhub relay)."
        )
        try:
            greeting = await self._means.reach.reach(f"tcp:{host}:{port or 25}", greeted=True)
        except Unavailable as problem:
            return [
                error(
                    "port 25",
                    f"Mail cannot leave: {host} is not reached.",
                    mend,
                    Detail(problem.text),
                )
            ]
        if not greeting.startswith(b"220"):
            heard = Detail(greeting.decode("ascii", "replace"), literal=True)
            said = f"Somebody answers in the place of {host}, but no mail server."
            return [warning("port 25", said, mend, *([heard] if greeting else ()))]
        return [ok("port 25", f"Mail can leave: {host} answers.")]

    async def _listed(self, address: str) -> Sequence[Finding]:
        zone = self._means.settings.addresses
        return [await listed(self._means, address, zone, address_name(address, zone))]


async def service(means: Means, one: Door) -> Sequence[Finding]:
    """Whether a program that the settings name is there."""
    what = f"service {one.name}"
    try:
        await means.reach.reach(one.endpoint)
    except Unavailable as problem:
        said = f"{one.name} does not answer."
        return [error(what, said, "Start it, or correct where it is.", Detail(problem.text))]
    return [ok(what, f"{one.name} answers.")]


async def listed_domain(means: Means, domain: str) -> Sequence[Finding]:
    """Whether a domain is in the list of domains; nothing where that cannot be."""
    zone = means.settings.domains
    try:
        return [await listed(means, domain, zone, domain_name(domain, zone))]
    except Invalid:
        return ()


async def listed(means_: Means, what: str, zone: str, name: str) -> Finding:
    """What a list says. Who is refused an answer is not listed for that."""
    label = f"list {what}"
    answers = [str(one) for one in await means_.query(name, "A")]
    said = [(one, means(one)) for one in answers]
    if any(meaning is None for _, meaning in said):
        return unsure(label, f"{zone} does not tell us whether {what} is listed.", Detail(PUBLIC))
    codes = [one for one, meaning in said if meaning]
    if not codes:
        return ok(label, f"{what} is not listed by {zone}.")
    text = f"{what} is listed by {zone}, so others refuse its mail."
    return error(label, text, REMOVAL, Detail(" ".join(codes), literal=True))
