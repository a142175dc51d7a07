"""Who vouches for a message: SPF, reverse DNS, DKIM and ARC side by side, then DMARC over them.

Steps at BODY, for mail of strangers. Checks only run here and are told in findings; each check is
its own module's, the consequences are `policy.consequences`'. A DNS that fails makes results that
say so, within a bounded time, and holds up no mail.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from ipaddress import ip_address

from mailhub.model.dmarcreport import (
    Disposition,
    DKIMFound,
    DMARCSeen,
    Override,
    Published,
    SPFFound,
)
from mailhub.model.errors import Invalid, Unavailable
from mailhub.policy import arc, dkim, dmarc, iprev, resinfo, spf
from mailhub.policy.author import author
from mailhub.policy.authres import Result
from mailhub.policy.dkim import Checked as DKIMChecked
from mailhub.policy.dmarcrecord import Policy, Record, Records
from mailhub.policy.iprev import Checked as IPRevChecked
from mailhub.policy.keyrecord import Key
from mailhub.policy.signed import Header, Signature, Unusable
from mailhub.policy.spf import Checked as SPFChecked
from mailhub.policy.step import Content, Facts, Finding, Stage
from mailhub.ports import Clock, Randomness, Resolver, Together
from mailhub.wire import address as grammar
from mailhub.wire.networks import plain

BELIEVED = "believed"
"""A DMARC failure that does not count, as a seal says that it was a pass before."""


class Author:
    """Whether a message has one author that all its readers agree on; before anything is looked up
    for a message that will be refused for it."""

    name = "from"
    stage = Stage.BODY

    async def run(self, facts: Facts) -> Sequence[Finding]:
        """`malformed`, or nothing."""
        if not facts.stranger or facts.content is None:
            return ()
        try:
            author(facts.content.header)
        except Invalid as error:
            return (Finding(self.name, "malformed", error.text),)
        return ()


@dataclass(frozen=True, slots=True)
class _Found:
    """What the checks gave that need nothing of each other. `spf`: of MAIL FROM, or of the hello
    for the null sender; `helo`: of the hello beside it. None: there was nothing to check."""

    spf: SPFChecked | None
    helo: SPFChecked | None
    iprev: IPRevChecked | None
    dkim: Sequence[DKIMChecked]
    arc: arc.Chain

    @property
    def spf_domain(self) -> str:
        """The domain that SPF passed for, or empty."""
        if self.spf is None or self.spf.result != "pass":
            return ""
        return _domain(self.spf.domain)

    @property
    def undecided(self) -> list[str]:
        """The domains that might vouch for the message if the DNS answered."""
        names = [one.label.domain for one in self.dkim if one.result == "temperror"]
        if self.spf is not None and self.spf.result == "temperror":
            names.append(self.spf.domain)
        return [name for name in map(_domain, names) if name]


class Authentication:
    """`bounded`: a resolver for one message, whose answers together take no longer than they may;
    asked for another one where what comes first may not use up the time of what comes later.
    `sealers`: domains whose seals are believed. `receiver`: our name, for SPF's explanations."""

    name = "authentication"
    stage = Stage.BODY

    def __init__(
        self,
        bounded: Callable[[], Resolver],
        together: Together,
        clock: Clock,
        randomness: Randomness,
        *,
        sealers: Sequence[str],
        receiver: str,
    ) -> None:
        self._bounded = bounded
        self._together = together
        self._clock = clock
        self._randomness = randomness
        self._sealers = frozenset(_domain(one) for one in sealers)
        self._receiver = receiver

    async def run(self, facts: Facts) -> Sequence[Finding]:
        """All that was found, one result a check; never raises for what a stranger wrote."""
        content = facts.content
        if not facts.stranger or content is None:
            return ()
        try:
            domain, reason = author(content.header).domain, ""
        except Invalid as error:
            domain, reason = "", error.text
        found = await self._checked(facts, content, domain)
        if not domain:
            result = Result("dmarc", "permerror", (), reason)
            malformed = Finding("dmarc", "permerror", reason, results=(result,))
            return (*_told(found, facts), malformed)
        return (*_told(found, facts), await self._dmarc(facts, domain, found))

    async def _checked(self, facts: Facts, content: Content, domain: str) -> _Found:
        header = Header(content.header)
        resolver = self._bounded()

        async def keys(signatures: Sequence[Signature]) -> Sequence[Key | Unusable]:
            return await self._together([dkim.key_of(resolver, one) for one in signatures])

        address = _address(facts)
        sender = facts.sender or ""
        helo = _domain(facts.helo)
        work = [
            self._spf(resolver, address, sender, facts.helo) if sender or helo else _nothing(),
            self._spf(resolver, address, "", helo) if sender and helo else _nothing(),
            iprev.check(resolver, address) if address else _nothing(),
            dkim.check(header, content.body, keys, self._clock),
            arc.check(header, content.body, keys, self._clock),
            self._ahead(domain) if domain else _nothing(),
        ]
        *found, _ = await self._together(work)
        return _Found(*found)

    async def _ahead(self, domain: str) -> None:
        """Has the resolver learn the author's policy while it waits for others."""
        try:
            await Records(self._bounded()).organization(domain)
        except Unavailable:
            return  # it is asked again, with time of its own

    async def _spf(
        self, resolver: Resolver, address: str, sender: str, helo: str
    ) -> SPFChecked | None:
        if not address:
            return None
        return await spf.check(
            resolver, address, sender, helo, receiver=self._receiver, clock=self._clock
        )

    async def _dmarc(self, facts: Facts, domain: str, found: _Found) -> Finding:
        """With time of its own: a forger's slow DNS must not use up that of the author's policy."""
        signers = [one.domain for one in found.dkim if one.result == "pass"]
        checked = await dmarc.check(
            self._bounded(),
            domain,
            found.spf_domain,
            signers,
            lambda: int.from_bytes(self._randomness.token(4), "big") % 100,
            undecided=found.undecided,
        )
        believed = self._believed(found.arc, domain) if checked.result == "fail" else ""
        name = checked.result
        if name == "fail" and checked.policy is not Policy.NONE:
            name = BELIEVED if believed else checked.policy.value
        return Finding(
            "dmarc",
            name,
            f"{domain}: {checked.reason}" if checked.reason else domain,
            results=(resinfo.of_dmarc(checked, believed),),
            seen=_seen(checked, found, facts, believed),
        )

    def _believed(self, chain: arc.Chain, domain: str) -> str:
        """The first sealer, where it saw a pass for this author and all sealers are believed: each
        later one could have changed the message (RFC 8617 9.5)."""
        if chain.result != "pass" or chain.first is None or not chain.sealers:
            return ""
        if not self._sealers.issuperset(chain.sealers):
            return ""
        for one in chain.first.results:
            if (one.method, one.result) == ("dmarc", "pass") and (
                _domain(one.get("header.from")) == domain
            ):
                return chain.sealers[0]
        return ""


def _told(found: _Found, facts: Facts) -> list[Finding]:
    address = plain(facts.peer.address)
    told = []
    for step, one in (("spf", found.spf), ("spf-helo", found.helo)):
        if one is not None:
            result = resinfo.of_spf(one, facts.sender or "")
            told.append(Finding(step, one.result, one.explanation, results=(result,)))
    if found.iprev is not None:
        result = resinfo.of_iprev(found.iprev, address)
        told.append(Finding("iprev", found.iprev.result, found.iprev.name, results=(result,)))
    for result in resinfo.of_dkim(found.dkim):
        told.append(Finding("dkim", result.result, result.reason, results=(result,)))
    result = resinfo.of_arc(found.arc, address)
    told.append(Finding("arc", found.arc.result, found.arc.reason, results=(result,)))
    return told


def _seen(checked: dmarc.Checked, found: _Found, facts: Facts, believed: str) -> DMARCSeen | None:
    """For reports; None where the domain has no policy, or nobody knows."""
    record = checked.record
    if record is None or record.policy is None or checked.result not in ("pass", "fail"):
        return None
    overrides = []
    if believed:
        overrides.append(Override("trusted_forwarder", f"arc=pass, sealed by {believed}"))
    elif checked.sampled_out:
        kind = "policy_test_mode" if record.testing else "other"
        overrides.append(Override(kind, "" if record.testing else "sampled out (pct)"))
    one = found.spf
    return DMARCSeen(
        published=_published(checked, record),
        address=plain(facts.peer.address),
        author=checked.domain,
        sender=_domain((facts.sender or "").rpartition("@")[2]),
        disposition=Disposition.PASS if checked.result == "pass" else Disposition.NONE,
        dkim=checked.dkim,
        spf=checked.spf,
        signatures=tuple(
            DKIMFound(one.domain or one.label.domain, one.label.selector, one.result)
            for one in found.dkim
        ),
        spf_found=None
        if one is None
        else SPFFound(one.domain, one.result, "mfrom" if one.identity == "mailfrom" else "helo"),
        overrides=tuple(overrides),
    )


def _published(checked: dmarc.Checked, record: Record) -> Published:
    def word(policy: Policy | None) -> str:
        return policy.value if policy is not None else ""

    return Published(
        domain=checked.found_at,
        policy=word(record.policy),
        subdomains=word(record.subdomains),
        nonexistent=word(record.nonexistent),
        strict_dkim=record.strict_dkim,
        strict_spf=record.strict_spf,
        testing=record.testing,
        percent=record.percent,
        reports=record.reports,
    )


def _address(facts: Facts) -> str:
    """The client's IP address; empty where it has none."""
    address = plain(facts.peer.address)
    try:
        ip_address(address)
    except ValueError:
        return ""
    return address


def _domain(name: str) -> str:
    """An A-label name, or empty for what is none."""
    try:
        return grammar.domain(name.rstrip("."))
    except Invalid:
        return ""


async def _nothing() -> None:
    """Nothing to check."""
