"""Filters and automatic replies on a real server, from the call that sets them to the mailbox, the
other server, the sender and the web server that hear of it."""

from __future__ import annotations

import hmac
import json
import threading
import urllib.error
import urllib.request
from base64 import b64decode, b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from tests.live.outgoing import HOME, Hub, hub
from tests.live.peers import ROOT, Sink, parsed, running, until
from tests.live.web import PASSWORD, call, make
from tests.live.wire import IMAP

pytestmark = [pytest.mark.live, ROOT]
FROM = "carl@origin.test"
MORE = '[web]\nallowed_networks = ["127.0.0.0/8"]\n'
MESSAGE = (
    b"From: Carl <carl@origin.test>\r\nTo: %b\r\nSubject: %b\r\n"
    b"Message-ID: <%b@origin.test>\r\n\r\nHello abc\r\n"
)
NOBODY = "0" * 24
EVENT = {"id", "action", "from", "to", "time"}
"""What everything that became of a message is told with."""


class Web:
    """A web server that takes what is posted: `posted` has fields (lower case) and body.
    `statuses`: of the next answers; at their end it is 200."""

    def __init__(self, port: int = 0) -> None:
        posted: list[tuple[dict[str, str], bytes]] = []
        statuses: list[int] = []

        class Taking(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                posted.append(({k.lower(): v for k, v in self.headers.items()}, body))
                self.send_response(statuses.pop(0) if statuses else 200)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Nothing."""

        self.posted, self.statuses = posted, statuses
        self._server = ThreadingHTTPServer(("127.0.0.1", port), Taking)
        self.port = int(self._server.server_address[1])
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/mail"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture(scope="module")
def ours() -> Iterator[Hub]:
    with hub(more=MORE) as made:
        yield made


@pytest.fixture(scope="module")
def far(ours: Hub) -> Iterator[Sink]:
    sink = Sink(ours.server.folder)
    ours.dns.load("far.test", sink.zone)
    ours.dns.load("origin.test", sink.zone)
    with running(sink):
        yield sink


class Person:
    """A user of the server under test."""

    def __init__(self, ours: Hub, name: str) -> None:
        self.ours = ours
        self.address = f"{name}@{HOME}"
        self.id = make(ours.server, self.address)

    def call(self, method: str, path: str, fields: object = None) -> Any:
        return call(self.ours.server, method, f"/users/{self.id}{path}", fields)

    def gets(self, name: str, subject: str = "Hi", sender: str = FROM) -> None:
        to = self.address.encode()
        message = MESSAGE % (to, subject.encode(), name.encode())
        self.ours.arrives(message, self.address, sender=sender)

    def imap(self) -> IMAP:
        port = self.ours.server.port("imap", "starttls")
        return IMAP(port, self.address, PASSWORD)

    def mail(self, mailbox: str = "INBOX") -> list[bytes]:
        with self.imap() as session:
            session.say(b"SELECT %b" % mailbox.encode())
            return session.say(b"FETCH 1:* (FLAGS BODY.PEEK[])")[:-1]


def refused(server: Any, method: str, path: str, fields: object = None) -> tuple[int, str]:
    """Status and code of a call that fails."""
    request = urllib.request.Request(
        f"http://127.0.0.1:{server.port('http')}/wildduck{path}",
        data=None if fields is None else json.dumps(fields).encode(),
        headers={"Content-Type": "application/json"},
        method=method,
    )
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(request, timeout=10)
    with caught.value as error:
        return error.code, json.load(error)["code"]


def test_the_lines_of_the_document(ours: Hub) -> None:
    joe = Person(ours, "lines")
    created = joe.call("POST", "/filters", {"query_from": "abc", "action_flag": True})
    id = created["id"]
    listed = call(ours.server, "GET", f"/user/{joe.id}/filters")
    [row] = listed["results"]  # type: ignore[misc]
    assert row["id"] == id
    assert (row["query"], row["action"]) == ([["from", "(abc)"]], [["flag it"]])
    assert row["created"].endswith("Z")
    one = joe.call("GET", f"/filters/{id}")
    assert (one["id"], one["query_from"], one["action_flag"]) == (id, "abc", True)
    change = {"query_from": "", "query_ha": True, "action_spam": True}
    assert joe.call("PUT", f"/filters/{id}", change) == {"success": True}
    one = joe.call("GET", f"/filters/{id}")
    assert "query_from" not in one
    assert (one["query_ha"], one["action_spam"]) == (True, True)
    assert joe.call("DELETE", f"/filters/{id}") == {"success": True}
    week = {
        "status": True,
        "subject": "Out of office",
        "text": "I'm out of office this week",
        "start": "2017-11-15T00:00:00.000Z",
        "end": "2017-11-19T00:00:00.000Z",
    }
    assert joe.call("PUT", "/autoreply", week) == {"success": True}
    found = joe.call("GET", "/autoreply")
    assert {name: found[name] for name in week} == week
    assert found["message"] == week["text"]
    assert joe.call("DELETE", "/autoreply") == {"success": True}
    assert joe.call("GET", "/autoreply")["status"] is False


def test_what_a_filter_looks_at_and_what_is_kept_with_it(ours: Hub) -> None:
    joe = Person(ours, "looks")
    for fields in (
        {"query_to": "LOOKS@", "query_size": 10, "action_seen": "yes", "metaData": {"a": 1}},
        {"query_size": -10, "action_delete": True},
        {"query_ha": True, "action_delete": True},
        {"query_text": "nowhere", "action_delete": True},
    ):
        joe.call("POST", "/filters", fields)
    joe.gets("looks1")
    [line] = joe.mail()
    assert b"\\Seen" in line
    listed = joe.call("GET", "/filters?metaData=true")
    assert listed["limits"]["used"] == 4
    assert [row.get("metaData") for row in listed["results"]] == [{"a": 1}, {}, {}, {}]
    id = listed["results"][0]["id"]
    joe.call("PUT", f"/filters/{id}", {"action_forward": "away@far.test", "metaData": {"b": 2}})
    assert joe.call("GET", f"/filters/{id}")["metaData"] == {"b": 2}
    every: Any = call(ours.server, "GET", "/filters?forward=away@far&limit=5")
    [row] = every["results"]
    assert (every["total"], row["id"], row["user"]) == (1, id, joe.id)
    assert row["targets"] == ["away@far.test"]
    joe.call("PUT", "/autoreply", {"subject": "Away", "text": "Gone"})
    assert joe.call("GET", "/autoreply")["status"] is False
    joe.call("PUT", "/autoreply", {"status": True})
    shown = joe.call("GET", "/autoreply")
    assert (shown["status"], shown["subject"], shown["message"]) == (True, "Away", "Gone")
    joe.call("DELETE", "/autoreply")


def test_errors(ours: Hub) -> None:
    joe = Person(ours, "errors")
    path, server = f"/users/{joe.id}", ours.server
    wrong = "InputValidationError"
    for method, where, fields, expected in (
        ("GET", f"/users/{NOBODY}/filters", None, (404, "UserNotFound")),
        ("POST", f"/users/{NOBODY}/filters", {}, (404, "UserNotFound")),
        ("PUT", f"/users/{NOBODY}/autoreply", {"status": True}, (404, "UserNotFound")),
        ("GET", f"{path}/filters/{NOBODY}", None, (404, "FilterNotFound")),
        ("PUT", f"{path}/filters/{NOBODY}", {"name": "x"}, (404, "FilterNotFound")),
        ("DELETE", f"{path}/filters/{NOBODY}", None, (404, "FilterNotFound")),
        ("POST", f"{path}/filters", {"action_mailbox": NOBODY}, (404, "NoSuchMailbox")),
        ("POST", f"{path}/filters", {"query_size": "big"}, (400, wrong)),
        ("POST", f"{path}/filters", {"action_forward": "nobody"}, (400, wrong)),
        ("POST", f"{path}/filters", {"action_targetUrl": "http://10.0.0.1/"}, (400, wrong)),
        ("POST", f"{path}/filters", {"action_targetUrl": "file:///etc/passwd"}, (400, wrong)),
        ("PUT", f"{path}/autoreply", {"start": "soon"}, (400, wrong)),
    ):
        assert refused(server, method, where, fields) == expected, (method, where, fields)
    call(server, "PUT", path, {"filters": 1})
    joe.call("POST", "/filters", {"action_seen": True})
    assert refused(server, "POST", f"{path}/filters", {}) == (403, "TooMany")


def test_what_smtp_delivers_is_moved_and_idle_sees_it_there(ours: Hub) -> None:
    joe = Person(ours, "idle")
    box = joe.call("POST", "/mailboxes", {"path": "Shop"})["id"]
    order = {"query": {"subject": "offer"}, "action": {"mailbox": box, "flag": True}}
    joe.call("POST", "/filters", order)
    with joe.imap() as session:
        session.say(b"SELECT Shop")
        session.send(b"i IDLE\r\n")
        assert session.line().startswith(b"+ ")
        joe.gets("idle1", "An OFFER")
        assert session.line() == b"* 1 EXISTS"
    [line] = joe.mail("Shop")
    assert b"\\Flagged" in line
    assert joe.mail() == []
    joe.gets("idle2", "Else")
    assert len(joe.mail()) == 1


def test_dropped_spam_and_seen(ours: Hub) -> None:
    joe = Person(ours, "actions")
    for word, action in (("gone", "delete"), ("junk", "spam"), ("read", "seen")):
        joe.call("POST", "/filters", {"query_subject": word, f"action_{action}": True})
    for word in ("gone", "junk", "read"):
        joe.gets(f"action-{word}", word)
    [line] = joe.mail()
    assert b"\\Seen" in line
    assert b"Subject: read" in line
    with joe.imap() as session:
        [junk] = [one for one in session.say(b'LIST "" *') if b"\\Junk" in one]
    [line] = joe.mail(junk.split(b" ")[-1].decode().strip('"'))
    assert b"$Junk" in line
    assert b"Subject: junk" in line


def test_forwards_leave_with_a_sender_of_ours(ours: Hub, far: Sink) -> None:
    joe = Person(ours, "forwards")
    order = {"query_text": "ABC", "action_forward": "x@far.test", "action_delete": True}
    joe.call("POST", "/filters", order)
    joe.gets("forwarded")
    ours.fate("x@far.test", "delivered")
    [came] = [one for one in far.received() if b"<forwarded@" in one.message]
    assert came.mail.startswith("<SRS0=")
    assert "=origin.test=carl@" in came.mail
    assert came.rcpt[0].startswith("<x@far.test>")
    message = parsed(came.message)
    assert message["Delivered-To"] == joe.address
    assert message["ARC-Seal"] is None or "cv=" in str(message["ARC-Seal"])
    assert joe.mail() == []


def test_what_became_of_a_message_is_told(ours: Hub, far: Sink) -> None:
    joe = Person(ours, "events")
    joe.call("POST", "/filters", {"action_forward": "told@far.test"})
    joe.gets("events1")
    ours.fate("told@far.test", "delivered")
    assert far.received()
    boxes = joe.call("GET", "/mailboxes")["results"]
    path = f"/mailboxes/{boxes[0]['id']}/messages/1/events"
    told = joe.call("GET", path)
    assert len(told["id"]) == 24
    stored, queued, sent = told["events"]
    assert [one["action"] for one in told["events"]] == ["STORE", "FORWARD", "ACCEPTED"]
    assert set(stored) == {*EVENT, "source", "origin", "transtype"}
    assert (stored["source"], stored["to"], stored["from"]) == ("MX", [joe.address], FROM)
    assert set(queued) == EVENT
    assert set(sent) == {*EVENT, "seq", "src", "dst", "response"}
    assert (queued["id"], queued["to"], sent["to"]) == (
        sent["id"], ["told@far.test"], ["told@far.test"],
    )  # fmt: skip
    assert sent["seq"] == "001"
    assert sent["src"].startswith("127.")
    assert sent["response"].startswith("250 ")


def test_two_that_forward_to_each_other_have_it_once_each(ours: Hub) -> None:
    one, two = Person(ours, "loop-one"), Person(ours, "loop-two")
    one.call("POST", "/filters", {"action_forward": two.address})
    two.call("POST", "/filters", {"action_forward": one.address})
    one.gets("loop")
    assert until(lambda: len(two.mail()) == 1)
    ours.waits("not-forwarded", outcome="loop")
    assert len(one.mail()) == 1
    assert len(two.mail()) == 1


def test_who_writes_is_told_once(ours: Hub, far: Sink) -> None:
    joe = Person(ours, "away")
    away = {"status": True, "subject": "Away", "text": "Back on Monday", "html": "<p>Monday</p>"}
    joe.call("PUT", "/autoreply", away)
    joe.gets("away1")
    joe.gets("away2")

    def replies() -> list[EmailMessage]:
        found = [parsed(one.message) for one in far.received() if b"Auto: Away" in one.message]
        return [one for one in found if joe.address in str(one["From"])]

    assert until(replies), ours.tail()
    ours.fate(FROM, "delivered")
    [reply] = replies()
    assert reply["To"] == FROM
    assert reply["In-Reply-To"] == "<away1@origin.test>"
    assert reply["Auto-Submitted"] == "auto-replied"
    [came] = [one for one in far.received() if b"Auto: Away" in one.message]
    assert came.mail.startswith("<>")
    assert len(joe.mail()) == 2


def test_two_that_are_away_do_not_answer_each_other(ours: Hub) -> None:
    one, two = Person(ours, "away-one"), Person(ours, "away-two")
    for person in (one, two):
        person.call("PUT", "/autoreply", {"status": True, "subject": "Away", "text": "Gone"})
    one.gets("quiet", sender=two.address)
    assert until(lambda: len(two.mail()) == 1), ours.tail()
    ours.fate(two.address, "delivered")
    assert len(one.mail()) == 1


@contextmanager
def web(port: int = 0) -> Iterator[Web]:
    made = Web(port)
    try:
        yield made
    finally:
        made.close()


def test_a_target_gets_the_message_signed_when_it_is_back(ours: Hub) -> None:
    joe = Person(ours, "target")
    with web() as first:
        port, url = first.port, first.url
    joe.call("POST", "/filters", {"action_targetUrl": url, "query_subject": "post"})
    [row] = joe.call("GET", "/filters")["results"]
    key = joe.call("GET", f"/filters/{row['id']}")["targetKey"]
    assert ours.server.command("filter", "key", joe.address).stdout.strip() == key
    joe.gets("posted", "Post it")
    ours.fate(url, "deferred")
    with web(port) as again:
        again.statuses.append(503)
        ours.fate(url, "delivered")
        [(_, _), (fields, body)] = again.posted
    assert fields["content-type"] == "message/rfc822"
    assert fields["x-envelope-to"] == joe.address
    assert body.endswith(b"\r\n\r\nHello abc\r\n")
    signed = f"{fields['webhook-id']}.{fields['webhook-timestamp']}.".encode() + body
    made = hmac.digest(b64decode(key.removeprefix("whsec_")), signed, "sha256")
    assert fields["webhook-signature"] == f"v1,{b64encode(made).decode()}"
    assert len(joe.mail()) == 1


def test_a_large_message_is_posted_as_it_is(ours: Hub) -> None:
    joe = Person(ours, "large")
    with web() as taking:
        joe.call("POST", "/filters", {"action_targetUrl": taking.url, "action_delete": True})
        line = b"x" * 98 + b"\r\n"
        message = MESSAGE % (joe.address.encode(), b"Large", b"large") + line * 50_000
        ours.arrives(message, joe.address, sender=FROM)
        assert until(lambda: bool(taking.posted), 30), ours.tail()
        [(_, body)] = taking.posted
    assert body.endswith(message)


def test_the_shell_sets_the_same(ours: Hub) -> None:
    joe = Person(ours, "shell")
    server = ours.server
    said = server.command("filter", "add", joe.address, "--subject", "shell", "--flag").stdout
    [row] = joe.call("GET", "/filters")["results"]
    assert said == f"{row['id']} flag\n"
    assert row["query"] == [["subject", "(shell)"]]
    server.command("autoreply", "set", joe.address, "--on", "--text", "Gone")
    assert joe.call("GET", "/autoreply")["message"] == "Gone"
    joe.gets("shell1", "From the shell")
    [line] = joe.mail()
    assert b"\\Flagged" in line
