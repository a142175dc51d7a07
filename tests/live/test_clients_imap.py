"""Programs that others wrote read mail: imaplib, IMAPClient, curl, mbsync, neomutt, imapflow."""

from __future__ import annotations

import imaplib
import json
import ssl
import subprocess
from pathlib import Path

import pytest
from imapclient import IMAPClient

from tests.live.conftest import User
from tests.live.server import Server
from tests.programs import program

LETTER = (
    b"From: Ann <ann@example.org>\r\nTo: Bob <bob@live.test>\r\n"
    b"Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?="
    b"\r\nDate: Sat, 21 Nov 2026 10:00:00 +0000\r\nMessage-ID: <%d@example.org>\r\n\r\nText %d\r\n"
)


def fill(server: Server, user: User, count: int, mailbox: str = "INBOX") -> list[bytes]:
    """Appends `count` letters; returns their bytes."""
    letters = [LETTER % (number, number) for number in range(count)]
    with imaplib.IMAP4("127.0.0.1", server.port("imap")) as imap:
        imap.login(user.address, user.password)
        for letter in letters:
            status, _ = imap.append(mailbox, "", None, letter)  # type: ignore[arg-type]
            assert status == "OK"
    return letters


@pytest.fixture
def client(server: Server, user: User) -> IMAPClient:
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    client = IMAPClient(
        "127.0.0.1", port=server.port("imap", "implicit"), ssl=True, ssl_context=context
    )
    client.login(user.address, user.password)
    return client


def test_imapclient_walks_through_its_commands(client: IMAPClient) -> None:
    assert client.create_folder("Käse/Brot & Butter")
    assert "Käse/Brot & Butter" in {name for _, _, name in client.list_folders()}
    assert client.folder_exists("Käse")
    answer = client.append("INBOX", LETTER % (1, 1), flags=[b"\\Seen", b"$Label1"])
    assert b"APPENDUID" in answer
    client.select_folder("INBOX")
    (uid,) = client.search(["SUBJECT", "grüße"], charset="UTF-8")
    data = client.fetch([uid], ["ENVELOPE", "FLAGS", "BODYSTRUCTURE", "BODY[TEXT]"])[uid]
    assert data[b"ENVELOPE"].from_[0].mailbox == b"ann"
    assert set(data[b"FLAGS"]) >= {b"\\Seen", b"$Label1"}
    assert data[b"BODY[TEXT]"] == b"Text 1\r\n"
    client.add_flags([uid], [b"\\Flagged"])
    client.move([uid], "Käse/Brot & Butter")
    assert client.search() == []
    client.select_folder("Käse/Brot & Butter")
    (moved,) = client.search(["FLAGGED"])
    client.delete_messages([moved])
    client.expunge([moved])
    assert client.search() == []
    assert client.get_quota_root("INBOX")
    client.logout()


def test_imapclient_sort_thread_and_idle(client: IMAPClient) -> None:
    for number in (3, 1, 2):
        client.append("INBOX", LETTER % (number, number))
    client.select_folder("INBOX")
    assert client.sort(["REVERSE ARRIVAL"]) == [3, 2, 1] or client.sort(["SUBJECT"]) == [1, 2, 3]
    assert len(client.thread("REFERENCES")) >= 1
    client.idle()
    client.idle_done()
    client.logout()


def test_curl_reads_imap(server: Server, user: User) -> None:
    letters = fill(server, user, 2)
    port = server.port("imap", "implicit")
    done = subprocess.run(
        [program("curl"), "-sSk", f"imaps://127.0.0.1:{port}/INBOX;MAILINDEX=2",
         "--user", f"{user.address}:{user.password}"],
        capture_output=True, check=True, timeout=60,
    )  # fmt: skip
    assert done.stdout == letters[1]


MBSYNC = """
IMAPAccount hub
Host 127.0.0.1
Port {port}
User {user.address}
Pass {user.password}
{tls} None
AuthMechs *

IMAPStore far
Account hub

MaildirStore near
Path {folder}/mail/
Inbox {folder}/mail/INBOX
SubFolders Verbatim

Channel all
{far} :far:
{near} :near:
Patterns *
Create Both
Expunge Both
SyncState *
"""


def mbsync(server: Server, user: User, folder: Path) -> str:
    (folder / "mail").mkdir(exist_ok=True)
    tool = program("mbsync")
    version = subprocess.run([tool, "--version"], capture_output=True, text=True, check=True)
    old = version.stdout.split()[1] < "1.4"
    config = folder / "mbsyncrc"
    config.write_text(
        MBSYNC.format(
            port=server.port("imap"),
            user=user,
            folder=folder,
            tls="SSLType",
            far="Master" if old else "Far",
            near="Slave" if old else "Near",
        )
    )
    done = subprocess.run(
        [tool, "-c", config, "-V", "-a"], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def tree(folder: Path) -> set[str]:
    """Every message file of a Maildir tree, by its path."""
    return {
        str(path.relative_to(folder))
        for path in (folder / "mail").rglob("*")
        if path.parent.name in ("cur", "new")
    }


def test_mbsync_both_ways_then_nothing_changes(server: Server, user: User, tmp_path: Path) -> None:
    letters = fill(server, user, 12)
    fill(server, user, 3, "Archive")
    mbsync(server, user, tmp_path)
    files = tree(tmp_path)
    assert len(files) == 15
    texts = {(tmp_path / name).read_bytes() for name in files}
    for letter in letters:
        assert any(letter.replace(b"\r\n", b"\n").split(b"\n\n")[1] in text for text in texts)
    local = tmp_path / "mail" / "INBOX" / "new" / "1.local"
    local.write_bytes(b"From: me\nSubject: local\n\nwritten here\n")
    mbsync(server, user, tmp_path)
    with imaplib.IMAP4("127.0.0.1", server.port("imap")) as imap:
        imap.login(user.address, user.password)
        imap.select("INBOX")
        assert imap.search(None, "SUBJECT", "local")[1] == [b"13"]
        imap.store("1", "+FLAGS", "(\\Deleted)")
        imap.expunge()
    mbsync(server, user, tmp_path)
    settled = tree(tmp_path)
    assert len(settled) == 15
    mbsync(server, user, tmp_path)
    assert tree(tmp_path) == settled


def test_neomutt_lists_and_reads_in_batch(server: Server, user: User, tmp_path: Path) -> None:
    fill(server, user, 2)
    config = tmp_path / "muttrc"
    config.write_text(
        f'set folder="imap://127.0.0.1:{server.port("imap")}/"\n'
        f'set imap_user="{user.address}"\nset imap_pass="{user.password}"\n'
        "set ssl_starttls=no\nset ssl_force_tls=no\nset spoolfile=+INBOX\n"
        f'set header_cache="{tmp_path}/cache"\nset sleep_time=0\nset mail_check=0\n'
        f'push "<tag-pattern>~A<enter><tag-prefix><copy-message>{tmp_path}/copied<enter>y'
        '<exit>n<quit>y"\n'
    )
    script = f"{program('neomutt')} -n -F {config}"
    subprocess.run(
        [program("script"), "-qec", script, "/dev/null"],
        env={"TERM": "xterm", "HOME": str(tmp_path), "PATH": "/usr/bin:/bin"},
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, timeout=60, check=False,
    )  # fmt: skip
    copied = [path for path in tmp_path.rglob("copied*") if path.is_file()]
    text = b"".join(path.read_bytes() for path in copied)
    assert b"Text 0" in text
    assert b"Text 1" in text


IMAPFLOW = """
const { ImapFlow } = require('imapflow');
(async () => {
  const [port, user, pass] = process.argv.slice(2);
  const client = new ImapFlow({ host: '127.0.0.1', port: Number(port), secure: true,
    tls: { rejectUnauthorized: false }, auth: { user, pass }, logger: false });
  await client.connect();
  const out = { capabilities: [...client.capabilities.keys()], seen: [] };
  await client.mailboxCreate(['Flow', 'Inner']);
  await client.append('Flow/Inner', 'Subject: flow\\r\\n\\r\\nbody\\r\\n', ['\\\\Seen']);
  const lock = await client.getMailboxLock('INBOX');
  try {
    for await (const one of client.fetch('1:*',
      { uid: true, flags: true, envelope: true, bodyStructure: true, source: true })) {
      out.seen.push({ uid: one.uid, subject: one.envelope.subject, source: one.source.toString() });
    }
    await client.messageFlagsAdd('1', ['\\\\Flagged']);
    await client.messageMove('2', 'Flow/Inner');
    out.flagged = await client.search({ flagged: true });
  } finally { lock.release(); }
  out.status = await client.status('Flow/Inner', { messages: true, uidNext: true });
  out.status.uidValidity = undefined; out.status.highestModseq = undefined;
  await client.logout();
  console.log(JSON.stringify(out));
})().catch((error) => { console.error(error); process.exit(1); });
"""


def test_imapflow_from_npm(
    server: Server, user: User, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("flow")
    subprocess.run(
        [program("npm"), "install", "--no-audit", "--no-fund", "--silent", "imapflow@1.0.160"],
        cwd=folder, check=True, timeout=300, capture_output=True,
    )  # fmt: skip
    letters = fill(server, user, 2)
    (folder / "walk.js").write_text(IMAPFLOW)
    done = subprocess.run(
        [program("node"), "walk.js", str(server.port("imap", "implicit")), user.address,
         user.password],
        cwd=folder, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    out = json.loads(done.stdout)
    assert [one["source"].encode() for one in out["seen"]] == letters
    assert out["seen"][0]["subject"] == "Grüße"
    assert out["flagged"] == [1]
    assert out["status"]["messages"] == 2
