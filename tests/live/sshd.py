"""A real SSH server for tests, on a free port, with host key and configuration of its own: it lets
one key fetch and put files, runs no command, and nobody comes in as root.

As root it serves `nobody`; otherwise the user whose tests these are, for it can be nobody else.
"""

from __future__ import annotations

import getpass
import os
import pwd
import subprocess
from pathlib import Path

from tests.live.peers import answers, until
from tests.ports import free_port
from tests.programs import program

CONFIG = """\
ListenAddress 127.0.0.1
Port {port}
HostKey {folder}/host
PidFile none
AuthorizedKeysFile {folder}/keys
PasswordAuthentication no
KbdInteractiveAuthentication no
UsePAM no
StrictModes no
AllowUsers {user}
Subsystem sftp internal-sftp
ForceCommand internal-sftp
"""
SEPARATION = Path("/run/sshd")
"""Where sshd puts aside what is not logged in yet; the package makes it at boot."""


class SSHServer:
    """`start` and `stop` at will; `address`: of a folder that its user may write."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self.user = "nobody" if os.geteuid() == 0 else getpass.getuser()
        self._process: subprocess.Popen[bytes] | None = None
        self.data = folder / "data"
        self.data.mkdir(parents=True)
        folder.chmod(0o755)
        if os.geteuid() == 0:
            SEPARATION.mkdir(exist_ok=True)
            os.chown(self.data, pwd.getpwnam(self.user).pw_uid, -1)
        (folder / "config").write_text(CONFIG.format(port=self.port, folder=folder, user=self.user))
        self.let_in("")
        self.new_host_key()

    @property
    def address(self) -> str:
        """As backups name it, behind the scheme."""
        return f"{self.user}@127.0.0.1:{self.port}{self.data}/mail"

    def let_in(self, key: str) -> None:
        """Only the owner of this key comes in."""
        (self.folder / "keys").write_text(f"{key}\n")
        (self.folder / "keys").chmod(0o644)

    def new_host_key(self) -> None:
        """As if it were another machine."""
        for path in self.folder.glob("host*"):
            path.unlink()
        words = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(self.folder / "host")]
        subprocess.run(words, check=True)

    def start(self) -> None:
        """It listens when this returns."""
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [program("sshd"), "-D", "-e", "-f", str(self.folder / "config")],
                stderr=log,
            )
        assert until(lambda: answers("127.0.0.1", self.port), 30), self.said()

    def stop(self) -> None:
        """It listens no more."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(20)
            self._process = None

    def said(self) -> str:
        return (self.folder / "log").read_text()[-2000:]
