"""Looks at the server's own name: where it leads, what its addresses are called, the name servers
below it, and what the DNS says of its certificate."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from ipaddress import ip_address

from mailhub.core.checkup.means import Check, Facts, Means
from mailhub.core.checkup.network import listed_domain
from mailhub.core.checkup.web import certificates
from mailhub.model.checkup import Detail, Finding, error, ok, warning
from mailhub.model.errors import MailhubError
from mailhub.model.route import TLSA
from mailhub.wire import zonefile

PORTS = ("_25._tcp", "_443._tcp")


class HostLooks:
    """What the chapter on the server's name says."""

    def __init__(self, means: Means) -> None:
        self._means = means

    def checks(self, facts: Facts) -> Sequence[Check]:
        """All of them."""
        means, host = self._means, self._means.hostname
        checks: list[Check] = [("address", partial(self._address, host))]
        if means.hello and means.hello != host:
            checks.append(("hello", partial(self._address, means.hello, "hello")))
        checks += [(f"reverse {one}", partial(self._reverse, one)) for one in means.own]
        if means.serves:
            names = [f"ns1.{host}", *([] if facts.secondaries else [f"ns2.{host}"])]
            checks += [(f"glue {name}", partial(self._glue, name)) for name in names]
        checks += [(f"tlsa {port}", partial(self._tlsa, port)) for port in PORTS]
        checks.append(("hostmaster", self._hostmaster))
        if means.settings.domains:
            checks.append((f"list {host}", partial(listed_domain, means, host)))
        own = [one for one in facts.hosted.get(host, ()) if one.name == host]
        checks.append(("certificate", partial(certificates, means, own)))
        return checks

    async def _address(self, name: str, what: str = "address") -> Sequence[Finding]:
        known = await self._means.addresses_of(name)
        if not known:
            mend = "Add an A record of this machine's."
            return [error(what, f"{name} has no address in the DNS.", mend)]
        shown = ", ".join(known)
        own = {str(ip_address(one)) for one in self._means.own}
        if own and not set(known) <= own:
            said = f"{name} resolves to {shown}, and this machine is {', '.join(sorted(own))}."
            return [error(what, said, "Correct its A and AAAA records.")]
        return [ok(what, f"{name} resolves to {shown}.")]

    async def _reverse(self, address: str) -> Sequence[Finding]:
        """An address is called as the server calls itself (RFC 5321 4.1.4)."""
        what, name = f"reverse {address}", self._means.hello or self._means.hostname
        found = await self._means.query(ip_address(address).reverse_pointer, "PTR")
        names = [str(one).rstrip(".").lower() for one in found]
        if name in names:
            return [ok(what, f"Reverse DNS of {address} is {name}, as this server says EHLO.")]
        said = f"is {', '.join(names)}" if names else "is not set"
        return [
            error(
                what,
                f"Reverse DNS of {address} {said}, and other servers refuse mail for that.",
                f"Set it to {name} where you have the address from.",
            )
        ]

    async def _glue(self, name: str) -> Sequence[Finding]:
        """A name server below a zone that it answers for is found by what the zone above says."""
        what, known = f"glue {name}", set(await self._means.addresses_of(name))
        own = {str(ip_address(one)) for one in self._means.own}
        if known and known <= own:
            return [ok(what, f"The name server {name} is found.")]
        said = f"leads to {', '.join(sorted(known))}" if known else "is not found"
        mend = "Enter it with its address at the registrar (a glue record):"
        lines = [
            Detail(zonefile.line(name, "A" if ip_address(one).version == 4 else "AAAA", one), True)
            for one in sorted(own)
        ]
        return [error(what, f"The name server {name} {said}.", mend, *lines)]

    async def _tlsa(self, port: str) -> Sequence[Finding]:
        """The key in use is among those that the DNS tells of (RFC 6698, RFC 7672)."""
        means = self._means
        what, name = f"tlsa {port}", f"{port}.{means.hostname}"
        digest = means.certificates.fingerprint()
        line = Detail(zonefile.line(name, "TLSA", f"3 1 1 {digest}"), literal=True)
        answer = await means.answer(name, "TLSA")
        if not answer.records:
            return [
                warning(
                    what,
                    f"There is no TLSA record for {name}.",
                    "Where the zone is signed, add it, so that others can verify this "
                    "server (DANE):",
                    line,
                )
            ]
        if TLSA(3, 1, 1, bytes.fromhex(digest)) not in answer.records:
            said = f"The TLSA record of {name} is of another key, so who verifies it refuses."
            return [error(what, said, "It should be:", line)]
        if not answer.authentic:
            said = f"The TLSA record of {name} is right; nobody relies on it, as our resolver does "
            return [ok(what, said + "not say that the zone is signed.")]
        return [ok(what, f"The TLSA record of {name} is that of the key in use.")]

    async def _hostmaster(self) -> Sequence[Finding]:
        return [await reachable(self._means, f"hostmaster@{self._means.hostname}")]


async def reachable(means: Means, address: str) -> Finding:
    """Whether mail for an address that has to be is taken."""
    what = address.partition("@")[0]
    try:
        await means.addresses.resolve(address)
    except MailhubError as problem:
        said = f"Mail for {address} goes nowhere, which it has to (RFC 2142, RFC 5321)."
        return error(what, said, "Add an alias.", Detail(problem.text))
    return ok(what, f"Mail for {address} is taken.")
