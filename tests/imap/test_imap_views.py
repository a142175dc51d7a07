"""Three clients of one mailbox, one of each dialect, do what they like; each keeps its own books
from what it is told and nothing else. No number may ever be out of range, no EXPUNGE may come
where a client counts on its numbers, and in the end all books are right (RFC 9051 7.5.1).
"""

from __future__ import annotations

import re

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.imap.listener import LOGGED_IN, IMAPListener
from tests.support import run
from tests.world import World, world

MESSAGE = b"Subject: x\r\n\r\nhello\r\n"
EXISTS = re.compile(rb"\* (\d+) EXISTS")
EXPUNGE = re.compile(rb"\* (\d+) EXPUNGE")
VANISHED = re.compile(rb"\* VANISHED ([\d:,]+)")
FETCHED = re.compile(rb"\* (\d+) FETCH \((?:UID (\d+) )?FLAGS \(([^)]*)\)")
KEEPS_NUMBERS = (b"FETCH", b"STORE", b"SEARCH", b"SORT")


class Client:
    """One client's books: the UID behind each message number, and its flags."""

    def __init__(self, people: World, enable: bytes) -> None:
        steps = LOGGED_IN + b"e ENABLE %b\r\n" % enable
        self.conversation = IMAPListener(people, steps=steps)()
        self.uids: list[int | None] = []
        self.flags: dict[int, frozenset[bytes]] = {}
        self.idling = False
        self.do(b"SELECT INBOX")
        self.look()

    def do(self, command: bytes) -> bytes:
        """Says a command; books what is told meanwhile."""
        self.conversation.send(b"t " + command + b"\r\n")
        return self.listen(command)

    def listen(self, command: bytes = b"") -> bytes:
        said = self.conversation.read()
        for line in said.split(b"\r\n"):
            self.book(line, command)
        return said

    def book(self, line: bytes, command: bytes) -> None:
        if found := EXISTS.fullmatch(line):
            count = int(found[1])
            assert count >= len(self.uids), "EXISTS never shrinks"
            self.uids += [None] * (count - len(self.uids))
        elif found := EXPUNGE.fullmatch(line):
            self.removal_is_allowed(command)
            number = int(found[1])
            assert 1 <= number <= len(self.uids)
            del self.uids[number - 1]
        elif found := VANISHED.fullmatch(line):
            self.removal_is_allowed(command)
            for part in found[1].split(b","):
                low, _, high = part.partition(b":")
                for uid in range(int(low), int(high or low) + 1):
                    self.uids.remove(uid)
        elif found := FETCHED.match(line):
            number = int(found[1])
            assert 1 <= number <= len(self.uids)
            if found[2]:
                uid = int(found[2])
                assert self.uids[number - 1] in (None, uid)
                self.uids[number - 1] = uid
                self.flags[uid] = frozenset(found[3].split()) - {rb"\Recent"}

    def removal_is_allowed(self, command: bytes) -> None:
        assert not command.startswith(KEEPS_NUMBERS), f"an expunge was told during {command!r}"

    def look(self) -> None:
        """Learns the UIDs and flags of what is new."""
        if self.uids:
            self.do(b"FETCH 1:* (UID FLAGS)")

    def act(self, action: str, number: int) -> None:
        if action == "idle":
            if not self.idling:
                self.do(b"IDLE")
            self.idling = True
            return
        if self.idling:
            self.conversation.send(b"DONE\r\n")
            self.listen()
            self.idling = False
        number = number % len(self.uids) + 1 if self.uids else 0
        if action == "append":
            self.do(b"APPEND INBOX {%d+}\r\n%b" % (len(MESSAGE), MESSAGE))
        elif action in ("noop", "expunge"):
            self.do(action.upper().encode())
        elif number:
            self.do(ACTIONS[action] % number)
        self.look()


ACTIONS = {
    "delete": rb"STORE %d +FLAGS (\Deleted)",
    "silently": rb"STORE %d FLAGS.SILENT (\Deleted \Seen)",
    "flag": rb"STORE %d +FLAGS (\Flagged $x)",
    "unflag": rb"STORE %d -FLAGS (\Deleted \Flagged)",
    "move": b"MOVE %d Trash",
    "copy": b"COPY %d INBOX",
    "read": b"FETCH %d BODY[]",
    "search": b"SEARCH %d UNSEEN",
    "sort": b"SORT (DATE) UTF-8 %d",
    "uid": b"UID FETCH %d:* (FLAGS)",
}
DEEDS = st.lists(
    st.tuples(
        st.integers(0, 2),
        st.sampled_from([*ACTIONS, "append", "noop", "expunge", "expunge", "idle"]),
        st.integers(0, 9),
    ),
    max_size=30,
)


@settings(max_examples=50, deadline=None, derandomize=True)
@given(DEEDS)
def test_every_clients_books_are_right(deeds: list[tuple[int, str, int]]) -> None:
    people = world()
    for _ in range(5):
        people.deliver("joe@example.org", MESSAGE)
    clients = [Client(people, name) for name in (b"X", b"IMAP4rev2", b"QRESYNC")]
    for who, action, number in deeds:
        clients[who].act(action, number)
        for client in clients:
            if client.idling:
                client.listen()
    for client in clients:
        client.act("noop", 0)
    account = people.people["joe@example.org"].number
    inbox = run(people.mailboxes.get(account, "INBOX"))
    index = run(people.store.messages.index(account, inbox.number))
    for client in clients:
        assert client.uids == list(index.uids)
        assert client.flags.keys() >= set(index.uids)
    first = clients[0]
    for client in clients[1:]:
        assert {uid: client.flags[uid] for uid in index.uids} == {
            uid: first.flags[uid] for uid in index.uids
        }
    assert not people.log.named("imap-command-failed")
