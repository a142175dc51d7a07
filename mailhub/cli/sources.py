"""Where imported mail comes from: mbox files, Maildir trees, remote IMAP accounts.

A source yields messages in a fixed order, so that a second run sees the same; what was stored
already is known to the server, not here.
"""

from __future__ import annotations

import calendar
import imaplib
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from email.utils import mktime_tz, parsedate_tz
from pathlib import Path
from typing import BinaryIO

from mailhub.cli.client import Refused
from mailhub.model.errors import Invalid
from mailhub.wire import maildir as wire
from mailhub.wire import utf7

_LF = re.compile(rb"(?<!\r)\n")
_FROM = re.compile(rb">+From ")
_FROM_LINE = re.compile(rb"From \S.* \d\d:\d\d(:\d\d)?( [A-Z]{1,5}| [+-]\d{4})* \d{4}")
_STATUS = re.compile(rb"(?im)^(Status|X-Status|X-Keywords):[ \t]*([^\r\n]*)\r\n")
_STATUS_FLAGS = {"R": "\\Seen", "A": "\\Answered", "F": "\\Flagged", "D": "\\Deleted"}
FETCHED = 4 << 20
"""Bytes asked of a remote server at once."""


@dataclass(frozen=True, slots=True)
class Mail:
    """One message. `date`: INTERNALDATE in epoch seconds, or None. `place`: where a later run
    goes on after it, empty where it has to begin anew."""

    mailbox: str
    data: bytes
    flags: tuple[str, ...] = ()
    date: int | None = None
    place: tuple[int, int] | None = None


def crlf(data: bytes) -> bytes:
    """Lines as they are on the wire."""
    return _LF.sub(b"\r\n", data)


# -- mbox


def mbox(file: BinaryIO, mailbox: str) -> Iterator[Mail]:
    """The messages of an mbox file; `>From ` is unquoted as mboxrd has it.

    A message begins at a `From ` line with a date, after an empty line or at the start.
    """
    lines: list[bytes] = []
    envelope = b""
    empty = True
    for line in file:
        if empty and _FROM_LINE.match(line):
            if envelope:
                yield _from_mbox(envelope, lines, mailbox)
            elif any(part.strip() for part in lines):
                raise Refused("this is no mbox file: it does not begin with a From line")
            envelope, lines = line, []
        else:
            lines.append(line[1:] if _FROM.match(line) else line)
        empty = line in (b"\n", b"\r\n")
    if envelope:
        yield _from_mbox(envelope, lines, mailbox)
    elif any(part.strip() for part in lines):
        raise Refused("this is no mbox file: it does not begin with a From line")


def _from_mbox(envelope: bytes, lines: list[bytes], mailbox: str) -> Mail:
    if lines and lines[-1] in (b"\n", b"\r\n"):
        lines = lines[:-1]  # the empty line that separates messages
    data = crlf(b"".join(lines))
    end = data.find(b"\r\n\r\n")
    header, body = (data, b"") if end < 0 else (data[: end + 2], data[end + 2 :])
    flags: list[str] = []
    for name, value in _STATUS.findall(header):
        text = value.decode("ascii", "replace")
        if name.lower() == b"x-keywords":
            flags += text.split()
        else:
            flags += [_STATUS_FLAGS[one] for one in text if one in _STATUS_FLAGS]
            flags += ["\\Draft"] if "T" in text else []
    header = _STATUS.sub(b"", header)
    return Mail(mailbox, header + body, tuple(dict.fromkeys(flags)), _mbox_date(envelope))


def _mbox_date(envelope: bytes) -> int | None:
    words = envelope.decode("ascii", "replace").split()[2:]
    text = " ".join(words)
    try:
        return calendar.timegm(time.strptime(text, "%a %b %d %H:%M:%S %Y"))
    except ValueError:
        parsed = parsedate_tz(text)
        return int(mktime_tz(parsed)) if parsed else None


# -- Maildir


@dataclass(frozen=True, slots=True)
class Folder:
    """A Maildir and the mailbox that it is."""

    mailbox: str
    path: Path
    keywords: dict[str, str] = field(default_factory=dict)


def maildir_folders(root: Path) -> list[Folder]:
    """Every mailbox of a tree: Maildir++ (`.Sent.2024`) or nested folders, `root` is INBOX."""
    if not any((root / part).is_dir() for part in ("cur", "new")):
        found = []
    else:
        found = [Folder("INBOX", root, _keywords(root))]
    for path in sorted(path.parent for path in root.rglob("cur") if path.is_dir()):
        if path == root:
            continue
        name = "/".join(_levels(path.relative_to(root)))
        if name:
            found.append(Folder(name, path, _keywords(path)))
    if not found:
        raise Refused(f"{root} is no Maildir: there is no cur below it")
    return found


def _levels(relative: Path) -> list[str]:
    levels: list[str] = []
    for part in relative.parts:
        if part.startswith("."):
            levels += [_decoded(level) for level in part[1:].split(".") if level]
        else:
            levels.append(part)
    return levels


def _decoded(level: str) -> str:
    """One level of a Maildir++ name; what is no modified UTF-7 stands for itself."""
    try:
        return utf7.decode(level.replace("&AC4-", ".").encode("ascii"))
    except (Invalid, UnicodeEncodeError):
        return level


def _keywords(path: Path) -> dict[str, str]:
    """Dovecot's letters for keywords."""
    try:
        lines = (path / "dovecot-keywords").read_text(errors="replace").splitlines()
    except OSError:
        return {}
    pairs = [line.split(" ", 1) for line in lines if " " in line]
    return {chr(ord("a") + int(n)): name for n, name in pairs if n.isdecimal() and int(n) < 26}


def maildir(folder: Folder) -> Iterator[Mail]:
    """The messages of one Maildir, oldest file first."""
    files = []
    for part in ("cur", "new"):
        if (folder.path / part).is_dir():
            files += [path for path in (folder.path / part).iterdir() if path.is_file()]
    for path in sorted(files, key=lambda path: (path.name.split(":")[0], path.name)):
        letters = path.name.partition(":2,")[2] or path.name.partition(";2,")[2]
        flags = [wire.FLAGS.get(one) or folder.keywords.get(one, "") for one in letters]
        try:
            data, facts = path.read_bytes(), path.stat()
        except FileNotFoundError:
            continue  # another program moved it meanwhile
        yield Mail(folder.mailbox, crlf(data), tuple(filter(None, flags)), int(facts.st_mtime))


# -- remote IMAP

_LIST = re.compile(rb'\((?P<flags>[^)]*)\) (?:"(?P<sep>(?:\\.|[^"]))"|NIL) (?P<name>.+)', re.DOTALL)
_UID = re.compile(rb"UID (\d+)")
_FLAGS = re.compile(rb"FLAGS \(([^)]*)\)")
_DATE = re.compile(rb'INTERNALDATE "([^"]+)"')
_SIZE = re.compile(rb"UID (\d+).*?RFC822\.SIZE (\d+)|RFC822\.SIZE (\d+).*?UID (\d+)")


@dataclass(frozen=True, slots=True)
class RemoteBox:
    """A mailbox of a remote account: its name there, as sent, and here."""

    raw: bytes
    mailbox: str


def remote_boxes(connection: imaplib.IMAP4) -> list[RemoteBox]:
    """Every mailbox that can be selected. Raises Refused."""
    kind, lines = connection.list()
    if kind != "OK":
        raise Refused("the remote server does not list its mailboxes")
    boxes = []
    for line in lines:
        text = line[0] + b" " + line[1] if isinstance(line, tuple) else line
        if isinstance(line, tuple):
            text = line[0].rsplit(b"{", 1)[0] + _quoted(line[1])
        match = _LIST.match(text) if text else None
        if match is None or b"\\noselect" in match["flags"].lower():
            continue
        raw = _unquoted(match["name"].strip())
        try:
            name = utf7.decode(raw)
        except Invalid:
            name = raw.decode("utf-8", "replace")
        separator = (match["sep"] or b"/")[-1:].decode("latin-1")
        levels = [level.replace("/", "_") for level in name.split(separator)]
        boxes.append(RemoteBox(raw, "/".join(levels)))
    return boxes


def _quoted(name: bytes) -> bytes:
    return b'"' + name.replace(b"\\", b"\\\\").replace(b'"', b'\\"') + b'"'


def _unquoted(name: bytes) -> bytes:
    if name[:1] == b'"':
        return re.sub(rb"\\(.)", rb"\1", name[1:-1])
    return name


def remote(
    connection: imaplib.IMAP4, box: RemoteBox, after: tuple[int, int] | None
) -> Iterator[Mail]:
    """The messages of one mailbox by UID. `after`: (UIDVALIDITY, UID) a former run came to."""
    kind, _ = connection.select(_quoted(box.raw).decode("latin-1"), readonly=True)
    if kind != "OK":
        return
    _, found = connection.response("UIDVALIDITY")
    validity = int(found[0]) if found and found[0] else 0
    first = after[1] + 1 if after is not None and after[0] == validity else 1
    for uids in _runs(connection, first):
        kind, parts = connection.uid(
            "FETCH", ",".join(map(str, uids)), "(UID FLAGS INTERNALDATE BODY.PEEK[])"
        )
        if kind != "OK":
            raise Refused(f"the remote server does not give the messages of {box.mailbox}")
        yield from _mails(parts, box.mailbox, validity)


def _mails(parts: list[bytes | tuple[bytes, bytes]], mailbox: str, validity: int) -> Iterator[Mail]:
    """imaplib gives (text, literal) pairs, with what follows the literal in the next item."""
    mails = []
    for number, part in enumerate(parts):
        if not isinstance(part, tuple):
            continue
        after = parts[number + 1] if number + 1 < len(parts) else b""
        text = part[0] + (after if isinstance(after, bytes) else b"")
        uid, flags, date = _UID.search(text), _FLAGS.search(text), _DATE.search(text)
        if uid is None:
            continue
        parsed = parsedate_tz(date[1].decode("ascii", "replace")) if date else None
        words = flags[1].decode("utf-8", "replace").split() if flags else []
        mails.append(
            Mail(
                mailbox,
                part[1],
                tuple(words),
                int(mktime_tz(parsed)) if parsed else None,
                (validity, int(uid[1])),
            )
        )
    yield from sorted(mails, key=lambda mail: mail.place or (0, 0))


def _runs(connection: imaplib.IMAP4, first: int) -> Iterator[list[int]]:
    """UIDs from `first` on, in runs of at most FETCHED bytes."""
    kind, lines = connection.uid("FETCH", f"{first}:*", "(UID RFC822.SIZE)")
    if kind != "OK":
        return
    sizes: dict[int, int] = {}
    for line in lines:
        match = _SIZE.search(line) if isinstance(line, bytes) else None
        if match:
            sizes[int(match[1] or match[4])] = int(match[2] or match[3])
    run: list[int] = []
    total = 0
    for uid in sorted(uid for uid in sizes if uid >= first):
        if run and total + sizes[uid] > FETCHED:
            yield run
            run, total = [], 0
        run.append(uid)
        total += sizes[uid]
    if run:
        yield run
