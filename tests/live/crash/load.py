"""Mixed load on one server until it dies: SMTP, LMTP, APPEND, STORE, COPY, MOVE, EXPUNGE.

One worker thread an account; what it sends and what is acknowledged goes into its ledger. Any
broken connection simply ends the worker: that is what the crash looks like from outside.
"""

from __future__ import annotations

import hashlib
import imaplib
import random
import re
import smtplib
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass

from tests.live.crash.ledger import Copy, Ledger, Place, Seen

MAILBOXES = ("INBOX", "Archive", "Sent", "Trash")
FLAGS = ("\\Seen", "\\Flagged", "\\Answered", "$Crash")
TIMEOUT = 20.0
CHOICES = ("smtp", "lmtp", "append", "append", "store", "store", "copy", "move", "move", "expunge")
CROWD = 60
"""Messages of an account past which only EXPUNGE is picked: every inspection reads them all."""
Change = Mapping[Place, Copy | None]


@dataclass(frozen=True)
class Target:
    """Where the server under test listens (loopback), and every account's password."""

    smtp: int
    lmtp: int
    imap: int
    password: str
    domain: str = "crash.test"


class LMTP(smtplib.LMTP):
    """smtplib's LMTP over TCP; its own constructor takes the port already."""


class Server(Exception):
    """The server refused an operation; the crash tests treat a clear refusal as not done."""


def message(identity: str, size: int) -> bytes:
    """A message that carries its id, with CRLF line ends and `size` bytes of text or more."""
    text = (identity.encode() + b" lorem ipsum dolor sit amet\r\n") * (size // 40 + 1)
    return (
        b"From: crash@example.org\r\nTo: crash@crash.test\r\nSubject: "
        + identity.encode()
        + b"\r\nX-Crash-Id: "
        + identity.encode()
        + b"\r\n\r\n"
        + text
    )


def body_digest(raw: bytes) -> str:
    """SHA-256 from our own first header on: the server puts trace fields above it."""
    start = raw.find(b"From: crash@example.org")
    return hashlib.sha256(raw[start:]).hexdigest()


class Worker(threading.Thread):
    """Works on one account with one IMAP connection until stopped or cut off."""

    def __init__(self, target: Target, ledger: Ledger, seed: int, stop: threading.Event) -> None:
        super().__init__(daemon=True)
        self._target = target
        self._ledger = ledger
        self._random = random.Random(seed)
        self._stop_event = stop
        self._count = 0
        self._seed = seed
        self.errors: list[str] = []

    def run(self) -> None:
        with suppress(OSError, imaplib.IMAP4.abort, smtplib.SMTPServerDisconnected, EOFError):
            try:
                imap = open_imap(self._target, self._ledger.account)
            except imaplib.IMAP4.error as error:  # the server may not know anybody just now
                self.errors.append(str(error))
                return
            imap.enable("CONDSTORE")
            while not self._stop_event.is_set():
                try:
                    self._one(imap)
                except (Server, smtplib.SMTPResponseException) as error:
                    self.errors.append(str(error))
                    time.sleep(0.05)
            imap.logout()

    def _one(self, imap: imaplib.IMAP4) -> None:
        crowded = len(self._ledger.state) > CROWD
        choice = "expunge" if crowded else self._random.choice(CHOICES)
        if choice in ("smtp", "lmtp", "append"):
            self._count += 1
            identity = f"{self._ledger.account}-{self._seed}-{self._count}"
            size = self._random.choice((200, 2_000, 10_000, 60_000))
            data = message(identity, size)
            getattr(self, "_" + choice)(imap, identity, data)
        else:
            mailbox = self._random.choice(MAILBOXES)
            there = [place for place in self._ledger.state if place[0] == mailbox]
            if there:
                most = 30 if crowded else 5
                picked = self._random.sample(there, min(len(there), self._random.randint(1, most)))
                self._change(imap, choice, mailbox, picked)

    def _smtp(self, imap: imaplib.IMAP4, identity: str, data: bytes) -> None:
        change = {("INBOX", identity): Copy(frozenset(), body_digest(data))}
        with smtplib.SMTP("127.0.0.1", self._target.smtp, timeout=TIMEOUT) as client:
            self._deliver(client, change, data)

    def _lmtp(self, imap: imaplib.IMAP4, identity: str, data: bytes) -> None:
        change = {("INBOX", identity): Copy(frozenset(), body_digest(data))}
        with LMTP("127.0.0.1", self._target.lmtp) as client:
            self._deliver(client, change, data)

    def _deliver(self, client: smtplib.SMTP, change: Change, data: bytes) -> None:
        recipient = f"{self._ledger.account}@{self._target.domain}"
        self._ledger.begin(change)
        try:
            client.sendmail("crash@example.org", [recipient], data)
        except (smtplib.SMTPResponseException, smtplib.SMTPRecipientsRefused) as error:
            self._ledger.refused(change)
            raise Server(str(error)) from error
        self._ledger.done(change)

    def _append(self, imap: imaplib.IMAP4, identity: str, data: bytes) -> None:
        mailbox = self._random.choice(MAILBOXES)
        flags = frozenset(self._random.sample(FLAGS, self._random.randint(0, 2)))
        change = {(mailbox, identity): Copy(flags, body_digest(data))}
        words = "(" + " ".join(sorted(flags)) + ")"
        self._send(change, lambda: imap.append(mailbox, words, None, data))  # type: ignore[arg-type]

    def _change(self, imap: imaplib.IMAP4, choice: str, mailbox: str, picked: list[Place]) -> None:
        status, answer = imap.select(mailbox)
        if status != "OK":
            raise Server(f"SELECT {mailbox}: {answer}")
        uids = numbers_of(imap, {identity for _, identity in picked})
        if len(uids) != len(picked):
            self.errors.append(f"{mailbox}: {len(picked)} wanted, {len(uids)} found")
            return
        numbers = ",".join(map(str, uids))
        state = self._ledger.state
        if choice == "store":
            flag = self._random.choice(FLAGS)
            sign = self._random.choice("+-")
            change: Change = {place: _flagged(state[place], sign, flag) for place in picked}
            self._send(change, lambda: imap.uid("STORE", numbers, f"{sign}FLAGS", f"({flag})"))
        elif choice == "expunge":
            self._expunge(imap, numbers, picked)
        else:
            self._transfer(imap, choice, mailbox, numbers, picked)

    def _expunge(self, imap: imaplib.IMAP4, numbers: str, picked: list[Place]) -> None:
        state = self._ledger.state
        marked = {place: _flagged(state[place], "+", "\\Deleted") for place in picked}
        self._send(marked, lambda: imap.uid("STORE", numbers, "+FLAGS", "(\\Deleted)"))
        self._send(dict.fromkeys(picked), lambda: imap.uid("EXPUNGE", numbers))

    def _transfer(
        self, imap: imaplib.IMAP4, verb: str, mailbox: str, numbers: str, picked: list[Place]
    ) -> None:
        state = self._ledger.state
        free = [
            other
            for other in MAILBOXES
            if other != mailbox and not any((other, identity) in state for _, identity in picked)
        ]
        if not free:
            return
        target = self._random.choice(free)
        change: dict[Place, Copy | None] = {
            (target, identity): state[(mailbox, identity)] for _, identity in picked
        }
        if verb == "move":
            change |= dict.fromkeys(picked)
        self._send(change, lambda: imap.uid(verb.upper(), numbers, target))

    def _send(self, change: Change, operation) -> None:  # type: ignore[no-untyped-def]
        self._ledger.begin(change)
        try:
            status, data = operation()
        except imaplib.IMAP4.abort:
            raise
        except imaplib.IMAP4.error as error:
            self._ledger.refused(change)
            raise Server(str(error)) from error
        if status != "OK":
            self._ledger.refused(change)
            raise Server(f"{status} {data}")
        self._ledger.done(change)


def _flagged(copy: Copy, sign: str, flag: str) -> Copy:
    flags = copy.flags | {flag} if sign == "+" else copy.flags - {flag}
    return Copy(flags, copy.digest)


def open_imap(target: Target, account: str) -> imaplib.IMAP4:
    """A logged-in imaplib connection."""
    imap = imaplib.IMAP4("127.0.0.1", target.imap, timeout=TIMEOUT)
    imap.login(f"{account}@{target.domain}", target.password)
    return imap


def numbers_of(imap: imaplib.IMAP4, identities: set[str]) -> list[int]:
    """UIDs of these messages in the selected mailbox."""
    return [uid for uid, identity in identities_in(imap).items() if identity in identities]


def identities_in(imap: imaplib.IMAP4) -> dict[int, str]:
    """UID → message id of everything in the selected mailbox."""
    _, rows = imap.uid("FETCH", "1:*", "(UID BODY.PEEK[HEADER.FIELDS (X-CRASH-ID)])")
    found = {}
    for row in rows:
        if isinstance(row, tuple):
            uid = re.search(rb"UID (\d+)", row[0])
            identity = row[1].partition(b":")[2].strip().decode()
            if uid is not None and identity:
                found[int(uid[1])] = identity
    return found


def inspect(target: Target, ledger: Ledger) -> list[str]:
    """Reads the whole account back over IMAP and returns every violation in words."""
    imap = open_imap(target, ledger.account)
    imap.enable("CONDSTORE")
    found: dict[Place, Copy] = {}
    repeated: list[Place] = []
    problems: list[str] = []
    for mailbox in listed(imap):
        status, data = imap.select(mailbox, readonly=True)
        if status != "OK":
            problems.append(f"{ledger.account}: {mailbox} cannot be selected: {data}")
            continue
        codes = {key: int(imap.response(key)[1][0]) for key in ("UIDVALIDITY", "UIDNEXT")}
        highest = imap.response("HIGHESTMODSEQ")[1][0]
        uids: dict[int, str] = {}
        for uid, flags, raw in everything(imap):
            identity = _identity(raw)
            place = (mailbox, identity)
            if place in found:
                repeated.append(place)
            found[place] = Copy(flags, body_digest(raw))
            uids[uid] = identity
        seen = Seen(codes["UIDVALIDITY"], codes["UIDNEXT"], int(highest), uids)
        problems += ledger.observe(mailbox, seen)
    imap.logout()
    return problems + ledger.settle(found, repeated)


def listed(imap: imaplib.IMAP4) -> list[str]:
    """The names of all mailboxes; the tests use none that would need quoting."""
    _, rows = imap.list()
    return [row.decode().rpartition(" ")[2].strip('"') for row in rows if isinstance(row, bytes)]


def _identity(raw: bytes) -> str:
    match = re.search(rb"^X-Crash-Id: (\S+)", raw, re.M)
    return match[1].decode() if match else "?"


def everything(imap: imaplib.IMAP4) -> list[tuple[int, frozenset[str], bytes]]:
    """(uid, flags without \\Recent, bytes) of the selected mailbox."""
    _, rows = imap.uid("FETCH", "1:*", "(UID FLAGS BODY.PEEK[])")
    found = []
    for row in rows:
        if not isinstance(row, tuple):
            continue
        uid = re.search(rb"UID (\d+)", row[0])
        flags = re.search(rb"FLAGS \(([^)]*)\)", row[0])
        if uid is None or flags is None:
            raise AssertionError(f"FETCH answered {row[0]!r}")
        names = frozenset(flags[1].decode().split()) - {"\\Recent"}
        found.append((int(uid[1]), names, row[1]))
    return found
