"""Reads a tmail server: users with the hashes of their passwords, in one answer.

Its own API knows users and the queue only. A mailhub that speaks tmail's dialect knows aliases,
domains and keys as well; where they are not told, what is missing is said.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from mailhub.core.domainfile import AccountFile, AddressFile, DomainFile
from mailhub.model.account import Limits
from mailhub.model.errors import Invalid
from mailhub.switching.faults import SwitchFault
from mailhub.switching.origin import AccountThere, AliasThere, DomainThere, domain_of
from mailhub.switching.site import Site

PAGE = 1000
_QUOTA = re.compile(r"(\d{1,15})([KMGT]?)", re.IGNORECASE | re.ASCII)
_UNITS = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}
_SCHEME = re.compile(r"\{[A-Za-z0-9.-]+\}")


class Tmail:
    """`user`, `password`: of its one administrator."""

    def __init__(self, site: Site, user: str, password: str) -> None:
        self._site = site
        token = base64.b64encode(f"{user}:{password}".encode()).decode("ascii")
        site.identify("Authorization", f"Basic {token}")
        self._rows: list[Mapping[str, Any]] | None = None
        self._hidden = False

    def domains(self) -> Sequence[DomainThere]:
        """Those that mailboxes or aliases stand in."""
        catch_alls: dict[str, str] = {}
        names: dict[str, None] = {}
        for row in self._users():
            login = str(row.get("Login", ""))
            if row.get("HaveMailbox") and "@" in login:
                names[domain_of(login).lower()] = None
                if row.get("IsCatchall"):
                    catch_alls[domain_of(login).lower()] = login
        for alias in self._aliases() or ():
            names[domain_of(str(alias.get("Alias", ""))).lower()] = None
        names.pop("", None)
        return [
            DomainThere(DomainFile(name=name, catch_all=catch_alls.get(name, ""))) for name in names
        ]

    def accounts(self) -> Iterator[AccountThere]:
        """In the order of their numbers."""
        for row in self._users():
            yield account(row)

    def aliases(self) -> Iterator[AliasThere]:
        """Those that it tells."""
        mains = {str(row.get("Login", "")).lower() for row in self._users()}
        for row in self._aliases() or ():
            if str(row.get("Alias", "")).lower() not in mains:
                yield alias(row)

    def remarks(self) -> Sequence[str]:
        """What its API does not tell."""
        found = []
        if self._aliases() is None:
            found.append(
                "aliases are not told by tmail's API: give a file of them (`aliases`), of the"
                " lines `alias target,target` that `tmail alias list` shows"
            )
        if any(not _hashed(row) for row in self._users()):
            found.append("some or all hashes of passwords are not shown to this caller")
        found.append("routes, relayed hosts and trusted networks are not carried over")
        found.append("keys that sign are not told: new ones are made; their records have to be set")
        found.append("the queue stays there: let it run empty before the old server stops")
        return found

    def _users(self) -> Sequence[Mapping[str, Any]]:
        """All of them: in pages where the server has such, else at once."""
        if self._rows is None:
            rows: list[Mapping[str, Any]] = []
            after = 0
            while True:
                some = self._site.get("/users", {"limit": PAGE, "cursor": after})
                if not isinstance(some, list):
                    raise SwitchFault("/users: the answer is no list of users")
                fresh = [row for row in some if int(row.get("Id", 0)) > after]
                rows += fresh
                # A server without pages gives the same whole list whatever it is asked for.
                if not fresh or len(some) != PAGE:
                    break
                after = max(int(row["Id"]) for row in fresh)
            self._rows = sorted(rows, key=lambda row: int(row.get("Id", 0)))
        return self._rows

    def _aliases(self) -> Sequence[Mapping[str, Any]] | None:
        rows: list[Mapping[str, Any]] = []
        after = 0
        while True:
            some = self._site.get("/aliases", {"limit": PAGE, "cursor": after}, absent=True)
            if not isinstance(some, list):
                return None
            rows += some
            if len(some) < PAGE or "Id" not in some[-1]:
                return rows
            after = int(some[-1]["Id"])


def account(row: Mapping[str, Any]) -> AccountThere:
    """One user of GET /users. Raises SwitchFault."""
    login = str(row.get("Login", ""))
    if not login:
        raise SwitchFault("/users: a user has no Login")
    notes: list[str] = []
    quota = str(row.get("MailboxQuota") or "")
    try:
        storage = octets(quota)
    except Invalid:
        storage = 0
        notes.append(f"its quota is no number that Dovecot reads: {quota}")
    relays = bool(row.get("AuthRelay"))
    mailbox = bool(row.get("HaveMailbox"))
    if mailbox and "@" not in login:
        notes.append("its login is no address, and so it gets no mailbox")
        mailbox = False
    sending = "own" if mailbox else "any"
    if not relays:
        sending = "local"
    file = AccountFile(
        username=login,
        address=login if mailbox else "",
        maildir="",
        password=_hashed(row),
        sending=sending,
        disabled=row.get("Active") == "N",
        limits=Limits(storage=storage),
        metadata={"mailboxQuota": quota} if quota and storage else {},
    )
    return AccountThere(file, login, notes=tuple(notes))


def alias(row: Mapping[str, Any]) -> AliasThere:
    """One alias of GET /aliases, as a mailhub tells it."""
    program = bool(row.get("Pipe"))
    return AliasThere(
        AddressFile(
            address=str(row.get("Alias", "")),
            owner=str(row.get("User") or ""),
            targets=tuple(map(str, row.get("DeliverTo") or ())),
            minilist=bool(row.get("IsMiniList")),
        ),
        ("the program that it leads to does not run here",) if program else (),
    )


def octets(quota: str) -> int:
    """Dovecot's quota as bytes, K and so on being powers of 1024; empty is 0. Raises Invalid."""
    if not quota:
        return 0
    found = _QUOTA.fullmatch(quota.strip())
    if found is None:
        raise Invalid("no quota")
    return int(found[1]) * _UNITS[found[2].upper()]


def _hashed(row: Mapping[str, Any]) -> str:
    """The hash that core knows how to check: bcrypt before SHA-512."""
    for name in ("Passwd", "DovePasswd"):
        value = _SCHEME.sub("", str(row.get(name) or ""), count=1)
        if value.startswith("$"):
            return value
    return ""
