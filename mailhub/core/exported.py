"""The members of a domain's archive, one after the other, as tar.

What has to stand in it is told by values of `core.domainfile`; mail is added by
`core.exportedmail`. When it is made, and who may have it, is `core.exporting`'s.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from dataclasses import replace
from urllib.parse import quote

from mailhub.core import domainfile as files
from mailhub.core.exportedmail import Mailroll, Roll
from mailhub.model.account import Account
from mailhub.model.address import Address
from mailhub.model.errors import NotFound
from mailhub.model.filter import Autoreply, Filter
from mailhub.model.mailbox import Mailbox
from mailhub.ports import Body, Clock, Storage
from mailhub.wire import maildir, tarball

PAGE = 500
SAFE = "+=_-.!#$&'^{}~"
"""What of a name stands in a path as it is."""


class Members:
    """Those of one archive. `secrets`: with hashes of passwords."""

    def __init__(self, storage: Storage, clock: Clock, *, secrets: bool) -> None:
        self._storage = storage
        self._secrets = secrets
        self._roll = Roll(int(clock.now()))
        self._mail = Mailroll(storage, clock, self._roll)
        self._accounts = 0

    async def pieces(self, manifest: Body, facts: files.DomainFile) -> AsyncGenerator[bytes, None]:
        """Tar, to its end. Raises Corrupt, Unavailable, StorageFull."""
        roll = self._roll
        for piece in roll.body(files.MANIFEST, manifest):
            yield piece
        yield roll.file(files.DOMAIN, files.dump(facts))
        async for row in mains(self._storage, facts.name):
            async for piece in self._account(row, facts.name):
                yield piece
        async for piece in self._aliases(facts.name):
            yield piece
        done = files.CompleteFile(
            members=roll.members,
            accounts=self._accounts,
            messages=self._mail.messages,
            octets=self._mail.octets,
            digest=roll.digest.hexdigest(),
        )
        yield roll.file(files.COMPLETE, files.dump(done)) + tarball.END

    # -- an account

    async def of_one(self, row: Address) -> AsyncGenerator[bytes, None]:
        """One account's alone, of its main address: tar, to its end. Raises as `pieces`."""
        async for piece in self._account(row, row.address.rpartition("@")[2]):
            yield piece
        yield tarball.END

    async def _account(self, row: Address, domain: str) -> AsyncIterator[bytes]:
        assert row.account is not None
        account = await self._storage.accounts.get(row.account)
        if account is None:
            return  # removed meanwhile
        place = f"{domain}/{_safe(row.address.rpartition('@')[0])}"
        boxes = await self._storage.mailboxes.all(account.number)
        try:
            about = await self._about(account, row, boxes, f"{files.MAIL}/{place}")
        except NotFound:
            return
        self._accounts += 1
        yield self._roll.file(f"{files.ACCOUNTS}/{place.partition('/')[2]}.json", files.dump(about))
        for script in about.scripts:
            path = f"{files.SCRIPTS}/{place}/{_safe(script.name)}.sieve"
            yield self._roll.file(path, script.source.encode())
        root = about.maildir
        yield self._roll.folder(root)
        yield self._roll.file(
            f"{root}/{maildir.SUBSCRIPTIONS}", maildir.subscription_list(about.subscriptions)
        )
        for box, one in zip(boxes, about.mailboxes, strict=True):
            below = one.folder
            async for piece in self._mail.mailbox(box, f"{root}/{below}" if below else root):
                yield piece

    async def _about(
        self,
        account: Account,
        row: Address,
        boxes: Sequence[Mailbox],
        place: str,
    ) -> files.AccountFile:
        store, number = self._storage, account.number
        paths = {box.number: box.name for box in boxes}
        secrets = await store.accounts.secrets(number)
        return files.AccountFile(
            username=account.username,
            address=row.address,
            maildir=place,
            password=secrets.password if self._secrets else "",
            name=account.name,
            role=account.role.value,
            sending=account.sending.value,
            disabled=account.disabled,
            suspended=account.suspended,
            language=account.language,
            retention=account.retention,
            tags=account.tags,
            metadata=account.metadata,
            spam_level=account.spam_level,
            targets=account.targets,
            limits=account.limits,
            encryption=account.encryption,
            disabled_scopes=tuple(sorted(one.value for one in account.disabled_scopes)),
            factors=tuple(one.value for one in account.factors),
            addresses=tuple(_address(one) for one in await store.addresses.of_account(number)),
            mailboxes=_mailboxes(boxes),
            subscriptions=tuple(await store.mailboxes.subscriptions(number)),
            filters=tuple(_filter(one, paths) for one in await store.filters.of_account(number)),
            autoreply=_reply(await store.filters.autoreply(number)),
            scripts=tuple(
                files.ScriptFile(name=one.name, source=one.source, active=one.active)
                for one in await store.scripts.of_account(number)
            ),
        )

    # -- aliases

    async def _aliases(self, domain: str) -> AsyncIterator[bytes]:
        """Addresses in the domain that are no account's main one."""
        owners: dict[int, str] = {}
        spool = self._storage.spools.open()
        try:
            async for row in rows(self._storage, domain):
                if not row.main:
                    owner = await self._owner(row.account, owners)
                    spool.write(files.dump(replace(_address(row), owner=owner)))
            body = spool.finish()
        except BaseException:
            spool.abort()
            raise
        try:
            for piece in self._roll.body(files.ALIASES, body):
                yield piece
        finally:
            body.close()

    async def _owner(self, number: int | None, known: dict[int, str]) -> str:
        if number is None:
            return ""
        if number not in known:
            if len(known) > PAGE:
                known.clear()
            account = await self._storage.accounts.get(number)
            known[number] = account.username if account is not None else ""
        return known[number]


async def rows(storage: Storage, domain: str) -> AsyncIterator[Address]:
    """Every address in a domain, the oldest first."""
    after = 0
    while True:
        batch, _ = await storage.addresses.page(after=after, limit=PAGE, domain=domain)
        for row in batch:
            yield row
        if len(batch) < PAGE:
            return
        after = batch[-1].number


async def mains(storage: Storage, domain: str) -> AsyncIterator[Address]:
    """Those that are an account's main one."""
    async for row in rows(storage, domain):
        if row.main and row.account is not None:
            yield row


def _safe(name: str) -> str:
    """A name as one level of a path, which no other name has."""
    return "%2E" + quote(name[1:], safe=SAFE) if name.startswith(".") else quote(name, safe=SAFE)


def _address(row: Address) -> files.AddressFile:
    return files.AddressFile(
        address=row.address,
        name=row.name,
        main=row.main,
        targets=row.targets,
        program=row.program,
        minilist=row.minilist,
        tags=row.tags,
        forwards=row.forwards,
        senders=row.senders,
        diverted=row.diverted,
    )


def _mailboxes(boxes: Sequence[Mailbox]) -> tuple[files.MailboxFile, ...]:
    """Each in a folder of its own."""
    found: dict[str, files.MailboxFile] = {}
    for box in boxes:
        folder = maildir.folder(box.name, maildir.LEADER)
        while folder in found:
            folder += "~"
        found[folder] = files.MailboxFile(
            name=box.name,
            folder=folder,
            uidvalidity=box.uidvalidity,
            special_use=box.special_use,
            subscribed=box.subscribed,
            retention=box.retention,
            hidden=box.hidden,
        )
    return tuple(found.values())


def _filter(one: Filter, paths: Mapping[int, str]) -> files.FilterFile:
    return files.FilterFile(
        name=one.name,
        conditions=one.conditions,
        actions=replace(one.actions, mailbox=0),
        mailbox=paths.get(one.actions.mailbox, ""),
        disabled=one.disabled,
        metadata=one.metadata,
    )


def _reply(one: Autoreply | None) -> files.AutoreplyFile | None:
    if one is None:
        return None
    return files.AutoreplyFile(
        status=one.status,
        name=one.name,
        subject=one.subject,
        text=one.text,
        html=one.html,
        starts=one.starts,
        ends=one.ends,
    )
