"""What a session that watches a mailbox has to be told, as values; the face spells them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mailhub.model.uids import UidSet


@dataclass(frozen=True, slots=True)
class Exists:
    """The mailbox now has `count` messages (it grew)."""

    count: int


@dataclass(frozen=True, slots=True)
class Recent:
    """`count` messages are recent in this session (IMAP4rev1)."""

    count: int


@dataclass(frozen=True, slots=True)
class FlagsGrew:
    """A keyword is new to the mailbox. `names`: all flags that occur or may be set now."""

    names: Sequence[str]


@dataclass(frozen=True, slots=True)
class Removed:
    """Messages are gone. `numbers`: their message numbers, highest first, so that each is right
    at its turn. `uids`: the same messages."""

    numbers: Sequence[int]
    uids: UidSet


@dataclass(frozen=True, slots=True)
class Changed:
    """Flags of messages, after a change. `rows`: (number, uid, flag list, modseq) by number; the
    flag list is as RFC 9051 spells it, parentheses and `\\Recent` included.

    One value for all messages: another session may have changed every one of a large mailbox.
    """

    rows: Sequence[tuple[int, int, bytes, int]]


Update = Exists | Recent | FlagsGrew | Removed | Changed
