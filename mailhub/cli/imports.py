"""`mailhub import`: mail from elsewhere, safely run again after it was cut off.

Each message travels with its digest and its number among equal ones; the store takes each such
message once, so no list of what was done is needed to avoid doubles. For a remote account the
last UIDs are noted too, so that a second run does not fetch everything again.
"""

from __future__ import annotations

import hashlib
import imaplib
import json
import os
import ssl
import sys
from collections import Counter, deque
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import click

from mailhub.cli import sources
from mailhub.cli.access import Access, Refused
from mailhub.cli.domain_import import domain
from mailhub.cli.preset import Preset
from mailhub.cli.progress import Progress, progress
from mailhub.cli.sources import Mail

WINDOW = 64
"""Messages under way before an answer is read."""
WINDOW_BYTES = 8 << 20


class Sender:
    """Sends messages and reads the answers some messages later, in order."""

    def __init__(self, access: Access, user: str, shown: Progress) -> None:
        self._client = access.client
        self._user = user
        self._shown = shown
        self._seen: Counter[tuple[str, bytes]] = Counter()
        self._waiting: deque[tuple[Mail, int]] = deque()
        self._size = 0
        self.done: list[Mail] = []

    def remember(self, mailbox: str, digest: bytes) -> None:
        """A message of an earlier run, so that equal ones after it are counted on."""
        self._seen[mailbox, digest] += 1

    def send(self, mail: Mail) -> str:
        """Hands a message over; returns its digest. Raises Refused."""
        digest = hashlib.sha256(mail.data)
        key = mail.mailbox, digest.digest()[:16]
        self._client.send(
            "take",
            mail.data,
            user=self._user,
            mailbox=mail.mailbox,
            flags=[flag for flag in mail.flags if flag.lower() != "\\recent"],
            date=mail.date,
            digest=digest.hexdigest(),
            occurrence=self._seen[key],
        )
        self._seen[key] += 1
        self._waiting.append((mail, len(mail.data)))
        self._size += len(mail.data)
        while len(self._waiting) > WINDOW or (self._waiting and self._size > WINDOW_BYTES):
            self._settle()
        return digest.hexdigest()

    def flush(self) -> None:
        """Reads every answer that is due. Raises Refused."""
        while self._waiting:
            self._settle()

    def _settle(self) -> None:
        mail, size = self._waiting.popleft()
        self._size -= size
        try:
            answer = self._client.result()
        except Refused as error:
            raise Refused(f"{mail.mailbox}: {error}", error.kind) from None
        self._shown.count(bool(answer["new"]))
        self.done.append(mail)


@click.group(name="import", cls=Preset)
def import_() -> None:
    """Bring in an exported domain, or mail from an mbox file, a Maildir or an IMAP account.

    `mailhub import FILE` is `mailhub import domain FILE`.
    """


import_.add_command(domain)


def _send_all(sender: Sender, mails: Iterable[Mail]) -> None:
    for mail in mails:
        if mail.data:
            sender.send(mail)
            sender.done.clear()


@import_.command()
@click.argument("user")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--mailbox", default="INBOX", show_default=True, help="Where it goes.")
@click.pass_obj
def mbox(access: Access, user: str, file: Path, mailbox: str) -> None:
    """Import FILE, in mbox format, into a mailbox of USER."""
    with file.open("rb") as stream, progress("imported") as shown:
        shown.step_into(mailbox, None)
        sender = Sender(access, user, shown)
        _send_all(sender, sources.mbox(stream, mailbox))
        sender.flush()


@import_.command()
@click.argument("user")
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.pass_obj
def maildir(access: Access, user: str, folder: Path) -> None:
    """Import FOLDER, a Maildir with all its subfolders, into the mailboxes of USER."""
    folders = sources.maildir_folders(folder)
    with progress("imported") as shown:
        sender = Sender(access, user, shown)
        for one in folders:
            total = sum(len(os.listdir(path)) for path in one.path.glob("[cn][ue][rw]"))
            shown.step_into(one.mailbox, total)
            _send_all(sender, sources.maildir(one))
            sender.flush()


@import_.command()
@click.argument("user")
@click.argument("host")
@click.option("--remote-user", required=True, help="The login name there.")
@click.option("--password-stdin", is_flag=True, help="Read the password there from a line.")
@click.option("--port", type=int, help="[default: 993, or 143 without implicit TLS]")
@click.option(
    "--tls",
    type=click.Choice(["implicit", "starttls", "none"]),
    default="implicit",
    show_default=True,
)
@click.option("--ca", type=click.Path(exists=True, dir_okay=False), help="Trust this PEM file.")
@click.option("--no-verify", is_flag=True, help="Do not check the certificate there.")
@click.option("--only", multiple=True, help="Only this mailbox; may be given again.")
@click.pass_obj
def imap(access: Access, /, user: str, host: str, **options: Any) -> None:
    """Import every mailbox of an account on the IMAP server HOST into those of USER."""
    if options["password_stdin"]:
        password = sys.stdin.readline().rstrip("\r\n")
    else:
        password = click.prompt("Password there", hide_input=True)
    connection = _log_in(host, password, options)
    source = f"{user}\0{host}\0{options['remote_user']}"
    with progress("imported") as shown:
        sender = Sender(access, user, shown)
        for box in sources.remote_boxes(connection):
            if options["only"] and box.mailbox not in options["only"]:
                continue
            note = Note(access.data, f"{source}\0{box.mailbox}")
            note.replay(sender, box.mailbox)
            shown.step_into(box.mailbox, None)
            for mail in sources.remote(connection, box, note.place):
                digest = sender.send(mail)
                note.add(mail, digest)
                note.settled(sender)
            sender.flush()
            note.settled(sender)
            note.close()
    connection.logout()


def _log_in(host: str, password: str, options: dict[str, Any]) -> imaplib.IMAP4:
    tls = options["tls"]
    port = options["port"] or (993 if tls == "implicit" else 143)
    context = ssl.create_default_context(cafile=options["ca"])
    if options["no_verify"]:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    imaplib._MAXLINE = 64 << 20  # type: ignore[attr-defined]  # long UID lists are lines there
    try:
        if tls == "implicit":
            connection: imaplib.IMAP4 = imaplib.IMAP4_SSL(
                host, port, ssl_context=context, timeout=60
            )
        else:
            connection = imaplib.IMAP4(host, port, timeout=60)
            if tls == "starttls":
                connection.starttls(context)
        connection.login(options["remote_user"], password)
    except (OSError, imaplib.IMAP4.error) as error:
        raise Refused(f"{host}: {error}") from None
    return connection


class Note:
    """How far a remote mailbox was imported: a line a message, written when it was stored."""

    def __init__(self, data: Path, source: str) -> None:
        folder = data / "import"
        folder.mkdir(mode=0o700, exist_ok=True)
        self._path = folder / hashlib.sha256(source.encode()).hexdigest()[:32]
        self._lines = self._read()
        self._digests: dict[tuple[int, int], str] = {}
        self._file = self._path.open("a")

    def _read(self) -> list[tuple[int, int, str]]:
        try:
            text = self._path.read_text()
        except OSError:
            return []
        lines = []
        for line in text.splitlines(keepends=True):
            if not line.endswith("\n"):
                break  # cut off while it was written
            validity, uid, digest = json.loads(line)
            lines.append((validity, uid, digest))
        return lines

    @property
    def place(self) -> tuple[int, int] | None:
        """(UIDVALIDITY, UID) of the last message stored."""
        return self._lines[-1][:2] if self._lines else None

    def replay(self, sender: Sender, mailbox: str) -> None:
        """Tells the sender of the messages of earlier runs under the same UIDVALIDITY."""
        for validity, _, digest in self._lines:
            if validity == self._lines[-1][0]:
                sender.remember(mailbox, bytes.fromhex(digest)[:16])

    def add(self, mail: Mail, digest: str) -> None:
        """A message was handed over."""
        if mail.place is not None:
            self._digests[mail.place] = digest

    def settled(self, sender: Sender) -> None:
        """Writes down what the server has stored meanwhile."""
        for mail in sender.done:
            if mail.place is not None:
                digest = self._digests.pop(mail.place)
                self._file.write(json.dumps([*mail.place, digest]) + "\n")
        if sender.done:
            sender.done.clear()
            self._file.flush()

    def close(self) -> None:
        """Ends it."""
        self._file.close()
