"""Which recursive resolvers are asked, in which order, and whose AD bit is believed.

Reads /etc/resolv.conf where none is configured, again when it changes. Asks nobody.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path

from mailhub.model.errors import Invalid
from mailhub.model.settings import ResolverSettings
from mailhub.wire.dnsname import server_address

RESOLV_CONF = Path("/etc/resolv.conf")
PORT = 53
SULK = 30.0
"""Seconds for which a server that did not answer is asked after the others."""
LOOK = 5.0
"""Seconds between looks at the file's time."""
LARGEST_FILE = 64 * 1024
MOST = 8
"""Servers of the file that are used."""


@dataclass(frozen=True, slots=True)
class Server:
    """A recursive resolver. `trusted`: its AD bit is believed."""

    address: str
    port: int = PORT
    trusted: bool = False

    def __str__(self) -> str:
        return (
            f"[{self.address}]:{self.port}"
            if ":" in self.address
            else f"{self.address}:{self.port}"
        )


def parse_server(text: str, trust_ad: str) -> Server:
    """A server as `[resolver] servers` spells it. Raises Invalid."""
    address, port = server_address(text, PORT)
    near = ip_address(address).is_loopback
    return Server(address, port, trust_ad == "always" or (trust_ad == "loopback" and near))


def parse_resolv_conf(text: str, trust_ad: str) -> tuple[Server, ...]:
    """The `nameserver` lines that can be used; without any, the local machine (resolv.conf(5))."""
    found: list[Server] = []
    for line in text.splitlines():
        words = line.split()
        if len(words) < 2 or words[0] != "nameserver":
            continue
        try:
            found.append(parse_server(f"[{words[1]}]", trust_ad))
        except Invalid:
            continue  # a link-local address with its interface, or none at all
    return tuple(found[:MOST]) or (parse_server("127.0.0.1", trust_ad),)


class Servers:
    """`seconds`: a monotonic clock. `changed`: hears of a server (its text) that stopped to answer
    (False) or answers again (True)."""

    def __init__(
        self,
        settings: ResolverSettings,
        seconds: Callable[[], float],
        changed: Callable[[str, bool], None] = lambda server, up: None,
        path: Path = RESOLV_CONF,
    ) -> None:
        self._settings = settings
        self._seconds = seconds
        self._changed = changed
        self._path = path
        self._looked = float("-inf")
        self._stamp: object = None
        self._sulking: dict[Server, float] = {}
        self._servers = self._named(settings.servers)

    def _named(self, names: Iterable[str]) -> tuple[Server, ...]:
        return tuple(parse_server(name, self._settings.trust_ad) for name in names)

    def order(self) -> Sequence[Server]:
        """The servers as they are asked now: in their order, those that did not answer last."""
        if not self._settings.servers:
            self._look()
        if not self._sulking:
            return self._servers
        now = self._seconds()
        return sorted(self._servers, key=lambda server: self._sulking.get(server, 0.0) > now)

    def failed(self, server: Server) -> None:
        """It did not answer."""
        if server not in self._sulking:
            self._changed(str(server), False)
        self._sulking[server] = self._seconds() + SULK

    def answered(self, server: Server) -> None:
        """It did."""
        if self._sulking.pop(server, None) is not None:
            self._changed(str(server), True)

    def _look(self) -> None:
        """Reads the file where it is another one than before; an unreadable one changes nothing."""
        now = self._seconds()
        if now - self._looked < LOOK and self._servers:
            return
        self._looked = now
        try:
            facts = os.stat(self._path)
            stamp = (facts.st_mtime_ns, facts.st_size, facts.st_ino)
            if stamp == self._stamp:
                return
            with self._path.open(encoding="utf-8", errors="replace") as file:
                text = file.read(LARGEST_FILE)
        except OSError:
            if self._servers:
                return
            text, stamp = "", (0, 0, 0)
        self._stamp = stamp
        self._servers = parse_resolv_conf(text, self._settings.trust_ad)
        self._sulking = {one: until for one, until in self._sulking.items() if one in self._servers}
