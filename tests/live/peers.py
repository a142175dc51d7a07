"""Mail servers that others wrote, as the far side of tests: each on an address of its own, port 25.

Loopback has sixteen million addresses, and mail knows no other port than 25: every peer has one
of a network that is drawn anew for each run, so that runs do not meet. Root alone can have it.
"""

from __future__ import annotations

import email.policy
import itertools
import json
import os
import secrets
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from email.message import EmailMessage
from email.parser import BytesParser
from pathlib import Path

import pytest

from bench import postfix
from tests.programs import program

NETWORK = f"127.{64 + secrets.randbelow(128)}.{secrets.randbelow(255)}"
_hosts = itertools.count(1)
ROOT = pytest.mark.skipif(os.getuid() != 0, reason="only root can have port 25")


def new_address() -> str:
    """An address that nobody has."""
    return f"{NETWORK}.{next(_hosts)}"


@contextmanager
def open_folder() -> Iterator[Path]:
    """A folder that servers under users of their own can reach; pytest's are closed to them."""
    folder = Path(tempfile.mkdtemp(prefix="mailhub-peer-"))
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


PATIENCE = 60.0
"""Seconds that what must come may take: a busy machine is slow, and what is there ends the wait."""


def until(true: Callable[[], object], seconds: float = PATIENCE, *, each: float = 0.02) -> bool:
    """Whether something becomes true in that time; it is looked at `each` so many seconds."""
    deadline = time.monotonic() + seconds
    while not true():
        if time.monotonic() > deadline:
            return False
        time.sleep(each)
    return True


def answers(address: str, port: int = 25) -> bool:
    """Whether somebody accepts connections there."""
    try:
        socket.create_connection((address, port), timeout=2).close()
    except OSError:
        return False
    return True


POSTFIX = """
inet_interfaces = 127.0.0.1
myhostname = mx.{domain}
mydestination =
mynetworks = 127.0.0.0/8
virtual_mailbox_domains = {domain}
virtual_mailbox_base = {folder}/mail
virtual_mailbox_maps = static:all/
virtual_uid_maps = static:{uid}
virtual_gid_maps = static:{gid}
virtual_minimum_uid = 1
virtual_transport = virtual
smtp_host_lookup = native
disable_dns_lookups = yes
smtpd_peername_lookup = no
smtp_address_preference = ipv4
smtputf8_enable = yes
smtpd_delay_reject = yes
minimal_backoff_time = 1s
maximal_backoff_time = 1s
queue_run_delay = 1s
"""


class Postfix:
    """A Postfix that takes mail for `domain`, whoever it is for, into one Maildir. `main`: more
    lines of main.cf; `more`: options of smtpd by other addresses where it listens."""

    def __init__(
        self, folder: Path, domain: str, main: str = "", more: Mapping[str, str] | None = None
    ) -> None:
        program("postfix")
        self.domain = domain
        self.address = new_address()
        self.folder = folder
        owner = postfix.Postfix(folder, {}, "").owner
        text = POSTFIX.format(
            folder=folder, address=self.address, domain=domain, uid=owner.pw_uid, gid=owner.pw_gid
        )
        doors = {self.address: "", **(more or {})}
        listeners = {f"{address}:25": options for address, options in doors.items()}
        self._postfix = postfix.Postfix(folder, listeners, text + main)
        self._taken: set[Path] = set()

    @property
    def zone(self) -> str:
        """Its domain, with it as the only MX."""
        return f"@ IN MX 10 mx\nmx IN A {self.address}\n"

    def start(self) -> None:
        self._postfix.make({})
        self._postfix.start()
        assert until(lambda: answers(self.address)), self.log()

    def stop(self) -> None:
        self._postfix.stop()

    def log(self) -> str:
        return (self.folder / "postfix.log").read_text()

    def received(self, seconds: float = PATIENCE) -> bytes:
        """The next message that came, as Postfix keeps it: LF at the ends of lines."""
        found: list[Path] = []

        def look() -> bool:
            folder = self.folder / "mail" / "all" / "new"
            if folder.is_dir():
                found[:] = sorted(set(folder.iterdir()) - self._taken)
            return bool(found)

        assert until(look, seconds), self.log()[-3000:]
        self._taken.add(found[0])
        return found[0].read_bytes()

    def count(self) -> int:
        """Messages that nobody took yet."""
        folder = self.folder / "mail" / "all" / "new"
        return len(set(folder.iterdir()) - self._taken) if folder.is_dir() else 0


class Transaction:
    """One message as smtp-sink wrote it down. `mail`, `rcpt`: arguments of the commands; `client`:
    address it came from; `message`: what came behind DATA, with LF."""

    def __init__(self, text: bytes) -> None:
        lines = text.split(b"\n")
        start = next(n for n, line in enumerate(lines) if line.startswith(b"Received: "))
        words = [line.decode("utf-8", "surrogateescape").partition(": ") for line in lines[:start]]
        self.mail = "".join(value for name, _, value in words if name == "X-Mail-Args")
        self.rcpt = [value for name, _, value in words if name == "X-Rcpt-Args"]
        self.client = "".join(value for name, _, value in words if name == "X-Client-Addr")
        self.message = b"\n".join(lines[start + 3 :])


class Sink:
    """smtp-sink, which takes what is sent to it, and misbehaves as its `options` say. It keeps
    each message with its envelope."""

    def __init__(self, folder: Path, *options: str, address: str = "", port: int = 25) -> None:
        self.address = address or new_address()
        self.port = port
        self.options = options
        self._folder = folder / f"sink-{self.address}-{secrets.token_hex(3)}"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def zone(self) -> str:
        return f"@ IN MX 10 mx\nmx IN A {self.address}\n"

    def start(self) -> Sink:
        self._folder.mkdir(exist_ok=True)
        words = [program("smtp-sink"), "-v", "-u", "root", "-d", f"{self._folder}/m."]
        self._process = subprocess.Popen(
            [*words, *self.options, f"inet:{self.address}:{self.port}", "100"],
            stdout=subprocess.DEVNULL,
            stderr=(self._folder / "talk").open("ab"),
        )
        assert until(lambda: answers(self.address, self.port))
        return self

    def stop(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait(10)

    def talk(self) -> str:
        """What was said, as it logs it."""
        return (self._folder / "talk").read_text(errors="replace")

    def heard(self, command: str) -> int:
        """How many commands began with this."""
        return self.talk().count(f"smtp-sink: {command}")

    def received(self) -> list[Transaction]:
        """What came, in order; complete messages alone."""
        files = sorted(self._folder.glob("m.*"), key=lambda path: path.stat().st_mtime_ns)
        return [Transaction(path.read_bytes()) for path in files if path.stat().st_size]


@contextmanager
def running(*peers: Postfix | Sink) -> Iterator[None]:
    """Starts them, and ends those that started."""
    started: list[Postfix | Sink] = []
    try:
        for peer in peers:
            started.append(peer)
            peer.start()
        yield
    finally:
        for peer in reversed(started):
            peer.stop()


def parsed(message: bytes) -> EmailMessage:
    """As the standard library reads it."""
    made = BytesParser(policy=email.policy.SMTP).parsebytes(message)
    assert isinstance(made, EmailMessage)
    return made


class Events:
    """The events of a server's log, read as it grows."""

    def __init__(self, log: Path) -> None:
        self._log = log
        self._read = 0
        self._events: list[Mapping[str, object]] = []

    def __call__(self) -> list[Mapping[str, object]]:
        """Every one until now."""
        with self._log.open("rb") as file:
            file.seek(self._read)
            whole, _, _ = file.read().rpartition(b"\n")
        if whole:
            self._read += len(whole) + 1
        self._events += [json.loads(one) for one in whole.split(b"\n") if one.startswith(b"{")]
        return self._events


def end(process: subprocess.Popen[bytes]) -> None:
    """SIGTERM to a process of ours, and waits for it."""
    process.terminate()
    process.wait(10)
