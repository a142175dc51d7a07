"""Scanners and filters of others, each on a port or socket of its own, in a folder that goes."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from tests.ports import free_port
from tests.programs import program

START = 30.0
VIRUS = b"MAILHUB-TEST-VIRUS-7f3a"
"""What our own signature, the only one of the test's clamd, finds."""
GTUBE = b"XJS*C4JDBQADN1.NSBN3*2IDNEN*GTUBE-STANDARD-ANTI-UBE-TEST-EMAIL*C.34X"
CLAMD = """
LocalSocket {folder}/socket
Foreground yes
DatabaseDirectory {folder}/signatures
StreamMaxLength 1M
MaxThreads 2
"""
RSPAMD = """
options {{ filters = ""; pidfile = "{folder}/pid";
  dns {{ nameserver = ["127.0.0.1:1:10"]; timeout = 0.1s; retransmits = 1; }} }}
logging {{ type = "file"; filename = "{folder}/rspamd.log"; level = "info"; }}
actions {{ reject = 15; add_header = 6; greylist = 4; }}
worker "normal" {{ bind_socket = "127.0.0.1:{port}"; count = 1; }}
lua = "{folder}/rules.lua";
"""
RULES = """
local function rule(name, score, callback)
  rspamd_config[name] = { callback = callback, score = score }
end
rule("SUBJECT_SEVEN", 7, function(task) return task:get_header("Subject") == "seven" end)
rule("ENVELOPE", 0.5, function(task)
  local from, to = task:get_from("smtp"), task:get_recipients("smtp")
  task:set_milter_reply({ add_headers = { ["X-Seen"] = string.format("%s %s %s %s %d",
    tostring(task:get_from_ip()), task:get_helo() or "-", from and from[1].addr or "-",
    task:get_user() or "-", to and #to or 0) } })
  return true
end)
"""
OPENDKIM = """
Mode v
Socket local:{folder}/socket
Syslog no
TestPublicKeys {folder}/zone
TemporaryDirectory {folder}
AlwaysAddARHeader yes
AuthservID filter.example
UMask 000
"""


class Daemon:
    """One program. `ready`: what it listens on, a path or a port of loopback. `end`: ends it."""

    def __init__(self, end: signal.Signals = signal.SIGTERM) -> None:
        self._end = end
        # Not pytest's folder: the path of a Unix socket has at most 107 characters.
        self._temporary = tempfile.TemporaryDirectory(prefix="mailhub-")
        self.folder = Path(self._temporary.name)
        self.folder.chmod(0o755)
        self.port = free_port()
        self.socket = self.folder / "socket"
        self._process: subprocess.Popen[bytes] | None = None

    def write(self, name: str, text: str | bytes) -> Path:
        path = self.folder / name
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        return path

    def start(self, command: Sequence[object], ready: Path | int) -> None:
        words = [str(word) for word in command]
        with (self.folder / "output").open("ab") as log:
            self._process = subprocess.Popen(words, stdout=log, stderr=log, cwd=self.folder)
        ends = time.monotonic() + START
        while not _answers(ready):
            assert self._process.poll() is None, self.said()
            assert time.monotonic() < ends, f"{words[0]} did not start: {self.said()}"
            time.sleep(0.05)

    def said(self) -> str:
        return (self.folder / "output").read_text(errors="replace")[-3000:]

    def stop(self) -> None:
        process, self._process = self._process, None
        if process is not None and process.poll() is None:
            process.send_signal(self._end)
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def close(self) -> None:
        self.stop()
        self._temporary.cleanup()


def clamd() -> Daemon:
    """ClamAV with one signature."""
    made = Daemon()
    (made.folder / "signatures").mkdir()
    made.write("signatures/test.ndb", f"Mailhub.Test:0:*:{VIRUS.hex()}\n")
    conf = made.write("conf", CLAMD.format(folder=made.folder))
    made.start([program("clamd"), "-c", conf], made.socket)
    return made


def rspamd() -> Daemon:
    """rspamd with two rules of ours, and none of its own."""
    made = Daemon()
    made.write("rules.lua", RULES)
    conf = made.write("conf", RSPAMD.format(folder=made.folder, port=made.port))
    made.start([program("rspamd"), "-f", "-i", "-c", conf], made.port)
    return made


def spamd() -> Daemon:
    """SpamAssassin with the rules that come with it, and no network."""
    made = Daemon()
    words = [program("spamd"), "-L", "-x", "-m", "1", "--max-spare=1", "-i", "127.0.0.1"]
    user = ["-u", "nobody"] if os.getuid() == 0 else []
    made.start([*words, *user, "-p", made.port, "-s", "stderr"], made.port)
    return made


def opendkim(zone: str) -> Daemon:
    """OpenDKIM as a verifier that takes keys from `zone`, a line each."""
    made = Daemon(signal.SIGKILL)
    made.write("zone", zone)
    conf = made.write("conf", OPENDKIM.format(folder=made.folder))
    made.start([program("opendkim"), "-f", "-x", conf], made.socket)
    return made


def odd_milter() -> Daemon:
    """`odd_milter.py`."""
    made = Daemon(signal.SIGKILL)  # libmilter takes five seconds to end
    start_odd_milter(made)
    return made


def start_odd_milter(made: Daemon) -> None:
    script = Path(__file__).parent / "odd_milter.py"
    python = "/usr/bin/python3" if sys.prefix != sys.base_prefix else sys.executable
    made.socket.unlink(missing_ok=True)
    made.start([python, script, made.socket, made.folder / "heard"], made.socket)


def _answers(ready: Path | int) -> bool:
    try:
        if isinstance(ready, int):
            socket.create_connection(("127.0.0.1", ready), timeout=5).close()
        else:
            with socket.socket(socket.AF_UNIX) as sock:
                sock.connect(str(ready))
        return True
    except OSError:
        return False
