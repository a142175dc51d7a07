"""What names and lists of a Maildir tell."""

from __future__ import annotations

import pytest

from mailhub.wire import maildir
from mailhub.wire.maildir import Filed


@pytest.mark.parametrize(
    ("name", "folder"),
    [
        ("INBOX", ""),
        ("Sent/2024", ".Sent.2024"),
        ("INBOX/a", ".INBOX.a"),
        ("v1.0", ".v1&ICQ-0"),
        ("Ärger & Co", ".&AMQ-rger &- Co"),
    ],
)
def test_folders(name: str, folder: str) -> None:
    assert maildir.folder(name, maildir.LEADER) == folder


def test_names_of_files() -> None:
    one = Filed(1_600_000_000, 7, 42, "FS", 1234)
    assert one.name == "1600000000.V7U42.mailhub,S=1234:2,FS"
    assert maildir.filed(one.name) == one
    for name in ("", "1600000000.M1P2.host:2,S", one.base, "../" + one.name, one.name + "/x"):
        assert maildir.filed(name) is None


def test_flags_and_letters() -> None:
    words = ("$Forwarded", *(f"w{number}" for number in range(30)))
    flags = ("\\Seen", "$forwarded", "W3", "w29")
    letters, left = maildir.letters(flags, words)
    assert (letters, left) == ("Sae", ("w29",))
    assert set(maildir.flags(letters, words)) == {"\\Seen", "$Forwarded", "w3"}
    assert maildir.keywords(maildir.keyword_list(words)) == words[:26]
    assert maildir.keywords(b"2 c\n0 a\nx y\n99 z\n\xff") == ("a", "", "c")


def test_lists_of_uids() -> None:
    assert maildir.uids(maildir.uid_head(7, 43, "0" * 32)) == (7, 43)
    assert list(maildir.uid_lines([Filed(1, 7, 42)])) == [b"42 :1.V7U42.mailhub\n"]
    for line in (b"", b"3", b"1 V7 N43", b"3 V N", b"3 Vx N43"):
        assert maildir.uids(line) is None
