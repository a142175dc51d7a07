"""Makes what the other server has: domains, accounts, aliases. Done twice, it makes nothing twice;
what is here already stays as it is, and what was changed here since is not changed back.

What came of each object is noted in the book. Mail is `copying`'s.
"""

from __future__ import annotations

import dataclasses
import os
import secrets
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from mailhub.core import domainfile as files
from mailhub.switching import plan
from mailhub.switching.faults import Refusal
from mailhub.switching.house import House
from mailhub.switching.ledger import Book, Made
from mailhub.switching.origin import AccountThere, DomainThere, Origin, domain_of
from mailhub.switching.source import Elsewhere, Unknown

PASSWORDS = "passwords.csv"
"""In the move's folder: who got which password."""


class Making:
    """One run. `told`: hears of each object. `elsewhere`: where sessions and mail of new accounts
    lead until they are moved; None: they are here from the beginning."""

    def __init__(
        self,
        house: House,
        book: Book,
        passwords: Unknown,
        elsewhere: Elsewhere | None,
        told: Callable[[str, str, Made, Sequence[str]], None],
    ) -> None:
        self._house = house
        self._book = book
        self._passwords = passwords
        self._elsewhere = elsewhere
        self._told = told

    def all(self, origin: Origin, *, only: Sequence[str] = ()) -> None:
        """Every object. `only`: these accounts, and no aliases. Raises SwitchFault."""
        domains = origin.domains()
        for domain in domains:
            self._domain(domain)
        for account in origin.accounts():
            if not only or account.name in only:
                self._account(account)
        if only:
            return
        for alias in origin.aliases():
            self._address("alias", alias.file, domain_of(alias.name), alias.notes)
        for domain in domains:
            if domain.file.catch_all:
                self._tried("catch-all", domain.name, (), "import-catch-all", domain.file)

    def _domain(self, one: DomainThere) -> None:
        """With its keys; of those that are new the records are told, for they sign only when the
        DNS has them."""
        if not self._tried("domain", one.name, one.notes, "import-domain", one.file):
            return
        records = [
            self._house.ask("dkim-show", domain=one.name, selector=key["selector"])["record"]
            for key in self._house.ask("dkim-list", domain=one.name)
            if key["state"] == "pending"
        ]
        if records:
            self._told("key", one.name, Made.DONE, records)

    def _account(self, one: AccountThere) -> None:
        """With all that is its own; its password last."""
        file = one.file
        name, user = one.name, file.address or file.username
        seen = plan.look(
            self._house, addresses=[file.address] if file.address else [], logins=[file.username]
        )
        (item, *_) = plan.of_account(dataclasses.replace(one, further=()), seen, self._passwords)
        if item.fate is plan.Fate.CONFLICT:
            self._noted("account", name, Made.REFUSED, item.notes[:1])
            return
        if item.fate is plan.Fate.NEW:
            self._book.note("account", name, Made.BEGUN)
        begun = self._book.made("account", name) is Made.BEGUN
        try:
            notes = list(one.notes) + self._made(file, begun)
            for row in one.further:
                self._address("address", row, domain_of(file.address))
            if begun:
                self._begin(one, user)
            notes += self._password(file, user, begun)
        except Refusal as error:
            # What was begun is to be ended by the next run, its password above all.
            self._book.note("account", name, Made.BEGUN if begun else Made.REFUSED, [str(error)])
            self._told("account", name, Made.REFUSED, [str(error)])
            return
        if file.address:
            self._book.await_mail(user, one.login)
        was = self._book.made("account", name)
        done = Made.DONE if begun or was is Made.DONE else Made.THERE
        self._noted("account", name, done, notes)

    def _made(self, file: files.AccountFile, begun: bool) -> list[str]:
        if file.address:
            # The password comes when all else is there.
            bare = files.dump(dataclasses.replace(file, password=""))
            done = self._house.ask("import-account", bare, domain=domain_of(file.address))
            return [str(note) for note in done["notes"]]
        if begun:
            try:
                self._house.ask(
                    "user-add",
                    name=file.username,
                    address="",
                    sending=file.sending,
                    disabled=file.disabled,
                )
            except Refusal as error:
                if error.kind != "AlreadyExists":
                    raise
        return []

    def _begin(self, one: AccountThere, user: str) -> None:
        """From its first moment a new account's sessions and mail lead to where its mail is."""
        if self._elsewhere is None or not one.file.address:
            return
        self._house.ask(
            "elsewhere-set",
            user=user,
            imap=self._elsewhere.imap,
            pop3=self._elsewhere.pop3,
            mail=self._elsewhere.mail,
            name=one.login,
        )

    def _password(self, file: files.AccountFile, user: str, begun: bool) -> list[str]:
        if file.password:
            try:
                self._house.ask("import-password", user=user, hashed=file.password)
            except Refusal as error:
                if error.kind != "Invalid":
                    raise
                note = ["its password's hash is of a kind that is not known here"]
                return note + self._unknown(user, begun)
            return []
        return self._unknown(user, begun)

    def _unknown(self, user: str, begun: bool) -> list[str]:
        if not begun:
            return []
        if self._passwords is Unknown.RANDOM:
            word = secrets.token_urlsafe(12)
            self._write(user, word)
            self._house.ask("user-set", name=user, password=word)
            return [f"its password is a random one, in {PASSWORDS}"]
        if self._passwords is Unknown.RESET:
            self._write(user, self._house.ask("user-reset", user=user)["password"])
            return [f"has to set a new password; the first login's is in {PASSWORDS}"]
        return ["no password logs in yet"]

    def _write(self, user: str, word: str) -> None:
        """On the disk before anybody needs it; the last line of a user counts."""
        path = Path(self._book.folder) / PASSWORDS
        descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(f"{user},{word}\n")
            file.flush()
            os.fsync(file.fileno())

    def _address(
        self, kind: str, row: files.AddressFile, domain: str, notes: Sequence[str] = ()
    ) -> None:
        """`domain`: for addresses that stand in every domain."""
        own = domain_of(row.address)
        name = own if own != "*" else domain
        self._tried(kind, row.address, notes, "import-alias", row, domain=name)

    def _tried(
        self, kind: str, name: str, notes: Sequence[str], act: str, value: object, **more: Any
    ) -> bool:
        """Whether it is here now."""
        try:
            done = self._house.ask(act, files.dump(value), **more)
        except Refusal as error:
            self._noted(kind, name, Made.REFUSED, [str(error)])
            return False
        new = done["new"] or self._book.made(kind, name) is Made.DONE
        self._noted(kind, name, Made.DONE if new else Made.THERE, [*notes, *done["notes"]])
        return True

    def _noted(self, kind: str, name: str, made: Made, notes: Sequence[str]) -> None:
        self._book.note(kind, name, made, notes)
        self._told(kind, name, made, notes)
