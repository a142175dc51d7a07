"""STORE, COPY, MOVE, APPEND and REPLACE, well and badly spelled."""

from __future__ import annotations

import pytest

from mailhub.imap.grammar import messages
from mailhub.imap.grammar.cursor import Cursor
from mailhub.imap.grammar.uploads import AppendHead, ReplaceHead, Upload
from mailhub.imap.grammar.values import Copy, Move, Store, UidExpunge
from mailhub.model.errors import Invalid
from mailhub.model.flags import DELETED, SEEN, FlagMode, Flags
from mailhub.model.sequence import SAVED
from tests.imap.parsing import ONE, parsed


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (b" 1 FLAGS (\\Seen)", Store(False, ONE, FlagMode.REPLACE, Flags(SEEN))),
        (b" 1 +FLAGS.SILENT ()", Store(False, ONE, FlagMode.ADD, Flags(), True)),
        (b" 1 -flags \\DELETED a", Store(False, ONE, FlagMode.REMOVE, Flags(DELETED, ("a",)))),
        (
            b" 1 (UNCHANGEDSINCE 0) +FLAGS (\\Seen)",
            Store(False, ONE, FlagMode.ADD, Flags(SEEN), False, 0),
        ),
    ],
)
def test_store_is_read(text: bytes, expected: Store) -> None:
    assert parsed(messages.store, text) == expected


@pytest.mark.parametrize(
    "text",
    [
        b" 1",
        b" 1 FLAGS",
        b" 1 FLAGS (",
        b" 1 FLAGS (\\Seen",
        b" 1 BOGUS (a)",
        b" 1 *FLAGS (a)",
        b' 1 FLAGS ("a")',
        b" 1 FLAGS (a]b)",
        b" 1 FLAGS (\\)",
        b" 1 (BOGUS 1) FLAGS (a)",
        b" 1 (UNCHANGEDSINCE) FLAGS (a)",
        b" 1 FLAGS (a) b",
    ],
)
def test_bad_stores_are_refused(text: bytes) -> None:
    with pytest.raises(Invalid):
        parsed(messages.store, text)


def test_copy_move_and_expunge_are_read() -> None:
    assert parsed(messages.copy, b" 1 Trash") == Copy(False, ONE, "Trash")
    assert parsed(messages.uid_copy, b' 1 "a b"') == Copy(True, ONE, "a b")
    assert parsed(messages.move, b" $ {1}\r\nx") == Move(False, SAVED, "x")
    assert parsed(messages.uid_move, b" 1 x") == Move(True, ONE, "x")
    assert parsed(messages.uid_expunge, b" 1") == UidExpunge(ONE)
    for rule in (messages.copy, messages.move):
        with pytest.raises(Invalid):
            parsed(rule, b" 1")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (b" {5}", (Upload(Flags(), None, 5), True)),
        (b" {5+}", (Upload(Flags(), None, 5), False)),
        (b" ~{5}", (Upload(Flags(), None, 5, binary=True), True)),
        (b" (\\Seen a) {1}", (Upload(Flags(SEEN, ("a",)), None, 1), True)),
        (
            b' () "17-Jul-1996 02:44:25 -0700" {1}',
            (Upload(Flags(), 837596665, 1), True),
        ),
        (b' " 7-Jul-1996 02:44:25 +0000" {1}', (Upload(Flags(), 836707465, 1), True)),
        (b" UTF8 (~{9+}", (Upload(Flags(), None, 9, binary=True, utf8=True), False)),
    ],
)
def test_an_upload_is_read(text: bytes, expected: tuple[Upload, bool]) -> None:
    assert messages.upload(Cursor(text)) == expected


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b" ",
        b" {5} ",
        b" {x}",
        b" (\\Seen",
        b' "31-Feb-1996 02:44:25 -0700" {1}',
        b' "17-Jul-1996 25:44:25 -0700" {1}',
        b' "17-Jul-1996" {1}',
        b" UTF8 ({5}",
        b" UTF8 {5}",
        b' "text"',
    ],
)
def test_bad_uploads_are_refused(text: bytes) -> None:
    with pytest.raises(Invalid):
        messages.upload(Cursor(text))


def test_heads_of_append_and_replace_are_read() -> None:
    assert messages.append(Cursor(b" INBOX {5}")) == AppendHead("INBOX")
    assert messages.replace(Cursor(b" 4 Drafts {5}")) == ReplaceHead(False, 4, "Drafts")
    assert messages.uid_replace(Cursor(b" * Drafts {5}")) == ReplaceHead(True, 0, "Drafts")
    for bad in (b" 0 Drafts", b" 1:2 Drafts", b" Drafts"):
        with pytest.raises(Invalid):
            messages.replace(Cursor(bad))
