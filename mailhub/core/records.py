"""What a domain's zone should say so that other servers find it and trust its mail.

Suggestions: where mail goes, who may send (RFC 7208), signing keys (RFC 6376), what to do with
forged mail (RFC 7489) and where reports go (RFC 8460). Publishing them is the administrator's.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from mailhub.core.domains import Domains
from mailhub.core.signing import Keys, record, record_name
from mailhub.model.dkim import KeyState
from mailhub.model.errors import NotFound, Unavailable
from mailhub.model.settings import ReportSettings
from mailhub.ports import Resolver
from mailhub.wire import zonefile

_WSP = re.compile(r"[ \t]+")
_VERSION = re.compile(r"v=(spf1|DMARC1|TLSRPTv1|DKIM1)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Wanted:
    """One record that should be there. `data`: presentation form, of a TXT its text. `why`: words
    for people."""

    name: str
    kind: str
    data: str
    why: str

    @property
    def line(self) -> str:
        """As a zone file has it."""
        return zonefile.line(self.name, self.kind, self.data)


class Records:
    """Records of local domains. `hostname`: the server that takes their mail."""

    def __init__(
        self,
        domains: Domains,
        keys: Keys,
        resolver: Resolver,
        hostname: str,
        reports: ReportSettings,
    ) -> None:
        self._domains = domains
        self._keys = keys
        self._resolver = resolver
        self._hostname = hostname
        self._reports = reports

    async def of(self, domain: str) -> Sequence[Wanted]:
        """What the zone of a local domain should have. Raises NotFound."""
        name = (await self._domains.get(domain)).name
        wanted = [
            Wanted(name, "MX", f"10 {self._hostname}.", "where its mail goes"),
            Wanted(name, "TXT", "v=spf1 mx -all", "who sends its mail; add other senders"),
        ]
        for key in await self._keys.all(name):
            if key.state is not KeyState.RETIRED:
                why = f"signing key, {key.state.value}"
                wanted.append(Wanted(record_name(key), "TXT", record(key), why))
        mailbox = self._reports.receive
        to = f"; rua=mailto:{mailbox}" if mailbox else ""
        policy = f"v=DMARC1; p=quarantine{to}"
        wanted.append(Wanted(f"_dmarc.{name}", "TXT", policy, "what forged mail gets"))
        if mailbox:
            told = f"v=TLSRPTv1; rua=mailto:{mailbox}"
            wanted.append(Wanted(f"_smtp._tls.{name}", "TXT", told, "where TLS reports go"))
            host = mailbox.rpartition("@")[2].lower()
            if host != name:
                leave = f"{name}._report._dmarc.{host}"
                wanted.append(Wanted(leave, "TXT", "v=DMARC1", "lets its reports go there"))
        return wanted

    async def state(self, one: Wanted) -> str:
        """`ok`, `different`, `missing`, or `unknown` where the DNS cannot be asked."""
        try:
            answer = await self._resolver.query(one.name, one.kind)
        except NotFound:
            return "missing"
        except Unavailable:
            return "unknown"
        if one.kind == "MX":
            hosts = [exchange for _, exchange in answer.records]
            return "ok" if self._hostname in hosts else "different" if hosts else "missing"
        texts = [record.decode("utf-8", "replace") for record in answer.records]
        alike = [text for text in texts if _kind(text) == _kind(one.data)]
        if any(_plain(text) == _plain(one.data) for text in alike):
            return "ok"
        return "different" if alike else "missing"


def _kind(text: str) -> str:
    found = _VERSION.match(text)
    return found[1].lower() if found else ""


def _plain(text: str) -> str:
    return _WSP.sub("", text).rstrip(";")
