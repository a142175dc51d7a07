"""The name server beside NSD and Knot: the same signed zones, the same questions, in one run.

`python -m bench.names --help`. mailhub makes and signs the zones; the others get them by transfer
and serve them as they are, each with one process or thread for datagrams. dnsperf asks them in
turn, so that a busy machine is busy for all; medians of the rounds are compared.
"""

from __future__ import annotations

import argparse
import json
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from bench.servers import CONFIG, Mailhub
from tests.ports import free_port

ZONES = 10
KINDS = ("MX", "TXT", "A", "AAAA", "SOA", "NS")
ASKED: Mapping[str, Sequence[str]] = {"plain": (), "signed": ("-D",)}
"""Words of dnsperf: with `signed`, signatures are asked for."""
TURN = 5
"""Seconds that one server is asked in a round."""
NSD = """
server:
  ip-address: 127.0.0.1@{port}
  username: ""
  chroot: ""
  database: ""
  zonesdir: "{folder}"
  pidfile: "{folder}/nsd.pid"
  xfrdfile: "{folder}/xfrd.state"
  xfrdir: "{folder}"
  zonelistfile: "{folder}/zone.list"
  server-count: 1
  rrl-ratelimit: 0
remote-control:
  control-enable: no
"""
KNOT = """
server:
  rundir: "{folder}"
  listen: 127.0.0.1@{port}
  udp-workers: 1
  tcp-workers: 1
  background-workers: 1
database:
  storage: "{folder}"
template:
  - id: default
    storage: "{folder}"
    file: "%s.zone"
    zonefile-sync: -1
    journal-content: none
zone:
"""


@dataclass
class Asked:
    """One server: where it answers, its processes, and of each round the answers a second, and
    those of a second of its processors."""

    name: str
    port: int
    pids: Sequence[int]
    rates: dict[str, list[float]] = field(default_factory=dict)
    costs: dict[str, list[float]] = field(default_factory=dict)

    def processor(self) -> float:
        """Seconds that it worked so far."""
        total = 0.0
        for pid in self.pids:
            for task in Path(f"/proc/{pid}/task").glob("*/schedstat"):
                total += int(task.read_text().split()[0]) / 1e9
        return total


@contextmanager
def mailhub(folder: Path) -> Iterator[Asked]:
    """A server with zones, answering."""
    port = free_port()
    server = Mailhub(folder)
    folder.mkdir(parents=True)
    ports = {name: getattr(server, name) for name in ("smtp", "imap", "imaps", "pop3", "http")}
    server.config.write_text(
        CONFIG.format(folder=folder, **ports)
        + f'\n[dns]\nlisten = ["127.0.0.1:{port}"]\naddresses = ["192.0.2.1", "2001:db8::1"]\n'
        'host_keys = ""\nrate = 100000000\n'
    )
    server.launch()
    try:
        for zone in _zones():
            _command(server, "domain", "add", zone)
            _command(server, "dns", "custom", "add", f"*.wild.{zone}", "TXT", "star")
        _command(server, "dns", "secondary", "xfr:127.0.0.1")
        _until(port, _zones()[-1])
        yield Asked("mailhub", port, server.pids())
    finally:
        server.stop()


@contextmanager
def nsd(folder: Path) -> Iterator[Asked]:
    """NSD with the zone files of `folder`."""
    port = free_port()
    text = NSD.format(folder=folder, port=port)
    for zone in _zones():
        text += f'zone:\n  name: "{zone}"\n  zonefile: "{zone}.zone"\n'
    with _daemon("nsd", ["nsd", "-d", "-c"], folder, text, port) as asked:
        yield asked


@contextmanager
def knot(folder: Path) -> Iterator[Asked]:
    """Knot with the zone files of `folder`."""
    port = free_port()
    text = KNOT.format(folder=folder, port=port)
    text += "".join(f"  - domain: {zone}\n" for zone in _zones())
    with _daemon("knot", ["knotd", "-c"], folder, text, port) as asked:
        yield asked


@contextmanager
def _daemon(name: str, words: Sequence[str], folder: Path, text: str, port: int) -> Iterator[Asked]:
    file = folder / f"{name}.conf"
    file.write_text(text)
    with (folder / f"{name}.log").open("wb") as log:
        process = subprocess.Popen([*words, str(file)], stdout=log, stderr=log)
    try:
        _until(port, _zones()[-1])
        yield Asked(name, port, _family(process.pid))
    finally:
        process.terminate()
        process.wait(10)


def _family(pid: int) -> list[int]:
    """The process and those that it began."""
    found, children = [pid], Path(f"/proc/{pid}/task/{pid}/children")
    for child in children.read_text().split():
        found += _family(int(child))
    return found


def _zones() -> list[str]:
    return [f"zone{number}.bench" for number in range(ZONES)]


def _command(server: Mailhub, *words: str) -> None:
    binary = Path(sys.executable).with_name("mailhub")
    command = [binary, "--config", server.config, *words]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, timeout=60)


def _dig(port: int, *words: str) -> str:
    command = ["dig", "@127.0.0.1", "-p", str(port), "+tries=1", "+time=2", *words]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout


def _until(port: int, zone: str) -> None:
    """Returns when the last zone is answered for."""
    deadline = time.monotonic() + 60
    while "NOERROR" not in _dig(port, f"x.wild.{zone}", "TXT"):
        if time.monotonic() > deadline:
            raise TimeoutError(f"nobody answers for {zone} on port {port}")
        time.sleep(0.2)


def questions(path: Path) -> None:
    """What dnsperf asks: what is there, what is a wildcard's, and what is not there."""
    lines = []
    for zone in _zones():
        lines += [f"{zone} {kind}" for kind in KINDS]
        lines += [f"{name}.{zone} TXT" for name in ("_dmarc", "x.wild", "none")]
        lines += [f"www.{zone} A", f"autoconfig.{zone} A", f"missing.deep.{zone} A"]
    path.write_text("\n".join(lines) + "\n")


def ask(server: Asked, kind: str, file: Path, seconds: int) -> None:
    """One round of one server."""
    words = ["dnsperf", "-s", "127.0.0.1", "-p", str(server.port), "-d", str(file)]
    words += ["-l", str(seconds), "-c", "4", "-q", "200", "-e", *ASKED[kind]]
    before = server.processor()
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    worked = server.processor() - before
    found = re.search(r"Queries completed:\s+(\d+)", done.stdout)
    rate = re.search(r"Queries per second:\s+([\d.]+)", done.stdout)
    if found is None or rate is None:
        raise RuntimeError(done.stdout)
    server.rates.setdefault(kind, []).append(float(rate[1]))
    server.costs.setdefault(kind, []).append(int(found[1]) / worked)


def table(servers: Sequence[Asked]) -> str:
    """Medians, and what part of each of the others mailhub's are."""
    first = servers[0]
    lines = [f"{'':8} {'server':8} {'a second':>10} {'a core':>10} {'ratio':>8}"]
    for kind in ASKED:
        mine = statistics.median(first.rates[kind])
        for server in servers:
            rate = statistics.median(server.rates[kind])
            core = statistics.median(server.costs[kind])
            lines.append(f"{kind:8} {server.name:8} {rate:10,.0f} {core:10,.0f} {mine / rate:8.2f}")
    return "\n".join(lines)


def run(rounds: int, seconds: int) -> Mapping[str, object]:
    """All of it; prints the table."""
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        folder = Path(name)
        file = folder / "questions"
        questions(file)
        servers = [stack.enter_context(mailhub(folder / "hub"))]
        others = folder / "others"
        others.mkdir(mode=0o777)
        for zone in _zones():
            words = (zone, "AXFR", "+onesoa", "+nocomments", "+nocmd")
            (others / f"{zone}.zone").write_text(_dig(servers[0].port, *words))
        servers += [stack.enter_context(nsd(others)), stack.enter_context(knot(others))]
        for _ in range(rounds):
            for kind in ASKED:
                for server in servers:
                    ask(server, kind, file, seconds)
        print(table(servers))
        return {server.name: {"rates": server.rates, "a core": server.costs} for server in servers}


def main() -> None:
    """See the module."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=TURN, help="of one server in a round")
    parser.add_argument("--json", type=Path, help="file for all figures")
    chosen = parser.parse_args()
    figures = run(chosen.rounds, chosen.seconds)
    if chosen.json:
        chosen.json.write_text(json.dumps(figures, indent=2) + "\n")


if __name__ == "__main__":
    main()
