"""STORE, COPY, MOVE, UID EXPUNGE, and what stands around the messages of APPEND and REPLACE."""

from __future__ import annotations

import re

from mailhub.imap.grammar.cursor import Cursor
from mailhub.imap.grammar.uploads import AppendHead, ReplaceHead, Upload
from mailhub.imap.grammar.values import BARE, Bare, Copy, Move, Store, UidExpunge
from mailhub.model.errors import Invalid
from mailhub.model.flags import FlagMode, Flags
from mailhub.model.sequence import SequenceSet

STORE_MODE = re.compile(rb"([+-]?)FLAGS(\.SILENT)?", re.IGNORECASE)
MODES = {b"": FlagMode.REPLACE, b"+": FlagMode.ADD, b"-": FlagMode.REMOVE}
ANNOUNCED = re.compile(rb"(~?)\{(\d{1,20})(\+?)\}\Z")
UTF8_DATA = re.compile(rb"UTF8 \(", re.IGNORECASE)


def bare(cursor: Cursor) -> Bare:
    """No arguments."""
    return BARE


def store(cursor: Cursor) -> Store:
    """What follows `STORE`."""
    return _store(cursor, False)


def uid_store(cursor: Cursor) -> Store:
    """What follows `UID STORE`."""
    return _store(cursor, True)


def _store(cursor: Cursor, uid: bool) -> Store:
    cursor.space()
    messages = cursor.sequence_set()
    cursor.space()
    unchanged_since = None
    if cursor.take(b"("):
        if cursor.word("Modifier") != b"UNCHANGEDSINCE":
            raise Invalid("Unknown STORE modifier")
        cursor.space()
        unchanged_since = cursor.number64()
        cursor.expect(b")")
        cursor.space()
    found = cursor.match(STORE_MODE, "FLAGS")
    cursor.space()
    names = cursor.flag_list() if cursor.peek() == b"(" else _loose_flags(cursor)
    return Store(
        uid, messages, MODES[found[1]], Flags.of(names), found[2] is not None, unchanged_since
    )


def _loose_flags(cursor: Cursor) -> list[str]:
    """flag *(SP flag) without parentheses."""
    names = [cursor.flag()]
    while not cursor.ended:
        cursor.space()
        if not cursor.ended:
            names.append(cursor.flag())
    return names


def copy(cursor: Cursor) -> Copy:
    """What follows `COPY`."""
    return Copy(False, *_set_and_mailbox(cursor))


def uid_copy(cursor: Cursor) -> Copy:
    """What follows `UID COPY`."""
    return Copy(True, *_set_and_mailbox(cursor))


def move(cursor: Cursor) -> Move:
    """What follows `MOVE`."""
    return Move(False, *_set_and_mailbox(cursor))


def uid_move(cursor: Cursor) -> Move:
    """What follows `UID MOVE`."""
    return Move(True, *_set_and_mailbox(cursor))


def _set_and_mailbox(cursor: Cursor) -> tuple[SequenceSet, str]:
    cursor.space()
    messages = cursor.sequence_set()
    cursor.space()
    return messages, cursor.mailbox()


def uid_expunge(cursor: Cursor) -> UidExpunge:
    """What follows `UID EXPUNGE`."""
    cursor.space()
    return UidExpunge(cursor.sequence_set())


# -- messages that come in


def append(cursor: Cursor) -> AppendHead:
    """What stands between `APPEND` and its first message."""
    cursor.space()
    return AppendHead(cursor.mailbox())


def replace(cursor: Cursor) -> ReplaceHead:
    """What stands between `REPLACE` and its message."""
    return _replace(cursor, False)


def uid_replace(cursor: Cursor) -> ReplaceHead:
    """What stands between `UID REPLACE` and its message."""
    return _replace(cursor, True)


def _replace(cursor: Cursor, uid: bool) -> ReplaceHead:
    cursor.space()
    number = 0 if cursor.take(b"*") else cursor.number()
    if not number and cursor.data[cursor.at - 1 : cursor.at] != b"*":
        raise Invalid("A message number is at least 1")
    cursor.space()
    return ReplaceHead(uid, number, cursor.mailbox())


def upload(cursor: Cursor) -> tuple[Upload, bool]:
    """append-message (RFC 9051, RFC 3502, RFC 6855) up to the announcement of its literal, which
    ends `cursor.data`; and whether the client waits for a continuation before it sends it."""
    cursor.space()
    flags = Flags()
    if cursor.peek() == b"(":
        flags = Flags.of(cursor.flag_list())
        cursor.space()
    date = None
    if cursor.peek() == b'"':
        date = cursor.date_time()
        cursor.space()
    wrapped = UTF8_DATA.match(cursor.data, cursor.at)
    if wrapped is not None:
        cursor.at = wrapped.end()
    found = cursor.match(ANNOUNCED, "Literal")
    binary = found[1] == b"~"
    if wrapped is not None and not binary:
        raise Invalid("UTF8 takes a literal8")
    order = Upload(flags, date, int(found[2]), binary, wrapped is not None)
    return order, not found[3]
