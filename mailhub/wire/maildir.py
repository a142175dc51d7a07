"""How a Maildir++ and Dovecot write what a mailbox is: names of folders and files, flags as
letters, and the lists of UIDs and keywords. Pure; nothing here touches a file.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from mailhub.wire import utf7

PARTS = ("cur", "new", "tmp")
KEYWORDS = "dovecot-keywords"
UIDS = "dovecot-uidlist"
SUBSCRIPTIONS = "subscriptions"
LETTERS: Mapping[str, str] = {
    "\\draft": "D",
    "\\flagged": "F",
    "$forwarded": "P",
    "\\answered": "R",
    "\\seen": "S",
    "\\deleted": "T",
}
FLAGS: Mapping[str, str] = {
    "S": "\\Seen",
    "R": "\\Answered",
    "F": "\\Flagged",
    "T": "\\Deleted",
    "D": "\\Draft",
    "P": "$Forwarded",
}
MOST_KEYWORDS = 26
DOT = "&AC4-"
"""A dot as modified UTF-7 would have it if it could: read again as one by us alone."""
LEADER = "&ICQ-"
"""U+2024, which looks like a dot: Dovecot opens no mailbox whose name has the other form."""
_NAME = re.compile(r"(\d{1,12})\.V(\d{1,10})U(\d{1,10})\.mailhub(?:,S=(\d+))?:2,([A-Za-z]*)")


@dataclass(frozen=True, slots=True)
class Filed:
    """What the name of a message's file tells. `date`: INTERNALDATE, epoch seconds."""

    date: int
    uidvalidity: int
    uid: int
    letters: str = ""
    size: int = 0

    @property
    def base(self) -> str:
        """The name without flags, which stays while the message exists."""
        size = f",S={self.size}" if self.size else ""
        return f"{self.date}.V{self.uidvalidity}U{self.uid}.mailhub{size}"

    @property
    def name(self) -> str:
        """The whole name."""
        return f"{self.base}:2,{self.letters}"


def filed(name: str) -> Filed | None:
    """What a name that `Filed` has made tells; None for any other."""
    match = _NAME.fullmatch(name)
    if match is None:
        return None
    return Filed(int(match[1]), int(match[2]), int(match[3]), match[5], int(match[4] or 0))


def folder(name: str, dot: str = DOT) -> str:
    """A mailbox's folder: `.Sent.2024` for `Sent/2024`, empty for INBOX. `dot`: what stands for a
    dot inside a level, where it would begin another."""
    if name == "INBOX":
        return ""
    levels = (utf7.encode(level).decode("ascii").replace(".", dot) for level in name.split("/"))
    return "." + ".".join(levels)


def letters(flags: Sequence[str], keywords: Sequence[str]) -> tuple[str, tuple[str, ...]]:
    """The letters of a message's flags, and those flags that have none. `keywords`: the mailbox's,
    of which the first 26 have letters."""
    found, left = set(), []
    places = {word.lower(): number for number, word in enumerate(keywords[:MOST_KEYWORDS])}
    for flag in flags:
        folded = flag.lower()
        if folded in places:
            found.add(chr(ord("a") + places[folded]))
        elif folded in LETTERS:
            found.add(LETTERS[folded])
        else:
            left.append(flag)
    return "".join(sorted(found)), tuple(left)


def flags(text: str, keywords: Sequence[str]) -> tuple[str, ...]:
    """The flags of these letters."""
    named = {chr(ord("a") + number): word for number, word in enumerate(keywords[:MOST_KEYWORDS])}
    known = {**named, **FLAGS}
    return tuple(known[one] for one in text if one in known)


def keyword_list(keywords: Sequence[str]) -> bytes:
    """Dovecot's `dovecot-keywords`."""
    return "".join(f"{n} {word}\n" for n, word in enumerate(keywords[:MOST_KEYWORDS])).encode()


def keywords(data: bytes) -> tuple[str, ...]:
    """The names in `dovecot-keywords`, by their numbers; empty ones where a number is left out."""
    found = {}
    for line in data.decode("utf-8", "replace").splitlines():
        number, _, word = line.partition(" ")
        if number.isascii() and number.isdigit() and int(number) < MOST_KEYWORDS:
            found[int(number)] = word
    return tuple(found.get(n, "") for n in range(max(found, default=-1) + 1))


def uid_head(uidvalidity: int, uidnext: int, id: str) -> bytes:
    """The first line of `dovecot-uidlist`. `id`: 32 hex digits that only this mailbox has."""
    return f"3 V{uidvalidity} N{uidnext} G{id}\n".encode()


def uid_lines(messages: Iterable[Filed]) -> Iterator[bytes]:
    """Its others, in the order of UIDs."""
    for one in messages:
        yield f"{one.uid} :{one.base}\n".encode()


def uids(line: bytes) -> tuple[int, int] | None:
    """UIDVALIDITY and next UID of its first line; None: it is none of version 3."""
    words = line.decode("ascii", "replace").split()
    facts = {word[:1]: word[1:] for word in words[1:]}
    validity, following = facts.get("V", ""), facts.get("N", "")
    if words[:1] != ["3"] or not (validity.isdigit() and following.isdigit()):
        return None
    return int(validity), int(following)


def subscription_list(names: Iterable[str]) -> bytes:
    """Dovecot's `subscriptions`, version 2: levels between tabs."""
    lines = (folder(name, LEADER)[1:].replace(".", "\t") or name for name in names)
    return "".join(("V\t2\n\n", *(f"{line}\n" for line in lines))).encode()
