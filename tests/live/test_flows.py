"""One thing done over one protocol, as the others show it: a long story that an EventSource client,
a webhook and an IMAP session in IDLE tell alike, full mailboxes, and messages octet for octet."""

from __future__ import annotations

import json
import poplib
import re
import smtplib
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
from imapclient import IMAPClient

from tests.live.listening import Idle, Receiver, Stream, until
from tests.live.server import PLAIN, Server
from tests.live.web import PASSWORD, ask, call, change, make
from tests.live.wire import IMAP

WEB = '[web]\nallowed_networks = ["127.0.0.0/8"]\n'
MESSAGE = b"From: a@remote.example\r\nSubject: %b\r\n\r\n" + b"0123456789" * 20 + b"\r\n"
_names = iter(range(1, 1000))


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = Server(tmp_path_factory.mktemp("hub"), PLAIN + WEB)
    server.start()
    try:
        yield server
    finally:
        assert server.stop() == 0, server.log.read_text()[-3000:]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    one = Receiver()
    yield one
    one.close()


class Person:
    """An account, and whatever it can do over each protocol."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.address = f"flows{next(_names)}@live.test"
        self.id = make(server, self.address)
        self.path = f"/users/{self.id}"

    def http(self, method: str, path: str, fields: object = None) -> Any:
        return call(self.server, method, self.path + path, fields)

    @property
    def boxes(self) -> dict[str, str]:
        return {one["path"]: one["id"] for one in self.http("GET", "/mailboxes")["results"]}

    def box(self, name: str) -> str:
        """The path of a mailbox's messages."""
        return f"/mailboxes/{self.boxes[name]}/messages"

    def imap(self) -> IMAPClient:
        client = IMAPClient("127.0.0.1", self.server.port("imap"), ssl=False, timeout=20)
        client.login(self.address, PASSWORD)
        client.select_folder("INBOX")
        return client

    def by_imap(self, *commands: Callable[[IMAPClient], object]) -> None:
        with self.imap() as client:
            for command in commands:
                command(client)

    def by_smtp(self, subject: bytes = b"x", to: str = "") -> None:
        with smtplib.SMTP("127.0.0.1", self.server.port("smtp"), timeout=20) as smtp:
            smtp.sendmail("a@remote.example", [to or self.address], MESSAGE % subject)

    def by_lmtp(self) -> None:
        with smtplib.LMTP("127.0.0.1", self.server.port("lmtp"), timeout=20) as lmtp:
            lmtp.sendmail("a@remote.example", [self.address], MESSAGE % b"x")

    def by_pop3(self, *numbers: int) -> None:
        """Deletes messages."""
        pop = poplib.POP3("127.0.0.1", self.server.port("pop3"), timeout=20)
        pop.user(self.address)
        pop.pass_(PASSWORD)
        for number in numbers:
            pop.dele(number)
        pop.quit()

    def by_upload(self, box: str, message: bytes) -> tuple[int, Any]:
        """The status and answer of an upload over HTTP."""
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.server.port('http')}{self.path}{self.box(box)}",
            data=message,
            headers={"Content-Type": "message/rfc822"},
        )
        try:
            with urllib.request.urlopen(request, timeout=20) as reply:
                return reply.status, json.load(reply)
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.load(error)


# -- one story, told three times

Told = tuple[str, str, int, tuple[str, ...]]
"""(word, mailbox or its path, uid, flags)"""
LINE = re.compile(rb"\* (\d+) (EXISTS|EXPUNGE|FETCH)(?:.*?FLAGS \(([^)]*)\))?")


@dataclass
class Story:
    """Tells after each step what each of the three heard of it."""

    who: Person
    receiver: Receiver
    idle: Idle = field(init=False)
    stream: Stream = field(init=False)
    uids: list[int] = field(default_factory=list)
    steps: int = 0

    def __post_init__(self) -> None:
        hook = {"type": ["message.*", "mailbox.*"], "url": self.receiver.url, "user": self.who.id}
        call(self.who.server, "POST", "/webhooks", hook)
        self.inbox = self.who.boxes["INBOX"]
        self.idle = Idle(self.who.server, self.who.address)
        self.stream = Stream(self.who.server, self.who.id)

    def tell(self, act: Callable[[], object], *words: str) -> None:
        """`words`: what has to be heard, such as `EXISTS Archive`; IDLE hears of INBOX alone."""
        self.steps += 1
        heard, lines = len(self.receiver.told), len(self.idle.words)
        act()
        mine = [word for word in words if word.endswith(" INBOX")]
        until(lambda: len(self.stream.words) >= heard + len(words), 20)
        until(lambda: len(self.receiver.told) >= heard + len(words), 20)
        until(lambda: len(self.idle.words) >= lines + len(mine), 20)
        told = [one for one in self.stream.told if one["command"] != "COUNTERS"][heard:]
        posted = [one["data"] for one in self.receiver.told[heard:]]
        names = {id: name for name, id in self.who.boxes.items()}
        assert [f"{one['command']} {place(one, names)}" for one in told] == list(words), told
        assert list(map(plain, posted)) == list(map(plain, told))
        watched = [plain(one) for one in told if one["mailbox"] == self.inbox]
        assert sorted(self._idled(lines, watched)) == sorted(watched)

    def _idled(self, since: int, told: Sequence[Told]) -> list[Told]:
        """IDLE's lines as events. It says how many messages there are now: which came is known
        from the others."""
        arrived = [uid for word, _, uid, _ in told if word == "EXISTS"]
        found: list[Told] = []
        lines = [one for one in map(LINE.match, self.idle.told) if one is not None]
        for line in lines[since:]:
            number, word = int(line[1]), line[2].decode()
            if word == "EXISTS":
                self.uids += arrived[: number - len(self.uids)]
                del arrived[: number - len(self.uids)]
                assert len(self.uids) == number
            uid = self.uids[number - 1]
            flags = [flag for flag in (line[3] or b"").decode().split() if flag != "\\Recent"]
            found.append((word, self.inbox, uid, tuple(sorted(flags))))
            if word == "EXPUNGE":
                del self.uids[number - 1]
        return found

    def close(self) -> None:
        self.idle.close()
        self.stream.close()


def plain(event: dict[str, Any]) -> Told:
    """An event without what IDLE does not say; flags of messages that come are not among that."""
    flags = event.get("flags", ()) if event["command"] == "FETCH" else ()
    return event["command"], event["mailbox"], event.get("uid", 0), tuple(sorted(flags))


def place(event: dict[str, Any], names: dict[str, str]) -> str:
    return str(event["path"] if "path" in event else names[event["mailbox"]])


def test_a_long_story_is_told_alike_by_everybody(server: Server, receiver: Receiver) -> None:
    who, friend = Person(server), Person(server)
    story = Story(who, receiver)
    tell, http, imap = story.tell, who.http, who.by_imap
    boxes = who.boxes
    inbox, archive = who.box("INBOX"), boxes["Archive"]
    letter = {"to": [{"address": friend.address}], "subject": "hello", "text": "hello"}

    tell(who.by_smtp, "EXISTS INBOX")
    tell(who.by_lmtp, "EXISTS INBOX")
    tell(lambda: imap(lambda one: one.append("INBOX", MESSAGE % b"3")), "EXISTS INBOX")
    tell(lambda: who.by_upload("INBOX", MESSAGE % b"4"), "EXISTS INBOX")
    tell(lambda: imap(lambda one: one.add_flags(1, [b"\\Seen"])), "FETCH INBOX")
    tell(lambda: http("PUT", f"{inbox}/2", {"seen": True}), "FETCH INBOX")
    tell(lambda: http("PUT", f"{inbox}/1", {"flagged": True}), "FETCH INBOX")
    tell(lambda: imap(lambda one: one.add_flags(3, [b"$Work", b"Mine"])), "FETCH INBOX")
    tell(lambda: http("PUT", f"{inbox}/1", {"seen": False}), "FETCH INBOX")
    tell(lambda: imap(lambda one: one.set_flags(2, [b"\\Answered"])), "FETCH INBOX")
    tell(lambda: imap(lambda one: one.copy(1, "Archive")), "EXISTS Archive")
    tell(lambda: imap(lambda one: one.copy(2, "INBOX")), "EXISTS INBOX")
    tell(lambda: imap(lambda one: one.move([3], "Junk")), "EXISTS Junk", "EXPUNGE INBOX")
    tell(lambda: http("PUT", f"{inbox}/4", {"moveTo": archive}), "EXISTS Archive", "EXPUNGE INBOX")
    http("POST", "/filters", {"query": {"subject": "offer"}, "action": {"mailbox": archive}})
    tell(lambda: who.by_smtp(b"offer"), "EXISTS Archive")
    tell(lambda: imap(lambda one: one.create_folder("Shop")), "CREATE Shop")
    shop = who.boxes["Shop"]
    tell(lambda: http("PUT", f"/mailboxes/{shop}", {"path": "Store"}), "RENAME Store")
    tell(lambda: imap(lambda one: one.move([5], "Store")), "EXISTS Store", "EXPUNGE INBOX")
    tell(lambda: imap(lambda one: one.delete_messages([2])), "FETCH INBOX")
    tell(lambda: imap(lambda one: one.expunge()), "EXPUNGE INBOX")
    tell(lambda: who.by_pop3(1), "EXPUNGE INBOX")
    rows = http("GET", "/archived")["results"]
    for row in sorted(rows, key=lambda row: row["id"]):
        tell(lambda row=row: http("POST", f"/archived/{row['id']}/restore", {}), "EXISTS INBOX")  # type: ignore[misc]
    tell(lambda: http("DELETE", f"{inbox}/6"), "EXPUNGE INBOX")
    tell(lambda: http("POST", "/submit", letter), "EXISTS Sent Mail")
    tell(lambda: http("POST", who.box("Drafts"), {**letter, "draft": True}), "EXISTS Drafts")
    tell(
        lambda: http("POST", f"{who.box('Drafts')}/1/submit", {}),
        "EXISTS Sent Mail",
        "EXPUNGE Drafts",
    )
    tell(lambda: friend.http("POST", "/submit", reply_to(who)), "EXISTS INBOX")
    tell(lambda: http("PUT", f"{inbox}/1:*", {"seen": True}), "FETCH INBOX", "FETCH INBOX")
    tell(lambda: http("DELETE", inbox), "EXPUNGE INBOX", "EXPUNGE INBOX")
    tell(who.by_smtp, "EXISTS INBOX")
    assert story.steps >= 30
    _same_counters(story)
    story.close()


def reply_to(who: Person) -> object:
    return {"to": [{"address": who.address}], "subject": "Re: hello", "text": "hello"}


def _same_counters(story: Story) -> None:
    """The last that was heard of each mailbox is what HTTP and IMAP say of it."""
    who = story.who
    rows = {row["id"]: row for row in who.http("GET", "/mailboxes?counters=true")["results"]}
    with who.imap() as client:
        for row in rows.values():
            status = client.folder_status(row["path"], ["MESSAGES", "UNSEEN"])
            assert status == {b"MESSAGES": row["total"], b"UNSEEN": row["unseen"]}

    def heard() -> dict[str, tuple[int, int]]:
        counted = [one for one in story.stream.told if one["command"] == "COUNTERS"]
        return {one["mailbox"]: (one["total"], one["unseen"]) for one in counted}

    until(lambda: all(
        (rows[id]["total"], rows[id]["unseen"]) == counted for id, counted in heard().items()
    ))  # fmt: skip
    assert set(heard()) >= {id for id, row in rows.items() if row["total"]}


# -- flags and octets


def test_flags_are_the_same_whoever_set_them(server: Server) -> None:
    who = Person(server)
    who.by_smtp()
    one = f"{who.box('INBOX')}/1"
    with who.imap() as client:
        for flags, shown in (
            ([b"\\Seen", b"\\Flagged"], (True, True, False, False)),
            ([b"\\Answered", b"\\Draft"], (False, False, True, True)),
            ([], (False, False, False, False)),
        ):
            client.set_flags(1, flags)
            row = who.http("GET", one)
            assert (row["seen"], row["flagged"], row["answered"], row["draft"]) == shown
        for fields, expected in (
            ({"seen": True, "flagged": True}, {b"\\Seen", b"\\Flagged"}),
            ({"seen": False, "draft": True}, {b"\\Flagged", b"\\Draft"}),
            ({"flagged": False, "draft": False, "deleted": True}, {b"\\Deleted"}),
        ):
            who.http("PUT", one, fields)
            assert set(client.get_flags(1)[1]) - {b"\\Recent"} == expected


def test_what_is_submitted_is_the_same_everywhere(server: Server) -> None:
    """In Sent over IMAP and HTTP; and at who gets it, behind what the way there added."""
    who, friend = Person(server), Person(server)
    letter = {
        "to": [{"name": "Fränd", "address": friend.address}],
        "bcc": [{"address": friend.address}],
        "subject": "Grüße",
        "text": "Hällo\n.\n",
        "html": "<p>Hällo</p>",
        "attachments": [{"filename": "bïg.bin", "content": "AAEC" * 3000}],
    }
    who.http("POST", "/submit", letter)
    with who.imap() as client:
        client.select_folder("Sent Mail", readonly=True)
        (kept,) = client.fetch([1], ["BODY.PEEK[]"]).values()
    port, path = server.port("http"), f"{who.path}{who.box('Sent Mail')}/1/message.eml"
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=20) as reply:
        assert reply.read() == kept[b"BODY[]"]
    with friend.imap() as client:
        until(lambda: client.noop() and client.search() == [1])
        (came,) = client.fetch([1], ["BODY.PEEK[]"]).values()
    sent = re.sub(rb"\r\nBcc: [^\r]*(?=\r\n)", b"", kept[b"BODY[]"])
    assert sent != kept[b"BODY[]"]
    assert came[b"BODY[]"].endswith(sent)


# -- no room


def test_no_room_is_no_room_over_every_protocol(server: Server) -> None:
    who, friend = Person(server), Person(server)
    who.by_smtp()
    change(server, who.id, quota=len(MESSAGE) + 400)
    before = who.http("GET", "")["limits"]["quota"]["used"]
    for refused, error in ((who.by_smtp, smtplib.SMTPRecipientsRefused), (who.by_lmtp, None)):
        with pytest.raises(error or smtplib.SMTPRecipientsRefused) as raised:
            refused()
        ((code, text),) = raised.value.recipients.values()
        assert (code, text[:5]) == (452, b"4.2.2")
    with IMAP(server.port("imap"), who.address, PASSWORD) as imap:
        imap.say(b"SELECT INBOX")
        literal = b"{%d+}\r\n%b" % (len(MESSAGE), MESSAGE)
        for command in (b"APPEND INBOX " + literal, b"COPY 1 Archive", b"UID COPY 1 Archive"):
            assert b" NO [OVERQUOTA]" in imap.say(command)[-1], command
    status, answer = who.by_upload("INBOX", MESSAGE)
    assert (status, answer["code"]) == (400, "OverQuotaError")
    written = {"text": "x" * 300}
    status, answer = ask(server, "POST", f"{who.path}{who.box('Drafts')}", written)
    assert (status, answer["code"]) == (400, "OverQuotaError")
    assert who.http("GET", "")["limits"]["quota"]["used"] == before
    # What a full mailbox sends leaves all the same, and what is moved needs no room.
    who.http("POST", "/submit", reply_to(friend))
    with friend.imap() as client:
        until(lambda: client.noop() and client.search() == [1])
    who.http("PUT", f"{who.box('INBOX')}/1", {"moveTo": who.boxes["Archive"]})
    who.http("DELETE", f"{who.box('Archive')}/1")
    assert who.by_upload("INBOX", MESSAGE)[0] == 200


def test_who_deletes_over_pop3_is_seen_by_all(server: Server) -> None:
    who = Person(server)
    for _ in range(3):
        who.by_smtp()
    idle, stream = Idle(server, who.address), Stream(server, who.id)
    who.by_pop3(1, 3)
    until(lambda: stream.words == ["EXPUNGE", "EXPUNGE"])
    until(lambda: len(idle.words) == 2)
    assert {one["uid"] for one in stream.told if one["command"] == "EXPUNGE"} == {1, 3}
    assert [row["id"] for row in who.http("GET", who.box("INBOX"))["results"]] == [2]
    idle.close()
    stream.close()
