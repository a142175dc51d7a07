"""Pigeonhole's `sieve-test`, asked what it would do: its words as the same values as ours."""

from __future__ import annotations

import pwd
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.programs import program

USER = "nobody"
_CONFIG = """
base_dir = {folder}/run
mail_location = maildir:{folder}/mail
mail_home = {folder}/home
log_path = /dev/stderr
ssl = no
mail_uid = {user}
mail_gid = nogroup
default_internal_user = {user}
default_login_user = {user}
first_valid_uid = 1
namespace inbox {{
  inbox = yes
  separator = /
  mailbox Work {{
    auto = create
  }}
  mailbox Junk {{
    auto = create
    special_use = \\Junk
  }}
}}
plugin {{
  sieve = {folder}/active.sieve
  sieve_dir = {folder}/personal
  sieve_global = {folder}/shared
  sieve_extensions = +editheader +vacation-seconds +ereject +special-use
  sieve_max_actions = 0
  sieve_max_redirects = 4
  sieve_vacation_min_period = 0
}}
"""
_ITEM = re.compile(r"^ \* (.*)$")
_FLAGS = re.compile(r"^\s+\+ add IMAP flags: (.*)$")


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a script does, in a form that both implementations can be put into. `filed`: (mailbox,
    flags folded and sorted) each; INBOX where nothing else was said. `refused`: the script does
    not compile; `failed`: it ended with an error."""

    filed: tuple[tuple[str, tuple[str, ...]], ...] = ()
    redirected: tuple[str, ...] = ()
    rejected: str | None = None
    answered: tuple[str, ...] = ()
    refused: bool = False
    failed: bool = False


class Pigeonhole:
    """A folder for `sieve-test` to work in. `extensions`: what it knows."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._program = program("sieve-test")
        self._count = 0
        for name in ("run", "home", "mail", "personal", "shared"):
            (folder / name).mkdir()
        (folder / "dovecot.conf").write_text(_CONFIG.format(folder=folder, user=USER))
        self._give(folder)

    def include(self, name: str, source: str, *, shared: bool = False) -> None:
        """A script that others can include."""
        path = self._folder / ("shared" if shared else "personal") / f"{name}.sieve"
        path.write_text(source)
        self._give(path)

    def play(self, source: str, message: bytes, sender: str, recipient: str) -> Verdict:
        """What it would do."""
        self._count += 1
        script = self._folder / f"s{self._count}.sieve"
        letter = self._folder / f"m{self._count}.eml"
        script.write_text(source)
        letter.write_bytes(message)
        for path in (script, letter):
            self._give(path)
        command = [self._program, "-c", str(self._folder / "dovecot.conf"), "-f", sender]
        command += ["-a", recipient, "-r", recipient, str(script), str(letter)]
        environment = {"HOME": str(self._folder / "home"), "TZ": "UTC", "PATH": "/usr/bin:/bin"}
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            check=False,
            timeout=30,
            env=environment,
            cwd=self._folder,
        )
        if "failed to compile" in done.stderr:
            return Verdict(refused=True)
        if "final result: failed" in done.stderr:
            return Verdict(failed=True)
        assert "final result: success" in done.stderr, done.stderr
        return _verdict(done.stdout)

    def _give(self, path: Path) -> None:
        user = pwd.getpwnam(USER)
        for one in (path, *path.glob("**/*")):
            shutil.chown(one, user.pw_uid)


def _verdict(output: str) -> Verdict:
    filed: list[tuple[str, tuple[str, ...]]] = []
    redirected: list[str] = []
    answered: list[str] = []
    rejected = None
    for line in output.splitlines():
        item, flags = _ITEM.match(line), _FLAGS.match(line)
        if item is not None:
            said = item[1]
            if said.startswith("store message in folder: "):
                filed.append((said.partition(": ")[2], ()))
            elif said.startswith("redirect message to: "):
                redirected.append(said.partition(": ")[2].strip("<>"))
            elif said.startswith("reject message with reason: "):
                rejected = said.partition(": ")[2]
        elif flags is not None:
            filed[-1] = (filed[-1][0], tuple(sorted(flags[1].lower().split())))
        elif line.startswith("    => ") and not line.startswith("    => handle"):
            answered.append(line.strip())
    return Verdict(tuple(filed), tuple(redirected), rejected, tuple(answered))


@contextmanager
def pigeonhole() -> Iterator[Pigeonhole]:
    """One for a test; its folder is where its own user can go."""
    folder = Path(tempfile.mkdtemp(prefix="mailhub-sieve-"))
    folder.chmod(0o755)
    try:
        yield Pigeonhole(folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
