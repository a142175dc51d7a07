"""Looks at what is served over HTTPS for a domain: its policy of MTA-STS, where its web names lead,
and certificates."""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import ip_address

from mailhub.core.checkup.means import Means
from mailhub.core.hosted import HostedName, Reason
from mailhub.model.certificate import Standing, Status
from mailhub.model.checkup import Detail, Finding, error, ok, warning
from mailhub.model.errors import Invalid, Unavailable, Untrusted
from mailhub.policy import sts, sts_announced
from mailhub.policy.sts import STSMode
from mailhub.wire import zonefile
from mailhub.wire.networks import plain

SIZE = 64 * 1024
SECONDS = 8.0
SITES = frozenset({Reason.DOMAIN, Reason.WWW})
"""Names that people may well keep elsewhere."""


async def policy(means: Means, domain: str) -> Sequence[Finding]:
    """MTA-STS (RFC 8461): announced, fetched, enforced, and naming this server."""
    texts = [one for one in await means.query(f"_mta-sts.{domain}", "TXT") if b"STSv1" in one]
    id = sts_announced.policy_id(means.hostname)
    line = Detail(zonefile.line(f"_mta-sts.{domain}", "TXT", f"v=STSv1; id={id}"), literal=True)
    if not texts:
        said = f"{domain} has no policy of MTA-STS, so mail to it can be read on its way."
        mend = f"Get a certificate for mta-sts.{domain}, then add the record:"
        return [warning("mta-sts", said, mend, line)]
    if not sts.record_id(texts):
        said = f"The MTA-STS record of {domain} cannot be read, so nobody looks at the policy."
        return [error("mta-sts", said, "It should be:", line)]
    return [await _fetched(means, domain)]


async def _fetched(means: Means, domain: str) -> Finding:
    url = f"https://mta-sts.{domain}/.well-known/mta-sts.txt"
    where = Detail(url, literal=True)
    try:
        document = await means.fetch.get(url, kind="text/plain", size=SIZE, seconds=SECONDS)
        found = sts.parse(document)
    except Untrusted as problem:
        said = f"The policy of MTA-STS of {domain} is served with a certificate nobody trusts."
        return error("mta-sts", said, f"Get one for mta-sts.{domain}.", where, Detail(problem.text))
    except Unavailable as problem:
        said = f"The policy of MTA-STS of {domain} is announced, and cannot be fetched."
        mend = f"See where mta-sts.{domain} leads, and whether port 443 is open."
        return error("mta-sts", said, mend, where, Detail(problem.text))
    except Invalid as problem:
        said = f"The policy of MTA-STS of {domain} cannot be read."
        return error("mta-sts", said, "Correct what is served there.", where, Detail(problem.text))
    if not found.allows(means.hostname) and found.mode is not STSMode.NONE:
        said = f"The policy of MTA-STS of {domain} does not name {means.hostname}: mail is refused."
        return error("mta-sts", said, "Add it as “mx:”.", where)
    if found.mode is not STSMode.ENFORCE:
        said = f"The policy of MTA-STS of {domain} is {found.mode.value}: it guards nothing yet."
        return warning("mta-sts", said, "Make it “mode: enforce”.", where)
    return ok("mta-sts", f"{domain} demands verified TLS of who sends to it (MTA-STS).")


async def names(means: Means, hosted: Sequence[HostedName]) -> Sequence[Finding]:
    """Where the names that are served for a domain lead."""
    if not hosted:
        return ()
    domain = hosted[0].domain
    own = {str(ip_address(plain(one))) for one in await means.ours()}
    here = [one for one in hosted if not one.elsewhere]
    found = await means.together([means.addresses_of(one.name) for one in here])
    lost: list[str] = []
    away: list[str] = []
    for one, addresses in zip(here, found, strict=True):
        if addresses and {plain(address) for address in addresses} <= own:
            continue
        shown = f"{one.name} leads to {', '.join(addresses) or 'nothing'}"
        (away if one.reason in SITES and addresses else lost).append(shown)
    findings = []
    led = [one.name for one in hosted if one.elsewhere and one.reason in SITES]
    if led:
        said = f"A record of yours leads {' and '.join(led)} to another web server."
        findings.append(warning("site", said, "Where that is meant, all is well."))
    elif away:
        findings.append(ok("site", f"{'; '.join(away)}: its web site is elsewhere."))
    if lost:
        said = f"Not every web name of {domain} leads here; mail programs and policies need some."
        mend = f"Add A records of {', '.join(sorted(own)) or 'this machine'}:"
        findings.append(warning("web", said, mend, *map(Detail, lost)))
    else:
        findings.append(ok("web", f"The web names of {domain} lead where they should."))
    return findings


async def certificates(means: Means, hosted: Sequence[HostedName]) -> Sequence[Finding]:
    """How long certificates are good for. Names of one state are one line."""
    statuses = [means.certificates.status(one.name, elsewhere=one.elsewhere) for one in hosted]
    good = [one for one in statuses if one.standing is Standing.GOOD]
    bad = {one.name for one in statuses if one.standing not in (Standing.GOOD, Standing.ELSEWHERE)}
    findings = []
    if good:
        least = min(one.days for one in good)
        shown = _and([one.name for one in good])
        s = "" if len(good) == 1 else "s"
        verb = "is" if len(good) == 1 else "are"
        said = f"The certificate{s} of {shown} {verb} good for {least} more days."
        findings.append(ok("certificate", said))
    if bad:
        alike: dict[tuple[Standing, str, str, str], list[Status]] = {}
        for one in await means.provisioning.about([one for one in hosted if one.name in bad]):
            problem = one.problem.value if one.problem is not None else ""
            alike.setdefault((one.standing, problem, one.obstacle, one.failure), []).append(one)
        findings += [_lacking(group) for group in alike.values()]
    return findings


def _lacking(group: Sequence[Status]) -> Finding:
    one = group[0]
    shown = _and([each.name for each in group])
    what = f"certificate {group[0].name}"
    reasons = [Detail(text) for text in (one.obstacle, one.failure) if text]
    mend = "Ask for one on the page of certificates, or install one there."
    if one.certificate is None:
        return warning(what, f"There is no certificate for {shown}.", mend, *reasons)
    if one.problem is None:
        said = f"The certificate of {shown} ends in {one.days} days, and was not renewed."
        return warning(what, said, mend, *reasons)
    said = f"The certificate of {shown} is not good ({one.problem.value})."
    make = error if one.standing is Standing.BAD else warning
    return make(what, said, mend, *reasons)


def _and(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
