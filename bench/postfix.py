"""A Postfix from its Debian package in a folder of its own: no systemd, nothing under /etc.

Knows how it is started and stopped; what it is for, its caller's configuration says.
"""

from __future__ import annotations

import os
import pwd
import subprocess
from collections.abc import Mapping
from pathlib import Path

MAIN = """
compatibility_level = 3.6
queue_directory = {folder}/queue
data_directory = {folder}/data
maillog_file = {folder}/postfix.log
maillog_file_prefixes = {folder}
mail_owner = postfix
setgid_group = postdrop
command_directory = /usr/sbin
daemon_directory = /usr/lib/postfix/sbin
inet_protocols = ipv4
alias_maps =
alias_database =
"""
MASTER = """
pickup    unix  n - n 60 1 pickup
cleanup   unix  n - n - 0 cleanup
qmgr      unix  n - n 300 1 qmgr
rewrite   unix  - - n - - trivial-rewrite
bounce    unix  - - n - 0 bounce
defer     unix  - - n - 0 bounce
trace     unix  - - n - 0 bounce
verify    unix  - - n - 1 verify
flush     unix  n - n 1000? 0 flush
proxymap  unix  - - n - - proxymap
smtp      unix  - - n - - smtp
relay     unix  - - n - - smtp
showq     unix  n - n - - showq
error     unix  - - n - - error
retry     unix  - - n - - error
discard   unix  - - n - - discard
virtual   unix  - n n - - virtual
lmtp      unix  - - n - - lmtp
anvil     unix  - - n - 1 anvil
scache    unix  - - n - 1 scache
tlsmgr    unix  - - n 1000? 1 tlsmgr
postlog   unix-dgram n - n - 1 postlogd
"""


class Postfix:
    """`main`: lines of main.cf beside those that a folder of its own needs; `listeners`: address
    and port where it takes SMTP, with the options of each."""

    def __init__(self, folder: Path, listeners: Mapping[str, str], main: str) -> None:
        self.folder = folder
        self.config = folder / "postfix"
        self.owner = pwd.getpwnam("postfix")
        self._listeners = listeners
        self._main = main

    def make(self, maps: Mapping[str, str]) -> None:
        """The folders and files. `maps`: text of lookup tables, `hash:` by name in the folder."""
        for name in ("data", "queue", "postfix", "mail"):
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        os.chmod(self.folder, 0o755)
        for name in ("data", "mail"):
            os.chown(self.folder / name, self.owner.pw_uid, self.owner.pw_gid)
        doors = "".join(
            f"{door} inet n - n - - smtpd {options}\n" for door, options in self._listeners.items()
        )
        main = MAIN.format(folder=self.folder) + self._main
        (self.config / "main.cf").write_text(main)
        (self.config / "master.cf").write_text(doors + MASTER)
        for name, text in maps.items():
            (self.folder / name).write_text(text)
            subprocess.run(["/usr/sbin/postmap", "-c", self.config, self.folder / name], check=True)

    def start(self) -> None:
        """Returns once it runs in the background; its ports may take a moment longer."""
        subprocess.run(
            ["/usr/sbin/postfix", "-c", self.config, "start"], check=True, capture_output=True
        )

    def stop(self) -> None:
        """Ends it, whether it runs or not."""
        subprocess.run(
            ["/usr/sbin/postfix", "-c", self.config, "stop"], check=False, capture_output=True
        )

    def master(self) -> int | None:
        """The process all others of it are below."""
        path = self.folder / "queue" / "pid" / "master.pid"
        return int(path.read_text()) if path.exists() else None
