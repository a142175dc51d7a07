"""FETCH and UID FETCH: items, sections, partials and modifiers (RFC 9051 6.4.5).

Extensions: BINARY (RFC 3516), CONDSTORE and QRESYNC (RFC 7162), OBJECTID (RFC 8474), PREVIEW
(RFC 8970), SAVEDATE (RFC 8514), PARTIAL (RFC 9394).
"""

from __future__ import annotations

import re

from mailhub.imap.grammar import spelling
from mailhub.imap.grammar.cursor import Cursor
from mailhub.imap.grammar.values import (
    Attribute,
    Binary,
    BinarySize,
    Fetch,
    FetchItem,
    Section,
    SectionText,
)
from mailhub.model.errors import Invalid, LimitReached
from mailhub.model.uids import MAX_UID

ITEM_NAME = re.compile(rb"[A-Za-z0-9.]+")
PATH = re.compile(rb"[1-9]\d{0,8}(?:\.[1-9]\d{0,8})*")
SECTION_TEXT = re.compile(rb"HEADER\.FIELDS\.NOT|HEADER\.FIELDS|HEADER|TEXT|MIME", re.IGNORECASE)
PARTIAL = re.compile(rb"<(\d{1,20})\.([1-9]\d{0,19})>")
LAZY = re.compile(rb" \(LAZY\)", re.IGNORECASE)
PARTIAL_RANGE = re.compile(rb"(-?)([1-9]\d{0,9}):(-?)([1-9]\d{0,9})")
MAX_ITEMS = 200
MAX_FIELDS = 500
MAX_PATH = 120
"""Part numbers in one section: deeper than MIME is ever read, so nothing real is refused."""

FAST = (Attribute.FLAGS, Attribute.INTERNALDATE, Attribute.SIZE)
MACROS: dict[bytes, tuple[FetchItem, ...]] = {
    b"FAST": FAST,
    b"ALL": (*FAST, Attribute.ENVELOPE),
    b"FULL": (*FAST, Attribute.ENVELOPE, Attribute.BODY),
}
SIMPLE: dict[bytes, FetchItem] = {item.value: item for item in Attribute}
RFC822: dict[bytes, FetchItem] = {
    b"RFC822": Section((), SectionText.ALL, (), False, None, b"RFC822"),
    b"RFC822.HEADER": Section((), SectionText.HEADER, (), True, None, b"RFC822.HEADER"),
    b"RFC822.TEXT": Section((), SectionText.TEXT, (), False, None, b"RFC822.TEXT"),
}


def fetch(cursor: Cursor) -> Fetch:
    """What follows `FETCH`."""
    return _fetch(cursor, False)


def uid_fetch(cursor: Cursor) -> Fetch:
    """What follows `UID FETCH`."""
    return _fetch(cursor, True)


def _fetch(cursor: Cursor, uid: bool) -> Fetch:
    cursor.space()
    messages = cursor.sequence_set()
    cursor.space()
    items = _items(cursor)
    changed_since, vanished, partial = None, False, None
    if not cursor.ended and cursor.data.startswith(b" (", cursor.at):
        cursor.space()
        changed_since, vanished, partial = _modifiers(cursor)
    if vanished and (changed_since is None or not uid):
        raise Invalid("VANISHED needs UID FETCH and CHANGEDSINCE")
    if uid and Attribute.UID not in items:
        items = (Attribute.UID, *items)
    if changed_since is not None and Attribute.MODSEQ not in items:
        items = (*items, Attribute.MODSEQ)
    return Fetch(uid, messages, items, changed_since, vanished, partial)


def _items(cursor: Cursor) -> tuple[FetchItem, ...]:
    if not cursor.take(b"("):
        found = ITEM_NAME.match(cursor.data, cursor.at)
        macro = MACROS.get(found[0].upper()) if found is not None else None
        if macro is not None and found is not None:
            cursor.at = found.end()
            return macro
        return (_item(cursor),)
    items: dict[FetchItem, None] = {_item(cursor): None}
    while not cursor.take(b")"):
        cursor.space()
        items[_item(cursor)] = None
        if len(items) > MAX_ITEMS:
            raise LimitReached("Too many items")
    return tuple(items)


def _item(cursor: Cursor) -> FetchItem:
    name = cursor.match(ITEM_NAME, "Data item")[0].upper()
    bracket = cursor.peek() == b"["
    if not bracket:
        item = SIMPLE.get(name) or RFC822.get(name)
        if item is None:
            raise Invalid("Unknown data item")
        if item is Attribute.PREVIEW:
            lazy = LAZY.match(cursor.data, cursor.at)
            cursor.at = lazy.end() if lazy is not None else cursor.at
        return item
    if name in (b"BODY", b"BODY.PEEK"):
        return _section(cursor, name == b"BODY.PEEK")
    if name in (b"BINARY", b"BINARY.PEEK"):
        path = _bracketed_path(cursor)
        partial = _partial(cursor)
        label = b"BINARY[%b]%b" % (_dotted(path), _origin(partial))
        return Binary(path, name == b"BINARY.PEEK", partial, label)
    if name == b"BINARY.SIZE":
        path = _bracketed_path(cursor)
        return BinarySize(path, b"BINARY.SIZE[%b]" % _dotted(path))
    raise Invalid("Unknown data item")


def _section(cursor: Cursor, peek: bool) -> Section:
    cursor.expect(b"[")
    path = _path(cursor)
    text = SectionText.ALL
    fields: tuple[bytes, ...] = ()
    if not path or cursor.take(b"."):
        found = SECTION_TEXT.match(cursor.data, cursor.at)
        if found is not None:
            cursor.at = found.end()
            text = SectionText(found[0].upper())
        elif path:
            raise Invalid("Section text expected")
    if text is SectionText.MIME and not path:
        raise Invalid("MIME needs a part number")
    if text in (SectionText.HEADER_FIELDS, SectionText.HEADER_FIELDS_NOT):
        fields = _field_names(cursor)
    cursor.expect(b"]")
    partial = _partial(cursor)
    return Section(path, text, fields, peek, partial, _label(path, text, fields, partial))


def _label(
    path: tuple[int, ...],
    text: SectionText,
    fields: tuple[bytes, ...],
    partial: tuple[int, int] | None,
) -> bytes:
    dot = b"." if path and text is not SectionText.ALL else b""
    names = b" (%b)" % b" ".join(map(spelling.astring, fields)) if fields else b""
    return b"BODY[%b%b%b%b]%b" % (_dotted(path), dot, text.value, names, _origin(partial))


def _dotted(path: tuple[int, ...]) -> bytes:
    return b".".join(b"%d" % number for number in path)


def _origin(partial: tuple[int, int] | None) -> bytes:
    return b"" if partial is None else b"<%d>" % partial[0]


def _path(cursor: Cursor) -> tuple[int, ...]:
    found = PATH.match(cursor.data, cursor.at)
    if found is None:
        return ()
    cursor.at = found.end()
    path = tuple(map(int, found[0].split(b".")))
    if len(path) > MAX_PATH:
        raise LimitReached("The part number is too deep")
    return path


def _bracketed_path(cursor: Cursor) -> tuple[int, ...]:
    cursor.expect(b"[")
    path = _path(cursor)
    cursor.expect(b"]")
    return path


def _field_names(cursor: Cursor) -> tuple[bytes, ...]:
    cursor.space()
    cursor.expect(b"(")
    names = [cursor.astring()]
    while not cursor.take(b")"):
        cursor.space()
        names.append(cursor.astring())
        if len(names) > MAX_FIELDS:
            raise LimitReached("Too many header fields")
    if not all(names):
        raise Invalid("A header field needs a name")
    return tuple(names)


def _partial(cursor: Cursor) -> tuple[int, int] | None:
    if cursor.peek() != b"<":
        return None
    found = cursor.match(PARTIAL, "Partial")
    return int(found[1]), int(found[2])


def _modifiers(cursor: Cursor) -> tuple[int | None, bool, tuple[int, int] | None]:
    """fetch-modifiers of RFC 7162 and RFC 9394."""
    changed_since, vanished, partial = None, False, None
    cursor.expect(b"(")
    while True:
        name = cursor.word("Modifier")
        if name == b"CHANGEDSINCE":
            cursor.space()
            changed_since = cursor.number64()
        elif name == b"VANISHED":
            vanished = True
        elif name == b"PARTIAL":
            cursor.space()
            partial = partial_range(cursor)
        else:
            raise Invalid("Unknown FETCH modifier")
        if cursor.take(b")"):
            return changed_since, vanished, partial
        cursor.space()


def partial_range(cursor: Cursor) -> tuple[int, int]:
    """partial-range of RFC 9394: `1:100`, or `-1:-100` counted from the end."""
    found = cursor.match(PARTIAL_RANGE, "Range")
    if found[1] != found[3]:
        raise Invalid("A range counts from one end only")
    first, last = sorted((int(found[2]), int(found[4])))
    if last > MAX_UID:
        raise Invalid("The number is too large")
    return (-first, -last) if found[1] else (first, last)
