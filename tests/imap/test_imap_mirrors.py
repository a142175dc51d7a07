"""Clients that believe only the wire: after any commands of any session all know the truth.

Every answer is read as a client reads it: EXPUNGE and VANISHED shift numbers at once, EXISTS
appends, FETCH sets what it says. A number or a flag told wrongly, or at the wrong moment, leaves
a mirror that differs.
"""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.imap.listener import SELECTED, IMAPListener
from tests.world import world

LINE = re.compile(
    rb"\* (?:(?P<exists>\d+) EXISTS|(?P<expunge>\d+) EXPUNGE|VANISHED (?P<vanished>[\d:,]+)"
    rb"|(?P<fetch>\d+) FETCH \((?P<items>.*))"
)
FLAGS = re.compile(rb"FLAGS \(([^)]*)\)")
UID = re.compile(rb"UID (\d+)")


class Client:
    """One session and its mirror: a row by number, each [uid, flags] as far as they are known."""

    def __init__(self, listener: IMAPListener, enable: bytes) -> None:
        self.conversation = listener()
        self.rows: list[list[Any]] = []
        if enable:
            self.say(b"UNSELECT")
            self.say(b"ENABLE " + enable)
        self.say(b"SELECT INBOX")
        self.ask()

    def ask(self) -> None:
        """Learns UIDs and flags of all messages."""
        if self.rows:
            self.say(b"UID FETCH 1:* FLAGS")

    def learn(self) -> None:
        """Learns those of messages that are new, as a client must that is told of VANISHED."""
        new = [number for number, row in enumerate(self.rows, 1) if row[0] is None]
        if new:
            self.say(b"FETCH %b (UID FLAGS)" % b",".join(b"%d" % number for number in new))

    def say(self, command: bytes) -> bytes:
        """Sends a command, reads its answer into the mirror, and returns the tagged line."""
        # What a client knows of its own silent change it does not learn from the answer.
        silent = b".SILENT" in command
        self.conversation.send(b"t " + command + b"\r\n")
        *lines, tagged = self.conversation.read().removesuffix(b"\r\n").split(b"\r\n")
        keeps = command.startswith((b"FETCH", b"STORE", b"SEARCH"))
        for line in lines:
            told = LINE.fullmatch(line)
            if told is not None:
                assert not (keeps and (told["expunge"] or told["vanished"])), line
                self.hear(told)
        assert tagged.startswith((b"t OK", b"t NO", b"t BAD")), tagged
        if silent:
            self.ask()
        return tagged

    def hear(self, told: re.Match[bytes]) -> None:
        if told["exists"]:
            count = int(told["exists"])
            assert count >= len(self.rows)
            self.rows += [[None, None] for _ in range(count - len(self.rows))]
        elif told["expunge"]:
            del self.rows[int(told["expunge"]) - 1]
        elif told["vanished"]:
            gone = set()
            for span in told["vanished"].split(b","):
                low, _, high = span.partition(b":")
                gone.update(range(int(low), int(high or low) + 1))
            before = len(self.rows)
            self.rows = [row for row in self.rows if row[0] not in gone]
            assert before - len(self.rows) == len(gone)
        else:
            row, items = self.rows[int(told["fetch"]) - 1], told["items"]
            uid, flags = UID.search(items), FLAGS.search(items)
            if uid is not None:
                assert row[0] in (None, int(uid[1]))
                row[0] = int(uid[1])
            if flags is not None:
                row[1] = frozenset(flags[1].split()) - {b"\\Recent"}


SETS = st.sampled_from([b"1", b"2:3", b"1:*", b"*", b"3,5", b"2,4:6"])
FLAG = st.sampled_from([b"(\\Seen)", b"(\\Flagged work)", b"()"])
COMMANDS = st.one_of(
    st.sampled_from(
        [b"NOOP", b"EXPUNGE", b"APPEND INBOX (\\Seen) {1+}\r\nx", b"SEARCH ALL", b"CHECK"]
    ),
    st.builds(
        b"%b%b %b %bFLAGS%b %b".__mod__,
        st.tuples(
            st.sampled_from([b"", b"UID "]),
            st.just(b"STORE"),
            SETS,
            st.sampled_from([b"", b"+", b"-"]),
            st.sampled_from([b"", b".SILENT"]),
            FLAG,
        ),
    ),
    st.builds(
        b"%bSTORE %b +FLAGS (\\Deleted)".__mod__, st.tuples(st.sampled_from([b"", b"UID "]), SETS)
    ),
    st.builds(
        b"%b %b INBOX".__mod__,
        st.tuples(st.sampled_from([b"COPY", b"UID COPY", b"MOVE", b"UID MOVE"]), SETS),
    ),
    st.builds(b"UID EXPUNGE %b".__mod__, SETS),
    st.builds(
        b"%bFETCH %b %b".__mod__,
        st.tuples(
            st.sampled_from([b"", b"UID "]),
            SETS,
            st.sampled_from([b"FLAGS", b"BODY[TEXT]", b"UID"]),
        ),
    ),
    st.builds(b"REPLACE %b INBOX {1+}\r\ny".__mod__, st.sampled_from([b"1", b"*"])),
)


@pytest.mark.parametrize("enable", [b"", b"CONDSTORE", b"QRESYNC", b"IMAP4rev2"])
@settings(max_examples=40, deadline=None)
@given(commands=st.lists(st.tuples(st.integers(0, 1), COMMANDS), max_size=12))
def test_mirrors(enable: bytes, commands: list[tuple[int, bytes]]) -> None:
    listener = IMAPListener(world(), steps=SELECTED)
    first = Client(listener, enable)
    for _ in range(4):
        first.say(b"APPEND INBOX {1+}\r\nx")
    first.ask()
    clients = [first, Client(listener, b"QRESYNC" if enable == b"CONDSTORE" else b"")]
    for who, command in commands:
        clients[who].say(command)
        clients[who].learn()
    truth = Client(listener, b"").rows
    for client in clients:
        client.say(b"NOOP")
        client.learn()
        assert client.rows == truth
