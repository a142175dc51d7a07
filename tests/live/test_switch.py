"""Moving house: a server that speaks the four products' dialects is left for another one, which
reads accounts by API and mail over IMAP, and follows it until it is cut over."""

from __future__ import annotations

import csv
import imaplib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.live.server import PLAIN, Server

pytestmark = pytest.mark.scale

PASSWORD = "Live-Passw0rd-1"
ROOT = "root@boss.test"
TOKEN = "wild-duck-token-of-this-test"
MORE = f"""
{PLAIN}
[http]
access_token = "{TOKEN}"
tmail_login = "admin"
tmail_password = "admin"
tmail_hashes = ["admin", "{ROOT}"]
easymail_secrets = ["{ROOT}"]
"""
DOMAINS = {"wildduck": "duck.test", "mailinabox": "box.test", "tmail": "tm.test"}
DOMAINS["easymail"] = "easy.test"


@dataclass(frozen=True)
class House:
    """The server that is left, and the one that is moved to."""

    old: Server
    new: Server

    def file(self, kind: str, **more: str) -> Path:
        """A source file. `more`: lines of a table each."""
        base = f"http://127.0.0.1:{self.old.port('http')}"
        path = {"wildduck": "/wildduck", "mailinabox": "/admin"}.get(kind, f"/{kind}")
        login = f'user = "{ROOT}"\npassword = "{PASSWORD}"'
        login = {"wildduck": f'token = "{TOKEN}"'}.get(kind, login)
        folder = self.new.folder
        (folder / "passwords.csv").touch(mode=0o600)
        (folder / "passwords.csv").write_text(
            "".join(f"{who}@{domain},{PASSWORD}\n" for domain in DOMAINS.values() for who in "ab")
        )
        imap = {"host": '"127.0.0.1"', "port": str(self.old.port("imap", "starttls"))}
        imap |= {"tls": '"none"', "credentials": '"passwords.csv"'}
        text = f'kind = "{kind}"\nname = "{kind}"\nonly = ["{DOMAINS[kind]}"]\n'
        text += more.pop("top", "")
        text += f'[api]\nurl = "{base}{path}"\n{login}\n[imap]\n'
        text += "".join(f"{name} = {value}\n" for name, value in imap.items())
        text += "".join(f"[{table}]\n{lines}\n" for table, lines in more.items())
        path_ = folder / f"{kind}.toml"
        path_.touch(mode=0o600)
        path_.write_text(text)
        return path_

    def settle(self, domain: str) -> None:
        """Two users of the old server, one of them with mail."""
        self.old.add_domain(domain)
        self.old.add_user(f"a@{domain}", PASSWORD, "--quota", "100000000", "--name", "Ann")
        self.old.add_user(f"b@{domain}", PASSWORD)
        self.old.command("alias", "add", f"info@{domain}", f"a@{domain}", "x@far.test")
        fill(self.old, f"a@{domain}")

    def run(self, *words: str, status: int = 0) -> str:
        done = self.new.command("switch", *words, check=False)
        assert done.returncode == status, done.stdout + done.stderr
        return done.stdout + done.stderr


def login(server: Server, user: str, password: str = PASSWORD) -> imaplib.IMAP4:
    imap = imaplib.IMAP4("127.0.0.1", server.port("imap", "starttls"), timeout=30)
    imap.login(user, password)
    return imap


def letter(subject: str, size: int = 0) -> bytes:
    return f"Subject: {subject}\r\nMessage-ID: <{subject}@far.test>\r\n\r\n".encode() + b"x" * size


def fill(server: Server, user: str) -> None:
    with login(server, user) as imap:
        for number in range(6):
            flags = ("", r"(\Seen)", "($Forwarded Todo)")[number % 3]
            date = imaplib.Time2Internaldate(1_500_000_000 + number)
            imap.append("INBOX", flags, date, letter(f"m{number}", 10))
        imap.create("Work/&AMQ-rger")
        imap.append('"Work/&AMQ-rger"', "", imaplib.Time2Internaldate(5), letter("large", 3 << 20))
        imap.select("INBOX")
        imap.store("2", "+FLAGS", r"(\Deleted)")
        imap.expunge()


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    old = Server(tmp_path_factory.mktemp("old"), MORE)
    new = Server(tmp_path_factory.mktemp("new"), hostname="new.test")
    old.start()
    try:
        old.add_domain("boss.test")
        old.add_user(ROOT, PASSWORD, "--role", "admin")
        new.start()
        yield House(old, new)
        for server in (old, new):
            assert server.verify() == ""
    finally:
        for server in (old, new):
            server.stop()
            assert "Traceback" not in server.log.read_text()


def uids(server: Server, user: str, box: str = "INBOX") -> list[str]:
    """The UIDVALIDITY of a mailbox, and all of each message but its octets."""
    with login(server, user) as imap:
        imap.select(box, readonly=True)
        validity = imap.response("UIDVALIDITY")[1][0]
        _, rows = imap.fetch("1:*", "(UID FLAGS INTERNALDATE RFC822.SIZE)")
    seen = [str(row).replace(" \\\\Recent", "").replace("\\\\Recent", "") for row in rows]
    return [str(validity), *seen]


def test_wildduck_by_password_is_followed_until_it_is_left(house: House) -> None:
    house.settle("duck.test")
    user, other = "a@duck.test", "b@duck.test"
    run = house.old.command
    run("filter", "add", user, "--name", "bills", "--subject", "bill", "--mailbox", "INBOX")
    run("autoreply", "set", user, "--subject", "Away", "--text", "Until Monday", "--on")
    run("alias", "add", "ann@duck.test", "--user", user)
    run("user", "set", other, "--suspended")
    where = f"imap+clear://127.0.0.1:{house.old.port('imap', 'starttls')}"
    file = str(house.file("wildduck", elsewhere=f'imap = "{where}"'))

    planned = house.run("plan", file)
    assert "+ domain duck.test" in planned
    assert "+ account a@duck.test: quota 95.4 MiB, 1 filter, automatic reply" in planned
    assert "+ address ann@duck.test" in planned
    assert "+ alias info@duck.test: to a@duck.test, x@far.test" in planned
    assert "account: 2 new, 0 here already, 0 in conflict" in planned
    assert house.new.command("domain", "list").stdout.find("duck.test") < 0

    said = house.run("run", file, status=1)  # a suspended account cannot be logged in to
    assert "+ account a@duck.test" in said
    assert "+ a@duck.test: copied (6 new" in said
    assert "._domainkey.duck.test" in said, "records of new keys are told"
    assert "! b@duck.test: " in said
    shown = json.loads(house.new.command("user", "show", user, "--json").stdout)
    assert shown["quota"] == 100_000_000
    assert shown["name"] == "Ann"
    assert "ann@duck.test" in shown["addresses"]
    assert json.loads(house.new.command("user", "show", other, "--json").stdout)["suspended"]
    assert "bills" in house.new.command("filter", "list", user).stdout
    assert "Until Monday" in house.new.command("autoreply", "show", user).stdout
    assert "x@far.test" in house.new.command("alias", "show", "info@duck.test").stdout
    assert "elsewhere" in house.new.command("elsewhere", "show", user).stdout
    run("user", "set", other, "--active")

    again = house.run("run", file)
    assert "= account" not in again, "what was made by the move is told so"
    assert "+ a@duck.test: copied (0 new, 0 with other flags, 0 gone)" in again
    assert "+ b@duck.test: copied" in again

    with login(house.old, user) as imap:
        imap.select("INBOX")
        imap.store("1", "+FLAGS", r"(\Flagged)")
        imap.store("3", "+FLAGS", r"(\Deleted)")
        imap.expunge()
        imap.append("INBOX", "", imaplib.Time2Internaldate(8), letter("late", 5))
    assert "differ" in house.run("verify", file, status=1)
    assert "+ a@duck.test: copied (1 new, 1 with other flags, 1 gone)" in house.run("run", file)
    assert "= a@duck.test INBOX: 5 there, 5 here" in house.run("verify", file)

    with login(house.old, user) as imap:
        imap.append("INBOX", "", imaplib.Time2Internaldate(9), letter("last", 5))
    moved = house.run("cutover", file, user)
    assert "+ a@duck.test: moved (1 new" in moved
    assert "no password logs in" in moved
    assert "here" in house.new.command("elsewhere", "show", user).stdout
    house.new.command("user", "set", user, "--password", PASSWORD)
    assert uids(house.new, user) == uids(house.old, user)
    assert uids(house.new, user, '"Work/&AMQ-rger"') == uids(house.old, user, '"Work/&AMQ-rger"')
    assert f"{user}: here, 7 messages" in house.run("status", file)
    assert "moved (" in house.run("cutover", file, "--all")
    with login(house.old, user) as imap:
        imap.append("INBOX", "", imaplib.Time2Internaldate(7), letter("too late", 5))
    assert "+ a@duck.test: copied (1 new" in house.run("run", file)
    assert "+ a@duck.test: copied (0 new" in house.run("run", file)


@pytest.mark.scale
def test_mailinabox_gives_out_passwords(house: House) -> None:
    house.settle("box.test")
    house.old.command("dns", "custom", "add", "www.box.test", "A", "192.0.2.9")
    file = str(house.file("mailinabox", top='passwords = "random"\n'))
    assert "password unknown: gets a random one" in house.run("plan", file)
    said = house.run("run", file)
    assert "its password is a random one" in said
    given = house.new.var / "switch" / "mailinabox" / "passwords.csv"
    assert given.stat().st_mode & 0o777 == 0o600
    words = dict(csv.reader(given.read_text().splitlines()))
    with login(house.new, "a@box.test", words["a@box.test"]) as imap:
        assert imap.select("INBOX")[1] == [b"5"]
    assert "192.0.2.9" in house.new.command("dns", "custom", "list").stdout
    assert "x@far.test" in house.new.command("alias", "show", "info@box.test").stdout
    house.run("run", file)
    assert words == dict(csv.reader(given.read_text().splitlines())), "none is given twice"


def test_tmail_brings_its_hashes(house: House) -> None:
    house.settle("tm.test")
    house.old.command("domain", "set", "tm.test", "--catch-all", "b@tm.test")
    file = str(house.file("tmail"))
    house.run("run", file)
    with login(house.new, "a@tm.test") as imap:
        assert imap.select("INBOX")[1] == [b"5"]
    assert uids(house.new, "a@tm.test") == uids(house.old, "a@tm.test")
    assert "b@tm.test" in house.new.command("domain", "show", "tm.test").stdout
    assert "= a@tm.test INBOX" in house.run("verify", file)


@pytest.mark.scale
def test_easymail_brings_hashes_and_keys(house: House) -> None:
    house.settle("easy.test")
    file = str(house.file("easymail"))
    house.old.command("dkim", "activate", "easy.test")
    planned = house.run("plan", file)
    assert "+ domain easy.test: 1 key" in planned
    house.run("run", file)
    with login(house.new, "b@easy.test") as imap:
        assert imap.select("INBOX")[0] == "OK"
    rows = [
        json.loads(one.command("dkim", "list", "easy.test", "--json").stdout)
        for one in (house.old, house.new)
    ]
    old, new = ({row["public"] for row in some if row["state"] == "active"} for some in rows)
    assert new <= old
    assert new
