"""A Dovecot as the server that accounts come from: IMAP, POP3 and LMTP on loopback, with TLS of an
authority of its own. Root alone can run one.
"""

from __future__ import annotations

import imaplib
import pwd
import shutil
import signal
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from bench.dovecot import descendants
from tests.live.authority import Authority
from tests.live.peers import answers, open_folder, until
from tests.ports import free_port
from tests.programs import program

HOST = "localhost"
OWNER = "nobody"
CONFIG = """
base_dir = {folder}/run
state_dir = {folder}/run/state
log_path = {folder}/dovecot.log
protocols = imap pop3 lmtp
listen = 127.0.0.1
ssl = yes
ssl_cert = <{pair}
ssl_key = <{pair}
disable_plaintext_auth = no
auth_failure_delay = 0
login_trusted_networks = 127.0.0.0/8
mail_location = maildir:{folder}/mail/%u
mail_uid = {uid}
mail_gid = {gid}
first_valid_uid = 1
mail_max_userip_connections = 500
imap_idle_notify_interval = 2 mins
passdb {{
  driver = passwd-file
  args = scheme=PLAIN username_format=%u {folder}/users
}}
userdb {{
  driver = static
  args = uid={uid} gid={gid} home={folder}/mail/%u allow_all_users=yes
}}
service imap-login {{
  inet_listener imap {{
    port = {imap}
  }}
  inet_listener imaps {{
    port = {imaps}
    ssl = yes
  }}
}}
service pop3-login {{
  inet_listener pop3 {{
    port = {pop3}
  }}
  inet_listener pop3s {{
    port = {pop3s}
    ssl = yes
  }}
}}
service lmtp {{
  inet_listener lmtp {{
    port = {lmtp}
  }}
}}
service anvil {{
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
namespace inbox {{
  inbox = yes
  separator = /
}}
"""


class FormerServer:
    """One Dovecot, with these users and their passwords. `authority`: PEM file of who signed its
    certificate, that of `localhost`."""

    def __init__(self, folder: Path, users: Mapping[str, str]) -> None:
        self._folder = folder
        self._users = dict(users)
        self._write_users()
        self.imap, self.imaps, self.pop3, self.pop3s, self.lmtp = (free_port() for _ in range(5))
        authority = Authority(folder)
        self.authority = authority.path
        owner = pwd.getpwnam(OWNER)
        (folder / "mail").mkdir()
        shutil.chown(folder / "mail", owner.pw_uid, owner.pw_gid)
        text = CONFIG.format(
            folder=folder,
            pair=authority.pair(HOST),
            uid=owner.pw_uid,
            gid=owner.pw_gid,
            imap=self.imap,
            imaps=self.imaps,
            pop3=self.pop3,
            pop3s=self.pop3s,
            lmtp=self.lmtp,
        )
        self._config = folder / "dovecot.conf"
        self._config.write_text(text)
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Begins, or begins again."""
        with (self._folder / "stderr").open("ab") as said:
            self._process = subprocess.Popen(
                [program("dovecot"), "-F", "-c", self._config],
                stdout=subprocess.DEVNULL,
                stderr=said,
            )
        for port in (self.imap, self.imaps, self.pop3, self.pop3s, self.lmtp):
            assert until(lambda port=port: answers("127.0.0.1", port)), self.log()  # type: ignore[misc]

    def stop(self) -> None:
        """Ends, with all its sessions."""
        process, self._process = self._process, None
        if process is not None:
            sessions = descendants({process.pid})
            process.send_signal(signal.SIGTERM)
            process.wait(30)
            assert until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in sessions))

    def log(self) -> str:
        """All that it wrote."""
        files = (self._folder / name for name in ("stderr", "dovecot.log"))
        return "".join(file.read_text() for file in files if file.exists())

    def change_password(self, name: str, password: str) -> None:
        """Another one from now on: Dovecot looks at the file now and then."""
        self._users[name] = password
        self._write_users()
        assert until(lambda: self._lets_in(name))

    def _lets_in(self, name: str) -> bool:
        try:
            with self.session(name):
                return True
        except imaplib.IMAP4.error:
            return False

    def _write_users(self) -> None:
        lines = (f"{one}:{{PLAIN}}{word}\n" for one, word in self._users.items())
        (self._folder / "users").write_text("".join(lines))

    @contextmanager
    def session(self, name: str) -> Iterator[imaplib.IMAP4]:
        """An IMAP session straight there."""
        with imaplib.IMAP4("127.0.0.1", self.imap) as imap:
            imap.authenticate("PLAIN", lambda _: f"\0{name}\0{self._users[name]}".encode())
            yield imap

    def subjects(self, name: str) -> list[str]:
        """Of the messages in INBOX, in their order."""
        with self.session(name) as imap:
            return subjects(imap)


def subjects(imap: imaplib.IMAP4) -> list[str]:
    """Of the messages in INBOX, in their order."""
    if imap.select("INBOX", readonly=True)[1] == [b"0"]:
        return []
    _, found = imap.fetch("1:*", "(BODY.PEEK[HEADER.FIELDS (SUBJECT)])")
    heads = [one[1].decode() for one in found if isinstance(one, tuple)]
    return [head.partition(":")[2].strip() for head in heads]


@contextmanager
def former_server(users: Mapping[str, str]) -> Iterator[FormerServer]:
    """One that runs, for a module."""
    with open_folder() as folder:
        made = FormerServer(folder, users)
        made.start()
        try:
            yield made
        finally:
            made.stop()
