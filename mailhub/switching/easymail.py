"""Reads an EasyMail server: domains, accounts, hashes of passwords and the keys that sign.

Hashes and keys are in `GET /export/domain`, which the server answers with JSON or with an archive;
only the first is read. `POST /dkim/add-new-domain` is never asked: there it makes a new key in
place of the old one. Neither aliases nor quotas are told.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from mailhub.core.domainfile import AccountFile, DomainFile, KeyFile
from mailhub.switching.faults import SwitchFault
from mailhub.switching.origin import AccountThere, AliasThere, DomainThere
from mailhub.switching.site import Answer, Site

SELECTOR = "mail"
"""That of every key EasyMail makes."""
FRESH = 20 * 60
"""Seconds for which a token is used; there it lives for thirty minutes."""


class EasyMail:
    """`user`, `password`: of its administrator. `seconds`: a clock that only goes forward."""

    def __init__(
        self,
        site: Site,
        user: str,
        password: str,
        seconds: Callable[[], float] = time.monotonic,
    ) -> None:
        self._site = site
        self._user = user
        self._password = password
        self._seconds = seconds
        self._logged_in: float | None = None
        self._rows: list[Mapping[str, Any]] | None = None
        self._exports: dict[str, Mapping[str, Any]] = {}
        self._hidden: set[str] = set()

    def domains(self) -> Sequence[DomainThere]:
        """With their keys, where the server gives them."""
        found = []
        for row in self._domains():
            name = str(row.get("name", ""))
            private = str(self._export(name).get("dkim", {}).get("private") or "")
            keys: tuple[KeyFile, ...] = ()
            notes: tuple[str, ...] = ("its key is not told: a new one is made",)
            if "PRIVATE KEY" in private:
                keys = (
                    KeyFile(selector=SELECTOR, algorithm="rsa", private=private, state="active"),
                )
                notes = ()
            found.append(DomainThere(DomainFile(name=name, keys=keys), notes))
        return found

    def accounts(self) -> Iterator[AccountThere]:
        """Domain after domain."""
        for row in self._domains():
            name, number = str(row.get("name", "")), row.get("id")
            hashes = {
                str(one.get("email", "")).lower(): str(one.get("password") or "")
                for one in self._export(name).get("accounts") or ()
            }
            users = self._get(f"/users/{int(number or 0)}").get("users") or ()
            for user in sorted(users, key=lambda one: int(one.get("id", 0))):
                email = str(user.get("email", ""))
                hashed = hashes.get(email.lower(), "")
                if not hashed:
                    self._hidden.add(name)
                file = AccountFile(username=email, address=email, maildir="", password=hashed)
                yield AccountThere(file, email)

    def aliases(self) -> Iterator[AliasThere]:
        """Its API tells none."""
        return iter(())

    def remarks(self) -> Sequence[str]:
        """What its API does not tell."""
        hidden = [f"hashes of passwords in {name} are not shown" for name in sorted(self._hidden)]
        return [
            "aliases and copies (BCC) are not told by EasyMail's API: give a file of them"
            " (`aliases`)",
            "quotas and Sieve scripts are not told by EasyMail's API",
            *hidden,
        ]

    def _domains(self) -> Sequence[Mapping[str, Any]]:
        if self._rows is None:
            rows = self._get("/domains").get("domains") or ()
            self._rows = sorted(rows, key=lambda one: int(one.get("id", 0)))
        return self._rows

    def _export(self, domain: str) -> Mapping[str, Any]:
        """Accounts with their hashes, and the key; nothing where it is told as an archive. Asked
        once: the server packs all the domain's mail for it."""
        if domain in self._exports:
            return self._exports[domain]
        self._fresh()
        answer = self._site.call(
            "GET", "/export/domain", {"domain": domain, "format": "json"}, form={"domain": domain}
        )
        told = answer.ok and answer.kind == "application/json"
        self._exports[domain] = _object(answer, "/export/domain") if told else {}
        return self._exports[domain]

    def _get(self, path: str) -> Mapping[str, Any]:
        self._fresh()
        value = self._site.get(path)
        if not isinstance(value, dict):
            raise SwitchFault(f"{path}: the answer is no object")
        return value

    def _fresh(self) -> None:
        """Has a token. A wrong one is answered with 200 there, so it is renewed in time."""
        now = self._seconds()
        if self._logged_in is not None and now - self._logged_in < FRESH:
            return
        form = {"username": self._user, "password": self._password}
        given = _object(self._site.call("POST", "/auth", form=form), "/auth")
        if not isinstance(given.get("token"), str):
            said = next((given[k] for k in ("msg", "error_msg", "error") if given.get(k)), "")
            raise SwitchFault(f"/auth: the login is refused{f': {said}' if said else ''}")
        self._site.identify("Auth-token", given["token"])
        self._logged_in = now


def _object(answer: Answer, path: str) -> Mapping[str, Any]:
    try:
        value = answer.json()
    except SwitchFault as fault:
        raise SwitchFault(f"{path}: {fault}") from None
    if not isinstance(value, dict):
        raise SwitchFault(f"{path}: the answer is no object")
    return value
