"""Which mailbox here a folder there becomes."""

from __future__ import annotations

import pytest

from mailhub.switching import folders
from mailhub.switching.folders import BoxHere, Folder, ListedThere, Place


def there(name: str, separator: str = "/", *flags: str) -> ListedThere:
    return ListedThere(name, separator, frozenset(flags))


@pytest.mark.parametrize(
    ("one", "prefix", "ours"),
    [
        (there("INBOX", "."), "", "INBOX"),
        (there("inbox"), "", "INBOX"),
        (there("Work.2024", "."), "", "Work/2024"),
        (there("INBOX.Work.2024", "."), "INBOX.", "Work/2024"),
        (there("INBOX.Work", "."), "", "INBOX/Work"),
        (there("Inbox/Work"), "", "INBOX/Work"),
        (there("a/b.c", "."), "", "a_b/c"),
        (there("flat", ""), "", "flat"),
        (there("a..b", "."), "", "a/_/b"),
        (there("INBOX.INBOX", "."), "INBOX.", "INBOX_"),
        (there("Éléments envoyés", "."), "", "Éléments envoyés"),
    ],
)
def test_names(one: ListedThere, prefix: str, ours: str) -> None:
    assert [folder.ours for folder in folders.arranged([one], (), prefix)] == [ours]


def test_what_holds_no_mail_of_its_own_is_left_out() -> None:
    listed = [
        there("Shelf", "/", "\\noselect"),
        there("Gone", "/", "\\nonexistent"),
        there("Everything", "/", "\\all"),
        there("Shelf/Book", "/"),
    ]
    assert [one.ours for one in folders.arranged(listed, ())] == ["Shelf/Book"]


def test_the_inbox_is_first_and_subscriptions_stay() -> None:
    listed = [there("A"), there("INBOX"), there("B")]
    assert folders.arranged(listed, {"INBOX", "B"}) == [
        Folder("INBOX", "INBOX", "", True),
        Folder("A", "A", "", False),
        Folder("B", "B", "", True),
    ]


def test_two_folders_never_meet_in_one_mailbox() -> None:
    listed = [there("a/b", "."), there("a_b", ".")]
    assert [one.ours for one in folders.arranged(listed, ())] == ["a_b", "a_b~"]


def test_uses_are_believed_and_else_guessed_by_name() -> None:
    told = [there("Gesendet", "/", "\\sent"), there("Trash", "/")]
    assert [(one.ours, one.use) for one in folders.arranged(told, ())] == [
        ("Gesendet", "\\Sent"),
        ("Trash", ""),
    ]
    silent = [there("Sent Items"), there("Sent"), there("Spam"), there("Work/Sent")]
    assert [(one.ours, one.use) for one in folders.arranged(silent, ())] == [
        ("Sent", "\\Sent"),
        ("Sent Items", ""),
        ("Spam", "\\Junk"),
        ("Work/Sent", ""),
    ]


HERE = [BoxHere("INBOX", "", 3), BoxHere("Sent", "\\Sent", 0), BoxHere("Bin", "\\Trash", 5)]


@pytest.mark.parametrize(
    ("folder", "place"),
    [
        (Folder("INBOX", "INBOX"), Place(Folder("INBOX", "INBOX"))),
        (Folder("W", "W"), Place(Folder("W", "W"), make=True)),
        (
            Folder("S", "Sent Mail", "\\Sent"),
            Place(Folder("S", "Sent Mail", "\\Sent"), rename="Sent"),
        ),
        (Folder("T", "Trash", "\\Trash"), Place(Folder("T", "Bin", "\\Trash"))),
        (
            Folder("D", "Drafts", "\\Drafts"),
            Place(Folder("D", "Drafts", "\\Drafts"), make=True, use="\\Drafts"),
        ),
        (Folder("Sent", "Sent", "\\Sent"), Place(Folder("Sent", "Sent", "\\Sent"))),
    ],
)
def test_places(folder: Folder, place: Place) -> None:
    assert folders.placed([folder], HERE) == [place]


def test_a_mailbox_that_another_folder_needs_is_not_renamed() -> None:
    first, second = Folder("Sent Mail", "Sent Mail", "\\Sent"), Folder("Sent", "Sent")
    assert folders.placed([first, second], HERE) == [Place(first, make=True), Place(second)]
