"""Relayed messages a second, mailhub beside Postfix: the same clients, the same sink, in turn.

Part of `python -m bench.run`, or alone: `python -m bench.relay --help`. Each domain's mail goes to
an address of its own (127.1.0.x), all of them one `smtp-sink` of Postfix's package; for mailhub a
route says so, for Postfix a transport. Time runs from the first connection of the clients until
the sink has counted the last message.
"""

from __future__ import annotations

import argparse
import os
import pwd
import re
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from bench.dovecot import PostfixDovecot
from bench.measures import Figure
from bench.postfix import Postfix
from bench.servers import wait_for_port
from bench.smtp_load import Delivery, make_message
from mailhub.cli.access import Access
from tests.ports import free_port

DOMAIN = "bench.test"
SENDER = f"sender@{DOMAIN}"
DOMAINS = 100
SESSIONS = 20
PLAN = [(10, 2_000, 3000), (100, 2_000, 3000), (10, 100_000, 1500), (100, 100_000, 1500)]
"""(destination domains, octets, messages): a second of work or more for each server."""
SETTLING = 1.0
"""Seconds."""
NOWHERE = 9
"""The discard port, where nothing listens: connections are refused."""

FLOORS: dict[str, tuple[str, float]] = {
    f"relayed{signed}, {domains} domains, {size // 1000} KB": (">=", 2)
    for signed in ("", ", DKIM")
    for domains, size, _ in PLAN
}
UNIT = "messages/s"


def domain(number: int) -> str:
    return f"d{number}.example.net"


def address(number: int) -> str:
    return f"127.1.0.{number + 1}"


class Sink:
    """`smtp-sink`: takes everything, keeps nothing, counts. What it prints goes to a file: a pipe
    that nobody empties would stop it."""

    def __init__(self) -> None:
        self.port = free_port()
        self._output = tempfile.TemporaryFile()  # noqa: SIM115
        where = f"0.0.0.0:{self.port}"
        self._process = subprocess.Popen(
            # By itself it serves 256 connections at a time: idle ones of one server would make
            # another wait.
            ["/usr/sbin/smtp-sink", "-c", "-m", "2000", "-u", "nobody", where, "1000"],
            stdout=self._output,
            stderr=subprocess.DEVNULL,
        )
        wait_for_port(self.port)

    def messages(self) -> int:
        """How many came in all."""
        end = os.fstat(self._output.fileno()).st_size
        tail = os.pread(self._output.fileno(), 200, max(0, end - 200))
        found = re.findall(rb"mesg=(\d+)\r", tail)
        return int(found[-1]) if found else 0

    def expect(self, count: int, seconds: float) -> None:
        """Returns when `count` messages came in all. Raises TimeoutError, RuntimeError for one
        too many."""
        deadline = time.monotonic() + seconds
        while (there := self.messages()) < count:
            time.sleep(0.005)
            if time.monotonic() > deadline:
                raise TimeoutError(f"{there} of {count} messages came out")
        if there > count:
            raise RuntimeError(f"{there} messages came out instead of {count}")

    def stop(self) -> None:
        self._process.kill()
        self._process.wait()
        self._output.close()


class Relay(Protocol):
    """A relaying server. `variants`: label of each way of signing, with the port to use."""

    name: str

    def start(self, sink: Sink) -> None: ...
    def stop(self) -> None: ...
    def port(self, signing: str) -> int: ...


# -- mailhub

CONFIG = """
hostname = "mail.bench.example"
data = "{folder}/var"
default_domain = "bench.test"

[smtp]
trusted_networks = ["127.0.0.0/8"]
messages = 1000000
recipients = 1000

[limits]
exempt_networks = ["127.0.0.0/8"]

[dkim]
sign = {sign}
algorithms = {algorithms}
{more}

[[listener]]
service = "smtp"
endpoint = "tcp:{smtp}:interface=127.0.0.1:backlog=1000"
tls = "starttls"
"""
SIGNINGS = {"": (), "DKIM": ("rsa",), "DKIM RSA+Ed25519": ("rsa", "ed25519")}


class Mailhub:
    """One `twistd mailhub`. `algorithms`: what it signs with; `more`: sections of its settings."""

    def __init__(self, folder: Path, algorithms: Sequence[str] = (), more: str = "") -> None:
        self.folder = folder
        self._more = more
        self.smtp = free_port()
        self._algorithms = algorithms
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        if self._process is None:
            raise RuntimeError("the server does not run")
        return self._process.pid

    def create(self, routes: Sequence[tuple[str, str, int]]) -> None:
        """First start. `routes`: (domain, host, port)."""
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        text = CONFIG.format(
            folder=self.folder,
            smtp=self.smtp,
            sign=str(bool(self._algorithms)).lower(),
            algorithms=list(self._algorithms or ("rsa",)),
            more=self._more,
        )
        (self.folder / "mailhub.toml").write_text(text.replace("'", '"'))
        self.launch()
        access = self.access()
        if self._algorithms:
            keys = access.ask("dkim-enable", domain=DOMAIN)
            if any(key["state"] == "pending" for key in keys):
                access.ask("dkim-activate", domain=DOMAIN, selectors=[])
        for name, host, port in routes:
            access.ask("route-add", destination=name, host=host, port=port, tls="none")

    def launch(self) -> float:
        """Starts it on what the folder holds; seconds until it says that it is ready."""
        ready = self.folder / "var" / "run" / "mailhub.json"
        ready.unlink(missing_ok=True)
        started = time.monotonic()
        words = [self._tool("twistd"), "-n", "--pidfile=", "mailhub", "--config", self._config]
        with (self.folder / "mailhub.log").open("ab") as log:
            self._process = subprocess.Popen(words, stdout=log, stderr=log)
        while not ready.exists():
            if self._process.poll() is not None or time.monotonic() > started + 60:
                raise RuntimeError((self.folder / "mailhub.log").read_text()[-3000:])
            time.sleep(0.01)
        return time.monotonic() - started

    def access(self) -> Access:
        """What the `mailhub` command asks the server through."""
        return Access(self._config, None)

    @property
    def _config(self) -> Path:
        return self.folder / "mailhub.toml"

    @staticmethod
    def _tool(name: str) -> Path:
        return Path(sys.executable).with_name(name)

    def stop(self) -> None:
        if self._process is not None:
            self._process.send_signal(signal.SIGTERM)
            self._process.wait(30)
            self._process = None


class MailhubRelay(Relay):
    """A process for each way of signing; those that are not measured do nothing meanwhile."""

    name = "mailhub"

    def __init__(self, folder: Path, signings: Sequence[str]) -> None:
        self.servers = {
            signing: Mailhub(folder / str(number), SIGNINGS[signing])
            for number, signing in enumerate(signings)
        }

    def start(self, sink: Sink) -> None:
        routes = [(domain(number), address(number), sink.port) for number in range(DOMAINS)]
        for server in self.servers.values():
            server.create(routes)

    def port(self, signing: str) -> int:
        return self.servers[signing].smtp

    def stop(self) -> None:
        for server in self.servers.values():
            server.stop()


# -- Postfix and OpenDKIM

MAIN = """
inet_interfaces = 127.0.0.1
smtp_bind_address =
myhostname = mail.bench.example
mydestination =
mynetworks = 127.0.0.0/8
transport_maps = texthash:{folder}/transport
smtpd_client_connection_count_limit = 0
smtpd_client_connection_rate_limit = 0
default_process_limit = 200
message_size_limit = 67108864
in_flow_delay = 0
smtpd_recipient_restrictions = permit_mynetworks reject
"""
OPENDKIM = """
Socket inet:{milter}@127.0.0.1
Mode s
Domain bench.test
Selector bench
KeyFile {folder}/dkim.pem
Canonicalization relaxed/relaxed
Background no
UserID opendkim
RequireSafeKeys no
"""


class PostfixRelay(Relay):
    """Postfix with two doors; behind the second stands OpenDKIM, with a key of 2048 bits."""

    name = PostfixDovecot.name
    """One column of peers in all tables; Dovecot has no part in this."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._plain, self._signing, self._milter = (free_port() for _ in range(3))
        main = MAIN.format(folder=folder)
        doors = {
            f"127.0.0.1:{self._plain}": "",
            f"127.0.0.1:{self._signing}": f"-o smtpd_milters=inet:127.0.0.1:{self._milter}",
        }
        self._postfix = Postfix(folder, doors, main)
        self._opendkim: subprocess.Popen[bytes] | None = None

    def start(self, sink: Sink) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)
        self._postfix.make({})
        self._start_opendkim()
        lines = "".join(
            f"{domain(number)} smtp:[{address(number)}]:{sink.port}\n" for number in range(DOMAINS)
        )
        (self.folder / "transport").write_text(lines)
        self._postfix.start()
        wait_for_port(self._plain)
        wait_for_port(self._signing)

    def _start_opendkim(self) -> None:
        key = self.folder / "dkim.pem"
        subprocess.run(
            ["/usr/bin/openssl", "genrsa", "-out", key, "2048"], check=True, capture_output=True
        )
        owner = pwd.getpwnam("opendkim")
        os.chown(key, owner.pw_uid, owner.pw_gid)
        config = self.folder / "opendkim.conf"
        config.write_text(OPENDKIM.format(folder=self.folder, milter=self._milter))
        self._opendkim = subprocess.Popen(["/usr/sbin/opendkim", "-f", "-x", config])
        wait_for_port(self._milter)

    def port(self, signing: str) -> int:
        """It knows RSA only."""
        return self._signing if signing else self._plain

    def stop(self) -> None:
        self._postfix.stop()
        if self._opendkim is not None:
            self._opendkim.terminate()
            self._opendkim.wait(10)


# -- measures


class Bodies:
    """Messages that differ, written by the sender's domain, so that they are signed."""

    def __init__(self) -> None:
        self._next = 0

    def make(self, count: int, size: int) -> list[bytes]:
        self._next += count
        return [
            make_message(number, size).replace(b"@example.org>", b"@bench.test>")
            for number in range(self._next - count, self._next)
        ]


def recipients(domains: int) -> list[str]:
    return [f"someone@{domain(number)}" for number in range(domains)]


def settle() -> None:
    """What the server before has left to write and to tidy up is not the next one's to pay."""
    os.sync()
    time.sleep(SETTLING)


def relay(port: int, sink: Sink, domains: int, bodies: Sequence[bytes]) -> float:
    """Seconds until the sink has them all."""
    before = sink.messages()
    started = time.monotonic()
    Delivery(port, SESSIONS, recipients(domains), bodies, sender=SENDER).run()
    sink.expect(before + len(bodies), 120)
    return time.monotonic() - started


def ceiling(bodies: Bodies, sink: Sink, size: int, count: int) -> Figure:
    """How much the same clients get into the sink without a server between."""
    made = bodies.make(count, size)
    started = time.monotonic()
    before = sink.messages()
    started = time.monotonic()
    Delivery(sink.port, SESSIONS, recipients(10), made, sender=SENDER).run()
    sink.expect(before + count, 60)
    seconds = time.monotonic() - started
    return Figure(f"sink alone, {size // 1000} KB", count / seconds, UNIT)


Figures = dict[str, dict[str, list[float]]]


def measure(
    folder: Path, *, rounds: int, scale: float, alone: bool, signing: str | None = None
) -> tuple[Figures, dict[str, str]]:
    """Every case, the servers in turn within each; figures and their units. `signing`: only that
    way of it."""
    figures: Figures = defaultdict(lambda: defaultdict(list))
    sink = Sink()
    signings = [one for one in SIGNINGS if signing is None or one == signing]
    relays: list[Relay] = [MailhubRelay(folder / "mailhub-relay", signings)]
    if not alone:
        relays.append(PostfixRelay(folder / "postfix-relay"))
    bodies = Bodies()
    started: list[Relay] = []
    try:
        for one in relays:
            started.append(one)
            one.start(sink)
        for size in sorted({size for _, size, _ in PLAN}):
            figure = ceiling(bodies, sink, size, 4000 if size < 10_000 else 1000)
            figures[figure.name]["mailhub"].append(figure.value)
        for _ in range(rounds):
            for domains, size, count in PLAN:
                for way in signings:
                    name = f"relayed{', ' if way else ''}{way}, "
                    name += f"{domains} domains, {size // 1000} KB"
                    for one in relays:
                        made = bodies.make(max(int(count * scale), SESSIONS), size)
                        settle()
                        seconds = relay(one.port(way), sink, domains, made)
                        figures[name][one.name].append(len(made) / seconds)
                        print(f"{name} {one.name} {len(made) / seconds:.0f}", file=sys.stderr)
    finally:
        for one in started:
            one.stop()
        sink.stop()
    return figures, dict.fromkeys(figures, UNIT)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--scale", type=float, default=1.0, help="share of the full counts")
    parser.add_argument("--alone", action="store_true", help="mailhub without the peer")
    parser.add_argument("--signing", choices=list(SIGNINGS), help="only this way of signing")
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="mailhub-relay-"))
    folder.chmod(0o755)
    try:
        figures, _ = measure(folder, **vars(options))
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    for name, by_server in figures.items():
        medians = {key: statistics.median(values) for key, values in by_server.items()}
        shown = "  ".join(f"{key} {value:8.1f}" for key, value in medians.items())
        ours, peer = medians.get("mailhub", 0), medians.get(PostfixRelay.name)
        print(f"{name:45} {shown}  {f'{ours / peer:.2f}x' if peer else ''}")


if __name__ == "__main__":
    main()
