"""What another server has, as values that `core.importing` takes in.

The readers of the products make them; nothing here knows a product. What cannot be carried over
stands in `notes`, a line each, for people.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from mailhub.core.domainfile import AccountFile, AddressFile, DomainFile


@dataclass(frozen=True, slots=True)
class DomainThere:
    """A domain. `file.catch_all` is set when all addresses are there."""

    file: DomainFile
    notes: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """Its name."""
        return self.file.name


@dataclass(frozen=True, slots=True)
class AccountThere:
    """An account. `file.address` is empty for one that only sends; `file.password`: a hash, empty
    where the server does not tell it. `login`: its name over IMAP there. `further`: its other
    addresses."""

    file: AccountFile
    login: str
    further: tuple[AddressFile, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """Its address, or its username where it has none."""
        return self.file.address or self.file.username


@dataclass(frozen=True, slots=True)
class AliasThere:
    """An address that leads to others."""

    file: AddressFile
    notes: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The address."""
        return self.file.address


class Origin(Protocol):
    """A server that is left. Each call may ask it anew; all raise SwitchFault."""

    def domains(self) -> Sequence[DomainThere]:
        """Those that it is responsible for."""
        ...

    def accounts(self) -> Iterator[AccountThere]:
        """One after the other, always in the same order."""
        ...

    def aliases(self) -> Iterator[AliasThere]:
        """Addresses that belong to no account; after `accounts` was read to its end."""
        ...

    def remarks(self) -> Sequence[str]:
        """What of it cannot be carried over, whatever the object; last of all."""
        ...


def domain_of(address: str) -> str:
    """What stands behind its `@`."""
    return address.rpartition("@")[2]
