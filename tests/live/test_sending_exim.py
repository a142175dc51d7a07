"""Mail that leaves for Exim: another server's TLS library, chunks, logins and notifications."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.live.authority import Authority, tlsa
from tests.live.outgoing import SENDER, Hub, hub, text
from tests.live.peers import ROOT, answers, end, new_address, open_folder, parsed, until

pytestmark = [pytest.mark.live, ROOT]
EXIM = Path("/opt/mailhub-peers/exim/usr/sbin/exim4")
NO = "NONE:+VERS-TLS1.2:+PSK:+AES-128-GCM:+AEAD:+COMP-NULL:+SIGN-ALL:+GROUP-ALL"
USER, SECRET = "relay-user", "relay-Passw0rd"
CONFIG = """
primary_hostname = mx.exim.test
spool_directory = {folder}/spool
log_file_path = {folder}/log/%s
pid_file_path = {folder}/spool/exim.pid
local_interfaces = {address}
daemon_smtp_ports = 25
acl_smtp_rcpt = check_rcpt
acl_smtp_data = accept
host_lookup =
rfc1413_query_timeout = 0s
keep_environment =
deliver_drop_privilege = true
tls_advertise_hosts = *
tls_certificate = {pair}
{more}
chunking_advertise_hosts = *
smtputf8_advertise_hosts = *
dsn_advertise_hosts = *
accept_8bitmime = true
log_selector = +smtp_protocol_error +received_recipients +protocol_detail
begin acl
check_rcpt:
  deny message = 5.1.1 Nobody by that name
       local_parts = nobody
  deny message = Users only
       domains = locked.test
       !authenticated = *
  accept
begin routers
here:
  driver = accept
  transport = maildir
begin transports
maildir:
  driver = appendfile
  directory = {folder}/mail/all
  maildir_format
  create_directory
begin retry
* * F,1h,1m
begin authenticators
cram:
  driver = cram_md5
  public_name = CRAM-MD5
  server_secret = ${{if eq{{$auth1}}{{{user}}}{{{secret}}}fail}}
  server_set_id = $auth1
"""


class Exim:
    """An Exim that takes mail for everybody into one Maildir. `more`: main settings."""

    def __init__(self, folder: Path, pair: Path, more: str = "") -> None:
        self.address = new_address()
        self.folder = folder
        self.pair = pair
        self._more = more
        self._process: subprocess.Popen[bytes] | None = None
        self._taken: set[Path] = set()

    def start(self) -> None:
        if not EXIM.exists():
            if os.environ.get("CI"):
                raise AssertionError(f"{EXIM} is missing; `make test` unpacks it")
            pytest.skip(f"{EXIM} is missing")
        for name in ("spool", "log", "mail"):
            (self.folder / name).mkdir()
            os.chmod(self.folder / name, 0o777)
        self.pair.chmod(0o644)
        config = self.folder / "exim.conf"
        config.write_text(
            CONFIG.format(
                folder=self.folder,
                address=self.address,
                pair=self.pair,
                user=USER,
                secret=SECRET,
                more=self._more,
            )
        )
        self._process = subprocess.Popen(
            [EXIM, "-C", config, "-bdf", "-q1s", "-oX", self.address],
            stdout=subprocess.DEVNULL,
            stderr=(self.folder / "said").open("wb"),
        )
        assert until(lambda: answers(self.address)), (self.folder / "said").read_text()

    def stop(self) -> None:
        if self._process is not None:
            end(self._process)

    def log(self) -> str:
        path = self.folder / "log" / "main"
        return path.read_text() if path.exists() else ""

    def received(self) -> bytes:
        """The next message, with LF at the ends of lines."""
        found: list[Path] = []

        def look() -> bool:
            folder = self.folder / "mail" / "all" / "new"
            if folder.is_dir():
                found[:] = sorted(set(folder.iterdir()) - self._taken)
            return bool(found)

        assert until(look), self.log()
        self._taken.add(found[0])
        return found[0].read_bytes()


@pytest.fixture(scope="module")
def ours() -> Iterator[Hub]:
    with hub() as made:
        yield made


@pytest.fixture(scope="module")
def exim() -> Iterator[Exim]:
    with open_folder() as folder:
        made = Exim(folder, Authority(folder).pair("mx.exim.test"))
        made.start()
        try:
            yield made
        finally:
            made.stop()


def zone(exim: Exim) -> str:
    return f"@ IN MX 10 mx\nmx IN A {exim.address}\n"


def behind_trace(message: bytes, name: str) -> bytes:
    """The message from its author's first field on, as it was on the wire."""
    start = message.index(b"From: Ada")
    assert name.encode() in message
    return message[start:].replace(b"\n", b"\r\n")


def test_a_message_arrives_over_tls_in_chunks(ours: Hub, exim: Exim) -> None:
    ours.dns.load("exim.test", zone(exim))
    ours.submit(text("exim"), "grace@exim.test")
    assert behind_trace(exim.received(), "exim") == text("exim")
    assert str(ours.fate("grace@exim.test", "delivered")["tls"]).startswith("TLSv1.3")
    assert until(lambda: "K " in exim.log())  # Exim's mark of a message that came by BDAT


def test_a_large_message(ours: Hub, exim: Exim) -> None:
    ours.dns.load("large.test", zone(exim))
    lines = b"".join(b"%07d.\r\n.%060d\r\n\r\n" % (n, n) for n in range(30_000))
    ours.submit(text("large") + lines, "grace@large.test")
    assert behind_trace(exim.received(), "large") == text("large") + lines


def test_dane_with_another_library(ours: Hub, exim: Exim) -> None:
    ours.dns.load("dane.test", zone(exim) + f"_25._tcp.mx IN TLSA {tlsa(exim.pair)}\n")
    ours.dns.authentic = {"dane.test", "mx.dane.test", "_25._tcp.mx.dane.test"}
    ours.submit(text("dane"), "grace@dane.test")
    ours.fate("grace@dane.test", "delivered")
    exim.received()


def test_a_login_by_cram_md5(ours: Hub, exim: Exim) -> None:
    words = ["routes", "add", "locked.test", "--host", exim.address, "--login", USER]
    done = subprocess.run(
        [ours.server.tool, "--config", ours.server.config, *words, "--password-stdin"],
        input=f"{SECRET}\n",
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    )
    assert done.stdout.startswith("added ")
    ours.submit(text("locked"), "grace@locked.test")
    ours.fate("grace@locked.test", "delivered")
    exim.received()
    assert f"A=cram:{USER}" in exim.log()


def test_some_are_refused_and_some_are_not(ours: Hub, exim: Exim) -> None:
    ours.dns.load("some.test", zone(exim))
    ours.submit(text("some"), "nobody@some.test", "grace@some.test")
    exim.received()
    assert "5.1.1 Nobody by that name" in ours.mail_about("some").as_string()


def test_addresses_beyond_ascii(ours: Hub, exim: Exim) -> None:
    ours.dns.load("wide.test", zone(exim))
    with ours.submission() as smtp:
        smtp.mail(SENDER, ["SMTPUTF8", "BODY=8BITMIME"])
        smtp.command_encoding = "utf-8"
        assert smtp.rcpt("grüße@wide.test")[0] == 250
        assert smtp.data(text("wide") + "Grüße\r\n".encode())[0] == 250
    arrived = exim.received()
    assert "Grüße" in arrived.decode()
    assert parsed(arrived)["Message-ID"] == "<wide@home.test>"


def test_tls_that_fails_is_done_without_unless_somebody_asked_for_it(ours: Hub) -> None:
    """It offers STARTTLS, and no cipher that anybody has (RFC 7435 section 3)."""
    with open_folder() as folder:
        broken = Exim(folder, Authority(folder).pair("mx.odd.test"), f"tls_require_ciphers = {NO}")
        broken.start()
        try:
            ours.dns.load("odd.test", zone(broken))
            ours.server.command(
                *("routes", "add", "strict.test", "--host", broken.address, "--tls", "required")
            )
            ours.submit(text("odd"), "grace@odd.test", "grace@strict.test")
            assert ours.fate("grace@odd.test", "delivered")["tls"] == ""
            broken.received()
            assert ours.waits("outbound", outcome="clear", host="mx.odd.test")["reason"]
            said = ours.fate("grace@strict.test", "deferred")
            assert str(said["status"]).startswith("4.7.")
        finally:
            broken.stop()
