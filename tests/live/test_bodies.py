"""A whole server with its larger messages in a bucket, encrypted: taken, read in parts, deleted,
and S3 going away while it runs."""

from __future__ import annotations

import imaplib
import os
import poplib
import smtplib
import time
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import dataclass

import psycopg
import pytest

from mailhub.model.settings import S3Settings
from mailhub.store.s3.objects import Objects
from tests.live import storing
from tests.live.peers import until
from tests.live.server import PLAIN, Server
from tests.live.swift import SECRET, USER, Swift
from tests.loop import Loop

pytestmark = [pytest.mark.live, pytest.mark.scale]
ADDRESS, PASSWORD = "kept@bodies.test", "correct horse"
OTHER = "other@bodies.test"
LINE = b"All work and no play makes a dull message of this one.\r\n"
SECTIONS = """
{plain}
[store]
database = "{database}"

[s3]
endpoint = "{endpoint}"
bucket = "live-bodies"
access_key = "{user}"
secret_file = "{folder}/secret"
inline = 2000
timeout = 2
patience = 2

[archive]
expunged = false

[encryption]
file = "{folder}/keys"
"""


@dataclass
class House:
    server: Server
    database: str
    swift: Swift
    settings: S3Settings

    def objects(self) -> set[int]:
        """What is in the bucket."""
        loop = Loop()
        objects = Objects(self.settings, loop.reactor, time.time)
        found = loop.wait(objects.listed("")).found
        loop.wait(objects.stop())
        loop.close()
        return {segment for segment, _ in found}

    def send(self, lines: int, recipient: str = ADDRESS) -> bytes:
        """Delivers a message of its own of so many lines."""
        text = b"Subject: %s\r\n\r\n" % os.urandom(8).hex().encode() + LINE * lines
        with smtplib.SMTP("127.0.0.1", self.server.port("lmtp")) as client:
            client.ehlo_cmd = "lhlo"  # type: ignore[attr-defined]
            client.docmd("LHLO", "test")
            client.docmd("MAIL", "FROM:<a@b.example>")
            client.docmd("RCPT", f"TO:<{recipient}>")
            code, said = client.docmd("DATA")
            assert code == 354, said
            client.send(text + b".\r\n")
            code, said = client.getreply()
            if code != 250:
                raise smtplib.SMTPDataError(code, said)
        return text

    def imap(self) -> imaplib.IMAP4:
        client = imaplib.IMAP4("127.0.0.1", self.server.port("imap", "starttls"), timeout=30)
        client.login(ADDRESS, PASSWORD)
        client.select()
        return client


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    folder = tmp_path_factory.mktemp("bodies")
    (folder / "secret").write_text(f"{SECRET}\n")
    (folder / "keys").write_text(f"first:{b64encode(os.urandom(32)).decode()}\n")
    database = storing.database(folder)
    with Swift(folder / "swift") as swift:
        settings = swift.settings("live-bodies")
        swift.make(settings.bucket)
        sections = SECTIONS.format(
            plain=PLAIN,
            database=database,
            endpoint=settings.endpoint,
            user=USER,
            folder=folder,
        )
        server = Server(folder / "server", sections)
        server.start()
        server.add_domain("bodies.test")
        server.add_user(ADDRESS, PASSWORD)
        server.add_user(OTHER, PASSWORD)
        yield House(server, database, swift, settings)
        server.stop()


def test_taken_read_in_parts_and_deleted(house: House) -> None:
    small = house.send(2)
    large = house.send(40_000)
    there = house.objects()
    assert len(there) == 1
    with house.imap() as client:
        _, found = client.fetch("2", "(BODY.PEEK[]<0.100>)")
        assert found[0][1] == client_view(large, found[0][1], 100)  # type: ignore[index]
        _, whole = client.fetch("2", "(BODY.PEEK[] RFC822.SIZE)")
        octets: bytes = whole[0][1]  # type: ignore[index,assignment]
        assert octets.endswith(large)
        start = len(octets) - 70_000
        _, found = client.fetch("2", f"(BODY.PEEK[]<{start}.70000>)")
        assert found[0][1] == octets[start:]  # type: ignore[index]
        _, found = client.fetch("1", "(BODY.PEEK[])")
        assert found[0][1].endswith(small)  # type: ignore[index,union-attr]
    pop = poplib.POP3("127.0.0.1", house.server.port("pop3", "starttls"), timeout=30)
    pop.user(ADDRESS)
    pop.pass_(PASSWORD)
    assert b"\r\n".join([*pop.retr(2)[1], b""]) == octets
    pop.quit()
    with psycopg.connect(house.database) as database:
        rows = database.execute("SELECT octets FROM blob").fetchall()
        assert rows
        assert not any(LINE in bytes(row[0]) for row in rows)
    with house.imap() as client:
        client.store("2", "+FLAGS", "\\Deleted")
        client.expunge()
    with psycopg.connect(house.database) as database:
        assert database.execute("UPDATE freed SET at = 0").rowcount == 1  # long ago
    house.server.command("user", "remove", OTHER, "--yes", "--now")
    assert until(lambda: not house.objects())


def client_view(sent: bytes, got: object, size: int) -> bytes:
    """The first octets as they were kept: trace fields come before what was sent."""
    assert isinstance(got, bytes)
    assert len(got) == size
    assert got.startswith((b"Return-Path:", b"Delivered-To:", b"Received:"))
    assert sent
    return got


def test_without_s3_larger_mail_waits_and_nothing_else_does(house: House) -> None:
    kept = house.send(1000)
    house.swift.pause()
    try:
        with pytest.raises(smtplib.SMTPDataError) as refused:
            house.send(1000)
        assert 400 <= refused.value.smtp_code < 500
        small = house.send(3)
        with house.imap() as client:
            status, _ = client.fetch("*", "(ENVELOPE BODYSTRUCTURE FLAGS)")
            assert status == "OK"
            _, found = client.fetch("*", "(BODY.PEEK[])")
            assert found[0][1].endswith(small)  # type: ignore[index,union-attr]
    finally:
        house.swift.resume()
    # Before, it would say what it likes of the larger one: it must not say that it is damaged.
    again = house.send(1000)

    def all_there() -> bool:
        with house.imap() as client:
            _, found = client.fetch("1:*", "(BODY.PEEK[])")
            texts = [one[1] for one in found if isinstance(one, tuple)]
            return all(any(text.endswith(one) for text in texts) for one in (kept, small, again))

    assert until(all_there)
