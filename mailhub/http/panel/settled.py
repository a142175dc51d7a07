"""The page of an account's addresses, and of what it decides about itself: its name, its language,
where its mail goes on to, and whether it is encrypted.

Which addresses somebody has, administrators decide.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from mailhub.core.accounts import Accounts
from mailhub.core.addresses import Addresses
from mailhub.core.rights import Resource, reads, updates
from mailhub.http.call import Answer
from mailhub.http.panel import pages
from mailhub.http.panel.door import Visitor, kept
from mailhub.http.panel.own import shown
from mailhub.model.account import Account, Encryption
from mailhub.model.errors import Invalid, MailhubError
from mailhub.wire import openpgp

PAGE = "/addresses"
CHANGES = updates(Resource.FILTERS)
"""As what happens to mail: not before a password that somebody else gave is replaced."""


class Settled:
    """The page."""

    def __init__(self, accounts: Accounts, addresses: Addresses) -> None:
        self._accounts = accounts
        self._addresses = addresses

    @kept("GET", PAGE, reads(Resource.ADDRESSES))
    async def look(self, visitor: Visitor) -> Answer:
        """All of it."""
        return await self._shown(visitor, done=visitor.call.fields().get("done", ""))

    @kept("POST", f"{PAGE}/name", CHANGES)
    async def call_me(self, visitor: Visitor) -> Answer:
        """Another name and language."""
        given, account = visitor.fields, visitor.account
        language = given.get("language", "")
        if language not in ("", *pages.LANGUAGES):
            language = account.language
        name = given.get("name", "").strip()
        return await self._kept(visitor, replace(account, name=name, language=language), "name")

    @kept("POST", f"{PAGE}/forwarding", CHANGES)
    async def forward(self, visitor: Visitor) -> Answer:
        """Other addresses that all mail goes on to. What an application set beside addresses
        stays."""
        account = visitor.account
        wanted = visitor.fields.get("targets", "").replace(",", " ").split()
        others = [one for one in account.targets if "://" in one]
        if any("://" in one for one in wanted):
            return await self._shown(visitor, problem="Only addresses are possible here")
        return await self._kept(visitor, replace(account, targets=(*wanted, *others)), "forwarding")

    @kept("POST", f"{PAGE}/encryption", CHANGES)
    async def encrypt(self, visitor: Visitor) -> Answer:
        """Another OpenPGP key, and what it is for."""
        given = visitor.fields
        key = given.get("key", "").replace("\r\n", "\n").strip()
        stored, forwarded = bool(given.get("stored")), bool(given.get("forwarded"))
        if not key and (stored or forwarded):
            return await self._shown(visitor, problem="To encrypt, a key is needed")
        try:
            if key:
                openpgp.read(key)
        except Invalid as error:
            return await self._shown(visitor, problem=error.text)
        wanted = Encryption(key, stored, forwarded)
        return await self._kept(visitor, replace(visitor.account, encryption=wanted), "encryption")

    async def _kept(self, visitor: Visitor, changed: Account, what: str) -> Answer:
        try:
            if changed != visitor.account:
                await self._accounts.update(changed, visitor.caller.actor)
        except MailhubError as error:
            return await self._shown(visitor, problem=error.text)
        return pages.seen(f"{PAGE}?done={what}")

    async def _shown(self, visitor: Visitor, *, problem: str = "", done: str = "") -> Answer:
        account, given = visitor.account, visitor.fields
        rows = await self._addresses.of_account(account.number)
        typed: Mapping[str, object] = {
            "name": given.get("name", account.name),
            "targets": given.get(
                "targets", "\n".join(one for one in account.targets if "://" not in one)
            ),
            "key": given.get("key", account.encryption.key),
            "stored": bool(given.get("stored")) if given else account.encryption.stored,
            "forwarded": bool(given.get("forwarded")) if given else account.encryption.forwarded,
        }
        return shown(
            visitor,
            "addresses.html",
            400 if problem else 200,
            rows=rows,
            typed=typed,
            others=[one for one in account.targets if "://" in one],
            fingerprint=_fingerprint(account.encryption.key),
            problem=problem,
            done=done,
        )


def _fingerprint(key: str) -> str:
    """In groups of four, as people compare it; empty for none."""
    if not key:
        return ""
    try:
        found = openpgp.read(key).fingerprint.upper()
    except Invalid:
        return ""
    return " ".join(found[start : start + 4] for start in range(0, len(found), 4))
