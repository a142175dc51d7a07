"""What a draft says, in a field of its own, to who writes on at it: of which letter it is a
version, who wrote this one, which message it answers, and addresses that are not whole yet.

The field leaves with the draft: nothing of it is ever sent (`core.submission`).
"""

from __future__ import annotations

import json
import re
from base64 import b64encode
from binascii import Error, a2b_base64
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field

from mailhub.core.composing import Relation

FIELD = "X-Mailhub-Draft"
WORD = 60
LENGTH = 400_000
"""Octets of the field that are read."""
_KEY = re.compile(r"[0-9a-f]{24}")
TYPED = ("to", "cc", "bcc")


@dataclass(frozen=True, slots=True)
class Source:
    """The message that is answered or passed on. `mailbox`: its id."""

    mailbox: str
    uid: int
    relation: Relation


@dataclass(frozen=True, slots=True)
class Note:
    """`key`: of the letter, 24 hex digits; `hand`: of the window in which this version was written,
    likewise. `typed`: fields as they were typed, where that is no list of addresses."""

    key: str
    hand: str = ""
    source: Source | None = None
    typed: Mapping[str, str] = field(default_factory=dict)


def is_key(text: str) -> bool:
    """Whether it can be a letter's or a window's."""
    return _KEY.fullmatch(text) is not None


def written(note: Note) -> str:
    """The field's value, in words that can be folded."""
    told = asdict(note)
    if note.source is not None:
        told["source"]["relation"] = note.source.relation.value
    code = b64encode(json.dumps(told).encode()).decode()
    return " ".join(code[at : at + WORD] for at in range(0, len(code), WORD))


def read(value: bytes) -> Note | None:
    """What such a value says; None for what nobody here wrote. Never raises."""
    if len(value) > LENGTH:
        return None
    try:
        told = json.loads(a2b_base64(b"".join(value.split()), strict_mode=True))
        key, hand, source, typed = (told[name] for name in ("key", "hand", "source", "typed"))
        found = None
        if source is not None:
            uid = int(source["uid"])
            found = Source(str(source["mailbox"]), uid, Relation(source["relation"]))
        words = {str(name): str(text) for name, text in typed.items() if name in TYPED}
    except (Error, ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None
    if not is_key(str(key)) or (hand and not is_key(str(hand))):
        return None
    return Note(key, hand, found, words)
