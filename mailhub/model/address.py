"""Domains, addresses and what a recipient resolves to."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Domain:
    """A domain this server answers for.

    `name`: lower-case A-label form. `alias_of`: another local domain whose addresses also stand
    here, or empty. `delimiter`: characters that start a subaddress (`+`), empty for none.
    `ignore_dots`: `a.b@` and `ab@` are one. `catch_all`: address that takes unknown local parts,
    or empty. `relay`: mail for it is taken from anybody and goes on to another server; no address
    stands in it.
    """

    number: int
    id: str
    name: str
    alias_of: str = ""
    delimiter: str = "+"
    ignore_dots: bool = False
    catch_all: str = ""
    created: int = 0
    relay: bool = False


@dataclass(frozen=True, slots=True)
class Address:
    """A local address: an account's own, or an alias to others.

    `address`: as its owner spells it. `key`: as it is looked up (see `wire.address.key`);
    `*@domain`, `name*@domain`, `*name@domain` and `name@*` are wildcards. `account`: the owner's
    number, None for a pure alias. `targets`: addresses that also receive, or all that receive
    where `account` is None. `program`: words of a command that also receives. `minilist`: what
    goes on from here has this address as its envelope sender. `tags`: labels to find it by.
    `forwards`: messages per 24 hours that go on from an alias, 0 for no limit of its own.
    `senders`: addresses of the accounts that may write as this one; empty: its owner, or those that
    it leads to. One that has nothing but these takes no mail. `diverted`: the targets take the
    place of the owner, who gets mail only where the address is a target of itself.
    """

    number: int
    id: str
    address: str
    key: str
    account: int | None
    targets: tuple[str, ...] = ()
    name: str = ""
    main: bool = False
    created: int = 0
    program: tuple[str, ...] = ()
    minilist: bool = False
    tags: tuple[str, ...] = ()
    forwards: int = 0
    senders: tuple[str, ...] = ()
    diverted: bool = False

    @property
    def receives(self) -> bool:
        """Whether mail can be sent to it."""
        return self.account is not None or bool(self.targets or self.program)


@dataclass(frozen=True, slots=True)
class Renamed:
    """How many rows stand under another domain's name now."""

    addresses: int = 0
    users: int = 0
    aliases: int = 0
    keys: int = 0


@dataclass(frozen=True, slots=True)
class NewAddress:
    """The order for an address; the store gives `number`."""

    id: str
    address: str
    key: str
    created: int
    account: int | None = None
    targets: tuple[str, ...] = ()
    name: str = ""
    main: bool = False
    program: tuple[str, ...] = ()
    minilist: bool = False
    tags: tuple[str, ...] = ()
    forwards: int = 0
    senders: tuple[str, ...] = ()
    diverted: bool = False


@dataclass(frozen=True, slots=True)
class Resolution:
    """Where mail for one recipient goes, after aliases, wildcards and catch-alls.

    `accounts`: (account number, the local address that matched) without repeats.
    `remote`: addresses of other servers. `detail`: the subaddress after the delimiter, or empty.
    `programs`: local addresses whose command receives. `lists`: (one of all these addresses, the
    minilist that it stands on): the list is the envelope sender there. `limited`: aliases on the
    way that pass on so many messages a day, by their numbers. `relays`: (local address, URL of the
    server that gets its mail).
    """

    accounts: tuple[tuple[int, str], ...] = ()
    remote: tuple[str, ...] = ()
    detail: str = ""
    programs: tuple[str, ...] = ()
    lists: tuple[tuple[str, str], ...] = ()
    limited: tuple[tuple[int, int], ...] = ()
    relays: tuple[tuple[str, str], ...] = ()

    @property
    def elsewhere(self) -> bool:
        """Whether it leads anywhere but to accounts."""
        return bool(self.remote or self.programs or self.relays)
