"""Every IMAP command's meaning as a frozen value; what parses them stands in the sister modules.

Mailbox names are Unicode with `/` between levels, whatever encoding the client used. Numbers are
message numbers or UIDs as the command's `uid` says. Search programs live in `model.search`,
because core runs them; messages that come in are in `uploads`. No value knows its tag.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, Flag, auto

from mailhub.model.flags import FlagMode, Flags
from mailhub.model.search import Returns, SearchKey, SortKey, ThreadAlgorithm
from mailhub.model.sequence import SequenceSet


@dataclass(frozen=True, slots=True)
class Bare:
    """A command without arguments: CAPABILITY, NOOP, LOGOUT, STARTTLS, NAMESPACE, CHECK, CLOSE,
    UNSELECT, IDLE, EXPUNGE."""


BARE = Bare()


class Extension(Enum):
    """What ENABLE switches on (RFC 5161); CONDSTORE also by its first use (RFC 7162 3.1)."""

    CONDSTORE = b"CONDSTORE"
    QRESYNC = b"QRESYNC"
    UTF8 = b"UTF8=ACCEPT"
    REV2 = b"IMAP4rev2"


@dataclass(frozen=True, slots=True)
class Authenticate:
    """AUTHENTICATE. `initial`: decoded initial response, None when none came (RFC 4959)."""

    mechanism: str
    initial: bytes | None = None


@dataclass(frozen=True, slots=True)
class Login:
    """LOGIN."""

    username: str
    password: str


@dataclass(frozen=True, slots=True)
class Id:
    """ID (RFC 2971). Names are lower case; a NIL value is None."""

    fields: tuple[tuple[str, str | None], ...] = ()


@dataclass(frozen=True, slots=True)
class Enable:
    """ENABLE. Unknown names were left out (RFC 5161 section 3.1)."""

    extensions: frozenset[Extension]


@dataclass(frozen=True, slots=True)
class Compress:
    """COMPRESS (RFC 4978). `mechanism`: upper case."""

    mechanism: str


@dataclass(frozen=True, slots=True)
class ResyncParameter:
    """QRESYNC (...) of SELECT (RFC 7162 3.2.5). `sequence_match`: (numbers, their UIDs)."""

    uidvalidity: int
    modseq: int
    known_uids: SequenceSet | None = None
    sequence_match: tuple[SequenceSet, SequenceSet] | None = None


@dataclass(frozen=True, slots=True)
class Select:
    """SELECT and, with `read_only`, EXAMINE."""

    mailbox: str
    read_only: bool = False
    condstore: bool = False
    resync: ResyncParameter | None = None


@dataclass(frozen=True, slots=True)
class Create:
    """CREATE. `special_uses`: as RFC 6154 section 3 spells them. `folder`: the name ended in `/`
    (a parent for names to come), which was cut off."""

    mailbox: str
    special_uses: tuple[str, ...] = ()
    folder: bool = False


@dataclass(frozen=True, slots=True)
class Delete:
    """DELETE."""

    mailbox: str


@dataclass(frozen=True, slots=True)
class Rename:
    """RENAME."""

    mailbox: str
    new_name: str


@dataclass(frozen=True, slots=True)
class Subscribe:
    """SUBSCRIBE and, with `subscribed` false, UNSUBSCRIBE."""

    mailbox: str
    subscribed: bool = True


class StatusItem(Enum):
    """STATUS data items (RFC 9051 6.3.11, 7162, 8438, 8474, 7889, 9208)."""

    MESSAGES = b"MESSAGES"
    RECENT = b"RECENT"
    UIDNEXT = b"UIDNEXT"
    UIDVALIDITY = b"UIDVALIDITY"
    UNSEEN = b"UNSEEN"
    DELETED = b"DELETED"
    SIZE = b"SIZE"
    HIGHESTMODSEQ = b"HIGHESTMODSEQ"
    MAILBOXID = b"MAILBOXID"
    APPENDLIMIT = b"APPENDLIMIT"
    DELETED_STORAGE = b"DELETED-STORAGE"


@dataclass(frozen=True, slots=True)
class Status:
    """STATUS."""

    mailbox: str
    items: tuple[StatusItem, ...]


class ListSelection(Flag):
    """Selection options of LIST (RFC 5258 section 3.1, RFC 6154)."""

    NONE = 0
    SUBSCRIBED = auto()
    REMOTE = auto()
    RECURSIVEMATCH = auto()
    SPECIAL_USE = auto()


class ListReturn(Flag):
    """Return options of LIST; STATUS carries its items beside."""

    NONE = 0
    SUBSCRIBED = auto()
    CHILDREN = auto()
    SPECIAL_USE = auto()


@dataclass(frozen=True, slots=True)
class List:
    """LIST. `extended`: any option or a list of patterns was given, so attributes of RFC 5258 may
    be told. Patterns have the reference in front. `root`: the empty pattern, which asks for the
    hierarchy separator alone."""

    patterns: tuple[str, ...]
    selection: ListSelection = ListSelection.NONE
    returns: ListReturn = ListReturn.NONE
    status: tuple[StatusItem, ...] = ()
    extended: bool = False
    root: bool = False


@dataclass(frozen=True, slots=True)
class ListSubscribed:
    """LSUB (RFC 3501 6.3.9)."""

    pattern: str


@dataclass(frozen=True, slots=True)
class ListExtra:
    """XLIST, the forerunner of SPECIAL-USE that old clients still send."""

    pattern: str
    root: bool = False


@dataclass(frozen=True, slots=True)
class GetQuota:
    """GETQUOTA (RFC 9208)."""

    root: str


@dataclass(frozen=True, slots=True)
class GetQuotaRoot:
    """GETQUOTAROOT."""

    mailbox: str


@dataclass(frozen=True, slots=True)
class SetQuota:
    """SETQUOTA. `limits`: (resource in upper case, limit)."""

    root: str
    limits: tuple[tuple[str, int], ...]


# -- message commands


class Attribute(Enum):
    """FETCH items without parameters."""

    UID = b"UID"
    FLAGS = b"FLAGS"
    INTERNALDATE = b"INTERNALDATE"
    SIZE = b"RFC822.SIZE"
    ENVELOPE = b"ENVELOPE"
    BODY = b"BODY"
    """The non-extensible form of BODYSTRUCTURE."""
    BODYSTRUCTURE = b"BODYSTRUCTURE"
    MODSEQ = b"MODSEQ"
    EMAILID = b"EMAILID"
    THREADID = b"THREADID"
    SAVEDATE = b"SAVEDATE"
    PREVIEW = b"PREVIEW"


class SectionText(Enum):
    """What of a part (RFC 9051 section-text); `ALL` is the part itself."""

    ALL = b""
    HEADER = b"HEADER"
    HEADER_FIELDS = b"HEADER.FIELDS"
    HEADER_FIELDS_NOT = b"HEADER.FIELDS.NOT"
    TEXT = b"TEXT"
    MIME = b"MIME"


@dataclass(frozen=True, slots=True)
class Section:
    """BODY[…], BODY.PEEK[…], RFC822, RFC822.HEADER, RFC822.TEXT.

    `path`: part numbers, empty for the message. `fields`: header names as the client spelled
    them. `peek`: does not set `\\Seen`. `partial`: (first octet, count) or None. `label`: what
    the answer calls the item, such as `BODY[1.MIME]<0>`; its origin octet included.
    """

    path: tuple[int, ...]
    text: SectionText
    fields: tuple[bytes, ...]
    peek: bool
    partial: tuple[int, int] | None
    label: bytes


@dataclass(frozen=True, slots=True)
class Binary:
    """BINARY[…] and BINARY.PEEK[…] (RFC 3516); `label` as in `Section`."""

    path: tuple[int, ...]
    peek: bool
    partial: tuple[int, int] | None
    label: bytes


@dataclass(frozen=True, slots=True)
class BinarySize:
    """BINARY.SIZE[…]."""

    path: tuple[int, ...]
    label: bytes


FetchItem = Attribute | Section | Binary | BinarySize


@dataclass(frozen=True, slots=True)
class Fetch:
    """FETCH, UID FETCH. Items are unique, in the client's order, macros expanded; UID is among
    them for UID FETCH, and MODSEQ where CHANGEDSINCE is. `vanished`: RFC 7162 3.2.6. `partial`:
    RFC 9394, as in `Returns`."""

    uid: bool
    messages: SequenceSet
    items: tuple[FetchItem, ...]
    changed_since: int | None = None
    vanished: bool = False
    partial: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class Store:
    """STORE, UID STORE. `silent`: .SILENT. `unchanged_since`: RFC 7162 3.1.3."""

    uid: bool
    messages: SequenceSet
    mode: FlagMode
    flags: Flags
    silent: bool = False
    unchanged_since: int | None = None


@dataclass(frozen=True, slots=True)
class Copy:
    """COPY, UID COPY."""

    uid: bool
    messages: SequenceSet
    mailbox: str


@dataclass(frozen=True, slots=True)
class Move:
    """MOVE, UID MOVE (RFC 6851)."""

    uid: bool
    messages: SequenceSet
    mailbox: str


@dataclass(frozen=True, slots=True)
class UidExpunge:
    """UID EXPUNGE (RFC 4315); EXPUNGE is `Bare`."""

    uids: SequenceSet


@dataclass(frozen=True, slots=True)
class Search:
    """SEARCH, UID SEARCH. `returns` is None without RETURN; `RETURN ()` means ALL. `uses_modseq`:
    a MODSEQ key occurs, which enables CONDSTORE and adds a MODSEQ to the answer."""

    uid: bool
    key: SearchKey
    returns: Returns | None = None
    uses_modseq: bool = False


@dataclass(frozen=True, slots=True)
class Sort:
    """SORT, UID SORT."""

    uid: bool
    order: tuple[SortKey, ...]
    key: SearchKey
    returns: Returns | None = None
    uses_modseq: bool = False


@dataclass(frozen=True, slots=True)
class Thread:
    """THREAD, UID THREAD."""

    uid: bool
    algorithm: ThreadAlgorithm
    key: SearchKey
