"""Commands on mailboxes: SELECT, CREATE, LIST, STATUS and their kin, and quotas.

RFC 9051 6.3; RFC 5258 and 5819 (LIST), RFC 6154 (special use), RFC 7162 (SELECT parameters),
RFC 9208 (quota).
"""

from __future__ import annotations

from mailhub.imap.grammar.cursor import LIST_CHARS, Cursor
from mailhub.imap.grammar.values import (
    Create,
    Delete,
    GetQuota,
    GetQuotaRoot,
    List,
    ListExtra,
    ListReturn,
    ListSelection,
    ListSubscribed,
    Rename,
    ResyncParameter,
    Select,
    SetQuota,
    Status,
    StatusItem,
    Subscribe,
)
from mailhub.model.errors import Invalid, LimitReached
from mailhub.model.sequence import SequenceSet

MAX_PATTERNS = 100
STATUS_ITEMS = {item.value: item for item in StatusItem}


def select(cursor: Cursor) -> Select:
    """What follows `SELECT`."""
    return _select(cursor, False)


def examine(cursor: Cursor) -> Select:
    """What follows `EXAMINE`."""
    return _select(cursor, True)


def _select(cursor: Cursor, read_only: bool) -> Select:
    cursor.space()
    mailbox = cursor.mailbox()
    condstore, resync = False, None
    if cursor.peek() == b" " and cursor.data.rstrip(b" ").endswith(b")"):
        cursor.space()
        cursor.expect(b"(")
        while True:
            word = cursor.word("SELECT parameter")
            if word == b"CONDSTORE":
                condstore = True
            elif word == b"QRESYNC":
                resync = _resync(cursor)
            else:
                raise Invalid("Unknown SELECT parameter")
            if cursor.take(b")"):
                break
            cursor.space()
    return Select(mailbox, read_only, condstore or resync is not None, resync)


def _resync(cursor: Cursor) -> ResyncParameter:
    cursor.space()
    cursor.expect(b"(")
    uidvalidity = cursor.number()
    cursor.space()
    modseq = cursor.number64()
    if not uidvalidity or not modseq:
        raise Invalid("UIDVALIDITY and MODSEQ are at least 1")
    known, match = None, None
    if cursor.take(b" "):
        if cursor.peek() != b"(":
            known = _plain_set(cursor)
        if known is None or cursor.take(b" "):
            cursor.expect(b"(")
            numbers = _plain_set(cursor)
            cursor.space()
            match = (numbers, _plain_set(cursor))
            cursor.expect(b")")
    cursor.expect(b")")
    return ResyncParameter(uidvalidity, modseq, known, match)


def _plain_set(cursor: Cursor) -> SequenceSet:
    """known-uids and known-sequence-set: `*` and `$` are not allowed (RFC 7162 section 7)."""
    found = cursor.sequence_set()
    if found.saved or found.has_star:
        raise Invalid("The set must be of plain numbers")
    return found


def create(cursor: Cursor) -> Create:
    """What follows `CREATE`."""
    cursor.space()
    mailbox = cursor.mailbox()
    uses: tuple[str, ...] = ()
    if cursor.take(b" ") and not cursor.ended:
        cursor.expect(b"(")
        if cursor.word("CREATE parameter") != b"USE":
            raise Invalid("Unknown CREATE parameter")
        cursor.space()
        uses = tuple(cursor.flag_list())
        cursor.expect(b")")
    folder = mailbox.endswith("/")
    return Create(mailbox[:-1] if folder else mailbox, uses, folder)


def delete(cursor: Cursor) -> Delete:
    """What follows `DELETE`."""
    cursor.space()
    return Delete(cursor.mailbox())


def rename(cursor: Cursor) -> Rename:
    """What follows `RENAME`."""
    cursor.space()
    mailbox = cursor.mailbox()
    cursor.space()
    return Rename(mailbox, cursor.mailbox())


def subscribe(cursor: Cursor) -> Subscribe:
    """What follows `SUBSCRIBE`."""
    cursor.space()
    return Subscribe(cursor.mailbox())


def unsubscribe(cursor: Cursor) -> Subscribe:
    """What follows `UNSUBSCRIBE`."""
    cursor.space()
    return Subscribe(cursor.mailbox(), subscribed=False)


def status(cursor: Cursor) -> Status:
    """What follows `STATUS`."""
    cursor.space()
    mailbox = cursor.mailbox()
    cursor.space()
    return Status(mailbox, _status_items(cursor))


def _status_items(cursor: Cursor) -> tuple[StatusItem, ...]:
    cursor.expect(b"(")
    items: dict[StatusItem, None] = {}
    while True:
        item = STATUS_ITEMS.get(cursor.word("Status item"))
        if item is None:
            raise Invalid("Unknown status item")
        items[item] = None
        if cursor.take(b")"):
            return tuple(items)
        cursor.space()


# -- LIST and its forerunners

SELECTIONS = {
    b"SUBSCRIBED": ListSelection.SUBSCRIBED,
    b"REMOTE": ListSelection.REMOTE,
    b"RECURSIVEMATCH": ListSelection.RECURSIVEMATCH,
    b"SPECIAL-USE": ListSelection.SPECIAL_USE,
}
RETURNS = {
    b"SUBSCRIBED": ListReturn.SUBSCRIBED,
    b"CHILDREN": ListReturn.CHILDREN,
    b"SPECIAL-USE": ListReturn.SPECIAL_USE,
}


def list_(cursor: Cursor) -> List:
    """What follows `LIST`."""
    cursor.space()
    selection, extended = ListSelection.NONE, False
    if cursor.peek() == b"(":
        selection, extended = _selections(cursor), True
        cursor.space()
    reference = cursor.mailbox()
    cursor.space()
    if cursor.peek() == b"(":
        patterns, extended = _patterns(cursor), True
    else:
        patterns = [_pattern(cursor)]
    returns = ListReturn.NONE
    status_items: tuple[StatusItem, ...] = ()
    if not cursor.data[cursor.at :].strip(b" "):
        root = not extended and patterns == [""]
    else:
        cursor.space()
        returns, status_items = _list_returns(cursor)
        root, extended = False, True
    joined = tuple(reference + pattern for pattern in patterns)
    return List(joined, selection, returns, status_items, extended, root)


def _selections(cursor: Cursor) -> ListSelection:
    cursor.expect(b"(")
    chosen = ListSelection.NONE
    first = True
    while not cursor.take(b")"):
        if not first:
            cursor.space()
        option = SELECTIONS.get(cursor.word("Selection option"))
        if option is None:
            raise Invalid("Unknown selection option")
        chosen |= option
        first = False
    if ListSelection.RECURSIVEMATCH in chosen and not chosen & (
        ListSelection.SUBSCRIBED | ListSelection.SPECIAL_USE
    ):
        raise Invalid("RECURSIVEMATCH needs another selection option")
    return chosen


def _patterns(cursor: Cursor) -> list[str]:
    cursor.expect(b"(")
    patterns = [_pattern(cursor)]
    while not cursor.take(b")"):
        cursor.space()
        patterns.append(_pattern(cursor))
        if len(patterns) > MAX_PATTERNS:
            raise LimitReached("Too many patterns")
    return patterns


def _pattern(cursor: Cursor) -> str:
    """list-mailbox: like an astring, but wildcards are allowed bare."""
    found = LIST_CHARS.match(cursor.data, cursor.at)
    if found is None:
        return cursor.name(cursor.string())
    cursor.at = found.end()
    return cursor.name(found[0])


def _list_returns(cursor: Cursor) -> tuple[ListReturn, tuple[StatusItem, ...]]:
    if cursor.word("RETURN") != b"RETURN":
        raise Invalid("RETURN expected")
    cursor.space()
    cursor.expect(b"(")
    chosen, first = ListReturn.NONE, True
    items: tuple[StatusItem, ...] = ()
    while not cursor.take(b")"):
        if not first:
            cursor.space()
        first = False
        word = cursor.word("Return option")
        if word == b"STATUS":
            cursor.space()
            items = _status_items(cursor)
            continue
        option = RETURNS.get(word)
        if option is None:
            raise Invalid("Unknown return option")
        chosen |= option
    return chosen, items


def lsub(cursor: Cursor) -> ListSubscribed:
    """What follows `LSUB`."""
    cursor.space()
    reference = cursor.mailbox()
    cursor.space()
    return ListSubscribed(reference + _pattern(cursor))


def xlist(cursor: Cursor) -> ListExtra:
    """What follows `XLIST`."""
    cursor.space()
    reference = cursor.mailbox()
    cursor.space()
    pattern = _pattern(cursor)
    return ListExtra(reference + pattern, root=not pattern)


# -- quotas


def get_quota(cursor: Cursor) -> GetQuota:
    """What follows `GETQUOTA`."""
    cursor.space()
    return GetQuota(cursor.text())


def get_quota_root(cursor: Cursor) -> GetQuotaRoot:
    """What follows `GETQUOTAROOT`."""
    cursor.space()
    return GetQuotaRoot(cursor.mailbox())


def set_quota(cursor: Cursor) -> SetQuota:
    """What follows `SETQUOTA`."""
    cursor.space()
    root = cursor.text()
    cursor.space()
    cursor.expect(b"(")
    limits: list[tuple[str, int]] = []
    while not cursor.take(b")"):
        if limits:
            cursor.space()
        name = cursor.word("Resource").decode("ascii")
        cursor.space()
        limits.append((name, cursor.number64()))
    return SetQuota(root, tuple(limits))
