"""`mailhub import FILE`: a domain that `mailhub export` or EasyMail's API wrote, on this server.

The file is read twice: once to see that it is whole, and once to take it in. What was taken in is
noted by mailbox, so a run that was cut off, or is made again with a newer file, goes on from there.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click

from mailhub.cli import archivefile
from mailhub.cli.access import Access, Refused
from mailhub.cli.archivefile import Checked, Opened
from mailhub.core import domainfile as files
from mailhub.model.errors import Invalid
from mailhub.net.folder import write_json
from mailhub.wire import maildir
from mailhub.wire.tarball import Member

WINDOW = 64
"""Messages under way before an answer is read."""
SAVED = 500
"""Messages after which it is noted how far it came."""
MOST_FACTS = 16 << 20
MOST_LIST = 64 << 10
SPARE = 64 << 20
"""Octets that have to be left on the disk."""


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--check", "only_check", is_flag=True, help="Only see whether FILE is whole.")
@click.pass_obj
def domain(access: Access, file: Path, only_check: bool) -> None:
    """Take in FILE, a domain that was exported: accounts, mail, aliases, filters and keys.

    What is here already stays as it is; running it twice imports nothing twice.
    """
    checked = archivefile.check(file)
    if only_check:
        click.echo(
            f"{checked.domain}: {checked.accounts} accounts, {checked.messages} messages,"
            f" {checked.octets} bytes"
        )
        return
    run = Run(access, checked)
    _room(access, checked)
    try:
        run.all(archivefile.opened(file))
    finally:
        run.told()
    if run.failed:
        raise Refused(f"{run.failed} messages could not be stored")


def _room(access: Access, checked: Checked) -> None:
    """A file that unpacks to more than there is room for is refused before it does."""
    facts = os.statvfs(access.data)
    free = facts.f_bavail * facts.f_frsize
    if checked.octets + SPARE > free:
        raise Refused(f"the archive holds {checked.octets} bytes, and {free} are free")


@dataclass(slots=True)
class Box:
    """A mailbox of the archive that is read at the moment. `mark`: the UID up to which an earlier
    run came; `key`: under which that is noted."""

    user: str
    name: str
    uidvalidity: int
    uidnext: int = 0
    mark: int = 0
    key: str = ""
    opened: bool = False
    kept: bool = True
    words: tuple[str, ...] = ()


@dataclass(slots=True)
class Account:
    """The account that is read at the moment. `boxes`: by their folder."""

    address: str
    root: str
    password: str
    boxes: Mapping[str, files.MailboxFile]
    box: Box | None = None


class Marks:
    """Up to which UID each mailbox was taken in, durable: by the mailbox's id here and the
    UIDVALIDITY it had elsewhere."""

    def __init__(self, data: Path, domain: str) -> None:
        folder = data / "import"
        folder.mkdir(mode=0o700, exist_ok=True)
        self._path = folder / f"domain-{hashlib.sha256(domain.encode()).hexdigest()[:32]}"
        try:
            self._marks: dict[str, int] = json.loads(self._path.read_text())
        except (OSError, ValueError):
            self._marks = {}

    def of(self, key: str) -> int:
        """0 for none."""
        return self._marks.get(key, 0)

    def put(self, key: str, uid: int) -> None:
        """All up to this one are stored."""
        self._marks[key] = uid

    def save(self) -> None:
        """On the disk."""
        write_json(self._path, self._marks, 0o600)


@dataclass(slots=True)
class Counts:
    """What was done."""

    accounts: int = 0
    there: int = 0
    messages: int = 0
    known: int = 0
    passwords: int = 0
    aliases: int = 0
    renumbered: set[str] = field(default_factory=set)


class Run:
    """One import."""

    def __init__(self, access: Access, checked: Checked) -> None:
        self._client = access.client
        self._checked = checked
        self._marks = Marks(access.data, checked.domain)
        self._waiting: deque[tuple[Box, int]] = deque()
        self._unsaved = 0
        self._account: Account | None = None
        self._domain = b""
        self._counts = Counts()
        self._notes: list[str] = []
        self.failed = 0

    # -- the members, in their order

    def all(self, archive: Opened) -> None:
        """Raises Refused."""
        while (member := archive.next()) is not None:
            first, _, rest = member.path.partition("/")
            if member.path == files.DOMAIN:
                self._begin(archive.whole(MOST_FACTS))
            elif first == files.ACCOUNTS and not member.folder:
                self._finish()
                self._begin_account(archive.whole(MOST_FACTS))
            elif first == files.MAIL and rest:
                self._mail(member, archive)
            elif member.path == files.ALIASES:
                self._finish()
                self._aliases(archive)
        self._finish()
        self._taken("import-catch-all", "catch-all", self._domain)

    def _begin(self, data: bytes) -> None:
        try:
            given = files.load(files.DomainFile, data, files.DOMAIN)
        except Invalid as error:
            raise Refused(error.text) from None
        if given.name != self._checked.domain:
            raise Refused("the manifest and the domain's file name different domains")
        self._domain = data
        self._note("", self._client.ask("import-domain", data)["notes"])

    def _begin_account(self, data: bytes) -> None:
        try:
            given = files.load(files.AccountFile, data, "an account")
        except Invalid as error:
            raise Refused(error.text) from None
        done = self._taken("import-account", given.address, data, domain=self._checked.domain)
        if done is None:
            return
        self._counts.accounts += done["new"]
        self._counts.there += not done["new"]
        boxes = {box.folder: box for box in given.mailboxes}
        self._account = Account(given.address, given.maildir, given.password, boxes)

    def _mail(self, member: Member, archive: Opened) -> None:
        account = self._account
        if account is None or not member.path.startswith(account.root + "/"):
            return  # of an account that could not be taken in
        words = member.path[len(account.root) + 1 :].split("/")
        folder = words[0] if words[0].startswith(".") else ""
        facts = account.boxes.get(folder)
        if facts is None:
            return
        name = words[-1]
        if account.box is None or account.box.name != facts.name:
            self._leave()
            account.box = Box(account.address, facts.name, facts.uidvalidity)
        if archivefile.is_message(member):
            self._message(account.box, member, name, archive)
        elif name == maildir.KEYWORDS:
            account.box.words = maildir.keywords(archive.whole(MOST_LIST))
        elif name == maildir.UIDS:
            found = maildir.uids(next(archive.pieces(), b"").partition(b"\n")[0])
            if found is not None:
                account.box.uidvalidity, account.box.uidnext = found

    # -- mail

    def _message(self, box: Box, member: Member, name: str, archive: Opened) -> None:
        one = maildir.filed(name)
        if one is None or one.uidvalidity != box.uidvalidity or not member.size:
            self._notes.append(f"{box.user}: {box.name}: {name} is no message of an export")
            return
        self._open(box)
        if one.uid <= box.mark:
            self._counts.known += 1
            return
        flags = [*maildir.flags(one.letters, box.words), *member.notes.get(files.NOTE, "").split()]
        self._client.pour(
            "import-place",
            member.size,
            archive.pieces(),
            user=box.user,
            mailbox=box.name,
            flags=flags,
            date=one.date,
            uidvalidity=box.uidvalidity,
            uid=one.uid,
        )
        self._waiting.append((box, one.uid))
        if len(self._waiting) > WINDOW:
            self._settle()

    def _open(self, box: Box) -> None:
        if box.opened:
            return
        self._flush()
        found = self._client.ask(
            "import-open", user=box.user, mailbox=box.name, uidvalidity=box.uidvalidity
        )
        box.opened, box.kept = True, found["kept"]
        box.key = f"{found['id']}/{box.uidvalidity}"
        box.mark = self._marks.of(box.key)

    def _settle(self) -> None:
        box, uid = self._waiting.popleft()
        try:
            placed = self._client.result()
        except Refused as error:
            if not error.kind:
                raise
            # What could not be stored is tried again by the next run: the mark stays before it.
            self.failed += 1
            box.kept = False
            box.key = ""
            self._notes.append(f"{box.user}: {box.name}: message {uid}: {error}")
            return
        self._counts.messages += placed["new"]
        self._counts.known += not placed["new"]
        if placed["new"] and not placed["kept"]:
            self._counts.renumbered.add(f"{box.user}: {box.name}")
        if box.key:
            self._marks.put(box.key, uid)
        self._unsaved += 1
        if self._unsaved >= SAVED:
            self._save()

    def _flush(self) -> None:
        while self._waiting:
            self._settle()

    def _save(self) -> None:
        self._unsaved = 0
        self._marks.save()

    def _leave(self) -> None:
        """A mailbox is read to its end."""
        box = self._account.box if self._account is not None else None
        self._flush()
        if box is None or not box.uidnext:
            return
        self._open(box)
        if box.kept:
            self._client.ask(
                "import-close",
                user=box.user,
                mailbox=box.name,
                uidvalidity=box.uidvalidity,
                uidnext=box.uidnext,
            )

    def _finish(self) -> None:
        """An account is read to its end; now it can be logged in to."""
        self._leave()
        account, self._account = self._account, None
        if account is None:
            return
        self._save()
        if not account.password:
            return
        try:
            self._counts.passwords += self._client.ask(
                "import-password", user=account.address, hashed=account.password
            )
        except Refused as error:
            self._refused(account.address, error)

    # -- what is left

    def _aliases(self, archive: Opened) -> None:
        rest = b""
        for piece in archive.pieces():
            *lines, rest = (rest + piece).split(b"\n")
            if len(rest) > MOST_FACTS:
                raise Refused("an alias of the archive is too large")
            for line in lines:
                self._alias(line)

    def _alias(self, line: bytes) -> None:
        try:
            name = files.load(files.AddressFile, line, "an alias").address
        except Invalid as error:
            raise Refused(error.text) from None
        done = self._taken("import-alias", name, line, domain=self._checked.domain)
        if done is not None:
            self._counts.aliases += done["new"]

    def _taken(self, act: str, what: str, data: bytes, **arguments: str) -> Any:
        """One thing; None where it could not be taken in, which is noted."""
        try:
            done = self._client.ask(act, data, **arguments)
        except Refused as error:
            self._refused(what, error)
            return None
        self._note(what, done["notes"])
        return done

    def _refused(self, what: str, error: Refused) -> None:
        """What the server refuses is noted, and the rest goes on. Raises what is no refusal."""
        if not error.kind:
            raise error
        self._note(what, [str(error)])

    def _note(self, what: str, notes: list[str]) -> None:
        self._notes += [f"{what}: {note}" if what else note for note in notes]

    def told(self) -> None:
        """Says what was done, and what could not be."""
        self._save()
        counts = self._counts
        click.echo(
            f"{self._checked.domain}: imported {counts.messages} messages, {counts.known} were"
            f" there already; {counts.accounts} new accounts, {counts.there} were there;"
            f" {counts.passwords} passwords, {counts.aliases} aliases"
        )
        for name in sorted(counts.renumbered):
            click.echo(f"{name}: its messages have other UIDs here")
        for note in self._notes:
            click.echo(note, err=True)
