"""What a connection to an MX host must prove: DANE (RFC 7672), else MTA-STS (RFC 8461), else what
the route and REQUIRETLS (RFC 8689) ask for.

Decides for one host at a time; may not know how hosts were found. The SMTP client does the rest.
"""

from __future__ import annotations

from collections.abc import Awaitable
from dataclasses import dataclass, replace

from mailhub.model.dns import DNSAnswer
from mailhub.model.errors import NotFound, Unavailable
from mailhub.model.outbound import Answer, Stage
from mailhub.model.route import Security, TLSLevel
from mailhub.model.tlsreport import TLSPolicy, TLSPolicyKind, TLSReport, TLSResult
from mailhub.policy.sts import STSMode, STSPolicy
from mailhub.policy.sts_found import applied
from mailhub.ports import Resolver
from mailhub.queue import dane

STRENGTH = {level: strength for strength, level in enumerate(TLSLevel)}
"""`TLSLevel` is declared weakest first."""

NEEDS_TLS = Answer(0, "5.7.30", "REQUIRETLS: no server can be verified", Stage.RESOLVE)
"""RFC 8689 4.2.1 and 5."""


@dataclass(frozen=True, slots=True)
class Located:
    """A host with its addresses. `trusted`: nobody in between can have put it in the place of the
    domain's own host: the MX answer was authentic, or there was none to forge. `chosen`: the MX
    answer was authentic. `authentic`: the address answers were. `canonical`: the host's name
    after CNAMEs."""

    name: str
    preference: int
    addresses: tuple[str, ...]
    chosen: bool = False
    authentic: bool = False
    trusted: bool = False
    canonical: str = ""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is asked of every host of one destination. `domain`: the recipient's; `level`: at
    least; `require`: REQUIRETLS; `optional`: `TLS-Required: No`; `names`: others that
    DANE-TA certificates may be for (RFC 7672 3.2.3)."""

    domain: str
    level: TLSLevel = TLSLevel.OPPORTUNISTIC
    require: bool = False
    policy: STSPolicy | None = None
    names: tuple[str, ...] = ()
    port: int = 25
    optional: bool = False


@dataclass(frozen=True, slots=True)
class Verdict:
    """`security` of the connection, or why the host is passed over; reports in both cases."""

    security: Security | None = None
    refusal: Answer | None = None
    reports: tuple[TLSReport, ...] = ()


async def settle(asked: Awaitable[DNSAnswer]) -> DNSAnswer | NotFound | Unavailable:
    """An answer or its absence, as a value: several questions can be under way at once."""
    try:
        return await asked
    except (NotFound, Unavailable) as error:
        return error


async def protect(resolver: Resolver, host: Located, wanted: Wanted) -> Verdict:
    """What a connection to `host` must prove."""
    if wanted.level is TLSLevel.NONE:
        if wanted.require:
            return Verdict(refusal=NEEDS_TLS)
        return Verdict(Security(TLSLevel.NONE, policy="route"))
    if wanted.optional and wanted.level is TLSLevel.OPPORTUNISTIC:
        # What the sender wants counts, not the domain's policies (RFC 8689 4.3); nor are they
        # reported on, as they were not tried.
        return Verdict(Security())
    found = await _dane(resolver, host, wanted)
    if isinstance(found, Unavailable):
        # Somebody may hold the records back: the host is not used without them (RFC 7672 2.1.1).
        return _refused(
            "4.7.5", f"{host.name}: TLSA records cannot be looked up", wanted, host, found.text
        )
    if found is not None and found.level is TLSLevel.DANE:
        return Verdict(found)
    verdict = _sts(host, wanted, found)
    if verdict.security is None:
        return verdict
    return _at_least(verdict, verdict.security, host, wanted)


async def _dane(resolver: Resolver, host: Located, wanted: Wanted) -> Security | Unavailable | None:
    """DANE security, None where the host has no TLSA records, Unavailable where nobody knows."""
    for base in await _bases(resolver, host):
        answer = await settle(resolver.query(f"_{wanted.port}._tcp.{base}", "TLSA"))
        if isinstance(answer, Unavailable):
            return answer
        if isinstance(answer, NotFound) or not answer.authentic or not answer.records:
            continue
        names = tuple(dict.fromkeys((base, host.name, *wanted.names)))
        return dane.security(answer.records, wanted.domain, names)
    return None


async def _bases(resolver: Resolver, host: Located) -> tuple[str, ...]:
    """TLSA base domains to try (RFC 7672 2.2.2): with CNAMEs the last name, then the first; the
    first alone where only its own CNAME is authentic."""
    if not host.chosen:
        return ()
    aliased = host.canonical not in ("", host.name)
    if host.authentic:
        return (host.canonical, host.name) if aliased else (host.name,)
    if aliased:
        alias = await settle(resolver.query(host.name, "CNAME"))
        if isinstance(alias, DNSAnswer) and alias.authentic:
            return (host.name,)
    return ()


def _sts(host: Located, wanted: Wanted, found: Security | None) -> Verdict:
    """Security by MTA-STS where there is a policy. `found`: what DANE asked for, short of
    authentication."""
    policy = wanted.policy
    plain = found or Security(applied=TLSPolicy(wanted.domain))
    if policy is None or policy.mode is STSMode.NONE:
        return Verdict(plain)
    facts = applied(wanted.domain, policy)
    if policy.allows(host.name):
        level = TLSLevel.VERIFIED if policy.mode is STSMode.ENFORCE else plain.level
        return Verdict(Security(level, (host.name,), policy="sts", applied=facts))
    report = TLSReport(
        facts, TLSResult.VALIDATION_FAILURE, host.name, reason="The policy does not name the host"
    )
    if policy.mode is STSMode.TESTING:
        return Verdict(plain, reports=(report,))
    return Verdict(
        refusal=Answer(
            0, "4.7.5", f"{host.name}: not an MX host of the domain's MTA-STS policy", Stage.RESOLVE
        ),
        reports=(report,),
    )


def _at_least(verdict: Verdict, security: Security, host: Located, wanted: Wanted) -> Verdict:
    """Raises the level to what the route and REQUIRETLS ask for."""
    if wanted.level is TLSLevel.DANE:
        text = f"{host.name}: the route asks for DANE, and there are no usable TLSA records"
        return _refused("4.7.5", text, wanted, host, "", TLSResult.DANE_REQUIRED)
    level, why = wanted.level, "route"
    if wanted.require and STRENGTH[security.level] < STRENGTH[TLSLevel.VERIFIED]:
        named = wanted.policy is not None and wanted.policy.allows(host.name)
        if not host.trusted and not named:
            return Verdict(refusal=NEEDS_TLS, reports=verdict.reports)
        level, why = TLSLevel.VERIFIED, "requiretls"
    if STRENGTH[level] <= STRENGTH[security.level]:
        return verdict
    names = (host.name,) if level is TLSLevel.VERIFIED else security.names
    return replace(verdict, security=replace(security, level=level, names=names, policy=why))


def _refused(
    status: str,
    text: str,
    wanted: Wanted,
    host: Located,
    reason: str,
    result: TLSResult = TLSResult.DNSSEC_INVALID,
) -> Verdict:
    policy = TLSPolicy(wanted.domain, TLSPolicyKind.TLSA)
    report = TLSReport(policy, result, host.name, reason=reason)
    return Verdict(refusal=Answer(0, status, text, Stage.RESOLVE), reports=(report,))
