"""Mail that is encrypted for its owner: the key comes by the WildDuck dialect, the mail by SMTP,
LMTP, IMAP and HTTP, and GnuPG reads it."""

from __future__ import annotations

import imaplib
from base64 import b64encode
from collections.abc import Iterator
from typing import Any

import pytest

from tests.live.gnupg import Keyring, keyring
from tests.live.outgoing import HOME, PASSWORD, Hub, hub, trusting
from tests.live.peers import ROOT, Sink, parsed, running, until
from tests.live.web import ask, call, change, make

pytestmark = [pytest.mark.live, ROOT]
SENDER = "carl@origin.test"
HEAD = b"From: Carl <carl@origin.test>\r\nTo: %b\r\nSubject: %b\r\nMessage-ID: <%b@origin.test>\r\n"
BODY = (
    b"MIME-Version: 1.0\r\n"
    b'Content-Type: multipart/mixed; boundary="b"\r\n'
    b"\r\n"
    b"--b\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n"
    b"Vertr\xc3\xa4ge, secretword\r\n"
    b"--b\r\nContent-Type: application/pdf\r\nContent-Transfer-Encoding: base64\r\n\r\n"
    b"JVBERi0=\r\n"
    b"--b--\r\n"
)
INNER = BODY.removeprefix(b"MIME-Version: 1.0\r\n")


@pytest.fixture(scope="module")
def ours() -> Iterator[Hub]:
    with hub() as made:
        yield made


@pytest.fixture(scope="module")
def keys() -> Iterator[Keyring]:
    with keyring() as made:
        yield made


class Reader:
    """Somebody with a key whose mail is encrypted."""

    def __init__(self, ours: Hub, keys: Keyring, name: str, **wanted: object) -> None:
        self.ours = ours
        self.keys = keys
        self.address = f"{name}@{HOME}"
        self.user = f"{name.title()} <{self.address}>"
        self.public = keys.make(self.user)
        given = wanted or {"encryptMessages": True}
        self.id = make(ours.server, self.address, pubKey=self.public, **given)

    def message(self, name: str, body: bytes = BODY) -> bytes:
        return HEAD % (self.address.encode(), name.encode(), name.encode()) + body

    def gets(self, name: str, body: bytes = BODY) -> None:
        self.ours.arrives(self.message(name, body), self.address, sender=SENDER)

    def imap(self) -> imaplib.IMAP4_SSL:
        port = self.ours.server.port("imap", "implicit")
        session = imaplib.IMAP4_SSL("127.0.0.1", port, ssl_context=trusting(), timeout=20)
        session.login(self.address, PASSWORD)
        return session

    def stored(self, uid: int, mailbox: str = "INBOX") -> bytes:
        with self.imap() as session:
            session.select(mailbox)
            _, answer = session.uid("FETCH", str(uid), "(RFC822.SIZE BODY.PEEK[])")
        [(head, data)] = [one for one in answer if isinstance(one, tuple)]
        assert b"RFC822.SIZE %d " % len(data) in head
        return data

    def read(self, data: bytes) -> bytes:
        return opened(self.keys, data)


def opened(keys: Keyring, data: bytes) -> bytes:
    """What an RFC 3156 message holds, as a mail program finds it."""
    message = parsed(data)
    assert message.get_content_type() == "multipart/encrypted"
    assert message.get_param("protocol") == "application/pgp-encrypted"
    assert message["MIME-Version"] == "1.0"
    version, sealed = message.iter_parts()
    assert version.get_content_type() == "application/pgp-encrypted"
    assert version.get_content().strip() == b"Version: 1"
    assert sealed.get_content_type() == "application/octet-stream"
    return keys.decrypted(sealed.get_content())


@pytest.fixture(scope="module")
def joe(ours: Hub, keys: Keyring) -> Reader:
    return Reader(ours, keys, "joe")


# -- what is kept


def test_what_smtp_brings_is_read_by_gnupg_alone(joe: Reader) -> None:
    joe.gets("first")
    data = joe.stored(1)
    assert b"secretword" not in data
    assert joe.read(data) == INNER
    outer = parsed(data)
    assert (outer["Subject"], outer["From"]) == ("first", "Carl <carl@origin.test>")
    assert outer["Delivered-To"] == joe.address
    assert "mail.test" in outer["Received"]
    assert [name for name in outer if name.lower().startswith("content-")] == ["Content-Type"]
    with joe.imap() as session:
        session.select("INBOX")
        _, [found] = session.uid("SEARCH", "TEXT", "secretword")
        assert found in (b"", None)
        _, [shown] = session.uid("FETCH", "1", "(ENVELOPE BODYSTRUCTURE PREVIEW)")
    assert b'"first"' in shown
    assert b'"ENCRYPTED"' in shown.upper()
    assert b"PREVIEW NIL" in shown or b'PREVIEW ""' in shown


def test_lists_and_details_over_http_show_what_stays_outside(ours: Hub, joe: Reader) -> None:
    joe.gets("shown")
    box = str(call(ours.server, "GET", f"/users/{joe.id}/mailboxes/resolve?path=INBOX")["id"])
    status, listed = ask(ours.server, "GET", f"/users/{joe.id}/mailboxes/{box}/messages?limit=1")
    assert status == 200
    [row] = listed["results"]
    assert (row["subject"], row["intro"], row["encrypted"]) == ("shown", "", True)
    found = ask(ours.server, "GET", f"/users/{joe.id}/search?query=secretword")[1]
    assert found["results"] == []
    used = ask(ours.server, "GET", f"/users/{joe.id}")[1]["limits"]["quota"]["used"]
    with joe.imap() as session:
        session.select("INBOX", readonly=True)
        _, sizes = session.uid("FETCH", "1:*", "(RFC822.SIZE)")
        inbox = sum(int(one.split()[-1].rstrip(b")")) for one in sizes)
    assert used == inbox


def test_a_signature_inside_stays_good(joe: Reader, keys: Keyring) -> None:
    user = "Carl <carl@origin.test>"
    keys.make(user, encrypts=False)
    part = b"Content-Type: text/plain; charset=us-ascii\r\n\r\nSigned words\r\n"
    signature = keys.signature(part, user).replace(b"\n", b"\r\n")
    body = (
        b"MIME-Version: 1.0\r\nContent-Type: multipart/signed; micalg=pgp-sha512;\r\n"
        b' protocol="application/pgp-signature"; boundary="s"\r\n\r\n'
        b"--s\r\n" + part + b"\r\n--s\r\nContent-Type: application/pgp-signature\r\n\r\n"
        b"" + signature + b"\r\n--s--\r\n"
    )
    joe.gets("signed", body)
    with joe.imap() as session:
        session.select("INBOX")
        _, [uids] = session.uid("SEARCH", "SUBJECT", "signed")
    inner = joe.read(joe.stored(int(uids)))
    assert b"--s\r\n" + part + b"\r\n--s\r\n" in inner
    _, found = parsed(inner).iter_parts()
    keys.verify(part, found.get_content())


@pytest.mark.parametrize("kib", [1, 3000])
def test_what_its_owner_appends_comes_back_whole(joe: Reader, kib: int) -> None:
    body = b"MIME-Version: 1.0\r\nContent-Type: text/plain\r\n\r\n"
    line = b64encode(bytes(range(57))) + b"\r\n"
    body += line * (kib * 1024 // len(line))
    with joe.imap() as session:
        session.create("Own")
        typ, [answer] = session.append("Own", "(\\Seen)", "", joe.message(f"own{kib}", body))
        assert typ == "OK", answer
        uid = int(answer.split(b"APPENDUID ")[1].split(b"]")[0].split()[1])
        typ, [answer] = session.append("Drafts", "(\\Draft)", "", joe.message("draft", body))
        assert typ == "OK"
        draft = int(answer.split(b"APPENDUID ")[1].split(b"]")[0].split()[1])
    data = joe.stored(uid, "Own")
    assert joe.read(data) == body.removeprefix(b"MIME-Version: 1.0\r\n")
    assert joe.stored(draft, "Drafts") == joe.message("draft", body)


def test_what_applications_upload_and_send_is_kept_encrypted(ours: Hub, joe: Reader) -> None:
    server = ours.server
    box = str(call(server, "POST", f"/users/{joe.id}/mailboxes", {"path": "Web"})["id"])
    raw = b64encode(joe.message("web")).decode()
    kept = call(server, "POST", f"/users/{joe.id}/mailboxes/{box}/messages", {"raw": raw})
    place: Any = kept["message"]
    data = joe.stored(place["id"], "Web")
    assert joe.read(data) == INNER
    assert place["size"] == len(data)
    letter = {"to": [{"address": f"ada@{HOME}"}], "subject": "sent", "text": "secretword"}
    sent: Any = call(server, "POST", f"/users/{joe.id}/submit", {**letter, "mailbox": box})
    own = joe.read(joe.stored(sent["message"]["id"], "Web"))
    assert "secretword" in parsed(own).get_content()
    assert until(lambda: [one for one in ours.inbox() if one["Subject"] == "sent"])


def test_everybody_gets_their_own(ours: Hub, keys: Keyring) -> None:
    ada, bob = Reader(ours, keys, "ann"), Reader(ours, keys, "bob")
    plain = f"plain@{HOME}"
    make(ours.server, plain)
    message = ada.message("three")
    ours.arrives(message, ada.address, bob.address, plain, sender=SENDER)
    for reader in (ada, bob):
        assert reader.read(reader.stored(1)) == INNER
    [got] = ours.inbox(plain)
    assert got.get_content_type() == "multipart/mixed"


def test_off_again_it_is_kept_as_it_came(ours: Hub, keys: Keyring) -> None:
    eve = Reader(ours, keys, "eve")
    eve.gets("on")
    change(ours.server, eve.id, encryptMessages=False)
    eve.gets("off")
    assert eve.read(eve.stored(1)) == INNER
    assert eve.stored(2).endswith(BODY)


# -- what goes on


def test_forwards_are_encrypted_where_that_is_asked_for(ours: Hub, keys: Keyring) -> None:
    sink = Sink(ours.server.folder)
    ours.dns.load("far.test", sink.zone)
    ours.dns.load("origin.test", sink.zone)
    fay = Reader(ours, keys, "fay", encryptForwarded=True)
    change(ours.server, fay.id, targets=["fay@far.test"])
    with running(sink):
        fay.gets("onward")
        assert until(sink.received)
        [arrived] = sink.received()
    assert opened(keys, arrived.message) == INNER
    assert parsed(arrived.message)["Delivered-To"] == fay.address
    assert fay.stored(1).endswith(BODY)


# -- keys that are refused


def test_keys_that_cannot_encrypt_are_refused_in_plain_words(ours: Hub, keys: Keyring) -> None:
    id = make(ours.server, f"keys@{HOME}")
    good = keys.make("Keys <keys@home.test>")
    old = keys.make("Old <old@home.test>", expired=True)
    signs = keys.make("Signs <signs@home.test>", encrypts=False)
    for key in (old, signs):
        status, answer = ask(ours.server, "PUT", f"/users/{id}", {"pubKey": key})
        assert (status, answer.get("code")) == (400, "InputValidationError"), answer
        assert "can be encrypted to this key" in answer["details"]["pubKey"]
    half = good[: len(good) // 2] + "\n-----END PGP PUBLIC KEY BLOCK-----\n"
    for key in ("garbage", half, good.replace("PUBLIC", "PRIVATE")):
        status, answer = ask(ours.server, "PUT", f"/users/{id}", {"pubKey": key})
        assert (status, answer["code"]) == (400, "InputValidationError"), key
        assert "pubKey" in answer["details"]
    shown = ask(ours.server, "GET", f"/users/{id}")[1]
    assert (shown["pubKey"], shown["keyInfo"]) == ("", False)
    change(ours.server, id, pubKey=good)
    assert ask(ours.server, "GET", f"/users/{id}")[1]["keyInfo"]["address"] == "keys@home.test"
