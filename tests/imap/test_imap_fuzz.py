"""Whole sessions of well-formed, broken and cut commands: no internal error, ever.

What each answer should be is in the dialogues; here only that there is one, that the session
goes on or says goodbye, and that it reads the same in any pieces.
"""

from __future__ import annotations

import re

from hypothesis import given, settings
from hypothesis import strategies as st

from mailhub.imap.table import VERBS
from tests.imap.listener import SELECTED, IMAPListener
from tests.world import world

TEXT = (
    'INBOX|Drafts|nowhere|a/b|""|*|%|1|1:*|$|5:2,*|0|4294967295|(|)|()|\\Seen|(\\Seen $x)|FLAGS|'
    "+FLAGS.SILENT|(FLAGS UID)|ALL|FULL|BODY[]|BODY.PEEK[1.2.HEADER.FIELDS (A B)]<0.10>|BODY|"
    "BINARY.SIZE[1]|(ENVELOPE BODYSTRUCTURE PREVIEW SAVEDATE EMAILID THREADID MODSEQ)|SEEN|NOT|OR|"
    "RETURN (MIN MAX COUNT ALL)|RETURN (SAVE)|RETURN (PARTIAL 1:2)|UNSEEN|TEXT x|HEADER a b|UID|"
    'SUBJECT ""|SINCE 1-Jan-2020|MODSEQ 1|(DATE REVERSE SIZE)|UTF-8|REFERENCES|ORDEREDSUBJECT|'
    "(MESSAGES SIZE HIGHESTMODSEQ)|(CONDSTORE)|(QRESYNC (1 1))|(CHANGEDSINCE 1 VANISHED)|NIL|"
    "(UNCHANGEDSINCE 1)|(USE (\\Sent))|(SUBSCRIBED)|QRESYNC|IMAP4rev2|{3+}\r\nabc|{3}\r\n|DONE|"
    "{20+}\r\nSubject: x\r\n\r\nabc\r\n\r\n|~{1+}\r\n\0|UTF8 (~{2+}\r\nab)|account|\r\nDONE|\r\n|"
    '"17-Jul-1996 02:44:25 -0700"|\0|\xff|{99999999+}\r\n'
)
WORDS = TEXT.split("|")
NAMES = sorted(name.decode() for name in VERBS if name not in (b"LOGOUT", b"COMPRESS", b"RENAME"))
GOOD = {
    "SELECT": "INBOX",
    "FETCH": "1 (FLAGS BODY[])",
    "UID FETCH": "1:* ALL",
    "STORE": "1:2 +FLAGS (\\Deleted)",
    "SEARCH": "RETURN (SAVE) ALL",
    "UID SEARCH": "UID $",
    "SORT": "(DATE) UTF-8 ALL",
    "THREAD": "REFERENCES UTF-8 ALL",
    "COPY": "1 Drafts",
    "MOVE": "1 Drafts",
    "EXPUNGE": "",
    "STATUS": "INBOX (MESSAGES RECENT DELETED-STORAGE)",
    "APPEND": "INBOX {20+}\r\nSubject: x\r\n\r\nabc\r\n\r\n",
    "REPLACE": "1 INBOX {20+}\r\nSubject: x\r\n\r\nabc\r\n\r\n",
    "ENABLE": "QRESYNC IMAP4rev2",
    "IDLE": "\r\nDONE",
    "LIST": '"" * RETURN (STATUS (MESSAGES))',
    "UNSELECT": "",
}
COMMANDS = st.builds(
    lambda tag, name, words: f"{tag} {name} {' '.join(words)}\r\n".encode("latin-1"),
    st.sampled_from(["a", "b7", "*", "", "x.y"]),
    st.sampled_from(NAMES),
    st.lists(st.sampled_from(WORDS), max_size=5),
)
RIGHT = st.sampled_from([f"g {name} {rest}\r\n".encode() for name, rest in GOOD.items()])
SESSIONS = st.lists(st.one_of(COMMANDS, RIGHT), min_size=1, max_size=10).map(b"".join)
PEOPLE = world()
PEOPLE.deliver("joe@example.org", b"Subject: one\r\n\r\none\r\n")
PEOPLE.deliver("joe@example.org", b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\n")
ANSWER = re.compile(rb"(\S+) (OK|NO|BAD|BYE)\b|[*+] ")


@settings(max_examples=50, deadline=None, derandomize=True)
@given(SESSIONS, st.integers(0, 9))
def test_no_session_makes_an_internal_error(data: bytes, piece: int) -> None:
    PEOPLE.log.events.clear()
    conversation = IMAPListener(PEOPLE, steps=SELECTED, append_limit=1000)()
    conversation.send(data, piece)
    conversation.send(b"\r\nDONE\r\nlast NOOP\r\n")
    assert not PEOPLE.log.named("imap-command-failed")
    said = conversation.read()
    if not conversation.transport.disconnecting:
        # A session may still be waiting for the octets of a literal that was announced.
        assert b"last OK" in said or b"+ Ready" in said or b"{" in data
    for line in said.split(b"\r\n")[:1]:
        assert ANSWER.match(line)
    conversation.drop()
