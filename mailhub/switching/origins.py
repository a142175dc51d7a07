"""Which reader reads which product, and what files add to what its API tells."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from pathlib import Path

from mailhub.core.domainfile import AddressFile, DomainFile, KeyFile
from mailhub.model.errors import Invalid
from mailhub.switching import source
from mailhub.switching.easymail import EasyMail
from mailhub.switching.faults import SwitchFault
from mailhub.switching.mailinabox import MailInABox
from mailhub.switching.origin import AccountThere, AliasThere, DomainThere, Origin, domain_of
from mailhub.switching.site import Site
from mailhub.switching.source import Kind, Source
from mailhub.switching.tmail import Tmail
from mailhub.switching.wildduck import WildDuck
from mailhub.wire import address as grammar


def reader(given: Source) -> Origin:
    """What reads this source."""
    api = given.api
    site = Site(api.url, ca=api.ca, timeout=api.timeout)
    match given.kind:
        case Kind.WILDDUCK:
            return WildDuck(site, api.token, in_query=api.token_in_query)
        case Kind.MAILINABOX:
            return MailInABox(site, api.user, api.password, api.code)
        case Kind.TMAIL:
            return Tmail(site, api.user, api.password)
        case Kind.EASYMAIL:
            return EasyMail(site, api.user, api.password)


class Completed:
    """An origin with what files add, every address in the spelling that this server compares, and
    without what is not wanted."""

    def __init__(self, origin: Origin, given: Source) -> None:
        self._origin = origin
        self._only = {spelled(f"x@{name}")[2:] for name in given.only}
        files = given.given
        self._hashes = source.pairs(files.hashes, "a hash") if files.hashes else {}
        self._lines = source.alias_lines(files.aliases) if files.aliases else ()
        self._keys = [_key(place, path) for place, path in sorted(files.keys.items())]

    def domains(self) -> Sequence[DomainThere]:
        """With the domains that only the file of aliases names."""
        found: dict[str, DomainThere] = {}
        for one in self._origin.domains():
            name = _domain(one.name)
            keys = tuple(key for domain, key in self._keys if domain == name)
            file = dataclasses.replace(
                one.file,
                name=name,
                keys=keys or one.file.keys,
                catch_all=spelled(one.file.catch_all) if one.file.catch_all else "",
            )
            found[name] = DomainThere(file, () if keys else one.notes)
        for address, _ in self._lines:
            name = _domain(domain_of(address))
            if name not in found:
                found[name] = DomainThere(DomainFile(name=name))
        return [one for name, one in found.items() if self._wanted(name)]

    def accounts(self) -> Iterator[AccountThere]:
        """With the hashes of the file."""
        for one in self._origin.accounts():
            address = spelled(one.file.address) if one.file.address else ""
            if not self._wanted(domain_of(address)):
                continue
            hashed = self._hashes.get(address.lower()) or self._hashes.get(
                one.file.username.lower()
            )
            file = dataclasses.replace(
                one.file, address=address, password=hashed or one.file.password
            )
            further = tuple(
                dataclasses.replace(row, address=spelled(row.address)) for row in one.further
            )
            yield dataclasses.replace(one, file=file, further=further)

    def aliases(self) -> Iterator[AliasThere]:
        """With those of the file."""
        for one in self._origin.aliases():
            file = dataclasses.replace(one.file, address=spelled(one.file.address))
            if self._wanted(domain_of(file.address)):
                yield dataclasses.replace(one, file=file)
        for address, targets in self._lines:
            name = spelled(f"*{address}" if address.startswith("@") else address)
            if self._wanted(domain_of(name)):
                yield AliasThere(AddressFile(address=name, targets=targets))

    def remarks(self) -> Sequence[str]:
        """As they are."""
        return self._origin.remarks()

    def _wanted(self, domain: str) -> bool:
        return not self._only or domain in self._only or domain == "*"


def spelled(address: str) -> str:
    """The address with its domain as the DNS has it; what is none stays, for core to refuse."""
    local, at, domain = address.rpartition("@")
    return f"{local}{at}{_domain(domain)}" if at else address


def _domain(name: str) -> str:
    try:
        return grammar.domain(name)
    except Invalid:
        return name.lower()


def _key(place: str, path: str) -> tuple[str, KeyFile]:
    domain, slash, selector = place.partition("/")
    if not (domain and slash and selector):
        raise SwitchFault(f"given.keys: {place} is no domain/selector")
    try:
        pem = Path(path).read_text()
    except (OSError, UnicodeDecodeError):
        raise SwitchFault(f"given.keys: {path} cannot be read") from None
    kind = "ed25519" if "PRIVATE KEY" in pem and len(pem) < 200 else "rsa"
    return _domain(domain), KeyFile(selector=selector, algorithm=kind, private=pem, state="active")
