"""A whole server over Redis, with accounts of what was accepted and what left."""

from __future__ import annotations

import imaplib
import itertools
import json
import smtplib
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.live.pace import Watch
from tests.live.server import PLAIN, Server
from tests.live.tally import Tally

HOME = "home.test"
USER = f"ada@{HOME}"
PASSWORD = "Live-Passw0rd-1"
QUIET = 3
PATIENCE = 60.0
STALL = 0.6
"""Seconds that no answer may take: a question to Redis that held up everything takes more."""
GUESSES = 4
CONFIG = """
guesses_per_address = {guesses}
{plain}
[redis]
url = "{url}"
sentinels = {sentinels}
cluster = {cluster}
sentinel_password = "watch"
timeout = 1
quiet = {quiet}

[http]
tmail_login = "admin"
tmail_password = "admin"

[queue]
lease = {quiet}
retry = [1]
jitter = 0
backoff = 1
backoff_most = 1

[resolver]
servers = ["127.0.0.1:9"]
"""
TEXT = "From: ada@home.test\r\nSubject: word\r\nMessage-ID: {}\r\n\r\nbody\r\n"
_numbers = itertools.count(1)


@dataclass
class Hub:
    """A running mailhub whose mail for others all goes to `tally`."""

    server: Server
    tally: Tally
    sent: Counter[tuple[str, str]] = field(default_factory=Counter)
    """What was accepted, as `Tally.came` has it."""

    def submit(self, count: int = 1, pause: float = 0.0) -> None:
        """Messages to two recipients each, on lanes of their own, over one session."""
        port = self.server.port("submission", "starttls")
        with smtplib.SMTP("127.0.0.1", port, timeout=60) as smtp:
            smtp.login(USER, PASSWORD)
            for _ in range(count):
                number = next(_numbers)
                name = f"<{number}@home.test>"
                recipients = [f"to@{letter}{number % 4}.test" for letter in "ab"]
                assert smtp.sendmail(USER, recipients, TEXT.format(name)) == {}
                self.sent.update((name, recipient) for recipient in recipients)
                time.sleep(pause)

    @contextmanager
    def mailbox(self) -> Iterator[imaplib.IMAP4]:
        with imaplib.IMAP4("127.0.0.1", self.server.port("imap"), timeout=60) as imap:
            imap.login(USER, PASSWORD)
            imap.select("INBOX")
            yield imap

    def events(self, verb: str, outcome: str) -> int:
        """How often the log says that."""
        whole, _, _ = self.server.log.read_text(errors="replace").rpartition("\n")
        found = [json.loads(line) for line in whole.splitlines() if line.startswith("{")]
        return sum(one.get("verb") == verb and one.get("outcome") == outcome for one in found)

    def all_left(self, seconds: float = PATIENCE) -> None:
        """All that was accepted leaves, and nothing twice, also not in a while."""
        until(lambda: self.events("delivery", "delivered") >= self.sent.total(), self, seconds)
        assert self.tally.came == self.sent

    def status(self) -> list[dict[str, Any]]:
        """What `mailhub status` finds, chapter by chapter."""
        found: list[dict[str, Any]] = json.loads(
            self.server.command("status", "--json", check=False).stdout
        )
        return found

    def rest(self) -> None:
        """Waits until nothing is queued and all is well."""
        self.tally.pause = 0.0
        self.submit()
        self.all_left()

    @contextmanager
    def prompt(self) -> Iterator[None]:
        """Nobody waits for answers meanwhile, as nothing of this has to do with Redis."""
        longest = [0.0]
        over = threading.Event()

        def ask() -> None:
            with self.mailbox() as imap:
                while not over.wait(0.02):
                    watch = Watch(self.server.pid)
                    imap.noop()
                    longest.append(watch.seconds())

        thread = threading.Thread(target=ask)
        thread.start()
        try:
            yield
            until(lambda: len(longest) > 10, self)
        finally:
            over.set()
            thread.join(15)
        assert max(longest) < STALL


def until(done: Callable[[], object], hub: Hub, seconds: float = PATIENCE) -> None:
    ends = time.monotonic() + seconds
    while not done():
        missing = hub.sent - hub.tally.came
        assert time.monotonic() < ends, f"missing {missing}\n{hub.server.log.read_text()[-3000:]}"
        time.sleep(0.05)


@contextmanager
def running(
    folder: Path, url: str, sentinels: tuple[str, ...] = (), cluster: tuple[str, ...] = ()
) -> Iterator[Hub]:
    with Tally() as tally:
        words = CONFIG.format(
            guesses=GUESSES,
            plain=PLAIN,
            url=url,
            sentinels=json.dumps(sentinels),
            cluster=json.dumps(cluster),
            quiet=QUIET,
        )
        server = Server(folder, words, exempt=["127.0.0.1/32"])
        try:
            server.start()
            server.add_domain(HOME)
            server.add_user(USER, PASSWORD)
            server.command("routes", "add", "*", "--host", "127.0.0.1", "--port", str(tally.port))
            yield Hub(server, tally)
            assert server.verify() == ""
            assert server.stop() == 0, server.log.read_text()[-3000:]
            assert server.errors() == []
        finally:
            server.kill()
