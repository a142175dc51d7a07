"""How the results of SEARCH, SORT and THREAD are spelled: SEARCH, SORT, ESEARCH, THREAD.

RFC 3501 7.2.5, RFC 9051 7.3.4, RFC 4731, RFC 5182, RFC 5256, RFC 5267, RFC 9394. Which messages
they are was decided in core.
"""

from __future__ import annotations

from collections.abc import Sequence

from mailhub.core.search import Found
from mailhub.core.selected_view import take
from mailhub.core.threads import Node
from mailhub.imap.grammar.spelling import string
from mailhub.imap.session import Session
from mailhub.model.search import Returns
from mailhub.model.uids import UidSet, runs

PIECE = 2000
"""Numbers joined at once."""


async def plain(session: Session, word: bytes, found: Found, *, uid: bool, modseq: bool) -> None:
    """`* SEARCH 2 3 (MODSEQ 5)`, and SORT alike."""
    numbers = found.uids if uid else found.numbers
    await session.send(b"* " + word)
    for at in range(0, len(numbers), PIECE):
        await session.send(b"".join([b" %d" % number for number in numbers[at : at + PIECE]]))
    highest = max(found.modseqs, default=0)
    await session.send(b" (MODSEQ %d)\r\n" % highest if modseq and highest else b"\r\n")


async def extended(
    session: Session, found: Found, returns: Returns, *, uid: bool, modseq: bool
) -> None:
    """ESEARCH. With SAVE the result becomes `$`; with SAVE alone nothing is sent (RFC 5182)."""
    shown = _shown(found, returns)
    if returns.save:
        session.view.saved = UidSet.from_any(shown.uids)
    numbers = found.uids if uid else found.numbers
    items: list[bytes] = []
    if len(found) and returns.minimum:
        items.append(b"MIN %d" % numbers[0])
    if len(found) and returns.maximum:
        items.append(b"MAX %d" % numbers[-1])
    if len(found) and returns.all:
        items.append(b"ALL " + in_order(numbers))
    if returns.count:
        items.append(b"COUNT %d" % len(found))
    if returns.partial is not None:
        items.append(_partial(numbers, returns.partial))
    if not items and not _asked(returns):
        return
    if modseq and len(shown):
        items.append(b"MODSEQ %d" % max(shown.modseqs))
    head = b"* ESEARCH (TAG %b)%b" % (string(session.tag), b" UID" if uid else b"")
    await session.send(b" ".join((head, *items)) + b"\r\n")


def _asked(returns: Returns) -> bool:
    """Whether anything but SAVE was asked for."""
    return returns.minimum or returns.maximum or returns.all or returns.count


def _shown(found: Found, returns: Returns) -> Found:
    """The messages that the answer is about: what SAVE keeps (RFC 5182 2.4) and whose MODSEQ is
    told (RFC 4731 3.2). MIN and MAX alone name only those two."""
    only_ends = (returns.minimum or returns.maximum) and not (
        returns.all or returns.count or returns.partial
    )
    if not only_ends or not len(found):
        return found
    places = [place for place, asked in ((0, returns.minimum), (-1, returns.maximum)) if asked]
    return Found(
        [found.numbers[place] for place in places],
        [found.uids[place] for place in places],
        [found.modseqs[place] for place in places],
    )


def _partial(numbers: Sequence[int], partial: tuple[int, int]) -> bytes:
    """PARTIAL (1:10 set); NIL where the range holds nothing (RFC 9394)."""
    spans = take([(0, len(numbers))], *partial)
    named = [number for start, stop in spans for number in numbers[start:stop]]
    return b"PARTIAL (%d:%d %b)" % (*partial, in_order(named) if named else b"NIL")


def in_order(numbers: Sequence[int]) -> bytes:
    """A sequence-set that keeps the order of `numbers`, as sorted results need."""
    return UidSet(tuple(runs(numbers))).text()


def threads(roots: Sequence[Node]) -> bytes:
    """thread-list (RFC 5256 section 5) of all threads, in order."""
    pieces: list[bytes] = []
    # What is left to spell, last first: nodes, and the parentheses between them.
    stack: list[Node | bytes] = []
    for root in reversed(roots):
        stack += (b")", root, b"(")
    while stack:
        item = stack.pop()
        if isinstance(item, bytes):
            pieces.append(item)
            continue
        number, children = item.number, item.children
        if number is not None:
            pieces.append(b"%d" % number)
        if len(children) == 1 and number is not None:
            pieces.append(b" ")
            stack.append(children[0])
            continue
        if children and number is not None:
            pieces.append(b" ")
        for child in reversed(children):
            stack += (b")", child, b"(")
    return b"".join(pieces)
