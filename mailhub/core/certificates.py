"""The server's certificates: which one a name gets, what to say of it, requests, installing.

What it offers, all of it cheap enough to be asked on the reactor:

    of(name)            the certificate that clients who ask for this name are shown, or None
    valid_for(name)     whether others verify that one today
    fingerprint()       SHA-256 of the server's own key, as TLSA records have it
    status(name)        a `model.certificate.Status`: a light, the problem, the days that are left
    request(name, cc)   a certificate signing request with the server's key, PEM
    install(name, …)    checks a certificate with its chain, and shows it from then on everywhere
    remove(id)          takes one back that was installed
    answer(token)       what a challenge of ACME is answered (RFC 8555 8.3)

Whoever has words for people makes them of the values. Asking an authority for certificates belongs
to `core.provisioning`; files and handshakes to the backends.
"""

from __future__ import annotations

from collections.abc import Sequence

from mailhub.model.certificate import (
    CLOSE,
    DAY,
    Certificate,
    CertificateRefused,
    Problem,
    Standing,
    Status,
    best,
)
from mailhub.model.change import Actor
from mailhub.model.errors import Invalid
from mailhub.ports import CertificateFiles, CertificateNotes, Clock, Log
from mailhub.wire import address as grammar
from mailhub.wire import x509

WILDCARD = "*."
KEPT = 30 * DAY
"""Seconds for which a certificate that ended is kept."""


class Certificates:
    """Over files and notes. `hostname`: the server's own name, which is shown with the server's
    own key alone: the one that TLSA records tell of."""

    def __init__(
        self,
        files: CertificateFiles,
        notes: CertificateNotes,
        clock: Clock,
        log: Log,
        hostname: str,
    ) -> None:
        self._files = files
        self._notes = notes
        self._clock = clock
        self._log = log
        self.hostname = hostname.lower()
        self._indexed: Sequence[Certificate] = ()
        self._by_name: dict[str, list[Certificate]] = {}

    # -- what there is

    def all(self) -> Sequence[Certificate]:
        """Every certificate that can be shown. Raises Unavailable."""
        return self._files.all()

    def of(self, name: str) -> Certificate | None:
        """The one that `name` (lower-case A-labels) gets. Raises Unavailable."""
        found = self._files.all()
        if found is not self._indexed:
            self._by_name = {}
            for one in found:
                for covered in one.names:
                    self._by_name.setdefault(covered, []).append(one)
            self._indexed = found
        above = WILDCARD + name.partition(".")[2]
        fit = [*self._by_name.get(name, ()), *self._by_name.get(above, ())]
        if name == self.hostname:
            fit = [one for one in fit if one.key == found[0].key]
        return best(fit, name, self._clock.now())

    def valid_for(self, name: str) -> bool:
        """Whether others verify the certificate that `name` gets, today. Raises Unavailable."""
        found = self.of(name)
        return found is not None and found.fault(self._clock.now()) is None

    def fingerprint(self) -> str:
        """SHA-256 of the server's public key (its SubjectPublicKeyInfo), hex: the data of a TLSA
        record `3 1 1` (RFC 6698). Raises Unavailable."""
        return self._files.all()[0].key

    def status(self, name: str, *, elsewhere: bool = False) -> Status:
        """What to say of a name's certificate. `elsewhere`: its web site is not here, so that it
        does not matter. Raises Unavailable."""
        found, now = self.of(name), self._clock.now()
        days = max(0, int((found.ends - now) // DAY)) if found is not None else 0
        problem = found.fault(now) if found is not None else None
        if elsewhere:
            standing = Standing.ELSEWHERE
        elif found is None:
            standing = Standing.BAD
        elif problem is None:
            standing = Standing.GOOD if found.ends - now > CLOSE else Standing.WARNING
        elif problem is Problem.SELF_SIGNED:
            standing = Standing.WARNING
        else:
            standing = Standing.BAD
        return Status(name, standing, found, problem, days)

    def days_left(self, name: str) -> int | None:
        """Whole days until the certificate of a name ends, negative: since; None: it has none.
        Raises Unavailable."""
        found = self.of(name)
        return None if found is None else int((found.ends - self._clock.now()) // DAY)

    async def answer(self, token: str) -> str | None:
        """What is answered under `/.well-known/acme-challenge/` and a token; None: nothing."""
        return await self._notes.answer(token, int(self._clock.now()))

    # -- what changes

    def request(self, name: str, country: str = "") -> str:
        """A certificate signing request (PEM) for any domain. `country`: two letters, or empty.

        Raises Invalid (`domain`, `country`), Unavailable.
        """
        return x509.request(self._files.system_key(), [_name(name)], country.strip()).decode()

    async def install(
        self, name: str, certificate: str, chain: str, actor: Actor, *, key: str = ""
    ) -> Certificate:
        """Shows a certificate from now on to who asks for a name that it covers, on every listener;
        sessions that stand go on. Which of several a name gets, `of` says.

        `certificate`, `chain`: PEM; all may be in either, in any order. `key`: PEM, where it is not
        the server's own. Raises CertificateRefused (it has the reason as a value), Invalid
        (`domain`), Unavailable.
        """
        name = _name(name)
        private = x509.read_key(key) if key.strip() else self._files.system_key()
        text = f"{certificate}\n{chain}" if chain.strip() else certificate
        arranged = x509.read_chain(text)
        facts = x509.describe(arranged, self._files.authorities())
        self._check(facts, name, x509.public_digest(private.public_key()))
        if len(arranged) > 1 and x509.is_self_signed(arranged[-1]):
            arranged = arranged[:-1]  # a root that clients do not have convinces none
        own = facts.key != self.fingerprint()
        self._files.keep(
            facts.id, x509.write_chain(arranged), x509.write_key(private) if own else b""
        )
        await self._notes.changed("installed", facts.id, facts.names, actor)
        self._log.event("certificate", outcome="installed", names=list(facts.names), id=facts.id)
        return facts

    async def remove(self, id: str, actor: Actor) -> None:
        """Takes back one that was installed. Raises NotFound, Unavailable."""
        names = next((one.names for one in self._files.all() if one.id == id), ())
        self._files.drop(id)
        await self._notes.changed("removed", id, names, actor)
        self._log.event("certificate", outcome="removed", names=list(names), id=id)

    async def tidy(self, actor: Actor) -> None:
        """Removes what was installed, ended a month ago, and is shown for no name. Raises
        Unavailable."""
        found, now = self._files.all(), self._clock.now()
        shown = {self.of(name) for one in found for name in one.names}
        for one in found:
            if one.ends + KEPT < now and one not in shown and self._files.is_installed(one.id):
                await self.remove(one.id, actor)

    def _check(self, facts: Certificate, name: str, key: str) -> None:
        """Raises CertificateRefused for the first thing that is wrong."""
        now, names = self._clock.now(), ", ".join(facts.names)
        if not facts.covers(name) and name not in facts.names:
            text = f"The certificate is for {names}, and not for {name}"
            raise CertificateRefused(Problem.NAME, text, names=facts.names)
        if facts.key != key:
            text = "The certificate was made for another key than the one it would be used with"
            raise CertificateRefused(Problem.KEY, text, names=facts.names)
        if name == self.hostname and key != self.fingerprint():
            text = "The server's own name keeps the server's own key: make the request here"
            raise CertificateRefused(Problem.KEY, text, names=facts.names)
        problem = facts.fault(now)
        if problem is not None:
            raise CertificateRefused(problem, WORDS[problem], _FIELDS.get(problem, "cert"))


WORDS = {
    Problem.SELF_SIGNED: "The certificate is self-signed; nobody verifies it",
    Problem.NOT_YET: "The certificate is not valid yet",
    Problem.EXPIRED: "The certificate has expired",
    Problem.INCOMPLETE: "A certificate between this one and its authority is missing; send the "
    "intermediate certificates too",
    Problem.UNTRUSTED: "The certificate's authority is not known to this machine; `tls.authorities`"
    " can name more",
}
"""For who reads no values."""
_FIELDS = {Problem.INCOMPLETE: "chain", Problem.UNTRUSTED: "chain"}


def _name(name: str) -> str:
    """A host name, or a wildcard, in lower-case A-labels. Raises Invalid (`domain`)."""
    name = name.strip().removesuffix(".")
    star = WILDCARD if name.startswith(WILDCARD) else ""
    bare = grammar.domain(name.removeprefix(star))
    if bare.startswith("["):
        raise Invalid("An address is not a domain", "domain")
    return star + bare
