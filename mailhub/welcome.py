"""The first start: an administrator, and the words on the terminal that tell how to get in.

The password file's life is kept here: written before the account is, gone when the password
changes. What an account is, core knows.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from mailhub.core.accounts import Accounts
from mailhub.core.background import spawn
from mailhub.core.domains import Domains
from mailhub.core.founding import found, make_password
from mailhub.core.watch import Watch
from mailhub.model.change import AccountChanged, Change
from mailhub.model.errors import AlreadyExists, NotFound
from mailhub.model.settings import Settings
from mailhub.net.folder import DataFolder
from mailhub.net.listeners import Listener
from mailhub.net.log import terminal
from mailhub.ports import Hashing, Log, Randomness, Storage

FALLBACK_DOMAIN = "mail.test"
"""Where the machine's name is no domain; `test` can never exist (RFC 2606)."""
ADMIN = "admin"
LABELS = {
    "smtp": "SMTP (mail from other servers)",
    "submission": "SMTP submission",
    "lmtp": "LMTP",
    "imap": "IMAP",
    "pop3": "POP3",
    "managesieve": "ManageSieve",
    "http": "HTTP",
}
TLS_LABELS = {"none": "no TLS", "starttls": "STARTTLS", "implicit": "TLS"}


class Welcome:
    """Makes the first account when there is none, and forgets its password when it changes."""

    def __init__(
        self,
        folder: DataFolder,
        domains: Domains,
        accounts: Accounts,
        storage: Storage,
        hashing: Hashing,
        randomness: Randomness,
        log: Log,
    ) -> None:
        self._folder = folder
        self._domains = domains
        self._accounts = accounts
        self._storage = storage
        self._hashing = hashing
        self._randomness = randomness
        self._log = log

    async def greet(
        self, settings: Settings, hostname: str, listeners: Sequence[Listener], watch: Watch
    ) -> None:
        """On the first start says everything once; later only watches over the password file."""
        if not await self._accounts.count():
            domain = settings.default_domain or (hostname if "." in hostname else FALLBACK_DOMAIN)
            made = await self._first(domain)
            if made is not None:
                show(*made, listeners, self._folder.path)
        kept = self._folder.admin()
        if kept is None:
            return
        try:
            account = await self._accounts.by_name(kept.get("address", ""))
        except NotFound:
            self._folder.forget_admin()
            return
        watch.subscribe(account.number, lambda changes: self._heard(account.number, changes))
        await self._check(account.number)

    async def _first(self, domain: str) -> tuple[str, str] | None:
        """The file comes first: after a crash between the two the next start finds it and uses
        the same password, and no administrator is made whose password nobody knows. None where
        another process, which started at the same time, made one."""
        kept = self._folder.admin()
        password = kept["password"] if kept else make_password(self._randomness)
        address = f"{ADMIN}@{domain}"
        self._folder.keep_admin(address, password)
        try:
            made = await found(self._domains, self._accounts, domain, name=ADMIN, password=password)
        except AlreadyExists:
            made = None
        if made is None:
            self._folder.forget_admin()
            return None
        return address, password

    def _heard(self, account: int, changes: Sequence[Change]) -> None:
        for change in changes:
            if isinstance(change, AccountChanged):
                spawn(self._check(account), self._log, "initial password")

    async def _check(self, account: int) -> None:
        """Forgets the password when it no longer is the account's."""
        kept = self._folder.admin()
        if kept is None:
            return
        try:
            secrets = await self._storage.accounts.secrets(account)
        except NotFound:
            self._folder.forget_admin()
            return
        right, _ = await self._hashing.verify(kept.get("password", ""), secrets.password)
        if not right:
            self._folder.forget_admin()


def show(address: str, password: str, listeners: Sequence[Listener], folder: Path) -> None:
    """Tells a person at the terminal, past the log, how to get in."""
    out = terminal()
    if out is None:
        return
    lines = ["", "mailhub is ready. The first account, shown once:", ""]
    lines += [f"    address   {address}", f"    password  {password}", ""]
    for listener in listeners:
        about = listener.describe()
        where = about.get("path") or f"{about['address']}:{about['port']}"
        service = str(about["service"])
        if service == "http":
            scheme = "https" if about["tls"] == "implicit" else "http"
            where = f"{scheme}://{where}/"
        lines.append(f"    {LABELS[service]:<32} {where} ({TLS_LABELS[str(about['tls'])]})")
    lines += [
        "",
        f"    both are kept in {folder / 'initial-admin.json'} until the password changes",
    ]
    out.write("\n".join(lines) + "\n\n")
    out.flush()
