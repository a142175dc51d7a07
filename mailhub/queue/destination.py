"""Which servers take mail for a domain, in order, and what each must prove: MX rules, loops,
address literals, routes.

Asks the DNS through its port; connects to nobody. What TLS must prove is `queue.protection`'s,
the order of hosts `queue.mx`'s.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from mailhub.model.dns import DNSAnswer
from mailhub.model.errors import NotFound, Unavailable
from mailhub.model.outbound import Answer, Stage
from mailhub.model.route import Credentials, Hop, Route, Security, TLSLevel
from mailhub.model.settings import QueueSettings
from mailhub.model.tlsreport import TLSReport
from mailhub.policy.sts_found import NOTHING, STSPolicies
from mailhub.ports import Randomness, Resolver
from mailhub.queue import mx
from mailhub.queue.protection import Located, Wanted, protect, settle
from mailhub.wire.dnsname import text_address
from mailhub.wire.networks import is_public

SMTP_PORT = 25
IMPLICIT_TLS_PORT = 465
"""RFC 8314 7.3: TLS from the first octet."""
FIXED = 1000
"""Most routes whose destination is kept."""


@dataclass(frozen=True, slots=True)
class Destination:
    """Servers to try, best first; or, without any, why: temporary or permanent by its status.
    `reports`: what went wrong with the domain's TLS policies (RFC 8460)."""

    hops: tuple[Hop, ...] = ()
    refusal: Answer | None = None
    reports: tuple[TLSReport, ...] = ()


class Destinations:
    """`hostname`: ours. `own`: whether we are who answers at (address, port)."""

    def __init__(
        self,
        resolver: Resolver,
        sts: STSPolicies | None,
        settings: QueueSettings,
        randomness: Randomness,
        *,
        hostname: str,
        own: Callable[[str, int], bool],
    ) -> None:
        self._resolver = resolver
        self._sts = sts
        self._settings = settings
        self._randomness = randomness
        self._hostname = hostname.lower()
        self._own = own
        self._fixed: dict[tuple[Route, bool], Destination] = {}

    async def find(
        self,
        domain: str,
        route: Route | None = None,
        *,
        require_tls: bool = False,
        tls_optional: bool = False,
    ) -> Destination:
        """The servers for mail to `domain` (A-labels, or an address literal). `route`: the one
        that was chosen for it, None for the plain MX. Never raises for what the DNS says."""
        if route is not None and route.host:
            return await self._named(domain, route, require_tls)
        if domain.startswith("["):
            return await self._literal(domain, route, require_tls)
        return await self._exchangers(domain, route, require_tls, tls_optional)

    # -- a domain's own servers

    async def _exchangers(
        self, domain: str, route: Route | None, require: bool, optional: bool
    ) -> Destination:
        answer = await settle(self._resolver.query(domain, "MX"))
        if isinstance(answer, NotFound):
            return refused("5.1.2", f"The domain {domain} does not exist")
        if isinstance(answer, Unavailable):
            return refused("4.4.3", f"The MX records of {domain} cannot be looked up")
        hosts = mx.ordered(answer, self._shuffle)
        if answer.records and not hosts:
            return refused("5.1.10", f"The domain {domain} takes no mail (null MX)")
        if not answer.records:
            hosts = (mx.Host(domain, 0, answer.authentic),)
        kept = mx.better_than(hosts, [host for host in hosts if host.name == self._hostname])
        if not kept:
            return _loop(domain)
        found = await self._locate(kept[: self._settings.mx_hosts], implicit=not answer.records)
        if isinstance(found, Destination):
            return found
        policy = NOTHING
        if self._sts is not None and not optional:
            policy = await self._sts.find(domain)
        wanted = Wanted(
            domain,
            route.tls if route else TLSLevel.OPPORTUNISTIC,
            require,
            policy.policy,
            tuple(dict.fromkeys((domain, answer.canonical or domain))) if answer.authentic else (),
            optional=optional,
        )
        base = Hop("", (), SMTP_PORT, sources=self._sources(route))
        reports = (policy.failure,) if policy.failure else ()
        return await self._protect(found, wanted, base, reports)

    async def _locate(
        self, hosts: Sequence[mx.Host], *, implicit: bool
    ) -> tuple[Located, ...] | Destination:
        """The hosts that have addresses we may connect to; or why none has."""
        asked = [
            (host, self._resolver.query(host.name, "AAAA"), self._resolver.query(host.name, "A"))
            for host in hosts
        ]
        found: list[Located] = []
        late: list[str] = []
        private: list[str] = []
        ours: list[mx.Host] = []
        for host, v6, v4 in asked:
            located = self._located(host, await settle(v6), await settle(v4), implicit)
            if isinstance(located, Unavailable):
                late.append(host.name)
                continue
            if any(self._own(address, SMTP_PORT) for address in located.addresses):
                ours.append(host)
                continue
            allowed = tuple(filter(self._allowed, located.addresses))
            if allowed:
                found.append(replace(located, addresses=allowed[: self._settings.addresses]))
            elif located.addresses:
                private.append(host.name)
        if better := mx.better_than(found, ours):
            return better
        if late:
            return refused("4.4.3", f"The addresses of {late[0]} cannot be looked up")
        if ours:
            return _loop(ours[0].name)
        if private:
            return refused("4.4.4", f"The host {private[0]} has only private addresses")
        return refused("5.4.4", f"The host {hosts[0].name} has no address")

    def _located(
        self,
        host: mx.Host,
        v6: DNSAnswer | NotFound | Unavailable,
        v4: DNSAnswer | NotFound | Unavailable,
        implicit: bool,
    ) -> Located | Unavailable:
        """One host's addresses: those of one family where only the other's answer is missing."""
        answers = [answer for answer in (v6, v4) if isinstance(answer, DNSAnswer)]
        addresses = mx.alternated(
            v6.records if isinstance(v6, DNSAnswer) else (),
            v4.records if isinstance(v4, DNSAnswer) else (),
        )
        if not addresses:
            missing = next((one for one in (v6, v4) if isinstance(one, Unavailable)), None)
            if missing is not None:
                return missing
        return Located(
            host.name,
            host.preference,
            addresses,
            chosen=host.authentic,
            authentic=bool(answers) and all(answer.authentic for answer in answers),
            # Without an MX record the certificate has to be for the domain itself.
            trusted=host.authentic or implicit,
            canonical=next((answer.canonical for answer in answers if answer.records), ""),
        )

    async def _protect(
        self, hosts: Sequence[Located], wanted: Wanted, base: Hop, before: Sequence[TLSReport] = ()
    ) -> Destination:
        """The hops of `hosts`, each with what it must prove; or why none may be used."""
        hops: list[Hop] = []
        refusals: list[Answer] = []
        reports = list(before)
        for host in hosts:
            verdict = await protect(self._resolver, host, wanted)
            reports += verdict.reports
            if verdict.security is not None:
                security = verdict.security
                if security.implicit is not base.security.implicit:
                    security = replace(security, implicit=base.security.implicit)
                hops.append(
                    Hop(
                        host.name,
                        host.addresses,
                        base.port,
                        security,
                        base.credentials,
                        base.sources,
                    )
                )
            elif verdict.refusal is not None:
                refusals.append(verdict.refusal)
        if hops:
            return Destination(tuple(hops), reports=tuple(reports))
        # What may be otherwise next time decides: mail is not returned for a passing fault.
        refusals.sort(key=lambda refusal: refusal.permanent)
        return Destination(refusal=refusals[0], reports=tuple(reports))

    # -- servers that are named, not looked up by MX

    async def _literal(self, domain: str, route: Route | None, require: bool) -> Destination:
        """`[192.0.2.1]` (RFC 5321 4.1.3): that server and no other."""
        address = text_address(domain)
        if not address:
            return refused("5.1.3", f"{domain} is no address literal")
        if self._own(address, SMTP_PORT):
            return _loop(domain)
        if not self._allowed(address):
            return refused("5.1.2", f"{domain} is a private address")
        host = Located(address, 0, (address,), trusted=True)
        wanted = Wanted(domain, route.tls if route else TLSLevel.OPPORTUNISTIC, require)
        base = Hop("", (), SMTP_PORT, sources=self._sources(route))
        return _untold(await self._protect((host,), wanted, base))

    async def _named(self, domain: str, route: Route, require: bool) -> Destination:
        """As `_relay`. Where neither the DNS nor chance has a say it is made once: each lease
        asks, and sessions that wait are found quickest by the very hop that they were made for."""
        key = route, require
        found = self._fixed.get(key)
        if found is None:
            found = await self._relay(domain, route, require)
            if text_address(route.host) and not (route.guarded or route.spread):
                if len(self._fixed) >= FIXED:
                    del self._fixed[next(iter(self._fixed))]
                self._fixed[key] = found
        return found

    async def _relay(self, domain: str, route: Route, require: bool) -> Destination:
        """The route's server, private or not where an administrator named it. Its absence from the
        DNS is a fault of ours, so mail waits for its repair."""
        host = await self._route_host(route)
        if isinstance(host, Destination):
            return host
        if route.guarded:
            if any(self._own(address, route.port) for address in host.addresses):
                return _loop(route.host)
            host = replace(host, addresses=tuple(filter(self._allowed, host.addresses)))
            if not host.addresses:
                return refused("5.7.1", f"The host {route.host} has only private addresses")
        base = Hop(
            "",
            (),
            route.port,
            Security(implicit=route.implicit or route.port == IMPLICIT_TLS_PORT),
            Credentials(route.username, route.password) if route.username else None,
            self._sources(route),
        )
        wanted = Wanted(domain, route.tls, require, port=route.port)
        found = _untold(await self._protect((host,), wanted, base))
        if route.lmtp:
            found = replace(found, hops=tuple(replace(hop, lmtp=True) for hop in found.hops))
        return found

    async def _route_host(self, route: Route) -> Located | Destination:
        address = text_address(route.host)
        if address:
            return Located(address, 0, (address,), trusted=True)
        name = route.host.lower().removesuffix(".")
        # TLSA records are asked for where the route says DANE; a name that was written down needs
        # no authentic MX.
        host = mx.Host(name, 0, authentic=route.tls is TLSLevel.DANE)
        v6, v4 = self._resolver.query(name, "AAAA"), self._resolver.query(name, "A")
        located = self._located(host, await settle(v6), await settle(v4), implicit=True)
        if isinstance(located, Unavailable):
            return refused("4.4.3", f"The addresses of the route's host {name} cannot be looked up")
        if not located.addresses:
            return refused("4.4.4", f"The route's host {name} has no address")
        return replace(located, addresses=located.addresses[: self._settings.addresses])

    # -- rules

    def _allowed(self, address: str) -> bool:
        return self._settings.private_addresses or is_public(address)

    def _sources(self, route: Route | None) -> tuple[str, ...]:
        if route is None:
            return ()
        sources = list(route.sources)
        if route.spread:
            self._shuffle(sources)
        return tuple(sources)

    def _shuffle(self, names: list[str]) -> None:
        names.sort(key=lambda _: self._randomness.token(8))


def refused(status: str, text: str) -> Destination:
    """Nobody to try. `status`: enhanced code (RFC 3463)."""
    return Destination(refusal=Answer(0, status, text, Stage.RESOLVE))


def _loop(name: str) -> Destination:
    return refused("5.4.6", f"Mail for {name} would come back to this server")


def _untold(found: Destination) -> Destination:
    """The same for servers that no domain's policy stands for: nobody hears reports of them."""
    hops = (
        hop
        if hop.security.applied is None
        else replace(hop, security=replace(hop.security, applied=None))
        for hop in found.hops
    )
    return Destination(tuple(hops), found.refusal)
