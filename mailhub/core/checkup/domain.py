"""Looks at a mail domain: whether mail finds the way here, and whether others trust what it sends.

What the records should be is `core.records`'; here is what others make of those that are there.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from mailhub.core.checkup.host import reachable
from mailhub.core.checkup.means import Check, Facts, Means
from mailhub.core.checkup.network import listed_domain
from mailhub.core.checkup.web import certificates, names, policy
from mailhub.core.checkup.zone import ZoneLooks
from mailhub.core.records import Wanted
from mailhub.model.checkup import Detail, Finding, error, ok, unsure, warning
from mailhub.model.dkim import KeyState
from mailhub.policy import dmarcrecord, spf
from mailhub.policy.dmarcrecord import Policy

SIGNING = (KeyState.ACTIVE.value, KeyState.RETIRING.value)


class DomainLooks:
    """What the chapter on a mail domain says."""

    def __init__(self, means: Means) -> None:
        self._means = means
        self._zones = ZoneLooks(means)

    async def checks(self, domain: str, facts: Facts) -> Sequence[Check]:
        """All of them. Raises NotFound where the domain is no longer here."""
        means = self._means
        checks = list(self._zones.checks(domain, facts)) if domain in facts.zones else []
        for one in await means.records.of(domain):
            checks.append((f"{one.kind} {one.name}", partial(self._record, domain, one)))
        checks.append(("mta-sts", partial(policy, means, domain)))
        checks.append(("postmaster", partial(self._reachable, f"postmaster@{domain}")))
        checks.append(("abuse", partial(self._reachable, f"abuse@{domain}")))
        if means.settings.domains:
            checks.append((f"list {domain}", partial(listed_domain, means, domain)))
        hosted = [one for one in facts.hosted.get(domain, ()) if one.name != means.hostname]
        checks.append(("web", partial(names, means, hosted)))
        checks.append(("certificate", partial(certificates, means, hosted)))
        return checks

    async def _reachable(self, address: str) -> Sequence[Finding]:
        return [await reachable(self._means, address)]

    async def _record(self, domain: str, one: Wanted) -> Sequence[Finding]:
        if one.kind == "MX":
            return [await self._mx(domain, one)]
        if one.data.startswith("v=spf1"):
            return [await self._spf(domain, one)]
        if one.name == f"_dmarc.{domain}":
            return [await self._dmarc(domain, one)]
        return [await self._plain(one)]

    async def _mx(self, domain: str, one: Wanted) -> Finding:
        host = self._means.hostname
        found = sorted(await self._means.query(domain, "MX"))
        hosts = [exchange for _, exchange in found]
        said = f"The MX record of {domain} (where its mail goes)"
        if not hosts:
            return error("mx", f"{said} is missing.", "Add it:", _line(one))
        if host not in hosts:
            shown = Detail(f"Its mail goes to {', '.join(hosts)}.")
            return error("mx", f"{said} is not this server.", "It should be:", _line(one), shown)
        others = [Detail(f"So does {name}.") for name in hosts if name != host]
        return ok("mx", f"{said} is right: this server takes it.", *others)

    async def _spf(self, domain: str, one: Wanted) -> Finding:
        """The record may say more than ours; what counts is whether our addresses pass."""
        means = self._means
        texts = [text for text in await means.query(domain, "TXT") if _is_spf(text)]
        said = f"The SPF record of {domain} (who sends its mail)"
        if not texts:
            return error("spf", f"{said} is missing.", "Add it:", _line(one))
        if len(texts) > 1:
            text = f"{domain} has {len(texts)} SPF records, so none counts (RFC 7208 4.5)."
            return error("spf", text, "Keep one. It should be:", _line(one))
        own = await means.ours()
        if not own:
            return unsure("spf", f"{said} cannot be judged: nobody knows this server's addresses.")
        sender = f"postmaster@{domain}"
        name = means.hello or means.hostname
        asked = [spf.check(means.resolver, address, sender, name) for address in own]
        results = [found.result for found in await means.together(asked)]
        if "temperror" in results:
            return unsure("spf", f"{said} could not be looked up.")
        shown = texts[0].decode("utf-8", "replace")
        if set(results) != {"pass"}:
            text = f"{said} does not let this server send ({', '.join(sorted(set(results)))})."
            return error("spf", text, "Beside others it should name us:", _line(one), _there(shown))
        if texts[0].rstrip().lower().endswith((b" all", b"+all")):
            return warning(
                "spf", f"{said} lets everybody send.", "End it with -all.", _there(shown)
            )
        return ok("spf", f"{said} lets this server send.")

    async def _dmarc(self, domain: str, one: Wanted) -> Finding:
        said = f"The DMARC policy of {domain} (what forged mail gets)"
        found = [
            record
            for text in await self._means.query(one.name, "TXT")
            if (record := dmarcrecord.parse(text)) is not None
        ]
        if not found:
            return error("dmarc", f"{said} is missing.", "Add it:", _line(one))
        if len(found) > 1:
            text = f"{domain} has {len(found)} DMARC policies, so none counts."
            return error("dmarc", text, "Keep one. It should be like:", _line(one))
        if found[0].policy is None:
            return error("dmarc", f"{said} cannot be read.", "It should be like:", _line(one))
        if found[0].policy is Policy.NONE:
            return warning(
                "dmarc",
                f"{said} is none: forged mail arrives.",
                "When reports show nothing that you miss, make it stricter:",
                _line(one),
            )
        return ok("dmarc", f"{said} is {found[0].policy.value}.")

    async def _plain(self, one: Wanted) -> Finding:
        """A record that has to be as it is."""
        state = await self._means.records.state(one)
        what, title = f"{one.kind} {one.name}", f"The {one.kind} record of {one.name} ({one.why})"
        if state == "ok":
            return ok(what, f"{title} is right.")
        if state == "unknown":
            return unsure(what, f"{title} could not be looked up.")
        said = "says something else" if state == "different" else "is missing"
        # A key that does not sign yet waits for its record; all else is looked for by others.
        waits = "signing key" in one.why and not one.why.endswith(SIGNING)
        make = warning if waits else error
        return make(what, f"{title} {said}.", "It should be:", _line(one))


def _there(text: str) -> Detail:
    return Detail(f"There is: {text}", literal=True)


def _line(one: Wanted) -> Detail:
    return Detail(one.line, literal=True)


def _is_spf(text: bytes) -> bool:
    return text[:6].lower() == b"v=spf1" and text[6:7] in (b"", b" ")
