"""Pebble, the ACME authority of Let's Encrypt for tests."""

from __future__ import annotations

import json
import os
import ssl
import subprocess
import urllib.request
from pathlib import Path
from typing import Any

from tests.live.authority import Authority
from tests.live.peers import answers, until
from tests.ports import free_port
from tests.programs import program


class Pebble:
    """An authority that proves names at `http_port` of where `dns` (address and port) says that
    they are. `nonces`: per cent of good nonces that it refuses. `blocked`: names that it does not
    serve."""

    def __init__(
        self,
        folder: Path,
        http_port: int,
        dns: str,
        *,
        nonces: int = 0,
        blocked: tuple[str, ...] = (),
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        own = Authority(folder)
        pair = str(own.pair("localhost"))
        self.trusted = own.path
        listen, self._management = self._ports = free_port(), free_port()
        self.directory = f"https://localhost:{listen}/dir"
        config = {
            "pebble": {
                "listenAddress": f"127.0.0.1:{listen}",
                "managementListenAddress": f"127.0.0.1:{self._management}",
                "certificate": pair,
                "privateKey": pair,
                "httpPort": http_port,
                "tlsPort": 1,
                "domainBlocklist": list(blocked),
            }
        }
        (folder / "pebble.json").write_text(json.dumps(config))
        self._process: subprocess.Popen[bytes] | None = None
        self._nonces = nonces
        self.dns = dns
        self.resolver = dns
        """Whom others ask."""

    def start(self) -> None:
        """Starts it, and keeps its root in `root`."""
        words = [program("pebble"), "-config", str(self.folder / "pebble.json")]
        words += ["-dnsserver", self.dns]
        environment = {
            **os.environ,
            "PEBBLE_VA_NOSLEEP": "1",
            "PEBBLE_WFE_NONCEREJECT": str(self._nonces),
            "PEBBLE_AUTHZREUSE": "0",
        }
        with (self.folder / "pebble.log").open("ab") as log:
            self._process = subprocess.Popen(words, stdout=log, stderr=log, env=environment)
        for port in self._ports:
            assert until(lambda port=port: answers("127.0.0.1", port)), self.log  # type: ignore[misc]
        self.root = self.folder / "root.pem"
        self.root.write_bytes(self._ask("/roots/0"))

    def stop(self) -> None:
        """Ends it."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    @property
    def log(self) -> str:
        return (self.folder / "pebble.log").read_text()

    def status(self, serial: int) -> str:
        """What it says of a certificate of its own: Valid or Revoked."""
        said: Any = json.loads(self._ask(f"/cert-status-by-serial/{serial:x}"))
        return str(said["Status"])

    def _ask(self, path: str) -> bytes:
        context = ssl.create_default_context(cafile=str(self.trusted))
        url = f"https://localhost:{self._management}{path}"
        with urllib.request.urlopen(url, timeout=10, context=context) as answer:
            return bytes(answer.read())
