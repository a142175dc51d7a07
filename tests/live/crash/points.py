"""Every write, sync, rename and unlink of an operation, made to kill the server or to fail.

strace attaches to the running server and injects at the N-th such call, for N = 1, 2, … until the
operation ends without meeting one. After each: the answer, a restart, the oracle, `verify`.
`python -m tests.live.crash.points` enumerates all of them; exit status 1 on any violation.
"""

from __future__ import annotations

import argparse
import imaplib
import shutil
import smtplib
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from tests.live.crash.ledger import Copy, Ledger, Place
from tests.live.crash.load import (
    Change,
    Target,
    body_digest,
    inspect,
    message,
    numbers_of,
    open_imap,
)
from tests.live.server import Server

CALLS = {
    "sync": "fsync,fdatasync,sync_file_range",
    "write": "pwrite64,pwritev,pwritev2,writev",
    "name": "rename,renameat,renameat2,unlink,unlinkat,ftruncate",
}
EFFECTS = {"kill": "signal=SIGKILL", "EIO": "error=EIO", "ENOSPC": "error=ENOSPC"}
ACCOUNT, DOMAIN, PASSWORD = "p0", "crash.test", "crash-Passw0rd-1"
CUT_OFF = (OSError, EOFError, imaplib.IMAP4.abort, smtplib.SMTPServerDisconnected)
"""What a client sees when the server dies."""
MOST = 60
"""Points of one kind in one operation past which the enumeration gives up, loudly."""


@dataclass(frozen=True)
class Point:
    """The `number`-th call of a kind during an operation, and what becomes of it."""

    operation: str
    kind: str
    number: int
    effect: str

    def __str__(self) -> str:
        return f"{self.operation}: {self.effect} at {self.kind} {self.number}"


class Case:
    """One operation against a fresh copy of the prepared store."""

    def __init__(self, template: Path, folder: Path) -> None:
        shutil.copytree(template, folder)
        self.server = Server(folder)
        self.ledger = Ledger(ACCOUNT)

    def target(self) -> Target:
        server = self.server
        return Target(
            server.port("smtp"), server.port("lmtp"), server.port("imap"), PASSWORD, DOMAIN
        )

    def attempt(self, change: Change, operation: Callable[[], bool]) -> bool:
        """`operation` returns whether the server acknowledged; what it raises leaves doubt. So
        does a refusal here: after a failed sync the server cannot know."""
        self.ledger.begin(change)
        with suppress(*CUT_OFF):
            if operation():
                self.ledger.done(change)
                return True
        return False


def prepare(folder: Path) -> None:
    """A store with a few messages in INBOX and in Archive."""
    server = Server(folder)
    server.start()
    try:
        server.add_domain(DOMAIN)
        server.add_user(f"{ACCOUNT}@{DOMAIN}", PASSWORD)
        target = Target(server.port("smtp"), 0, server.port("imap"), PASSWORD, DOMAIN)
        imap = open_imap(target, ACCOUNT)
        imap.create("Extra")
        for mailbox in ("INBOX", "Archive", "Extra"):
            for number in range(4):
                imap.append(mailbox, "", None, message(f"{mailbox}-{number}", 2000))  # type: ignore[arg-type]
        imap.logout()
    finally:
        server.stop()


def ok(answer: tuple[str, object]) -> bool:
    return answer[0] == "OK"


def deliver(case: Case, client: Callable[[], smtplib.SMTP]) -> None:
    data = message("new-1", 5000)
    change = {("INBOX", "new-1"): Copy(frozenset(), body_digest(data))}

    def send() -> bool:
        with client() as session:
            try:
                session.sendmail("crash@example.org", [f"{ACCOUNT}@{DOMAIN}"], data)
            except (smtplib.SMTPResponseException, smtplib.SMTPRecipientsRefused):
                return False
        return True

    case.attempt(change, send)


def accept(case: Case) -> None:
    deliver(case, lambda: smtplib.SMTP("127.0.0.1", case.target().smtp, timeout=10))


def lmtp(case: Case) -> None:
    deliver(case, lambda: smtplib.LMTP("127.0.0.1", case.target().lmtp))


def append(case: Case) -> None:
    data = message("new-1", 5000)
    change = {("Archive", "new-1"): Copy(frozenset({"\\Seen"}), body_digest(data))}
    with imap_of(case) as imap:
        case.attempt(change, lambda: ok(imap.append("Archive", "(\\Seen)", None, data)))  # type: ignore[arg-type]


def transfer(case: Case, verb: str) -> None:
    with inbox_of(case) as imap:
        places: list[Place] = [("INBOX", "INBOX-1"), ("INBOX", "INBOX-2")]
        uids = ",".join(map(str, numbers_of(imap, {name for _, name in places})))
        change: dict[Place, Copy | None] = {
            ("Archive", place[1]): case.ledger.state[place] for place in places
        }
        if verb == "MOVE":
            change |= dict.fromkeys(places)
        case.attempt(change, lambda: ok(imap.uid(verb, uids, "Archive")))


def copy(case: Case) -> None:
    transfer(case, "COPY")


def move(case: Case) -> None:
    transfer(case, "MOVE")


def store(case: Case) -> None:
    with inbox_of(case) as imap:
        change = {
            place: Copy(one.flags | {"\\Flagged", "$New"}, one.digest)
            for place, one in case.ledger.state.items()
            if place[0] == "INBOX"
        }
        case.attempt(change, lambda: ok(imap.uid("STORE", "1:*", "+FLAGS", "(\\Flagged $New)")))


def expunge(case: Case) -> None:
    with inbox_of(case) as imap:
        place = ("INBOX", "INBOX-3")
        uid = str(numbers_of(imap, {"INBOX-3"})[0])
        before = case.ledger.state[place]
        marked = {place: Copy(before.flags | {"\\Deleted"}, before.digest)}
        if case.attempt(marked, lambda: ok(imap.uid("STORE", uid, "+FLAGS", "(\\Deleted)"))):
            case.attempt({place: None}, lambda: ok(imap.uid("EXPUNGE", uid)))


def rename(case: Case) -> None:
    change = gone_from_extra(case) | {
        ("Other", identity): one
        for (mailbox, identity), one in case.ledger.state.items()
        if mailbox == "Extra"
    }
    with imap_of(case) as imap:
        case.attempt(change, lambda: ok(imap.rename("Extra", "Other")))


def delete(case: Case) -> None:
    with imap_of(case) as imap:
        case.attempt(gone_from_extra(case), lambda: ok(imap.delete("Extra")))


def gone_from_extra(case: Case) -> dict[Place, Copy | None]:
    return dict.fromkeys(place for place in case.ledger.state if place[0] == "Extra")


OPERATIONS: dict[str, Callable[[Case], None]] = {
    "accept": accept,
    "lmtp": lmtp,
    "append": append,
    "copy": copy,
    "move": move,
    "store": store,
    "expunge": expunge,
    "rename": rename,
    "delete": delete,
}


@contextmanager
def imap_of(case: Case) -> Iterator[imaplib.IMAP4]:
    imap = open_imap(case.target(), ACCOUNT)
    try:
        yield imap
    finally:
        with suppress(OSError, imaplib.IMAP4.abort):
            imap.shutdown()


@contextmanager
def inbox_of(case: Case) -> Iterator[imaplib.IMAP4]:
    """INBOX selected: a disk that fails keeps nobody from reading."""
    with imap_of(case) as imap:
        answer = imap.select("INBOX")
        if not ok(answer):
            raise AssertionError(f"{answer}; log: {case.server.log.read_text()[-3000:]}")
        yield imap


@contextmanager
def injected(pid: int, point: Point, out: Path) -> Iterator[None]:
    """strace on every thread of `pid` while the block runs."""
    calls = CALLS[point.kind]
    rule = f"inject={calls}:{EFFECTS[point.effect]}:when={point.number}"
    tracer = subprocess.Popen(
        ["/usr/bin/strace", "-f", "-p", str(pid), "-o", out, "-e", f"trace={calls}", "-e", rule],
        stderr=subprocess.PIPE,
    )
    try:
        if tracer.stderr is None or b"attached" not in tracer.stderr.readline():
            raise AssertionError("strace could not attach")
        yield
    finally:
        tracer.terminate()
        tracer.wait(10)


def run_point(point: Point, template: Path, folder: Path) -> tuple[bool, list[str]]:
    """Whether the point was met, and every violation."""
    case = Case(template, folder)
    out = folder / "strace.out"
    try:
        case.server.start()
        inspect(case.target(), case.ledger)
        with injected(case.server.pid, point, out):
            with suppress(*CUT_OFF):
                OPERATIONS[point.operation](case)
            met = case.server.ended_within(0.1)
        met = met or "INJECTED" in out.read_text()
        case.server.kill()
        case.server.start()
        problems = inspect(case.target(), case.ledger)
        case.server.stop()
        finding = case.server.verify()
        if finding:
            problems.append(finding)
    finally:
        case.server.kill()
        shutil.rmtree(folder, ignore_errors=True)
    return met, [f"{point}: {problem}" for problem in problems]


def enumerate_points(
    operations: list[str], effects: list[str], folder: Path, numbers: range | None = None
) -> tuple[int, list[str]]:
    """How many points were met, and every violation. `numbers` None: until none is met."""
    template = folder / "template"
    prepare(template)
    met_points, problems = 0, []
    for operation in operations:
        for kind in CALLS:
            for effect in effects:
                for number in numbers or range(1, MOST + 1):
                    point = Point(operation, kind, number, effect)
                    met, found = run_point(point, template, folder / "case")
                    problems += found
                    if not met:
                        break
                    met_points += 1
                    print(f"{point}: {found or 'ok'}", flush=True)
                else:
                    if numbers is None:
                        problems.append(f"{operation}: more than {MOST} points of {kind}")
    return met_points, problems


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("operations", nargs="*", default=list(OPERATIONS))
    parser.add_argument("--effect", action="append", choices=list(EFFECTS))
    options = parser.parse_args()
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="mailhub-points-") as folder:
        count, problems = enumerate_points(
            options.operations, options.effect or list(EFFECTS), Path(folder)
        )
    for problem in problems:
        print(problem)
    taken = time.monotonic() - started
    print(f"{count} points in {taken:.0f} s, {len(problems)} violations")
    return int(bool(problems))


if __name__ == "__main__":
    sys.exit(main())
