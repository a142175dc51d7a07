"""Acts over the memory store: what the `mailhub` command can ask for, and how it is refused."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest

from mailhub.control.catalog import ACTS, READS
from mailhub.control.mail import TAKES
from mailhub.control.talk import Talk
from mailhub.control.wire import Machine
from mailhub.core.transfer import MOST_BYTES, Listed, batches
from mailhub.model.errors import StorageFull
from tests.acting import services
from tests.fakes import ListLog
from tests.support import run
from tests.world import World
from tests.world import world as make_world

MESSAGE = b"From: a@example.org\r\nSubject: one\r\n\r\nbody\r\n"


class Wire:
    congested = False

    def __init__(self) -> None:
        self.out = b""
        self.closed = False

    def write(self, data: bytes) -> None:
        self.out += data

    def close(self) -> None:
        self.closed = True

    async def drained(self) -> None: ...


class Desk:
    """A conversation: asks and reads like the command does."""

    def __init__(self, world: World) -> None:
        self.services = services(world)
        self.wire = Wire()
        self.log = ListLog()
        self.talk = Talk(self.services, self.wire, self.log)
        self.machine = Machine()

    def say(self, data: bytes) -> list[Any]:
        """What is answered, line by line; raw bytes stand after the line that announces them."""
        self.wire.out = b""
        self.machine.receive(data)
        while (event := self.machine.next_event()) is not None:
            run(self.talk.answer(event))
        answers: list[Any] = []
        rest = self.wire.out
        while rest:
            line, _, rest = rest.partition(b"\n")
            answers.append(json.loads(line))
            size = answers[-1].get("bytes", 0)
            if size:
                answers.append(rest[:size])
                rest = rest[size:]
        return answers

    def ask(self, act: str, data: bytes | None = None, **arguments: Any) -> Any:
        request: dict[str, Any] = {"act": act, **arguments}
        if data is not None:
            request["bytes"] = len(data)
        (answer,) = self.say(json.dumps(request).encode() + b"\n" + (data or b""))
        return answer

    def done(self, act: str, data: bytes | None = None, **arguments: Any) -> Any:
        answer = self.ask(act, data, **arguments)
        assert "done" in answer, answer
        return answer["done"]


@pytest.fixture
def desk() -> Desk:
    desk = Desk(make_world(people=()))
    desk.done("user-add", name="ada@example.org", password="Secret-1234")
    return desk


def test_a_domain_from_beginning_to_end(desk: Desk) -> None:
    assert desk.done("domain-add", name="Example.NET")["name"] == "example.net"
    changed = desk.done("domain-set", name="example.net", delimiter="-", ignore_dots=True)
    assert (changed["delimiter"], changed["ignore_dots"]) == ("-", True)
    assert desk.done("domain-set", name="example.net", delimiter="")["delimiter"] == ""
    names = [domain["name"] for domain in desk.done("domain-list")]
    assert {"example.org", "example.net"} <= set(names)
    moved = desk.done("domain-rename", name="example.net", new="example.com")
    assert moved == {"addresses": 0, "users": 0, "aliases": 0, "keys": 0}
    desk.done("domain-rename", name="example.com", new="example.net")
    desk.done("domain-remove", name="example.net")
    assert desk.ask("domain-show", name="example.net")["error"] == "NotFound"
    assert desk.ask("domain-remove", name="example.org")["error"] == "InUse"


def test_a_user_from_beginning_to_end(desk: Desk) -> None:
    made = desk.done(
        "user-add", name="bob@example.org", password="Secret-1234", role="admin", quota=1000
    )
    assert (made["address"], made["role"], made["quota"]) == ("bob@example.org", "admin", 1000)
    changed = desk.done("user-set", name="bob@example.org", full_name="Bob", disabled=True)
    assert (changed["name"], changed["disabled"], changed["quota"]) == ("Bob", True, 1000)
    assert "password" not in json.dumps(desk.done("user-show", name="bob@example.org"))
    found = desk.done("user-list", query="bob")
    assert [user["username"] for user in found["users"]] == ["bob@example.org"]
    desk.done("user-remove", name="bob@example.org")
    assert desk.ask("user-show", name="bob@example.org")["error"] == "NotFound"


def test_a_new_password_ends_sessions(desk: Desk) -> None:
    number = desk.done("user-show", name="ada@example.org")["number"]
    before = run(desk.services.accounts.get(number)).auth_version
    desk.done("user-set", name="ada@example.org", password="Another-1234")
    assert run(desk.services.accounts.get(number)).auth_version > before


def test_an_alias_from_beginning_to_end(desk: Desk) -> None:
    desk.done("alias-add", address="info@example.org", targets=["ada@example.org"])
    changed = desk.done(
        "alias-set", address="info@example.org", targets=["ada@example.org", "x@example.com"]
    )
    assert changed["targets"] == ["ada@example.org", "x@example.com"]
    own = desk.done("alias-add", address="a@example.org", user="ada@example.org", targets=[])
    assert own["user"] == desk.done("user-show", name="ada@example.org")["number"]
    assert desk.done("alias-list", domain="example.org")["total"] == 3
    desk.done("alias-remove", address="info@example.org")
    assert desk.ask("alias-show", address="info@example.org")["error"] == "NotFound"


@pytest.mark.parametrize(
    ("act", "arguments", "error", "field"),
    [
        ("fly", {}, "Invalid", "act"),
        ("domain-add", {}, "Invalid", "name"),
        ("domain-add", {"name": 5}, "Invalid", "name"),
        ("domain-add", {"name": "x.test", "ignore_dots": 1}, "Invalid", "ignore_dots"),
        ("domain-add", {"name": "a b"}, "Invalid", "name"),
        ("user-add", {"name": "x@example.org", "role": "king"}, "Invalid", "role"),
        ("user-add", {"name": "x@example.org", "quota": True}, "Invalid", "quota"),
        ("user-add", {"name": "ada@example.org", "password": "x"}, "AlreadyExists", None),
        ("alias-add", {"address": "a@example.org", "targets": [1]}, "Invalid", "targets"),
        ("alias-add", {"address": "a@other.test", "targets": ["b@c.d"]}, "Invalid", "address"),
        ("mailboxes", {"user": "nobody@example.org"}, "NotFound", None),
        ("messages", {"user": "ada@example.org", "mailbox": "No"}, "NotFound", None),
    ],
)
def test_refusals_name_kind_and_field(
    desk: Desk, act: str, arguments: dict[str, Any], error: str, field: str | None
) -> None:
    answer = desk.ask(act, **arguments)
    assert answer["error"] == error
    assert answer["text"]
    if field is not None:
        assert answer["field"] == field


def take(desk: Desk, data: bytes, **arguments: Any) -> Any:
    values = {"user": "ada@example.org", "mailbox": "INBOX", "flags": [], **arguments}
    return desk.ask("take", data, digest=hashlib.sha256(data).hexdigest(), **values)


def test_a_message_is_taken_once_however_often_it_is_sent(desk: Desk) -> None:
    first = take(desk, MESSAGE, flags=["\\Seen", "$Work"], date=1_000_000_000)
    assert first["done"]["new"] is True
    again = take(desk, MESSAGE)
    assert again["done"] == {"uid": first["done"]["uid"], "new": False}
    twin = take(desk, MESSAGE, occurrence=1)
    assert twin["done"]["new"] is True
    elsewhere = take(desk, MESSAGE, mailbox="Sent/2024")
    assert elsewhere["done"]["new"] is True
    boxes = {
        item["item"]["name"]: item["item"]["messages"]
        for item in desk.say(b'{"act":"mailboxes","user":"ada@example.org"}\n')
        if "item" in item
    }
    assert boxes["INBOX"] == 2
    assert boxes["Sent/2024"] == 1


def test_messages_come_back_byte_for_byte(desk: Desk) -> None:
    take(desk, MESSAGE, flags=["\\Seen", "$Work"], date=1_000_000_000)
    take(desk, b"\x00\r\n\xff not mail at all")
    about, first, _, second, done = desk.say(
        b'{"act":"messages","user":"ada@example.org","mailbox":"INBOX"}\n'
    )
    assert first == MESSAGE
    assert about["item"] == {"uid": 1, "flags": ["\\Seen", "$Work"], "date": 1_000_000_000}
    assert second == b"\x00\r\n\xff not mail at all"
    assert done == {"done": None}
    only = desk.say(b'{"act":"messages","user":"ada@example.org","mailbox":"INBOX","uids":[2,9]}\n')
    assert only[1] == second
    assert len(only) == 3


def test_a_message_that_changed_on_its_way_is_refused(desk: Desk) -> None:
    answer = desk.ask(
        "take",
        MESSAGE,
        user="ada@example.org",
        mailbox="INBOX",
        digest=hashlib.sha256().hexdigest(),
    )
    assert (answer["error"], answer["field"]) == ("Invalid", "digest")


def test_bytes_of_an_act_that_wants_none_are_read_past(desk: Desk) -> None:
    answers = desk.say(b'{"act":"ping","bytes":12}\n{"act":"no"}{"act":"ping"}\n')
    assert answers[0]["error"] == "Invalid"
    assert answers[1]["done"] == {"accounts": 1}


def test_a_full_disk_is_told_after_the_bytes_were_read(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    spools = desk.services.spools

    class Full:
        def __init__(self, spool: Any) -> None:
            self.spool = spool

        def write(self, chunk: bytes) -> None:
            raise StorageFull

        def abort(self) -> None:
            self.spool.abort()

    opened = spools.open
    monkeypatch.setattr(spools, "open", lambda: Full(opened()))
    assert take(desk, MESSAGE)["error"] == "StorageFull"
    monkeypatch.undo()
    assert take(desk, MESSAGE)["done"]["new"] is True


def test_malformed_input_ends_the_connection(desk: Desk) -> None:
    (answer,) = desk.say(b"GET / HTTP/1.1\r\n\r\n")
    assert answer["error"] == "Invalid"
    assert desk.wire.closed


def test_every_act_is_logged_with_its_outcome_and_no_password(desk: Desk) -> None:
    desk.ask("user-add", name="x@nowhere.test", password="Top-Secret-9")
    assert desk.log.named("control")[-1]["outcome"] == "Invalid"
    assert "Top-Secret-9" not in repr(desk.log.events)


def test_no_two_tables_share_an_act() -> None:
    names = [*ACTS, *READS, *TAKES]
    assert len(names) == len(set(names))


def test_batches_hold_their_bytes() -> None:
    sizes = [5, MOST_BYTES, 1, MOST_BYTES - 1, MOST_BYTES * 2, 3]
    listed = [Listed(uid, (), 0, size) for uid, size in enumerate(sizes, 1)]
    runs = batches(listed)
    assert [message for run in runs for message in run] == listed
    assert all(len(run) == 1 or sum(message.size for message in run) <= MOST_BYTES for run in runs)
    assert batches([]) == []
