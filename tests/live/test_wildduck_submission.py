"""New messages over HTTP on a real server: they leave by SMTP, signed, and IMAP sees the copies."""

from __future__ import annotations

import base64
import json
import os
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from imapclient import IMAPClient

from tests.live.outgoing import HOME, Hub, hub
from tests.live.peers import ROOT, Sink, Transaction, parsed, running, until
from tests.live.web import PASSWORD, ask, make

pytestmark = [pytest.mark.live, ROOT]
JOE = f"joe@{HOME}"
FAR = "bob@far.test"
LARGE = 6 * 1024 * 1024


@dataclass(frozen=True)
class Place:
    """Another server, and its domain."""

    sink: Sink
    domain: str

    def arrived(self) -> Transaction:
        """The one message that came."""
        assert until(lambda: self.sink.received(), 15)
        (one,) = self.sink.received()
        return one


class Client:
    """An application that writes for Joe."""

    def __init__(self, ours: Hub) -> None:
        self.ours = ours
        self.user = f"/users/{make(ours.server, JOE)}"
        boxes = self.json("GET", f"{self.user}/mailboxes")["results"]
        self.boxes = {box["path"]: box["id"] for box in boxes}
        (self.sent,) = [box["path"] for box in boxes if box["specialUse"] == "\\Sent"]

    def json(self, method: str, path: str, fields: object = None) -> dict[str, Any]:
        status, answer = ask(self.ours.server, method, path, fields)
        assert status == 200, answer
        found: dict[str, Any] = answer
        return found

    def messages(self, box: str) -> str:
        return f"{self.user}/mailboxes/{self.boxes[box]}/messages"

    def seen_by_imap(self, box: str) -> list[tuple[bytes, tuple[bytes, ...]]]:
        """(source, flags) of everything in a mailbox."""
        port = self.ours.server.port("imap", "starttls")
        with IMAPClient("127.0.0.1", port, ssl=False) as imap:
            imap.login(JOE, PASSWORD)
            imap.select_folder(box, readonly=True)
            found = imap.fetch(imap.search("ALL"), ["BODY.PEEK[]", "FLAGS"])
        return [(one[b"BODY[]"], one[b"FLAGS"]) for one in found.values()]


@pytest.fixture(scope="module")
def ours() -> Iterator[Hub]:
    with hub() as made:
        yield made


@pytest.fixture(scope="module")
def client(ours: Hub) -> Client:
    made = Client(ours)
    ours.server.command("dkim", "activate", HOME)
    return made


@pytest.fixture
def place(ours: Hub, tmp_path: Path) -> Iterator[Place]:
    sink, domain = Sink(tmp_path), f"f{os.urandom(4).hex()}.test"
    ours.dns.load(domain, sink.zone)
    with running(sink):
        yield Place(sink, domain)


def test_what_is_submitted_leaves_and_is_kept(client: Client, place: Place) -> None:
    to = f"jorg@{place.domain}"
    picture = os.urandom(LARGE)
    fields = {
        "from": {"name": "Jöe", "address": JOE},
        "to": [{"name": "Jörg, B", "address": to}],
        "bcc": [{"address": f"secret@{place.domain}"}],
        "subject": "Grüße",
        "text": "Hällo\n.\nend",
        "html": "<p>Hällo</p>",
        "attachments": [
            {"filename": "bïg.bin", "content": base64.b64encode(picture).decode()},
        ],
    }
    reply = client.json("POST", f"{client.user}/submit", fields)
    assert reply["message"]["mailbox"] == client.boxes[client.sent]
    client.ours.fate(to, "delivered")
    found = place.arrived()
    came = parsed(found.message)
    assert (came["Subject"], came["Bcc"]) == ("Grüße", None)
    assert came["From"].addresses[0].display_name == "Jöe"
    assert came["DKIM-Signature"] is not None
    (attached,) = came.iter_attachments()
    assert (attached.get_filename(), attached.get_content()) == ("bïg.bin", picture)
    ((kept, flags),) = client.seen_by_imap(client.sent)
    assert parsed(kept)["Message-ID"] == came["Message-ID"]
    assert "secret@" in parsed(kept)["Bcc"]
    assert b"\\Seen" in flags


def test_a_draft_waits_and_goes_out(client: Client, place: Place) -> None:
    to = f"bob@{place.domain}"
    draft = {"draft": True, "to": [{"address": to}], "subject": "draft", "text": "t"}
    uid = client.json("POST", client.messages("Drafts"), draft)["message"]["id"]
    ((_, flags),) = client.seen_by_imap("Drafts")
    assert b"\\Draft" in flags
    at = time.time() + 2
    when = {"sendTime": int(at * 1000)}
    reply = client.json("POST", f"{client.messages('Drafts')}/{uid}/submit", when)
    assert reply["queueId"]
    assert client.seen_by_imap("Drafts") == []
    place.arrived()
    assert time.time() >= int(at)
    assert any(parsed(one)["Subject"] == "draft" for one, _ in client.seen_by_imap(client.sent))


def test_a_large_upload_is_stored_as_it_is(client: Client) -> None:
    body = b"Subject: raw\r\n\r\n" + os.urandom(LARGE).hex().encode() + b"\r\n"
    port = client.ours.server.port("http")
    url = f"http://127.0.0.1:{port}/wildduck{client.messages('INBOX')}"
    typed = {"Content-Type": "message/rfc822"}
    with urllib.request.urlopen(urllib.request.Request(url, body, typed), timeout=30) as reply:
        assert reply.status == 200
    ((kept, _),) = client.seen_by_imap("INBOX")
    assert kept == body


def test_a_stored_message_is_passed_on(client: Client, place: Place) -> None:
    message = b"From: carl@origin.test\r\nSubject: pass\r\n\r\nt\r\n"
    client.ours.arrives(message, JOE, sender="carl@origin.test")
    rows = client.json("GET", client.messages("INBOX"))["results"]
    uid = next(row["id"] for row in rows if row["subject"] == "pass")
    path = f"{client.messages('INBOX')}/{uid}/forward"
    to = f"bob@{place.domain}"
    assert client.json("POST", path, {"addresses": [to]})["queueId"]
    found = place.arrived()
    assert found.mail.strip("<>").startswith("SRS0=")
    assert parsed(found.message)["Subject"] == "pass"


def test_files_are_kept_and_leave_with_a_draft(client: Client, place: Place) -> None:
    picture, storage = os.urandom(LARGE), f"{client.user}/storage"
    url = f"http://127.0.0.1:{client.ours.server.port('http')}/wildduck{storage}"
    typed = {"Content-Type": "image/png"}
    request = urllib.request.Request(url + "?filename=large.png&cid=p", picture, typed)
    with urllib.request.urlopen(request, timeout=30) as reply:
        large = json.load(reply)["id"]
    text = {"filename": "a.txt", "content": "SGVsbG8=", "encoding": "base64"}
    small = client.json("POST", storage, text)["id"]
    listing = client.json("GET", f"{storage}?query=.png&limit=5")
    assert (listing["total"], listing["query"]) == (1, ".png")
    (row,) = listing["results"]
    assert row.pop("created").endswith("Z")
    assert row == {
        "id": large, "filename": "large.png", "contentType": "image/png", "cid": "p", "size": LARGE,
    }  # fmt: skip
    with urllib.request.urlopen(f"{url}/{large}", timeout=30) as reply:
        assert (reply.headers["Content-Type"], reply.read()) == ("image/png", picture)
    to = f"bob@{place.domain}"
    draft = {"draft": True, "to": [{"address": to}], "text": "t", "files": [large, small]}
    uid = client.json("POST", client.messages("Drafts"), draft)["message"]["id"]
    client.json("DELETE", f"{storage}/{small}")
    client.json("POST", f"{client.messages('Drafts')}/{uid}/submit", {"deleteFiles": True})
    client.ours.fate(to, "delivered")
    found = parsed(place.arrived().message)
    attached = {one.get_filename(): one.get_payload(decode=True) for one in found.walk()}
    assert (attached["large.png"], attached["a.txt"]) == (picture, b"Hello")
    assert client.json("GET", storage)["total"] == 0
    for method, fields in (("GET", None), ("DELETE", None)):
        status, answer = ask(client.ours.server, method, f"{storage}/{small}", fields)
        assert (status, answer["code"]) == (404, "FileNotFound")


def test_what_has_not_left_is_taken_back(client: Client) -> None:
    later = int((time.time() + 3600) * 1000)
    fields = {"to": [{"address": FAR}], "text": "t", "sendTime": later}
    id = client.json("POST", f"{client.user}/submit", fields)["message"]["queueId"]
    path = f"{client.user}/outbound/{id}"
    assert client.json("DELETE", path) == {"success": True, "deleted": 1, "busy": 0}
    status, answer = ask(client.ours.server, "DELETE", path)
    assert (status, answer["code"]) == (404, "MessageNotFound")


def test_addresses_are_completed_from_sent_mail(client: Client) -> None:
    to = [{"name": "Grace Höpper", "address": "grace@complete.test"}]
    client.json("POST", client.messages(client.sent), {"to": to, "text": "t"})
    for query in ("h%C3%B6p", "grace@", "complete"):
        path = f"{client.user}/addressregister?query={query}&limit=3"
        (row,) = client.json("GET", path)["results"]
        assert (row["name"], row["address"]) == ("Grace Höpper", "grace@complete.test")
        assert len(row["id"]) == 24


def test_a_message_that_is_no_draft_is_not_submitted(client: Client) -> None:
    fields = {"to": [{"address": FAR}], "subject": "no draft", "text": "t"}
    uid = client.json("POST", client.messages("INBOX"), fields)["message"]["id"]
    for number, expected in ((uid, (400, "Conflict")), (9999, (404, "MessageNotFound"))):
        path = f"{client.messages('INBOX')}/{number}/submit"
        status, answer = ask(client.ours.server, "POST", path, {})
        assert (status, answer["code"]) == expected


ERRORS = [
    ({"to": []}, 400, "InputValidationError"),
    ({"subject": "a\r\nBcc: x@far.test"}, 400, "InputValidationError"),
    ({"from": {"address": "ceo@far.test"}}, 403, "MissingPrivileges"),
    ({"files": ["0" * 24]}, 404, "FileNotFound"),
]


def test_what_may_not_be_sent_is_refused(client: Client) -> None:
    for fields, status, code in ERRORS:
        body = {"to": [{"address": FAR}], "text": "t", **fields}
        found = ask(client.ours.server, "POST", f"{client.user}/submit", body)
        assert (found[0], found[1]["code"]) == (status, code)
