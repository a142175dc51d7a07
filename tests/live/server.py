"""`twistd mailhub` in a subprocess, for tests that speak to it from outside.

One folder is one server's whole life: it can be started, stopped or killed there again and again.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

BIN = Path(sys.executable).parent
READY = 30.0
LOOPBACK = """
hostname = "{hostname}"
data = "var"
{top}

[limits]
exempt_networks = {exempt}
{sections}
"""
EXEMPT = ("127.0.0.0/8", "::1/128")
LISTENERS = (
    ("smtp", "tcp:0:interface=127.0.0.1", "starttls"),
    ("submission", "tcp:0:interface=127.0.0.1", "starttls"),
    ("submission", "tcp:0:interface=127.0.0.1", "implicit"),
    ("lmtp", "tcp:0:interface=127.0.0.1", "none"),
    ("lmtp", "unix:{folder}/lmtp.sock", "none"),
    ("imap", "tcp:0:interface=127.0.0.1", "starttls"),
    ("imap", "tcp:0:interface=127.0.0.1", "implicit"),
    ("pop3", "tcp:0:interface=127.0.0.1", "starttls"),
    ("pop3", "tcp:0:interface=127.0.0.1", "implicit"),
    ("managesieve", "tcp:0:interface=127.0.0.1", "starttls"),
    ("managesieve", "tcp:0:interface=127.0.0.1", "implicit"),
    ("http", "tcp:0:interface=127.0.0.1", "none"),
)
_FACES = ("smtp", "imap", "pop3", "managesieve")
PLAIN = "".join(f"\n[{face}]\nplaintext_auth = true\n" for face in _FACES)


class Server:
    """`sections`: more TOML, at first for `[limits]`; `exempt`: networks that these do not apply
    to; `proxies`: networks whose PROXY header every listener of TCP believes; `wrap`: words
    before the twistd command."""

    def __init__(
        self,
        folder: Path,
        sections: str = PLAIN,
        top: str = "",
        *,
        exempt: Sequence[str] = EXEMPT,
        proxies: Sequence[str] = (),
        wrap: Sequence[str] = (),
        hostname: str = "mail.test",
    ) -> None:
        self.folder = folder
        self.config = folder / "mailhub.toml"
        self._sections = sections
        self._top = top
        self._exempt = exempt
        self._proxies = proxies
        self._wrap = wrap
        self._hostname = hostname
        self._process: subprocess.Popen[bytes] | None = None
        self._listeners: list[Mapping[str, object]] = []

    @property
    def var(self) -> Path:
        return self.folder / "var"

    @property
    def pid(self) -> int:
        if self._process is None:
            raise AssertionError("the server does not run")
        return self._process.pid

    @property
    def log(self) -> Path:
        return self.folder / "server.log"

    def write_config(self) -> None:
        """What `start` does first, where it was not done yet."""
        self.folder.mkdir(parents=True, exist_ok=True)
        text = LOOPBACK.format(
            hostname=self._hostname,
            top=self._top,
            exempt=json.dumps(list(self._exempt)),
            sections=self._sections,
        )
        for service, endpoint, tls in LISTENERS:
            where = endpoint.format(folder=self.folder)
            text += f'\n[[listener]]\nservice = "{service}"\nendpoint = "{where}"\ntls = "{tls}"\n'
            if self._proxies and endpoint.startswith("tcp"):
                text += f"proxy_from = {json.dumps(list(self._proxies))}\n"
            if service == "http":
                text += 'root = "wildduck"\n'
        self.config.write_text(text)

    def start(self, environment: Mapping[str, str] | None = None) -> None:
        """Starts it and waits until it says that it is ready. Raises AssertionError with the log's
        end when it does not."""
        if not self.config.exists():
            self.write_config()
        ready = self.var / "run" / "mailhub.json"
        ready.unlink(missing_ok=True)
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [
                    *self._wrap,
                    BIN / "twistd",
                    "-n",
                    "--pidfile=",
                    "mailhub",
                    "--config",
                    self.config,
                ],
                stdout=log,
                stderr=log,
                env={**os.environ, **(environment or {})},
            )
        deadline = time.monotonic() + READY
        while not ready.exists():
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise AssertionError(f"not ready: {self.log.read_text()[-3000:]}")
            time.sleep(0.01)
        self._listeners = json.loads(ready.read_text())["listeners"]

    def port(self, service: str, tls: str | None = None) -> int:
        """The TCP port of a service; the first one, or the one with this kind of TLS."""
        for listener in self._listeners:
            if listener["service"] == service and tls in (None, listener["tls"]):
                port = listener.get("port")
                if isinstance(port, int):
                    return port
        raise KeyError((service, tls))

    def path(self, service: str) -> str:
        """The UNIX socket of a service."""
        for listener in self._listeners:
            if listener["service"] == service and listener.get("path"):
                return str(listener["path"])
        raise KeyError(service)

    def ended_within(self, seconds: float) -> bool:
        """Whether the process ends by itself in that time."""
        deadline = time.monotonic() + seconds
        while self._process is not None and self._process.poll() is None:
            if time.monotonic() > deadline:
                return False
            time.sleep(0.01)
        return True

    def kill(self) -> None:
        """SIGKILL, at once."""
        self._end(signal.SIGKILL)

    def stop(self) -> int:
        """SIGTERM; returns the exit status."""
        return self._end(signal.SIGTERM)

    def _end(self, number: signal.Signals) -> int:
        process, self._process = self._process, None
        if process is None:
            return 0
        process.send_signal(number)
        return process.wait(30)

    @property
    def tool(self) -> Path:
        """The `mailhub` command."""
        return BIN / "mailhub"

    def command(self, *words: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Runs the `mailhub` command on this server's configuration."""
        done = subprocess.run(
            [self.tool, "--config", self.config, *words],
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        if check and done.returncode:
            raise AssertionError(f"{words}: {done.stdout}{done.stderr}")
        return done

    def add_domain(self, name: str) -> None:
        self.command("domain", "add", name)

    def add_user(self, address: str, password: str, *options: str) -> None:
        self.command("user", "add", address, "--password", password, *options)

    def verify(self) -> str:
        """What `mailhub verify` finds wrong; empty when all is well."""
        done = self.command("verify", check=False)
        return "" if done.returncode == 0 else done.stdout + done.stderr
