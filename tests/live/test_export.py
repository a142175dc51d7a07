"""A domain written out by one server: read by a plain Dovecot, and taken in by another server,
message by message."""

from __future__ import annotations

import imaplib
import json
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.live.peers import until
from tests.live.server import PLAIN, Server
from tests.programs import program

pytestmark = pytest.mark.scale

PASSWORD = "Live-Passw0rd-1"
DOMAIN, ADA, BOB, ROOT = "home.test", "ada@home.test", "bob@home.test", "root@home.test"
MORE = f"""
{PLAIN}
[http]
easymail_secrets = ["{ROOT}"]
"""
SCRIPT = 'require "fileinto";\nif header :contains "Subject" "invoice" { fileinto "Bills"; }\n'
BOXES = ("Work", "Work/Ärger & Co", "v1.0", "Empty")
DOTTED = {b"v1.0": b"v1&ICQ-0"}
"""Maildir++ has dots between levels."""
_UID = re.compile(rb"UID (\d+)")
_FLAGS = re.compile(rb"FLAGS \(([^)]*)\)")
_DATE = re.compile(rb'INTERNALDATE "([^"]+)"')


@dataclass(frozen=True)
class Seen:
    """A mailbox as a client sees it: its UIDVALIDITY and next UID, and by UID: flags, date and
    octets of its messages."""

    uidvalidity: int
    uidnext: int
    messages: dict[int, tuple[frozenset[bytes], bytes, bytes]] = field(default_factory=dict)


def seen(imap: imaplib.IMAP4, name: bytes) -> Seen:
    kind, said = imap.select(f'"{name.decode()}"', readonly=True)
    assert kind == "OK", said
    validity = int(imap.response("UIDVALIDITY")[1][0] or 0)
    following = int(imap.response("UIDNEXT")[1][0] or 0)
    found = Seen(validity, following)
    if said == [b"0"]:
        return found
    kind, parts = imap.fetch("1:*", "(UID FLAGS INTERNALDATE BODY.PEEK[])")
    assert kind == "OK"
    for place, part in enumerate(parts):
        if not isinstance(part, tuple):
            continue
        after = parts[place + 1]
        words = part[0] + (after if isinstance(after, bytes) else b"")
        uid, flags, date = _UID.search(words), _FLAGS.search(words), _DATE.search(words)
        assert uid
        assert flags
        assert date
        marks = frozenset(flags[1].lower().split()) - {b"\\recent"}
        moment = imaplib.Internaldate2tuple(b'INTERNALDATE "%b"' % date[1])
        found.messages[int(uid[1])] = (marks, repr(moment).encode(), part[1])
    return found


def names(imap: imaplib.IMAP4, command: str = "list") -> list[bytes]:
    kind, lines = getattr(imap, command)()
    assert kind == "OK"
    found = [re.sub(rb'^\([^)]*\) "?/"? ', b"", line).strip(b'"') for line in lines if line]
    return sorted(found)


def everything(imap: imaplib.IMAP4) -> dict[bytes, Seen]:
    return {name: seen(imap, name) for name in names(imap)}


def login(server: Server, user: str) -> imaplib.IMAP4:
    imap = imaplib.IMAP4("127.0.0.1", server.port("imap", "starttls"), timeout=30)
    imap.login(user, PASSWORD)
    return imap


def fill(server: Server) -> None:
    """Ada's mailboxes, with holes among the UIDs, more keywords than letters, and a large
    message."""
    with login(server, ADA) as imap:
        for name in (b"Work", b"Work/&AMQ-rger &- Co", b"v1.0", b"Empty"):
            assert imap.create(f'"{name.decode()}"')[0] == "OK"
        imap.unsubscribe("Empty")
        imap.subscribe('"Not there"')
        for number in range(12):
            text = b"Subject: %d\r\nMessage-ID: <%d@far.test>\r\n\r\nSee %d\r\n" % ((number,) * 3)
            flags = ("", r"(\Seen)", r"(\Flagged \Answered)", "($Forwarded Todo)")[number % 4]
            date = imaplib.Time2Internaldate(1_500_000_000 + number * 86_400)
            assert imap.append("INBOX", flags, date, text)[0] == "OK"
        odd = b"Subject: no end of line\r\n\r\na bare\nline feed, and 8 bit: \xff\x00 end".replace(
            b"\x00", b"\x01"
        )
        imap.append('"Work/&AMQ-rger &- Co"', "", imaplib.Time2Internaldate(1), odd)
        large = b"Subject: large\r\n\r\n" + b"0123456789abcdef\r\n" * 90_000
        imap.append('"v1.0"', r"(\Draft)", imaplib.Time2Internaldate(1_600_000_000), large)
        for number in range(30):
            date = imaplib.Time2Internaldate(1_650_000_000 + number)
            imap.append("Work", f"(word{number} common)", date, b"Subject: w\r\n\r\nw\r\n")
        imap.select("INBOX")
        imap.store("2,5,12", "+FLAGS", r"(\Deleted)")
        imap.expunge()


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = Server(tmp_path_factory.mktemp("source"), MORE)
    server.start()
    try:
        run = server.command
        server.add_domain(DOMAIN)
        server.add_user(ROOT, PASSWORD, "--role", "admin")
        server.add_user(ADA, PASSWORD, "--quota", "100000000", "--name", "Ada Lovelace")
        server.add_user(BOB, PASSWORD)
        fill(server)
        run("filter", "add", ADA, "--name", "bills", "--subject", "bill", "--mailbox", "Work")
        script = server.folder / "s.sieve"
        script.write_text(SCRIPT)
        run("sieve", "put", ADA, "mine", str(script), "--activate")
        run("autoreply", "set", ADA, "--subject", "Away", "--text", "Until Monday", "--on")
        run("alias", "add", "info@home.test", ADA, "bob@far.test")
        run("alias", "add", "a.lovelace@home.test", "--user", ADA)
        run("domain", "set", DOMAIN, "--catch-all", BOB)
        run("domain", "add", "alias.test", "--alias-of", DOMAIN)
        run("dkim", "activate", DOMAIN)
        yield server
    finally:
        server.stop()
        assert "Traceback" not in server.log.read_text()


def curl(server: Server, *words: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [program("curl"), "-sS", *words], capture_output=True, timeout=60, check=False
    )


def token(server: Server) -> str:
    url = f"http://127.0.0.1:{server.port('http')}/easymail/auth"
    done = curl(server, "-F", f"username={ROOT}", "-F", f"password={PASSWORD}", url)
    return str(json.loads(done.stdout)["token"])


@pytest.fixture(scope="module")
def archive(source: Server) -> Path:
    """The document's own curl line."""
    path = source.folder / "home.tar.gz"
    url = f"http://127.0.0.1:{source.port('http')}/easymail/export/domain"
    words = ["-X", "GET", "-H", f"Auth-token: {token(source)}", "-H", "Cache-Control: no-cache"]
    done = curl(source, *words, "-F", f"domain={DOMAIN}", "-o", str(path), "-D", "-", url)
    head = done.stdout.decode().lower()
    assert "200 ok" in head, done
    assert "content-type: application/gzip" in head
    assert re.search(r'content-disposition: attachment; filename="home\.test-\d+\.tar\.gz"', head)
    return path


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory, archive: Path) -> Iterator[Server]:
    server = Server(tmp_path_factory.mktemp("target"))
    server.write_config()
    done = server.command("import", str(archive))
    assert "imported 41 messages, 0 were there already" in done.stdout
    assert "3 new accounts" in done.stdout
    server.start()
    try:
        yield server
    finally:
        server.stop()
        assert "Traceback" not in server.log.read_text()


def test_another_server_has_all_of_it_message_by_message(source: Server, target: Server) -> None:
    for user in (ADA, BOB):
        with login(source, user) as there, login(target, user) as here:
            assert everything(here) == everything(there)
            assert names(here, "lsub") == names(there, "lsub")
    ask = ("user", "show", "--json", ADA)
    before, after = (json.loads(one.command(*ask).stdout) for one in (source, target))
    for name in ("name", "quota", "addresses", "used", "targets", "mailboxes"):
        assert after[name] == before[name]
    for words in (
        ("filter", "list", ADA, "--json"),
        ("sieve", "list", ADA, "--json"),
        ("autoreply", "show", ADA, "--json"),
        ("alias", "list", "--domain", DOMAIN, "--json"),
        ("dkim", "list", DOMAIN, "--json"),
    ):
        there, here = (json.loads(one.command(*words).stdout) for one in (source, target))
        assert plain(here) == plain(there), words
    for name in (DOMAIN, "alias.test"):
        there, here = (domain(one, name) for one in (source, target))
        assert here == there
    role = json.loads(target.command("user", "show", "--json", ROOT).stdout)["role"]
    assert role == "user", "an archive makes nobody an administrator"
    assert target.verify() == ""


def domain(server: Server, name: str) -> object:
    listed = json.loads(server.command("domain", "list", "--json").stdout)
    return next(plain(one) for one in listed if one["name"] == name)


def plain(value: object) -> object:
    """Without what every server gives for itself."""
    if isinstance(value, list):
        return sorted((plain(one) for one in value), key=repr)
    if isinstance(value, dict):
        own = ("id", "number", "user", "created", "changed", "modified", "since")
        return {key: plain(one) for key, one in value.items() if key not in own}
    return value


def test_a_second_run_imports_nothing_twice(source: Server, target: Server, archive: Path) -> None:
    done = target.command("import", str(archive))
    assert "imported 0 messages, 41 were there already" in done.stdout
    assert "0 new accounts, 3 were there" in done.stdout
    with login(source, ADA) as there, login(target, ADA) as here:
        assert everything(here) == everything(there)
        here.append("Work", "", None, b"Subject: new here\r\n\r\nx\r\n")
        there.append("Work", "", None, b"Subject: new there\r\n\r\nx\r\n")
    newer = source.folder / "newer.tar.gz"
    source.command("export", DOMAIN, str(newer))
    done = target.command("import", str(newer))
    assert "imported 1 messages, 41 were there already" in done.stdout
    assert "ada@home.test: Work: its messages have other UIDs here" in done.stdout
    with login(source, ADA) as there, login(target, ADA) as here:
        before, after = seen(there, b"Work"), seen(here, b"Work")
    assert after.uidvalidity != before.uidvalidity
    bodies = [message[2] for message in after.messages.values()]
    assert [one.count(b"new") for one in bodies[-2:]] == [1, 1]
    assert len(bodies) == 32


def test_a_run_that_is_killed_is_made_again(source: Server, target: Server) -> None:
    many = "many@big.test"
    source.add_domain("big.test")
    source.add_user(many, PASSWORD)
    letters = [
        b"From x@y.test Sat Nov 22 01:02:03 2025\nSubject: %d\n\nx\n\n" % n for n in range(300)
    ]
    (source.folder / "many.mbox").write_bytes(b"".join(letters))
    source.command("import", "mbox", many, str(source.folder / "many.mbox"))
    archive = source.folder / "big.tar.gz"
    source.command("export", "big.test", str(archive))
    words = [target.tool, "--config", str(target.config), "import", str(archive)]

    def came() -> int:
        done = target.command("user", "show", "--json", many, check=False)
        boxes = json.loads(done.stdout)["mailboxes"] if done.returncode == 0 else []
        return sum(box["messages"] for box in boxes)

    process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    try:
        assert until(lambda: came() > 20 or process.poll() is not None)
    finally:
        process.kill()
        process.communicate(timeout=30)
    said = target.command("import", str(archive)).stdout
    found = re.search(r"imported (\d+) messages, (\d+) were there already", said)
    assert found
    assert int(found[1]) + int(found[2]) == 300
    with login(source, many) as there, login(target, many) as here:
        assert seen(here, b"INBOX") == seen(there, b"INBOX")


def test_what_is_no_archive_is_refused(target: Server, archive: Path) -> None:
    broken = target.folder / "broken.tar.gz"
    broken.write_bytes(archive.read_bytes()[:-200])
    for path in (broken, target.config):
        done = target.command("import", str(path), check=False)
        assert done.returncode == 1
        assert done.stderr.startswith("mailhub: ")
        assert done.stderr.count("\n") == 1
    target.command("import", str(archive), "--check")


CONFIG = """
base_dir = {folder}/run
state_dir = {folder}/run
log_path = {folder}/dovecot.log
ssl = no
mail_location = maildir:{mail}
first_valid_uid = 1
namespace inbox {{
  inbox = yes
  separator = /
}}
"""


@pytest.fixture
def dovecot(archive: Path) -> Iterator[imaplib.IMAP4]:
    """Dovecot on the unpacked archive, as somebody who is no administrator of the machine."""
    imapd = Path("/usr/lib/dovecot/imap")
    assert imapd.exists(), "the package dovecot-imapd is not installed"
    # Not below pytest's folder, which is nobody else's to enter.
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "unpacked").mkdir()
        unpack = ["tar", "--extract", "--no-same-owner", "--file", archive]
        subprocess.run([*unpack, "--directory", folder / "unpacked"], check=True, timeout=60)
        config = folder / "dovecot.conf"
        mail = folder / "unpacked" / "maildir" / DOMAIN / "ada"
        config.write_text(CONFIG.format(folder=folder, mail=mail))
        (folder / "run").mkdir()
        words = f"{imapd} -c {config}"
        if os.getuid() == 0:
            for one in (folder, *folder.rglob("*")):
                shutil.chown(one, "nobody", "nogroup")
            words = f"setpriv --reuid=nobody --regid=nogroup --clear-groups {words}"
        environment = f"USER=nobody HOME={folder} PATH=/usr/bin:/bin"
        imap = imaplib.IMAP4_stream(f"env -i {environment} {words}")
        yield imap
        imap.logout()


def test_a_plain_dovecot_reads_it(source: Server, dovecot: imaplib.IMAP4, archive: Path) -> None:
    with login(source, ADA) as imap:
        ours = everything(imap)
        subscribed = names(imap, "lsub")
    theirs = everything(dovecot)
    assert set(theirs) == {DOTTED.get(name, name) for name in ours}
    assert names(dovecot, "lsub") == sorted(DOTTED.get(name, name) for name in subscribed)
    for name, box in ours.items():
        found = theirs[DOTTED.get(name, name)]
        assert found.uidvalidity == box.uidvalidity
        if name == b"Work":
            # A newer message may be there by now; keywords past the 26th have no letter.
            continue
        assert found.uidnext == box.uidnext
        assert found.messages == box.messages, name
    work = theirs[b"Work"].messages
    assert sorted(work)[:30] == list(range(1, 31))
    assert {b"common", b"word3"} == work[4][0]
