"""A letter's form: what its fields say, and how a letter fills them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from mailhub.core import draftnotes
from mailhub.core.composing import Relation
from mailhub.core.draftnotes import Source
from mailhub.core.writings import Begun, Writing
from mailhub.model.errors import Invalid
from mailhub.wire.attachments import Attachment

WHOLE = "message"
"""What stands for the message itself among what is taken over."""
WAYS = {
    "reply": (Relation.REPLY, False),
    "all": (Relation.REPLY_ALL, False),
    "forward": (Relation.FORWARD, False),
    "attached": (Relation.FORWARD, True),
}
HOURS = (1, 2, 4, 8, 12, 24, 48, 168)
"""After which a letter may leave later."""
TEXT = 256 * 1024
"""Characters of a text: what is longer is a file to be attached."""
LINE = 64 * 1024
"""Characters of a field that is one line."""


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with a letter. `kind`: which words the page has for it; `text`: of the server,
    where it has none; `names`: what is meant."""

    kind: str
    text: str = ""
    names: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Form:
    """A letter with all that its form carries. `taken`: ids of what it takes over; `offered`: what
    it could. `later`: hours, 0 for now."""

    writing: Writing
    version: int = 0
    source: Source | None = None
    taken: Sequence[str] = ()
    offered: Sequence[Attachment] = ()
    attached: Sequence[Attachment] = ()
    fixed: bool = False
    later: int = 0
    whole: bool = field(default=False)

    @property
    def answers(self) -> str:
        """The source, as the form names it."""
        if self.source is None:
            return ""
        return f"{self.source.mailbox}.{self.source.uid}.{self.source.relation.value}"

    @property
    def path(self) -> str:
        """Where the draft is, once it is one."""
        return f"/mail/compose?draft={self.version}"


def of(begun: Begun) -> Form:
    """The form that a letter is begun or taken up with."""
    new = not begun.version
    return Form(
        begun.writing,
        begun.version,
        begun.source,
        taken=[one.id for one in begun.attached] if new else (),
        offered=begun.attached if new else (),
        attached=() if new else begun.attached,
        fixed=begun.fixed,
        whole=begun.whole,
    )


def read(fields: Mapping[str, str], taken: Sequence[str]) -> Form:
    """What a form says, whatever it is. `taken`: all values of that field. Raises Invalid where no
    page of ours made it."""
    key, hand = fields.get("key", ""), fields.get("hand", "")
    if not (draftnotes.is_key(key) and draftnotes.is_key(hand)):
        raise Invalid("This form is not complete: load the page again")
    line = {name: fields.get(name, "")[:LINE] for name in (*draftnotes.TYPED, "subject", "author")}
    writing = replace(Writing(key, hand, text=fields.get("text", "")), **line)
    whole = WHOLE in taken
    return Form(
        writing,
        number(fields.get("version", "")),
        source(fields.get("source", "")),
        taken=[one for one in taken if one != WHOLE],
        later=number(fields.get("later", "")),
        whole=whole,
    )


def number(text: str) -> int:
    """A UID or another small number; 0 for none."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 10 else 0


def place(text: str) -> tuple[str, int] | None:
    """A mailbox's id and a UID, as links name a message."""
    mailbox, _, uid = text.partition(".")
    return (mailbox, number(uid)) if draftnotes.is_key(mailbox) and number(uid) else None


def source(text: str) -> Source | None:
    """What `Form.answers` wrote."""
    named, _, relation = text.rpartition(".")
    found = place(named)
    if found is None or relation not in {one.value for one in Relation}:
        return None
    return Source(*found, Relation(relation))
