"""DMARC (RFC 9989, and what RFC 7489 had that is still in the DNS): does a domain that vouches for
the message belong to its author's, and if none does, what does the author's domain ask for?

Organizational domains come from the tree walk; no list of public suffixes is needed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from mailhub.model.errors import Unavailable
from mailhub.policy.dmarcrecord import Policy, Record, Records
from mailhub.ports import Resolver


@dataclass(frozen=True, slots=True)
class Checked:
    """`result`: pass, fail, none, temperror or permerror (RFC 7489 11.2).

    `policy`: what to do where it is `fail`, after sampling and testing. `record`: the one that
    applies, None where there is none; it stands at `found_at`. `spf`, `dkim`: whether these are
    aligned; `dkim_domain`: the signing domain that is. `sampled_out`: `policy` is milder than what
    the record says.
    """

    result: str
    domain: str
    policy: Policy = Policy.NONE
    record: Record | None = None
    found_at: str = ""
    spf: bool = False
    dkim: bool = False
    dkim_domain: str = ""
    sampled_out: bool = False
    reason: str = ""


async def check(
    resolver: Resolver,
    domain: str,
    spf: str,
    dkim: Sequence[str],
    percentile: Callable[[], int],
    *,
    undecided: Sequence[str] = (),
) -> Checked:
    """`domain`: the author's. `spf`: the domain that SPF passed for, or empty; `dkim`: the domains
    whose signatures passed. `percentile`: 0 to 99, at random, for `pct`. `undecided`: domains that
    might have vouched for it if the DNS had answered: then nobody can say that it fails."""
    records = Records(resolver)
    try:
        found_at, record = await _record(records, domain)
    except Unavailable:
        return Checked("temperror", domain, reason="the policy cannot be looked up")
    if record is None:
        return Checked("none", domain)
    if record.policy is None:
        return Checked(
            "permerror", domain, record=record, found_at=found_at, reason="the record has no policy"
        )
    vouching = _Vouching(records, domain)
    by_spf = bool(await vouching.first((spf,) if spf else (), strict=record.strict_spf))
    signer = await vouching.first(dkim, strict=record.strict_dkim)
    policy = record.policy
    try:
        if not by_spf and not signer:
            suspect = await vouching.first(undecided, strict=False)
            if suspect or vouching.unknown:
                raise Unavailable
        if not by_spf and not signer and found_at != domain:
            policy = await _of_subdomain(records, domain, record)
    except Unavailable:
        return Checked(
            "temperror", domain, record=record, found_at=found_at, reason="the DNS fails"
        )
    if by_spf or signer:
        return Checked("pass", domain, Policy.NONE, record, found_at, by_spf, bool(signer), signer)
    milder = record.testing or (record.percent < 100 and percentile() >= record.percent)
    return Checked(
        "fail",
        domain,
        policy.milder if milder else policy,
        record,
        found_at,
        sampled_out=milder and policy is not Policy.NONE,
        reason="no aligned domain vouches for it",
    )


async def _record(records: Records, domain: str) -> tuple[str, Record | None]:
    """Where the applicable record stands, and it (RFC 9989 4.10.1): the author's domain, its
    organizational domain, its public suffix."""
    own = await records.at(domain)
    if own is not None:
        return domain, own
    walked = {one.domain: one.record for one in await records.walk(domain)}
    for name in (await records.organization(domain), *reversed(walked)):
        if name in walked:
            return name, walked[name]
    return "", None


class _Vouching:
    """Which domains may vouch for the author's. `unknown`: of one nobody can say, as the DNS fails;
    that is no reason to leave out another that may."""

    def __init__(self, records: Records, author: str) -> None:
        self._records = records
        self._author = author
        self.unknown = False

    async def first(self, domains: Sequence[str], *, strict: bool) -> str:
        """The first that may, or empty; the author's own needs no question."""
        if self._author in domains:
            return self._author
        for one in domains:
            try:
                if await _aligned(self._records, self._author, one, strict=strict):
                    return one
            except Unavailable:
                self.unknown = True
        return ""


async def _aligned(records: Records, author: str, other: str, *, strict: bool) -> bool:
    if author == other:
        return True
    # Names of one organization end alike. Without a look at that first, a forger's domain whose
    # DNS fails would keep anybody from saying that it does not vouch for the author's.
    if strict or author.rpartition(".")[2] != other.rpartition(".")[2]:
        return False
    organization = await records.organization(author)
    if other != organization and not other.endswith("." + organization):
        return False
    return await records.organization(other) == organization


async def _of_subdomain(records: Records, domain: str, record: Record) -> Policy:
    """What a record above asks for this name (RFC 9989 4.10.1)."""
    assert record.policy is not None
    policy = record.subdomains or record.policy
    nonexistent = record.nonexistent or policy
    if nonexistent is not policy and not await records.exists(domain):
        return nonexistent
    return policy
