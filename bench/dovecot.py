"""Postfix + Dovecot from Debian packages as the peer: one folder, loopback ports, no systemd.

Both run as their packages would run them (durable queue files, Maildir with Dovecot's default
sync), but from configuration written here, so that nothing under /etc is touched.
"""

from __future__ import annotations

import pwd
import shutil
import signal
import subprocess
import time
from pathlib import Path

from bench.postfix import Postfix
from bench.servers import Server, wait_for_port
from tests.ports import free_port

DOVECOT = """
base_dir = {folder}/dovecot
state_dir = {folder}/dovecot/state
log_path = {folder}/dovecot.log
protocols = imap pop3 lmtp
listen = 127.0.0.1
ssl = yes
ssl_cert = <{folder}/cert.pem
ssl_key = <{folder}/key.pem
disable_plaintext_auth = no
mail_location = {format}:{folder}/mail/%u
mail_uid = {uid}
mail_gid = {gid}
first_valid_uid = 1
mail_max_userip_connections = 5000
default_client_limit = 20000
default_process_limit = 5000
passdb {{
  driver = static
  args = nopassword=y
}}
userdb {{
  driver = static
  args = uid={uid} gid={gid} home={folder}/mail/%u allow_all_users=yes
}}
service imap-login {{
  service_count = 0
  process_min_avail = 2
  client_limit = 5000
  inet_listener imap {{
    port = {imap}
  }}
  inet_listener imaps {{
    port = {imaps}
    ssl = yes
  }}
}}
service pop3-login {{
  service_count = 0
  inet_listener pop3 {{
    port = {pop3}
  }}
  inet_listener pop3s {{
    port = 0
  }}
}}
service imap {{
  client_limit = {imap_clients}
  service_count = 0
  process_limit = 3000
}}
service lmtp {{
  process_min_avail = 2
  unix_listener {folder}/queue/private/dovecot-lmtp {{
    mode = 0666
  }}
}}
service anvil {{
  client_limit = 20000
}}
service stats {{
  client_limit = 20000
}}
protocol lmtp {{
  postmaster_address = postmaster@bench.test
}}
namespace inbox {{
  inbox = yes
  separator = /
}}
"""

POSTFIX_MAIN = """
inet_interfaces = 127.0.0.1
myhostname = bench.test
mydestination =
virtual_mailbox_domains = bench.test
virtual_mailbox_maps = static:ok
virtual_alias_maps = hash:{folder}/aliases
virtual_transport = lmtp:unix:private/dovecot-lmtp
smtpd_client_connection_count_limit = 0
smtpd_client_connection_rate_limit = 0
default_process_limit = 200
message_size_limit = 67108864
mailbox_size_limit = 0
virtual_mailbox_limit = 0
in_flow_delay = 0
default_destination_concurrency_limit = 40
lmtp_destination_concurrency_limit = 40
smtpd_recipient_restrictions = permit_mynetworks reject
"""


class PostfixDovecot(Server):
    """`layout`: maildir (Debian's usual) or mdbox. Accounts need no creation; any password."""

    name = "postfix+dovecot"

    def __init__(self, folder: Path, layout: str = "maildir") -> None:
        self.folder = folder
        self.layout = layout
        self.smtp, self.imap, self.imaps, self.pop3 = (free_port() for _ in range(4))
        listeners = {f"127.0.0.1:{self.smtp}": ""}
        self._postfix = Postfix(folder, listeners, POSTFIX_MAIN.format(folder=folder))
        self._dovecot: subprocess.Popen[bytes] | None = None

    def start(self, users: list[str]) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)
        (self.folder / "dovecot").mkdir(parents=True)
        aliases = "".join(f"alias-{user} {user}\n" for user in users)
        self._postfix.make({"aliases": aliases})
        self._postfix.start()
        self._start_dovecot(self._postfix.owner)
        for port in (self.smtp, self.imap, self.imaps, self.pop3):
            wait_for_port(port)

    def _start_dovecot(self, owner: pwd.struct_passwd) -> None:
        subprocess.run(
            [
                "/usr/bin/openssl",
                "req",
                "-x509",
                "-newkey",
                "ec",
                "-pkeyopt",
                "ec_paramgen_curve:prime256v1",
                "-nodes",
                "-days",
                "30",
                "-subj",
                "/CN=bench.test",
                "-keyout",
                self.folder / "key.pem",
                "-out",
                self.folder / "cert.pem",
            ],
            check=True,
            capture_output=True,
        )
        (self.folder / "dovecot.conf").write_text(
            DOVECOT.format(
                folder=self.folder,
                uid=owner.pw_uid,
                gid=owner.pw_gid,
                format=self.layout,
                imap=self.imap,
                imaps=self.imaps,
                pop3=self.pop3,
                imap_clients=1,
            )
        )
        self._dovecot = subprocess.Popen(
            ["/usr/sbin/dovecot", "-F", "-c", self.folder / "dovecot.conf"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def stop(self) -> None:
        self._postfix.stop()
        if self._dovecot is not None:
            self._dovecot.send_signal(signal.SIGTERM)
            self._dovecot.wait(20)

    def pids(self) -> list[int]:
        """Every process of the two, for disk and memory accounting."""
        roots = {self._dovecot.pid} if self._dovecot else set()
        master = self._postfix.master()
        if master is not None:
            roots.add(master)
        return descendants(roots)


def descendants(roots: set[int]) -> list[int]:
    """The processes in `roots` and all below them."""
    parents: dict[int, int] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_text().rsplit(")", 1)[1].split()
            except OSError:
                continue
            parents[int(entry.name)] = int(fields[1])
    found = set(roots)
    grew = True
    while grew:
        more = {pid for pid, parent in parents.items() if parent in found} - found
        grew = bool(more)
        found |= more
    return sorted(found)


if __name__ == "__main__":
    peer = PostfixDovecot(Path("/tmp/peer"))
    peer.start(["u0"])
    print(peer.smtp, peer.imap, peer.pids())
    time.sleep(1)
    peer.stop()
