"""A directory of the organisation: Debian's slapd on free ports, with people of our own."""

from __future__ import annotations

import signal
import socket
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

from ldap3 import MODIFY_REPLACE, Connection, Server

from tests.live.authority import Authority
from tests.live.server import PLAIN
from tests.ports import free_port
from tests.programs import program

BASE = "dc=corp,dc=test"
PEOPLE = f"ou=people,{BASE}"
ADMIN, SECRET = f"cn=admin,{BASE}", "directory-Passw0rd"
READER, READER_SECRET = f"cn=reader,{BASE}", "reader-Passw0rd"
GROUP = f"cn=mailadmins,{BASE}"
CONFIG = """
include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/inetorgperson.schema
include /etc/ldap/schema/nis.schema
modulepath /usr/lib/ldap
moduleload back_mdb
pidfile {folder}/slapd.pid
TLSCACertificateFile {authority}
TLSCertificateFile {pair}
TLSCertificateKeyFile {pair}
database mdb
suffix "{base}"
rootdn "{admin}"
rootpw {secret}
directory {folder}/data
access to attrs=userPassword by anonymous auth by * none
access to * by dn.exact="{reader}" read by * none
"""
LDIF = f"""dn: {BASE}
objectClass: dcObject
objectClass: organization
dc: corp
o: Corp

dn: {PEOPLE}
objectClass: organizationalUnit
ou: people

dn: {READER}
objectClass: simpleSecurityObject
objectClass: organizationalRole
cn: reader
userPassword: {READER_SECRET}

dn: {GROUP}
objectClass: groupOfNames
cn: mailadmins
member: uid=ada,{PEOPLE}
"""


def person(uid: str, password: str, *mail: str, quota: int = 0, name: str = "") -> str:
    """One entry as LDIF. `quota`: mebibytes, in the attribute for employee numbers."""
    lines = [
        f"dn: uid={uid},{PEOPLE}",
        "objectClass: inetOrgPerson",
        f"uid: {uid}",
        f"cn: {name or uid.title()}",
        f"sn: {uid.title()}",
        f"userPassword: {password}",
        *(f"mail: {one}" for one in mail),
    ]
    if quota:
        lines.append(f"employeeNumber: {quota}")
    return "\n".join(lines) + "\n"


class Slapd:
    """The server. `people`: entries as LDIF."""

    def __init__(self, folder: Path, people: Sequence[str]) -> None:
        self.folder = folder
        (folder / "data").mkdir(parents=True)
        self.authority = Authority(folder)
        pair = self.authority.pair("localhost")
        self.port, self.tls_port = free_port(), free_port()
        self._config = folder / "slapd.conf"
        self._config.write_text(
            CONFIG.format(
                folder=folder,
                authority=self.authority.path,
                pair=pair,
                base=BASE,
                admin=ADMIN,
                secret=SECRET,
                reader=READER,
            )
        )
        ldif = folder / "people.ldif"
        ldif.write_text("\n".join([LDIF, *people]))
        subprocess.run(
            [program("slapadd"), "-f", self._config, "-l", ldif], check=True, capture_output=True
        )
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Returns when it answers."""
        urls = f"ldap://localhost:{self.port} ldaps://localhost:{self.tls_port}"
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [program("slapd"), "-d", "0", "-f", self._config, "-h", urls],
                stdout=log,
                stderr=log,
            )
        deadline = time.monotonic() + 20
        while True:
            try:
                socket.create_connection(("localhost", self.tls_port), 1).close()
                return
            except OSError:
                if self._process.poll() is not None or time.monotonic() > deadline:
                    raise AssertionError((self.folder / "log").read_text()[-2000:]) from None
                time.sleep(0.02)

    def stop(self) -> None:
        """Ends it; what it knows stays."""
        process, self._process = self._process, None
        if process is not None:
            process.send_signal(signal.SIGCONT)
            process.terminate()
            process.wait(10)

    def hang(self) -> None:
        """It takes connections and says nothing, until it is stopped."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def change(self, uid: str, **values: str) -> None:
        """Replaces attributes of a person."""
        with self._administrator() as connection:
            changes = {name: [(MODIFY_REPLACE, [value])] for name, value in values.items()}
            assert connection.modify(f"uid={uid},{PEOPLE}", changes), connection.result

    def rename(self, uid: str, name: str) -> None:
        """Another login name, for the same entry."""
        with self._administrator() as connection:
            assert connection.modify_dn(f"uid={uid},{PEOPLE}", f"uid={name}"), connection.result

    def remove(self, uid: str) -> None:
        """Deletes a person."""
        with self._administrator() as connection:
            assert connection.delete(f"uid={uid},{PEOPLE}"), connection.result

    def _administrator(self) -> Connection:
        server = Server("localhost", self.port)
        return Connection(server, ADMIN, SECRET, auto_bind=True)

    def section(self, **changes: object) -> str:
        """`[ldap]` for it. `changes`: values in TOML."""
        values = {
            "urls": f'["ldaps://localhost:{self.tls_port}"]',
            "authority": f'"{self.authority.path}"',
            "bind_dn": f'"{READER}"',
            "bind_password": f'"{READER_SECRET}"',
            "base": f'"{PEOPLE}"',
            "domains": '["corp.test"]',
            "quota": '"employeeNumber"',
            "quota_unit": "1048576",
            "admin_group": f'"{GROUP}"',
            "locked_filter": '"(description=left)"',
            "timeout": "1",
            "life": "1",
            "sync": "0",
            **changes,
        }
        lines = "".join(f"{name} = {value}\n" for name, value in values.items())
        return f"{PLAIN}\n[ldap]\n{lines}"
