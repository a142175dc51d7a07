"""`twistd mailhub` in a subprocess, for tests that speak to it from outside.

One folder is one server's whole life: it can be started, stopped or killed there again and again.
"""

from __future__ import annotations

import io
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from unittest import mock

from mailhub import cli
from tests.live import storing, warm

BIN = Path(sys.executable).parent
READY = 90.0
"""Seconds that a start may take; a busy machine is slow."""
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
COMMAND = 120
"""Seconds that a command may take."""
_streams = threading.Lock()
PLAIN = "".join(f"\n[{face}]\nplaintext_auth = true\n" for face in _FACES)


class Server:
    """`sections`: more TOML, at first for `[limits]`; `exempt`: networks that these do not apply
    to; `proxies`: networks whose PROXY header every listener of TCP believes; `wrap`: words
    before the twistd command; `cold`: it imports everything itself, as it does with `wrap`."""

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
        cold: bool = False,
    ) -> None:
        self.folder = folder
        self.config = folder / "mailhub.toml"
        self._sections = sections
        self._top = top
        self._exempt = exempt
        self._proxies = proxies
        self._wrap = wrap
        self._hostname = hostname
        self._cold = cold
        self._process: subprocess.Popen[bytes] | warm.Forked | None = None
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

    def errors(self) -> list[str]:
        """What its log has of errors, and of exceptions that nobody expected."""
        bad = ('"level":"error"', '"level":"critical"', "Traceback")
        with self.log.open(encoding="utf-8") as lines:
            return [line for line in lines if any(one in line for one in bad)]

    def write_config(self) -> None:
        """What `start` does first, where it was not done yet."""
        self.folder.mkdir(parents=True, exist_ok=True)
        text = LOOPBACK.format(
            hostname=self._hostname,
            top=self._top,
            exempt=json.dumps(list(self._exempt)),
            sections=storing.settled(self._sections, self.folder),
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
        self._process = self._begun(environment)
        deadline = time.monotonic() + READY
        while not ready.exists():
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise AssertionError(f"not ready: {self.log.read_text()[-3000:]}")
            time.sleep(0.01)
        self._listeners = json.loads(ready.read_text())["listeners"]

    def _begun(
        self, environment: Mapping[str, str] | None
    ) -> subprocess.Popen[bytes] | warm.Forked:
        words = [str(BIN / "twistd"), "-n", "--pidfile=", "mailhub", "--config", str(self.config)]
        if not (self._cold or self._wrap or environment):
            return warm.nursery().twistd(words, self.log)
        with self.log.open("ab") as log:
            return subprocess.Popen(
                [*self._wrap, *words],
                stdout=log,
                stderr=log,
                env={**os.environ, **(environment or {})},
            )

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
        """Runs the `mailhub` command on this server's configuration: here and now, unless the
        server is a cold one, for starting a program costs more than what it does."""
        given = ("--config", str(self.config), *words)
        done = self._apart(given) if self._cold else _here(given)
        if check and done.returncode:
            raise AssertionError(f"{words}: {done.stdout}{done.stderr}")
        return done

    def _apart(self, words: Sequence[str]) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [self.tool, *words], capture_output=True, text=True, timeout=COMMAND, check=False
        )

    def add_domain(self, name: str) -> None:
        self.command("domain", "add", name)

    def add_user(self, address: str, password: str, *options: str) -> None:
        self.command("user", "add", address, "--password", password, *options)

    def verify(self) -> str:
        """What `mailhub verify` finds wrong; empty when all is well."""
        done = self.command("verify", check=False)
        return "" if done.returncode == 0 else done.stdout + done.stderr


def _here(words: Sequence[str]) -> subprocess.CompletedProcess[str]:
    """The command's own entry point, in this process."""
    out, err = (io.TextIOWrapper(io.BytesIO(), "utf-8", write_through=True) for _ in range(2))
    status: object = 0
    with (
        _streams,
        mock.patch("sys.argv", ["mailhub", *words]),
        mock.patch("mailhub.cli.client._alone", lambda *store: warm.nursery().alone(*store)),
    ):
        patience = socket.getdefaulttimeout()
        socket.setdefaulttimeout(COMMAND)
        try:
            with (
                redirect_stdout(out),
                redirect_stderr(err),
                open(os.devnull) as nothing,
                mock.patch("sys.stdin", nothing),
            ):
                cli.main()
        except SystemExit as end:
            status = end.code
        finally:
            socket.setdefaulttimeout(patience)
    said = [stream.buffer.getvalue().decode() for stream in (out, err)]  # type: ignore[attr-defined]
    return subprocess.CompletedProcess(words, int(str(status or 0)), *said)
