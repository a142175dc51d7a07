"""Name servers that others wrote: NSD as a secondary, Unbound as a resolver that validates."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.live.peers import answers, until
from tests.programs import program

NSD = """
server:
  ip-address: {address}@53
  username: "root"
  chroot: ""
  database: ""
  zonesdir: "{folder}"
  pidfile: "{folder}/nsd.pid"
  xfrdfile: "{folder}/xfrd.state"
  xfrdir: "{folder}"
  zonelistfile: "{folder}/zone.list"
  server-count: 1
  verbosity: 2
remote-control:
  control-enable: no
key:
  name: "{key}"
  algorithm: hmac-sha256
  secret: "{secret}"
"""
NSD_ZONE = """
zone:
  name: "{zone}"
  zonefile: "{zone}.zone"
  allow-notify: {primary} {key}
  request-xfr: {primary}@{port} {key}
  outgoing-interface: {address}
"""
UNBOUND = """
server:
  interface: {address}
  port: {port}
  access-control: 127.0.0.0/8 allow
  username: ""
  chroot: ""
  directory: "{folder}"
  pidfile: "{folder}/unbound.pid"
  use-syslog: no
  do-daemonize: no
  do-not-query-localhost: no
  local-zone: "test." nodefault
  num-threads: 1
  module-config: "validator iterator"
  trust-anchor-file: "{folder}/anchors"
  harden-below-nxdomain: yes
  qname-minimisation: no
remote-control:
  control-enable: no
stub-zone:
  name: "{zone}"
  stub-addr: {primary}@{primary_port}
  stub-prime: no
"""


KNOT = """
server:
  rundir: "{folder}"
  user: root:root
  listen: {address}@{port}
database:
  storage: "{folder}/db"
log:
  - target: stderr
    any: info
policy:
  - id: ours
    algorithm: ecdsap256sha256
    single-type-signing: on
template:
  - id: default
    storage: "{folder}/zones"
    zonefile-sync: -1
    zonefile-load: none
    journal-content: all
    dnssec-signing: on
    dnssec-policy: ours
"""

KNOT_UPDATED = """
key:
  - id: {key}
    algorithm: hmac-sha256
    secret: {secret}
acl:
  - id: updates
    key: {key}
    action: update
zone:
  - domain: {zone}
    acl: updates
    journal-content: changes
    zonefile-load: whole
    storage: "{folder}"
    file: "{zone}.zone"
"""


@contextmanager
def _running(words: Sequence[object], folder: Path, address: str, port: int) -> Iterator[None]:
    log = folder / "log"
    with log.open("ab") as file:
        process = subprocess.Popen([str(word) for word in words], stdout=file, stderr=file)
    try:
        assert until(lambda: process.poll() is not None or answers(address, port)), log.read_text()
        assert process.poll() is None, log.read_text()
        yield
    finally:
        process.terminate()
        process.wait(10)


@contextmanager
def nsd(
    folder: Path,
    address: str,
    primary: tuple[str, int],
    zones: Sequence[str],
    key: tuple[str, str],
) -> Iterator[None]:
    """A secondary at port 53 of `address`, which alone it asks from. `key`: name and secret of what
    it shares with the primary; it believes nothing without."""
    host, port = primary
    text = NSD.format(folder=folder, address=address, key=key[0], secret=key[1])
    for zone in zones:
        text += NSD_ZONE.format(zone=zone, primary=host, port=port, address=address, key=key[0])
    file = folder / "nsd.conf"
    file.write_text(text)
    with _running([program("nsd"), "-d", "-c", file], folder, address, 53):
        yield


@contextmanager
def knotd(folder: Path, address: str, port: int, more: str = "") -> Iterator[Path]:
    """A Knot without a zone, which signs those that it gets; its control socket. `more`: lines of
    its configuration."""
    for name in ("db", "zones"):
        (folder / name).mkdir(exist_ok=True)
    file = folder / "knot.conf"
    file.write_text(KNOT.format(folder=folder, address=address, port=port) + more)
    with _running([program("knotd"), "-c", file], folder, address, port):
        yield folder / "knot.sock"


@contextmanager
def unbound(
    folder: Path, address: str, port: int, primary: tuple[str, int], zone: str, anchor: str
) -> Iterator[None]:
    """A resolver that knows one zone, and the DS records (`anchor`) that prove it."""
    (folder / "anchors").write_text(anchor)
    file = folder / "unbound.conf"
    file.write_text(
        UNBOUND.format(
            folder=folder,
            address=address,
            port=port,
            zone=zone,
            primary=primary[0],
            primary_port=primary[1],
        )
    )
    with _running([program("unbound"), "-d", "-c", file], folder, address, port):
        yield


def dig(address: str, port: int, *words: str) -> str:
    """What dig prints."""
    command = [program("dig"), f"@{address}", "-p", str(port), "+tries=2", "+time=3", *words]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=20).stdout
