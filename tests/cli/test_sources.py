"""Reading mbox, Maildir and remote mailboxes."""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailhub.cli import sources
from mailhub.cli.client import Refused
from mailhub.cli.exports import mbox_entry

MBOX = b"""\
From ada@example.org Fri Nov 21 09:00:00 2025
From: ada@example.org
Status: RO
X-Status: AF
X-Keywords: $Work later
Subject: one

first
>From here it goes on
>>From there too
From nowhere: no empty line before it
From  but this has no date

From MAILER-DAEMON Sat Nov 22 10:00:00 2025
Subject: two

second
"""


def test_an_mbox_is_read_message_by_message() -> None:
    one, two = sources.mbox(io.BytesIO(MBOX), "INBOX")
    assert one.data == (
        b"From: ada@example.org\r\nSubject: one\r\n\r\nfirst\r\nFrom here it goes on\r\n"
        b">From there too\r\nFrom nowhere: no empty line before it\r\n"
        b"From  but this has no date\r\n"
    )
    assert one.flags == ("\\Seen", "\\Answered", "\\Flagged", "$Work", "later")
    assert one.date == 1763715600
    assert two.data == b"Subject: two\r\n\r\nsecond\r\n"
    assert two.flags == ()
    assert {one.mailbox, two.mailbox} == {"INBOX"}


def test_crlf_files_are_the_same() -> None:
    crlf = list(sources.mbox(io.BytesIO(MBOX.replace(b"\n", b"\r\n")), "INBOX"))
    assert crlf == list(sources.mbox(io.BytesIO(MBOX), "INBOX"))


def test_what_is_no_mbox_is_refused() -> None:
    with pytest.raises(Refused, match="no mbox"):
        list(sources.mbox(io.BytesIO(b"Subject: a mail, not a box\n\nx\n"), "INBOX"))
    assert list(sources.mbox(io.BytesIO(b""), "INBOX")) == []


LINES = st.lists(
    st.sampled_from(
        [b"x", b"", b"From a", b">From b", b">>From c", b"From me Fri Nov 21 09:00 2025"]
    )
    | st.binary(max_size=8).map(lambda line: line.replace(b"\r", b"").replace(b"\n", b"")),
    max_size=8,
)
FLAGS = st.lists(
    st.sampled_from(["\\Seen", "\\Answered", "\\Flagged", "\\Draft", "\\Deleted", "$Work"]),
    unique=True,
)


@given(st.lists(st.tuples(LINES, FLAGS, st.integers(0, 4_000_000_000)), max_size=4))
def test_what_is_exported_is_imported_again(
    mails: list[tuple[list[bytes], list[str], int]],
) -> None:
    """mboxrd quoting is reversible, whatever stands in a body."""
    whole = b""
    wanted = []
    for lines, flags, date in mails:
        data = b"Subject: x\r\n\r\n" + b"".join(line + b"\r\n" for line in lines)
        whole += mbox_entry(date, flags, data)
        wanted.append((data, set(flags), date))
    found = [(one.data, set(one.flags), one.date) for one in sources.mbox(io.BytesIO(whole), "x")]
    assert found == wanted


# -- Maildir


def maildir(root: Path, *parts: str) -> Path:
    path = root.joinpath(*parts)
    for part in ("cur", "new", "tmp"):
        (path / part).mkdir(parents=True)
    return path


def test_folders_of_both_layouts(tmp_path: Path) -> None:
    maildir(tmp_path)
    maildir(tmp_path, ".Sent")
    maildir(tmp_path, ".Sent.2024")
    maildir(tmp_path, ".Entw&APw-rfe.a&AC4-b")
    maildir(tmp_path, ".bad&name")
    maildir(tmp_path, "nested", "deep")
    names = {folder.mailbox for folder in sources.maildir_folders(tmp_path)}
    assert names == {"INBOX", "Sent", "Sent/2024", "Entwürfe/a.b", "bad&name", "nested/deep"}


def test_a_folder_without_maildirs_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="is no Maildir"):
        sources.maildir_folders(tmp_path)


def test_messages_of_a_maildir(tmp_path: Path) -> None:
    path = maildir(tmp_path)
    (path / "dovecot-keywords").write_text("0 $Work\n1 later\n40 beyond\n")
    (path / "cur" / "1000.a:2,FSab").write_bytes(b"Subject: x\n\nbody\r\n")
    (path / "new" / "2000.b").write_bytes(b"Subject: y\n\n")
    (path / "tmp" / "3000.c").write_bytes(b"half of")
    os.utime(path / "cur" / "1000.a:2,FSab", (5, 1234567890))
    (folder,) = sources.maildir_folders(tmp_path)
    one, two = sources.maildir(folder)
    assert one.data == b"Subject: x\r\n\r\nbody\r\n"
    assert set(one.flags) == {"\\Flagged", "\\Seen", "$Work", "later"}
    assert one.date == 1234567890
    assert (two.data, two.flags) == (b"Subject: y\r\n\r\n", ())


# -- remote IMAP


class Remote:
    """Answers as imaplib gives them."""

    def __init__(self, boxes: list[Any], messages: dict[int, bytes], validity: int = 7) -> None:
        self.boxes = boxes
        self.messages = messages
        self.validity = validity
        self.fetched: list[str] = []

    def list(self) -> tuple[str, list[Any]]:
        return "OK", self.boxes

    def select(self, name: str, readonly: bool) -> tuple[str, list[bytes]]:
        assert readonly
        return "OK", [b"%d" % len(self.messages)]

    def response(self, code: str) -> tuple[str, list[bytes]]:
        return code, [b"%d" % self.validity]

    def uid(self, command: str, uids: str, items: str) -> tuple[str, list[Any]]:
        if "SIZE" in items:
            first = int(uids.split(":")[0])
            # A star also means the last message when its UID is below the range's start.
            chosen = [uid for uid in self.messages if uid >= first] or [max(self.messages)]
            return "OK", [
                b"%d (RFC822.SIZE %d UID %d)" % (uid, len(self.messages[uid]), uid)
                if uid % 2
                else b"%d (UID %d RFC822.SIZE %d)" % (uid, uid, len(self.messages[uid]))
                for uid in chosen
            ]
        self.fetched.append(uids)
        parts: list[Any] = []
        for uid in sorted(map(int, uids.split(",")), reverse=True):
            head = b'1 (INTERNALDATE "21-Nov-2025 09:00:00 +0000" BODY[] {%d}'
            parts += [(head % len(self.messages[uid]), self.messages[uid])]
            parts += [b" FLAGS (\\Seen $Work) UID %d)" % uid]
        return "OK", parts


def boxes(lines: list[Any]) -> list[tuple[bytes, str]]:
    found = sources.remote_boxes(cast("Any", Remote(lines, {})))
    return [(box.raw, box.mailbox) for box in found]


def test_names_of_remote_mailboxes() -> None:
    assert boxes(
        [
            b'(\\HasNoChildren) "/" INBOX',
            b'(\\Noselect) "/" "Folders"',
            b'() "." "Sent.2024"',
            b'() "." Entw&APw-rfe',
            b'() NIL "a \\"quoted\\" name"',
            (b'() "/" {7}', b'x "y" z'),
            b'() "." "with/slash"',
            b"",
        ]
    ) == [
        (b"INBOX", "INBOX"),
        (b"Sent.2024", "Sent/2024"),
        (b"Entw&APw-rfe", "Entwürfe"),
        (b'a "quoted" name', 'a "quoted" name'),
        (b'x "y" z', 'x "y" z'),
        (b"with/slash", "with_slash"),
    ]


BOX = sources.RemoteBox(b"INBOX", "INBOX")


def test_remote_messages_come_in_order_of_their_uids() -> None:
    remote = Remote([], {3: b"three", 5: b"five", 8: b"eight"})
    found = list(sources.remote(cast("Any", remote), BOX, None))
    assert [(mail.place, mail.data) for mail in found] == [
        ((7, 3), b"three"),
        ((7, 5), b"five"),
        ((7, 8), b"eight"),
    ]
    assert found[0].flags == ("\\Seen", "$Work")
    assert found[0].date == 1763715600


def test_a_second_run_fetches_only_what_is_new() -> None:
    remote = Remote([], {3: b"three", 5: b"five"})
    assert list(sources.remote(cast("Any", remote), BOX, (7, 5))) == []
    assert remote.fetched == []
    (mail,) = sources.remote(cast("Any", remote), BOX, (7, 4))
    assert mail.place == (7, 5)


def test_another_uidvalidity_begins_anew() -> None:
    remote = Remote([], {3: b"three"}, validity=8)
    (mail,) = sources.remote(cast("Any", remote), BOX, (7, 100))
    assert mail.place == (8, 3)


def test_large_mailboxes_are_fetched_in_runs() -> None:
    size = sources.FETCHED // 2 + 1
    remote = Remote([], dict.fromkeys(range(1, 5), b"x" * size))
    assert len(list(sources.remote(cast("Any", remote), BOX, None))) == 4
    assert remote.fetched == ["1", "2", "3", "4"]
