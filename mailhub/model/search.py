"""Search programs, sort orders and what a search returns, as values (RFC 9051 6.4.4, RFC 5256).

Grammar makes them and core runs them; nothing here reads a message. Keys that IMAP spells twice
(`UNSEEN`, `OLD`) exist once: as `Not` of their opposite.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import Enum

from mailhub.model.sequence import SequenceSet


@dataclass(frozen=True, slots=True)
class Everything:
    """ALL."""


@dataclass(frozen=True, slots=True)
class And:
    """Every one of `keys`."""

    keys: tuple[SearchKey, ...]


@dataclass(frozen=True, slots=True)
class Or:
    """One of the two at least."""

    left: SearchKey
    right: SearchKey


@dataclass(frozen=True, slots=True)
class Not:
    """What `key` does not match."""

    key: SearchKey


@dataclass(frozen=True, slots=True)
class HasFlag:
    """A system flag is set. `bit`: one of `model.flags`."""

    bit: int


@dataclass(frozen=True, slots=True)
class HasKeyword:
    """A keyword is set; compared without regard to case."""

    name: str


@dataclass(frozen=True, slots=True)
class IsRecent:
    """`\\Recent` in this session (IMAP4rev1 only)."""


@dataclass(frozen=True, slots=True)
class InNumbers:
    """Message sequence numbers, or `$`."""

    messages: SequenceSet


@dataclass(frozen=True, slots=True)
class InUids:
    """UIDs, or `$`."""

    uids: SequenceSet


@dataclass(frozen=True, slots=True)
class HeaderHas:
    """A header field contains `text`. `name`: lower case; `from`, `to`, `cc`, `bcc` look into the
    envelope's addresses. Empty `text`: the field is there."""

    name: str
    text: str


@dataclass(frozen=True, slots=True)
class BodyHas:
    """The decoded text of the body contains `text`."""

    text: str


@dataclass(frozen=True, slots=True)
class TextHas:
    """Header or body contains `text`."""

    text: str


class Moment(Enum):
    """Which date of a message."""

    INTERNAL = "internaldate"
    SENT = "date field"
    SAVED = "savedate"


class DateTest(Enum):
    """How it compares; `SINCE` includes the day itself."""

    BEFORE = "before"
    ON = "on"
    SINCE = "since"


@dataclass(frozen=True, slots=True)
class DateIs:
    """A date compared without its time and zone (RFC 9051 6.4.4; RFC 8514 for SAVED*)."""

    moment: Moment
    test: DateTest
    day: date


@dataclass(frozen=True, slots=True)
class Larger:
    """More than `size` bytes."""

    size: int


@dataclass(frozen=True, slots=True)
class Smaller:
    """Fewer than `size` bytes."""

    size: int


@dataclass(frozen=True, slots=True)
class Older:
    """INTERNALDATE at least `seconds` ago (RFC 5032)."""

    seconds: int


@dataclass(frozen=True, slots=True)
class Younger:
    """INTERNALDATE within the last `seconds` (RFC 5032)."""

    seconds: int


@dataclass(frozen=True, slots=True)
class ModSeqFrom:
    """MODSEQ of `modseq` or more (RFC 7162 3.1.5)."""

    modseq: int


@dataclass(frozen=True, slots=True)
class EmailIdIs:
    """RFC 8474 EMAILID."""

    id: str


@dataclass(frozen=True, slots=True)
class ThreadIdIs:
    """RFC 8474 THREADID."""

    id: str


@dataclass(frozen=True, slots=True)
class SaveDateSupported:
    """RFC 8514: matches every message, since every mailbox keeps save dates."""


# -- keys of searches in a whole account


class Where(Enum):
    """Where words are looked for. `ATTACHMENT`: names of attachments, and what the text of common
    documents among them is."""

    FROM = "from"
    TO = "to"
    CC = "cc"
    BCC = "bcc"
    SUBJECT = "subject"
    BODY = "body"
    ATTACHMENT = "attachment"


ANYWHERE = tuple(Where)


@dataclass(frozen=True, slots=True)
class Says:
    """Words as people search for them, without regard to case, diacritics and punctuation.

    Each word of `text` stands somewhere in the fields `where`, or a longer one that begins with it
    does. `phrase`: all of them stand in one field, whole, in this order and side by side.
    """

    where: tuple[Where, ...]
    text: str
    phrase: bool = False


@dataclass(frozen=True, slots=True)
class InMailbox:
    """In the mailbox with this id, path or special use (`trash`), as people name it."""

    name: str


@dataclass(frozen=True, slots=True)
class InMailboxes:
    """In one of the mailboxes with these numbers."""

    numbers: frozenset[int]


@dataclass(frozen=True, slots=True)
class HasAttachments:
    """A list would show a paper clip."""


@dataclass(frozen=True, slots=True)
class Arrived:
    """INTERNALDATE in [`since`, `until`), epoch seconds."""

    since: int = 0
    until: int = 1 << 62


class TermKind(Enum):
    """`WORD`: a word, tagged with where it stands; `PIECE`: three letters, wherever they stand."""

    WORD = "word"
    PIECE = "piece"


@dataclass(frozen=True, slots=True)
class Term:
    """What an index may have of a message. `prefix`: or anything that begins with it."""

    text: str
    prefix: bool = False


@dataclass(frozen=True, slots=True)
class Terms:
    """Of each clause one term at least."""

    kind: TermKind
    clauses: tuple[tuple[Term, ...], ...]


@dataclass(frozen=True, slots=True)
class Phrase:
    """Words side by side, as a document has them (`indexed.Document`). `fields`: any of these in
    what it has of fields. `text`: in its text; empty where that is not looked into."""

    fields: tuple[str, ...]
    text: str


@dataclass(frozen=True, slots=True)
class Indexed:
    """What an index can say of a key that looks into text; made for the index alone.

    Messages with the terms `surely` match. No others than those with the terms `possibly` can;
    None: any may. `phrase`: of those with the terms `possibly`, the ones that have it match.
    """

    surely: Terms | None
    possibly: Terms | None
    phrase: Phrase | None = None


SearchKey = (
    Everything
    | And
    | Or
    | Not
    | HasFlag
    | HasKeyword
    | IsRecent
    | InNumbers
    | InUids
    | HeaderHas
    | BodyHas
    | TextHas
    | DateIs
    | Larger
    | Smaller
    | Older
    | Younger
    | ModSeqFrom
    | EmailIdIs
    | ThreadIdIs
    | SaveDateSupported
    | Says
    | InMailbox
    | InMailboxes
    | HasAttachments
    | Arrived
    | Indexed
)


@dataclass(frozen=True, slots=True)
class Returns:
    """RETURN options (RFC 4731, 5182, 9394). `partial`: (first, last), both counted from 1, or
    both negative and counted from the end."""

    minimum: bool = False
    maximum: bool = False
    all: bool = False
    count: bool = False
    save: bool = False
    partial: tuple[int, int] | None = None


class SortField(Enum):
    """RFC 5256 and, for the DISPLAY two, RFC 5957."""

    ARRIVAL = "ARRIVAL"
    CC = "CC"
    DATE = "DATE"
    FROM = "FROM"
    SIZE = "SIZE"
    SUBJECT = "SUBJECT"
    TO = "TO"
    DISPLAYFROM = "DISPLAYFROM"
    DISPLAYTO = "DISPLAYTO"


@dataclass(frozen=True, slots=True)
class SortKey:
    """One criterion, most significant first in a sequence of them."""

    field: SortField
    reverse: bool = False


class ThreadAlgorithm(Enum):
    """How messages become threads (RFC 5256; REFS: without its subject step)."""

    ORDEREDSUBJECT = "ORDEREDSUBJECT"
    REFERENCES = "REFERENCES"
    REFS = "REFS"
