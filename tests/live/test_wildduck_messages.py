"""The curl lines of the documented chapters Messages and Archive on a real server, and what IMAP
sessions see of them."""

from __future__ import annotations

import base64
import hashlib
import json
import poplib
import smtplib
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from imapclient import IMAPClient

from tests.live.server import PLAIN, Server
from tests.live.web import PASSWORD, make

DOMAIN = "live.test"
SHOWN = {
    *("id", "mailbox", "thread", "from", "subject", "date", "intro", "attachments", "seen"),
    *("deleted", "flagged", "draft"),
}
DETAILS = {
    *("success", "id", "from", "to", "subject", "messageId", "date", "seen", "deleted"),
    *("flagged", "draft", "html", "attachments"),
}
MESSAGE = b"""From: Sender Name <sender@example.com>
To: Test User <testuser@live.test>
Subject: Subject line
Date: Wed, 02 Nov 2011 19:19:08 +0000
Message-ID: <FA472D2A@example.com>
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary=m

--m
Content-Type: text/html

<p>Hello</p><script>alert(1)</script>
--m
Content-Type: image/png; name=a.png
Content-Transfer-Encoding: base64
Content-Disposition: attachment

iVBORw0KGgo=
--m--
""".replace(b"\n", b"\r\n")
LARGE = 3 * 1024 * 1024


class Client:
    """An application that calls the API for one user."""

    def __init__(self, server: Server, address: str) -> None:
        self.server = server
        self.address = address
        self.id = make(server, address)
        self.user = f"/users/{self.id}"
        boxes = self.json("GET", f"{self.user}/mailboxes")["results"]
        self.boxes = {box["path"]: box["id"] for box in boxes}
        self.inbox = self.path("INBOX")

    def path(self, name: str) -> str:
        return f"{self.user}/mailboxes/{self.boxes[name]}/messages"

    def raw(self, method: str, path: str, fields: object = None) -> tuple[int, Any, bytes]:
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.server.port('http')}{path}",
            data=None if fields is None else json.dumps(fields).encode(),
            headers={"Content-Type": "application/json"},
            method=method,
        )
        try:
            with urllib.request.urlopen(request, timeout=20) as response:
                return response.status, response.headers, response.read()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.headers, error.read()

    def json(self, method: str, path: str, fields: object = None) -> dict[str, Any]:
        status, _, body = self.raw(method, path, fields)
        answer: dict[str, Any] = json.loads(body)
        assert status == 200, answer
        assert answer["success"] is True
        return answer

    def deliver(self, message: bytes = MESSAGE) -> None:
        with smtplib.SMTP("127.0.0.1", self.server.port("smtp"), timeout=20) as smtp:
            smtp.sendmail("sender@example.com", [self.address], message)

    def imap(self) -> IMAPClient:
        client = IMAPClient("127.0.0.1", self.server.port("imap"), ssl=False, timeout=20)
        client.login(self.address, PASSWORD)
        return client


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder: Path = tmp_path_factory.mktemp("messages")
    server = Server(folder, PLAIN + "\n[archive]\nsweep = 1\n")
    server.start()
    try:
        yield server
    finally:
        assert server.stop() == 0, server.log.read_text()[-3000:]


_numbers = iter(range(1000))


@pytest.fixture
def client(hub: Server) -> Client:
    return Client(hub, f"reader{next(_numbers)}@{DOMAIN}")


def test_every_documented_line_of_messages(client: Client) -> None:
    client.deliver()
    listing = client.json("GET", client.inbox.replace("/users/", "/user/"))
    (row,) = listing["results"]
    assert set(row) >= SHOWN
    assert (listing["total"], listing["page"], listing["specialUse"]) == (1, 1, None)
    assert row["from"] == {"address": "sender@example.com", "name": "Sender Name"}
    assert (row["date"], row["attachments"]) == ("2011-11-02T19:19:08.000Z", True)
    one = f"{client.inbox}/{row['id']}"
    shown = client.json("GET", one)
    assert set(shown) >= DETAILS
    assert shown["html"] == ["<p>Hello</p>"]
    assert shown["to"] == [{"address": "testuser@live.test", "name": "Test User"}]
    (event,) = client.json("GET", f"{one}/events")["events"]
    assert (event["action"], event["source"]) == ("STORE", "MX")
    assert client.json("PUT", one, {"seen": True, "flagged": True})["success"]
    flagged = client.json("GET", f"{client.user.replace('/users/', '/user/')}/flagged")
    assert [found["id"] for found in flagged["results"]] == [row["id"]]
    status, headers, body = client.raw("GET", f"{one}/message.eml")
    assert (status, headers["Content-Type"]) == (200, "message/rfc822")
    assert body.endswith(MESSAGE)
    status, headers, body = client.raw("GET", f"{one}/attachments/ATT00001")
    assert (status, headers["Content-Type"]) == (200, "image/png")
    assert body == b"\x89PNG\r\n\x1a\n"
    assert client.json("DELETE", one) == {"success": True}
    assert client.json("GET", client.inbox)["results"] == []


def test_every_documented_field_of_an_update(client: Client) -> None:
    """One, several and a range of messages; words for booleans; dates for an end."""
    for _ in range(3):
        client.deliver()
    for numbers, fields, count in (
        ("1", {"seen": "yes"}, 1),
        ("1,2", {"flagged": 1}, 2),
        ("1:3", {"draft": "on", "deleted": "true"}, 3),
        ("2:*", {"draft": "off"}, 2),
        ("3:*", {"deleted": "0", "expires": "2999-01-01T00:00:00.000Z"}, 1),
    ):
        assert client.json("PUT", f"{client.inbox}/{numbers}", fields)["updated"] == count
    rows = client.json("GET", f"{client.inbox}?order=asc")["results"]
    marks = [[row[name] for name in ("seen", "flagged", "draft", "deleted")] for row in rows]
    assert marks == [
        [True, True, True, True], [False, True, False, True], [False, False, False, False],
    ]  # fmt: skip
    shown = client.json("GET", f"{client.inbox}/3")
    assert shown["expires"] == "2999-01-01T00:00:00.000Z"
    client.json("PUT", f"{client.inbox}/3", {"expires": False})
    assert not client.json("GET", f"{client.inbox}/3").get("expires")
    flagged = client.json("GET", f"{client.user}/flagged?order=asc&limit=1")
    assert ([row["id"] for row in flagged["results"]], flagged["total"]) == ([1], 2)
    found = client.json("GET", f"{client.user}/search?query=line&mailbox={client.boxes['INBOX']}")
    assert (found["query"], found["total"], found["page"]) == ("line", 3, 1)
    assert set(found["results"][0]) >= SHOWN
    assert client.json("GET", f"{client.user}/search?query=elsewhere")["total"] == 0
    client.json("DELETE", f"{client.inbox}/2:3")
    (first, second) = client.json("GET", f"{client.user}/archived?order=asc")["results"]
    path = f"{client.user}/archived/{second['id']}/restore"
    back = client.json("POST", path, {"mailbox": client.boxes["Archive"]})
    assert (back["mailbox"], back["uid"]) == (client.boxes["Archive"], 1)
    status, _, body = client.raw("POST", f"{client.user}/archived/{first['id']}/restore", {
        "mailbox": "f" * 24,
    })  # fmt: skip
    assert (status, json.loads(body)["code"]) == (404, "NoSuchMailbox")


def test_pages_neither_repeat_nor_hide_while_mail_comes_and_goes(client: Client) -> None:
    for _ in range(8):
        client.deliver()
    seen: list[int] = []
    cursor = ""
    for step in range(10):
        page = client.json("GET", f"{client.inbox}?limit=2&next={cursor}&page={step + 1}&sess=s")
        seen += [row["id"] for row in page["results"]]
        cursor = page["nextCursor"]
        if not cursor:
            break
        client.deliver()
        # What was just shown, the cursor's own row among it, and one that is still to come.
        client.json("DELETE", f"{client.inbox}/{seen[-1]}")
        if step == 1:
            client.json("DELETE", f"{client.inbox}/3")
    assert seen == [8, 7, 6, 5, 4, 2, 1]
    page = client.json("GET", f"{client.inbox}?limit=2&previous={page['previousCursor']}")
    assert [row["id"] for row in page["results"]] == [6, 4], "those that are still there"


def test_of_each_thread_one_message_is_listed(client: Client) -> None:
    for number, answered in ((1, 0), (2, 0), (3, 1), (4, 0), (5, 3)):
        head = f"Subject: note {number}\r\nMessage-ID: <{number}@far.example>\r\n"
        head += f"In-Reply-To: <{answered}@far.example>\r\n" if answered else ""
        client.deliver(f"{head}\r\ntext\r\n".encode())
    query = f"{client.inbox}?collapseThreads=true&threadCounters=true&limit=2"
    page = client.json("GET", query)
    assert [(row["id"], row["threadMessageCount"]) for row in page["results"]] == [(5, 3), (4, 1)]
    assert (page["total"], page["results"][0]["seen"]) == (3, False)
    client.json("DELETE", f"{client.inbox}/5")  # its thread goes where the newest that is left is
    last = client.json("GET", f"{query}&next={page['nextCursor']}")
    assert [(row["id"], row["threadMessageCount"]) for row in last["results"]] == [(3, 2), (2, 1)]
    assert (last["total"], last["nextCursor"]) == (3, False)
    oldest = client.json("GET", f"{client.inbox}?collapseThreads=true&order=asc")["results"]
    assert [row["id"] for row in oldest] == [1, 2, 4]
    client.json("PUT", f"{client.inbox}/1:4", {"seen": True})
    assert client.json("GET", f"{client.inbox}?collapseThreads=true&unseen=true")["total"] == 0
    found = client.json("GET", f"{client.user}/search?query=note&collapseThreads=true")
    assert ([row["id"] for row in found["results"]], found["total"]) == ([4, 3, 2], 3)


def test_archive_and_restore_are_seen_by_idle(client: Client) -> None:
    client.deliver()
    with client.imap() as imap:
        imap.select_folder("INBOX")
        imap.idle()
        client.json("DELETE", f"{client.inbox}/1")
        assert (1, b"EXPUNGE") in imap.idle_check(timeout=10)
        (row,) = client.json("GET", f"{client.user}/archived")["results"]
        assert set(row) >= SHOWN
        path = f"{client.user}/archived/{row['id']}"
        assert set(client.json("GET", path)) >= DETAILS
        back = client.json("POST", f"{path}/restore", {})
        assert (back["mailbox"], back["uid"], back["id"]) == (client.boxes["INBOX"], 2, 2)
        assert (1, b"EXISTS") in imap.idle_check(timeout=10)
        imap.idle_done()
        assert imap.search() == [2]


def test_what_imap_expunges_can_be_had_back(client: Client) -> None:
    client.deliver()
    with client.imap() as imap:
        imap.select_folder("INBOX")
        imap.delete_messages([1])
        imap.expunge()
        (row,) = client.json("GET", f"{client.user}/archived/messages")["results"]
        assert row["deleted"] is True
        client.json("POST", f"{client.user}/archived/messages/{row['id']}/restore", {})
        imap.noop()
        assert set(imap.get_flags([2])[2]) <= {b"\\Recent"}


def test_what_pop3_deletes_can_be_had_back(client: Client) -> None:
    client.deliver()
    pop = poplib.POP3("127.0.0.1", client.server.port("pop3"), timeout=20)
    pop.user(client.address)
    pop.pass_(PASSWORD)
    pop.dele(1)
    pop.quit()
    (row,) = client.json("GET", f"{client.user}/archived")["results"]
    back = client.json("POST", f"{client.user}/archived/{row['id']}/restore", {})
    assert back["uid"] == 2


def test_flags_and_moves_are_seen_by_imap(client: Client) -> None:
    client.deliver()
    client.deliver()
    with client.imap() as imap:
        imap.select_folder("INBOX")
        client.json("PUT", f"{client.inbox}/1:*", {"seen": True, "flagged": True})
        for flags in imap.get_flags([1, 2]).values():
            assert set(flags) - {b"\\Recent"} == {b"\\Seen", b"\\Flagged"}
        moved = client.json("PUT", f"{client.inbox}/2", {"moveTo": client.boxes["Trash"]})
        assert moved["id"] == [[2, 1]]
        imap.noop()
        assert imap.search() == [1]


def test_a_large_message_is_read_in_pieces(client: Client) -> None:
    content = bytes(range(256)) * (LARGE // 256)

    coded = base64.encodebytes(content).replace(b"\n", b"\r\n")
    message = MESSAGE.replace(b"iVBORw0KGgo=\r\n", coded)
    client.deliver(message)
    status, headers, body = client.raw("GET", f"{client.inbox}/1/message.eml")
    assert body.endswith(message)
    assert int(headers["Content-Length"]) == len(body)
    status, _, body = client.raw("GET", f"{client.inbox}/1/attachments/ATT00001")
    assert (status, body) == (200, content)

    shown = client.json("GET", f"{client.inbox}/1")
    assert shown["attachments"][0]["hash"] == hashlib.sha256(content).hexdigest()
    assert shown["attachments"][0]["sizeKb"] in range(LARGE // 1024 - 40, LARGE // 1024 + 40)


def test_long_html_is_made_harmless_in_a_worker(client: Client) -> None:
    body = b"<p>word <b onclick=x>bold</b></p>" * 3000 + b"<script>alert(1)</script>"
    client.deliver(b"Content-Type: text/html\r\n\r\n" + b"\r\n".join(body.split(b" ")))
    shown = client.json("GET", f"{client.inbox}/1")
    assert shown["html"][0].count("<b>bold</b>") == 3000
    assert "script" not in shown["html"][0]
    assert "onclick" not in shown["html"][0]


def test_html_that_runs_away_is_given_up_and_hurts_nobody(client: Client) -> None:
    nested = b"\r\n".join([b"<div>" * 100] * 1300)
    client.deliver(b"Content-Type: text/html\r\n\r\n" + nested)
    client.deliver()

    answers: list[dict[str, Any]] = []
    thread = threading.Thread(
        target=lambda: answers.append(client.json("GET", f"{client.inbox}/1"))
    )
    thread.start()
    assert client.json("GET", f"{client.inbox}/2")["html"] == ["<p>Hello</p>"]
    assert thread.is_alive()
    thread.join(30)
    assert answers


@pytest.mark.parametrize(
    ("method", "tail", "fields", "status", "code"),
    [
        ("GET", "/99", None, 404, "MessageNotFound"),
        ("GET", "/99/events", None, 404, "MessageNotFound"),
        ("GET", "/99/message.eml", None, 404, "MessageNotFound"),
        ("GET", "/1/attachments/ATT00009", None, 404, "AttachmentNotFound"),
        ("PUT", "/99", {"seen": True}, 404, "MessageNotFound"),
        ("PUT", "/1", {"moveTo": "f" * 24}, 404, "NoSuchMailbox"),
        ("PUT", "/1", {}, 400, "InputValidationError"),
        ("PUT", "/1", {"seen": "perhaps"}, 400, "InputValidationError"),
        ("DELETE", "/99", None, 404, "MessageNotFound"),
        ("GET", "?limit=1000", None, 400, "InputValidationError"),
        ("GET", "/x", None, 400, "InputValidationError"),
    ],
)
def test_refusals(
    hub: Server, method: str, tail: str, fields: object, status: int, code: str
) -> None:
    client = _still(hub)
    found, _, body = client.raw(method, client.inbox + tail, fields)
    assert (found, json.loads(body)["code"]) == (status, code)


_known: dict[int, Client] = {}


def _still(hub: Server) -> Client:
    """One user with one message, for what changes nothing."""
    if hub.pid not in _known:
        _known[hub.pid] = client = Client(hub, f"still{hub.pid}@{DOMAIN}")
        client.deliver()
    return _known[hub.pid]


def test_refusals_of_the_archive(hub: Server) -> None:
    client = _still(hub)
    absent = f"{client.user}/archived/{'f' * 24}"
    for method, path in (("GET", absent), ("POST", f"{absent}/restore")):
        status, _, body = client.raw(method, path, {} if method == "POST" else None)
        assert (status, json.loads(body)["code"]) == (404, "MessageNotFound")
    status, _, body = client.raw("GET", f"/users/{'f' * 24}/archived")
    assert (status, json.loads(body)["code"]) == (404, "UserNotFound")
