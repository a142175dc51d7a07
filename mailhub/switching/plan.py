"""What a move would make, what of it is here already, and what cannot be: told before anything is
done, an object at a time. Nothing is changed here or there by it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from itertools import islice
from typing import Any, TypeVar

from mailhub.core.domainfile import AddressFile
from mailhub.switching.house import House
from mailhub.switching.origin import AccountThere, AliasThere, DomainThere, Origin
from mailhub.switching.source import Unknown

AT_ONCE = 100
"""Objects that this server is asked about at once."""
_One = TypeVar("_One")


class Fate(Enum):
    """What becomes of an object."""

    NEW = "new"
    HERE = "here"
    CONFLICT = "conflict"


@dataclass(frozen=True, slots=True)
class Item:
    """One object. `kind`: domain, account, address or alias; `about`: what it brings; `notes`:
    what cannot be carried over, or what is in the way."""

    kind: str
    name: str
    fate: Fate
    about: str = ""
    notes: tuple[str, ...] = ()


Stands = tuple[str, str]
"""What a name is here, and whose: as `switch-look` says it."""


@dataclass(frozen=True, slots=True)
class Looked:
    """What names are here."""

    domains: Mapping[str, Stands]
    addresses: Mapping[str, Stands]
    logins: Mapping[str, Stands]


FREE: Stands = ("", "")


def look(
    house: House,
    domains: Sequence[str] = (),
    addresses: Sequence[str] = (),
    logins: Sequence[str] = (),
) -> Looked:
    """Asks this server. Raises Refusal, SwitchFault."""
    found: dict[str, dict[str, Stands]] = {"domains": {}, "addresses": {}, "logins": {}}
    asked = {"domains": domains, "addresses": addresses, "logins": logins}
    for what, all_names in asked.items():
        every = iter(dict.fromkeys(all_names))
        while some := list(islice(every, 500)):
            names: dict[str, Any] = {what: some}
            answer = house.ask("switch-look", None, **names)[what]
            found[what].update({name: (one[0], one[1]) for name, one in answer.items()})
    return Looked(found["domains"], found["addresses"], found["logins"])


def planned(origin: Origin, house: House, passwords: Unknown) -> Iterator[Item]:
    """Every object, as it would be made now. Raises Refusal, SwitchFault."""
    domains = origin.domains()
    names = [name for one in domains for name in (one.name, *one.file.aliases)]
    seen = look(house, domains=names)
    for domain in domains:
        yield from of_domain(domain, seen)
    for some in _batches(origin.accounts()):
        logins = [account.file.username for account in some]
        addresses = [account.file.address for account in some if account.file.address]
        addresses += [row.address for account in some for row in account.further]
        seen = look(house, addresses=addresses, logins=logins)
        for account in some:
            yield from of_account(account, seen, passwords)
    for batch in _batches(origin.aliases()):
        seen = look(house, addresses=[one.name for one in batch])
        for alias in batch:
            yield of_alias(alias, seen)


def of_domain(one: DomainThere, seen: Looked) -> Iterator[Item]:
    """A domain and its other names."""
    file = one.file
    about = [
        f"catch-all {file.catch_all}" if file.catch_all else "",
        _count(len([key for key in file.keys if key.private]), "key"),
        _count(len(file.records), "DNS record"),
    ]
    what, whose = seen.domains.get(one.name, FREE)
    if what in ("", "domain"):
        fate = Fate.HERE if what else Fate.NEW
        yield Item("domain", one.name, fate, _joined(about), one.notes)
    else:
        yield Item("domain", one.name, Fate.CONFLICT, notes=(_is(what, whose),))
    for name in file.aliases:
        what, whose = seen.domains.get(name, FREE)
        fate = Fate.NEW if not what else Fate.CONFLICT
        if (what, whose) == ("other name of a domain", one.name):
            fate = Fate.HERE
        notes = (_is(what, whose),) if fate is Fate.CONFLICT else ()
        yield Item("domain", name, fate, f"another name of {one.name}", notes)


def of_account(one: AccountThere, seen: Looked, passwords: Unknown) -> Iterator[Item]:
    """An account and its further addresses."""
    file = one.file
    stands = seen.addresses.get(file.address, FREE) if file.address else FREE
    login = seen.logins.get(file.username, FREE)
    notes = list(one.notes)
    if file.address:
        fate, why = _account_fate(file.username, stands, login)
    else:
        fate, why = (Fate.HERE if login[0] else Fate.NEW), ""
        notes.append("has no address and no mailbox: it only sends")
    if why:
        notes.insert(0, why)
    if file.role != "user":
        notes.append("is an administrator there, and is none here: `mailhub user set --role admin`")
    if file.factors:
        notes.append(f"its second factor ({', '.join(file.factors)}) has to be set up again")
    yield Item("account", one.name, fate, _account_about(one, passwords), tuple(notes))
    for row in one.further:
        yield of_address(row, file.username, seen)


def _account_fate(username: str, stands: Stands, login: Stands) -> tuple[Fate, str]:
    what, whose = stands
    if what == "account":
        same = whose.lower() == username.lower()
        return Fate.HERE, "" if same else f"its login name here is {whose}"
    if what:
        return Fate.CONFLICT, _is(what, whose)
    if login[0]:
        return Fate.CONFLICT, f"{username} is the login name of another account here"
    return Fate.NEW, ""


def _account_about(one: AccountThere, passwords: Unknown) -> str:
    file = one.file
    unknown = {
        Unknown.NONE: "password unknown yet",
        Unknown.RANDOM: "password unknown: gets a random one",
        Unknown.RESET: "password unknown: has to set a new one",
    }
    return _joined(
        [
            f"login {file.username}" if file.username != file.address else "",
            "suspended" if file.suspended else "",
            "disabled" if file.disabled else "",
            f"quota {size(file.limits.storage)}" if file.limits.storage else "",
            _count(len(file.filters), "filter"),
            "automatic reply" if file.autoreply is not None and file.autoreply.status else "",
            _count(len(file.targets), "forwarding target"),
            "with its password" if file.password else unknown[passwords],
        ]
    )


def of_address(row: AddressFile, username: str, seen: Looked) -> Item:
    """A further address of an account."""
    what, whose = seen.addresses.get(row.address, FREE)
    about = f"of {username}"
    if not what:
        return Item("address", row.address, Fate.NEW, about)
    if what == "further address of an account" and whose.lower() == username.lower():
        return Item("address", row.address, Fate.HERE, about)
    return Item("address", row.address, Fate.CONFLICT, about, (_is(what, whose),))


def of_alias(one: AliasThere, seen: Looked) -> Item:
    """An address that belongs to no account, or takes the place of one."""
    row = one.file
    if row.owner:
        return of_address(row, row.owner, seen)
    what, whose = seen.addresses.get(row.address, FREE)
    senders = f"may be written as by {', '.join(row.senders)}" if row.senders else ""
    about = _joined([f"to {', '.join(row.targets)}" if row.targets else "", senders])
    if not what or (row.diverted and what == "account"):
        return Item("alias", one.name, Fate.NEW, about, one.notes)
    if what == "alias":
        return Item("alias", one.name, Fate.HERE, about, one.notes)
    return Item("alias", one.name, Fate.CONFLICT, about, (_is(what, whose),))


def size(octets: int) -> str:
    """For people."""
    for unit, name in ((1 << 40, "TiB"), (1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")):
        if octets >= unit:
            return f"{octets / unit:.1f}".removesuffix(".0") + f" {name}"
    return f"{octets} octets"


def _is(what: str, whose: str) -> str:
    return f"is here already: {what}{f' ({whose})' if whose else ''}"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'s' if number != 1 else ''}" if number else ""


def _joined(words: Sequence[str]) -> str:
    return ", ".join(word for word in words if word)


def _batches(every: Iterator[_One]) -> Iterator[list[_One]]:
    while some := list(islice(every, AT_ONCE)):
        yield some
