"""A domain as one archive, while it is in use: its accounts, their mail, and all that is set.

The archive is made while it is read, piece after piece, in memory that does not grow with the
domain. What concerns all accounts is collected before the first piece, so that what cannot be is an
error and no archive; what fails later breaks it off, without the member that says it is whole.

Mail that comes meanwhile may be in it or not, and mail that goes too; each mailbox is as it was at
one moment. A message's file has its octets as they are stored, ends of lines and all.
"""

from __future__ import annotations

import json
import time
import zlib
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from dataclasses import dataclass

from mailhub.core import domainfile as files
from mailhub.core.exported import Members, mains
from mailhub.core.signing import Keys, record, record_name
from mailhub.core.turns import Turns
from mailhub.model.account import Account
from mailhub.model.address import Domain
from mailhub.model.dkim import DkimKey, KeyState
from mailhub.model.errors import Invalid, NotFound
from mailhub.ports import Body, Clock, Storage
from mailhub.wire import address as grammar
from mailhub.wire import zonefile

PIECE = 64 * 1024
LEVEL = 1
"""Of zlib: mail is text and base64, of which higher ones make a little less in much more time."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What of it. `secrets`: hashes of passwords, and the private halves of keys."""

    secrets: bool = False


class Export:
    """One archive on its way. `name`: for its file. `manifest`: its first member; `pieces`: the
    whole of it, compressed. The caller calls `close` on every path, or reads `pieces` to the end
    or closes that."""

    def __init__(
        self, name: str, manifest: Body, rest: AsyncGenerator[bytes, None], clock: Clock
    ) -> None:
        self.name = name
        self.manifest = manifest
        self._rest = rest
        self._clock = clock

    async def manifest_pieces(self) -> AsyncIterator[bytes]:
        """The manifest alone."""
        try:
            view = self.manifest.view()
            for at in range(0, self.manifest.size, PIECE):
                yield bytes(view[at : at + PIECE])
        finally:
            self.close()

    async def pieces(self) -> AsyncIterator[bytes]:
        """gzip (RFC 1952) of a tar archive. Raises Corrupt, Unavailable: then it is not whole."""
        packing = zlib.compressobj(LEVEL, zlib.DEFLATED, 16 + zlib.MAX_WBITS)
        turns = Turns(self._clock)
        ready = bytearray()
        try:
            async for piece in self._rest:
                for at in range(0, len(piece), PIECE):
                    ready += packing.compress(piece[at : at + PIECE])
                    await turns.rest()
                if len(ready) >= PIECE:
                    yield bytes(ready)
                    ready.clear()
            yield bytes(ready) + packing.flush()
        finally:
            await self._rest.aclose()
            self.close()

    def close(self) -> None:
        """Lets go of what was collected."""
        self.manifest.close()


class Exporting:
    """Exports of domains."""

    def __init__(self, storage: Storage, keys: Keys, clock: Clock, software: str) -> None:
        self._storage = storage
        self._keys = keys
        self._clock = clock
        self._software = software

    async def begin(self, domain: str, wanted: Wanted) -> Export:
        """Everything but accounts' own things is collected when this returns. Raises NotFound,
        StorageFull, Unavailable."""
        found = await self._domain(domain)
        now = time.gmtime(self._clock.now())
        name = f"{found.name}-{self._moment()}.tar.gz"
        keys = await self._keys.all(found.name)
        head = {
            "format": files.FORMAT,
            "version": files.VERSION,
            "software": self._software,
            "domainName": found.name,
            "generatedAt": time.strftime("%Y-%m-%d %H:%M:%S", now),
            "export_filename": name,
            "dkim": _shown(keys, wanted),
        }
        manifest = await self._manifest(head, found.name, wanted)
        facts = await self._facts(found, keys, wanted)
        members = Members(self._storage, self._clock, secrets=wanted.secrets)
        return Export(name, manifest, members.pieces(manifest, facts), self._clock)

    async def own(self, account: Account) -> Export:
        """An account's mail and settings, as its domain's archive has them, without what proves who
        it is. Raises NotFound (it has no main address), StorageFull, Unavailable."""
        rows = await self._storage.addresses.of_account(account.number)
        row = next((row for row in rows if row.main), None)
        if row is None:
            raise NotFound("The account has no address")
        name = f"{row.address}-{self._moment()}.tar.gz"
        members = Members(self._storage, self._clock, secrets=False)
        nothing = self._storage.spools.open().finish()
        return Export(name, nothing, members.of_one(row), self._clock)

    def _moment(self) -> str:
        return time.strftime("%Y%m%d%H%M%S", time.gmtime(self._clock.now()))

    async def _domain(self, name: str) -> Domain:
        try:
            found = await self._storage.domains.get(grammar.domain(name))
        except Invalid:
            found = None
        if found is None or found.relay:
            raise NotFound("No such domain")
        return found

    async def _facts(
        self, domain: Domain, keys: Sequence[DkimKey], wanted: Wanted
    ) -> files.DomainFile:
        others = await self._storage.domains.all()
        names = tuple(one.name for one in others if one.alias_of == domain.name)
        own = (domain.name, *names)
        records = tuple(
            (one.name, one.kind, one.value)
            for one in await self._storage.zones.records()
            if any(one.name == name or one.name.endswith(f".{name}") for name in own)
        )
        return files.DomainFile(
            name=domain.name,
            delimiter=domain.delimiter,
            ignore_dots=domain.ignore_dots,
            catch_all=domain.catch_all,
            aliases=names,
            keys=tuple(_key(one, wanted) for one in keys),
            records=records,
        )

    async def _manifest(self, head: dict[str, object], domain: str, wanted: Wanted) -> Body:
        """EasyMail's keys, with all accounts last, so that it can be written as it is read."""
        spool = self._storage.spools.open()
        try:
            text = json.dumps(head, ensure_ascii=False, indent=1)
            spool.write(text.removesuffix("\n}").encode() + b',\n "accounts": [')
            comma = ""
            async for row in mains(self._storage, domain):
                assert row.account is not None
                shown = {"email": row.address, "password": ""}
                if wanted.secrets:
                    try:
                        secrets = await self._storage.accounts.secrets(row.account)
                    except NotFound:
                        continue
                    shown["password"] = secrets.password
                spool.write(f"{comma}\n  {json.dumps(shown, ensure_ascii=False)}".encode())
                comma = ","
            spool.write(b"\n ]\n}\n")
            return spool.finish()
        except BaseException:
            spool.abort()
            raise


def _shown(keys: Sequence[DkimKey], wanted: Wanted) -> dict[str, str]:
    """The key that signs, as EasyMail has it."""
    found = [one for one in keys if one.state in (KeyState.ACTIVE, KeyState.PENDING)]
    found.sort(key=lambda one: (one.state is not KeyState.ACTIVE, one.algorithm != "rsa"))
    if not found:
        return {"public": "", "private": ""}
    line = zonefile.line(record_name(found[0]), "TXT", record(found[0]))
    return {"public": line, "private": found[0].private if wanted.secrets else ""}


def _key(key: DkimKey, wanted: Wanted) -> files.KeyFile:
    return files.KeyFile(
        selector=key.selector,
        algorithm=key.algorithm,
        private=key.private if wanted.secrets else "",
        state=key.state.value,
        created=key.created,
        changed=key.changed,
    )
