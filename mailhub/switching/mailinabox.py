"""Reads a Mail-in-a-Box: users, aliases, and the DNS records that its administrator added.

It tells neither hashes of passwords nor the private half of its key. Aliases that it computes by
itself are left out, for this server has such too.
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
from mailhub.wire import address as grammar

_QUOTA = re.compile(r"(\d{1,12})([GM]?)", re.IGNORECASE | re.ASCII)
_UNITS = {"": 1, "M": 1 << 20, "G": 1 << 30}
RECOMPUTED = frozenset({"postmaster", "admin", "abuse", "hostmaster"})
"""Local parts of aliases that releases before v55 made by hand of their own."""


class MailInABox:
    """`user`, `password`: of an administrator; the password may be an API key. `code`: of its
    second factor."""

    def __init__(self, site: Site, user: str, password: str, code: str = "") -> None:
        self._site = site
        self._user = user
        self._password = password
        self._code = code
        self._aliases_read: list[Mapping[str, Any]] | None = None
        self._astray: Sequence[str] = ()
        self._ready = False

    def domains(self) -> Sequence[DomainThere]:
        """Those of users and of aliases that somebody made, with their records."""
        names: dict[str, None] = {}
        for user in self._users():
            names[_ascii(domain_of(str(user["email"])))] = None
        others = self._other_names()
        for row in self._aliases():
            if not _other_domain(row):
                names[_ascii(domain_of(str(row["address"])))] = None
        for name in others:
            names.pop(name, None)
        self._astray = sorted(name for name, of in others.items() if of not in names)
        return [
            DomainThere(
                DomainFile(
                    name=name,
                    aliases=tuple(sorted(a for a, of in others.items() if of == name)),
                    records=tuple(self._records(name, names)),
                ),
                (
                    "its key is not told: a new one is made, unless one is given (`keys`); on the"
                    " box it is /home/user-data/mail/dkim/mail.private",
                ),
            )
            for name in names
        ]

    def accounts(self) -> Iterator[AccountThere]:
        """By domain, in the order in which the box lists them."""
        for user in self._users():
            yield account(user)

    def aliases(self) -> Iterator[AliasThere]:
        """Those that somebody made."""
        users = {str(user["email"]).lower() for user in self._users()}
        for row in self._aliases():
            if not _other_domain(row):
                yield alias(row, users)

    def remarks(self) -> Sequence[str]:
        """What its API does not tell."""
        found = ["hashes of passwords, Sieve scripts and second factors are not told by its API"]
        if inactive := [user["email"] for user in self._read() if user.get("status") != "active"]:
            found.append(
                f"{len(inactive)} removed users have mail on the box still: {', '.join(inactive)}"
            )
        if self._astray:
            names = ", ".join(self._astray)
            found.append(f"what they are other names of is not on the box: {names}")
        second = self._get("/dns/secondary-nameserver", absent=True) or {}
        if second.get("hostnames"):
            found.append(
                f"secondary name servers: {', '.join(second['hostnames'])}; see `mailhub dns`"
            )
        found.append("websites, calendars and contacts of the box are not mail, and stay there")
        return found

    # -- the API

    def _read(self) -> list[Mapping[str, Any]]:
        found = self._get("/mail/users", {"format": "json"})
        return [user for domain in found for user in domain["users"]]

    def _users(self) -> list[Mapping[str, Any]]:
        return [user for user in self._read() if user.get("status", "active") == "active"]

    def _aliases(self) -> list[Mapping[str, Any]]:
        if self._aliases_read is None:
            found = self._get("/mail/aliases", {"format": "json"})
            rows = [row for domain in found for row in domain["aliases"]]
            self._aliases_read = [row for row in rows if not _computed(row)]
        return self._aliases_read

    def _other_names(self) -> Mapping[str, str]:
        """Domains that stand for others, by name."""
        rows = [(row, _other_domain(row)) for row in self._aliases()]
        return {_ascii(domain_of(str(row["address"]))): of for row, of in rows if of}

    def _records(self, domain: str, names: Mapping[str, None]) -> Iterator[tuple[str, str, str]]:
        """Those of this domain's names, and not of a longer domain's."""
        for row in self._get("/dns/custom", absent=True) or ():
            name = str(row["qname"]).rstrip(".").lower()
            owners = [one for one in names if name == one or name.endswith(f".{one}")]
            if owners and max(owners, key=len) == domain:
                yield name, str(row["rtype"]), str(row["value"])

    def _get(
        self, path: str, query: Mapping[str, object] | None = None, *, absent: bool = False
    ) -> Any:
        if not self._ready:
            self._log_in()
        return self._site.get(path, query, absent=absent)

    def _log_in(self) -> None:
        """A session key stands for password and second factor from then on; where the server gives
        none, as for a key that is one already, the password goes with each call."""
        self._authorize(self._password)
        if self._code:
            self._site.identify("X-Auth-Token", self._code)
        answer = self._site.call("POST", "/login")
        if answer.status in (404, 405):  # before v55
            answer = self._site.call("GET", "/me")
        said = answer.json() if answer.ok else {}
        if isinstance(said, dict) and said.get("status") == "ok":
            if "admin" not in (said.get("privileges") or ()):
                raise SwitchFault(f"{self._user} is no administrator there")
            self._authorize(said.get("api_key") or self._password)
        elif isinstance(said, dict) and said.get("status") == "missing-totp-token":
            raise SwitchFault("the login wants a code of the second factor: give it as `code`")
        self._ready = True

    def _authorize(self, secret: str) -> None:
        token = base64.b64encode(f"{self._user}:{secret}".encode()).decode("ascii")
        self._site.identify("Authorization", f"Basic {token}")


def account(user: Mapping[str, Any]) -> AccountThere:
    """One user of GET /mail/users."""
    email = _ascii_address(str(user["email"]))
    notes: list[str] = []
    storage = 0
    if quota := str(user.get("quota") or ""):
        found = _QUOTA.fullmatch(quota.strip())
        if found is None:
            notes.append(f"its quota cannot be read: {quota}")
        else:
            storage = int(found[1]) * _UNITS[found[2].upper()]
    privileges = user.get("privileges") or ()
    file = AccountFile(
        username=email,
        address=email,
        maildir="",
        role="admin" if "admin" in privileges else "user",
        limits=Limits(storage=storage),
    )
    return AccountThere(file, email, notes=tuple(notes))


def alias(row: Mapping[str, Any], users: set[str]) -> AliasThere:
    """One alias of GET /mail/aliases. `users`: addresses of users, whose place an alias takes."""
    address = str(row["address"])
    spelled = _ascii_address(f"*{address}" if address.startswith("@") else address)
    file = AddressFile(
        address=spelled,
        targets=tuple(_ascii_address(str(one)) for one in row.get("forwards_to") or ()),
        senders=tuple(_ascii_address(str(one)) for one in row.get("permitted_senders") or ()),
        diverted=spelled.lower() in users,
    )
    return AliasThere(file)


def _computed(row: Mapping[str, Any]) -> bool:
    """Whether the box made it: `auto` since v55, `required` before, when its targets could be
    changed by hand."""
    if row.get("auto"):
        return True
    targets = [str(one) for one in row.get("forwards_to") or ()]
    local = str(row["address"]).partition("@")[0]
    return bool(row.get("required")) and (
        local in RECOMPUTED and [one.partition("@")[0] for one in targets] == ["administrator"]
    )


def _other_domain(row: Mapping[str, Any]) -> str:
    """The domain that a whole one is another name of; empty where it is not."""
    targets = [str(one) for one in row.get("forwards_to") or ()]
    if str(row["address"]).startswith("@") and len(targets) == 1 and targets[0].startswith("@"):
        return _ascii(targets[0][1:])
    return ""


def _ascii(domain: str) -> str:
    """The name as the DNS has it; what is none stays, for this server to say so."""
    try:
        return grammar.domain(domain)
    except Invalid:
        return domain.lower()


def _ascii_address(address: str) -> str:
    local, _, domain = address.rpartition("@")
    return f"{local}@{_ascii(domain)}"
