"""Changes as text, for the processes that share a database: what one commits, all others hear.

A line is a change: a JSON array of its kind and its fields in order. Processes of two versions read
each other: a newer one may put fields behind those that are known, which are skipped, and must take
lines that lack them; where a field changes its meaning, the kind gets a new name. A line that
cannot be read becomes `Missed`. No database is known here.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import chain
from typing import Any, get_args

from mailhub.model.change import (
    Arrived,
    ArrivedRow,
    Change,
    Dequeued,
    Expunged,
    Flagged,
    KeywordSet,
    Missed,
    Queued,
)
from mailhub.model.queue import Slot
from mailhub.model.uids import UidSet

ROWS = 2000
"""Messages of one line: whoever reads it is done in a millisecond or two."""
_encode = json.JSONEncoder(separators=(",", ":")).encode

_Fields = list[Any]
_Write = Callable[[Any], _Fields]
_Read = Callable[[_Fields], Change]


def written(changes: Sequence[Change]) -> str:
    """All of them, in their order. Mail that is queued is not written out (`Queued.fresh`)."""
    return "\n".join(_line(part) for change in changes for part in _parts(change))


def read(text: str) -> Sequence[Change]:
    """The changes of `written`, by this version or another."""
    return [_change(line) for line in text.split("\n") if line]


def _line(change: Change) -> str:
    kind = _KINDS[type(change)]
    return _encode([kind, *_WRITTEN[kind](change)])


def _change(line: str) -> Change:
    try:
        kind, *fields = json.loads(line)
        return _READ[kind](fields)
    except (ValueError, KeyError, TypeError, IndexError):
        return Missed()


def _parts(change: Change) -> Iterator[Change]:
    """Itself; what is about very many messages in pieces that say the same together."""
    match change:
        case Arrived(rows=arrived) if len(arrived) > ROWS:
            for start in range(0, len(arrived), ROWS):
                yield replace(change, rows=arrived[start : start + ROWS])
        case Flagged(rows=flagged) if len(flagged) > ROWS:
            for start in range(0, len(flagged), ROWS):
                yield replace(change, rows=flagged[start : start + ROWS])
        case Expunged(uids=uids) if len(uids.ranges) > ROWS:
            for start in range(0, len(uids.ranges), ROWS):
                yield replace(change, uids=UidSet(uids.ranges[start : start + ROWS]))
        case _:
            yield change


# -- what is about messages of a mailbox: fields that all have, then one list for each column


def _common(change: Arrived | Flagged | Expunged) -> _Fields:
    return [change.journal, change.account, change.mailbox, change.modseq]


def _ranges(uids: UidSet) -> list[int]:
    return list(chain.from_iterable(uids.ranges))


def _uids(flat: Sequence[int]) -> UidSet:
    return UidSet(tuple(zip(flat[::2], flat[1::2], strict=True)))


def _arrived(change: Arrived) -> _Fields:
    rows = change.rows
    return [
        *_common(change),
        [row.uid for row in rows],
        [row.flags for row in rows],
        [row.size for row in rows],
        [row.date for row in rows],
    ]


def _read_arrived(fields: _Fields) -> Arrived:
    journal, account, mailbox, modseq, *columns = fields[:8]
    rows = [ArrivedRow(*row) for row in zip(*columns, strict=True)]
    return Arrived(journal, account, mailbox, modseq, rows)


def _flagged(change: Flagged) -> _Fields:
    uids = UidSet.from_sorted(uid for uid, _ in change.rows)
    codes = [code for _, code in change.rows]
    return [*_common(change), _ranges(uids), codes[:1] if len(set(codes)) == 1 else codes]


def _read_flagged(fields: _Fields) -> Flagged:
    journal, account, mailbox, modseq, flat, codes = fields[:6]
    uids = _uids(flat)
    if len(codes) == 1:
        codes *= len(uids)
    rows = list(zip(uids, codes, strict=True))
    return Flagged(journal, account, mailbox, modseq, rows)


def _expunged(change: Expunged) -> _Fields:
    return [*_common(change), _ranges(change.uids)]


def _read_expunged(fields: _Fields) -> Expunged:
    journal, account, mailbox, modseq, flat = fields[:5]
    return Expunged(journal, account, mailbox, modseq, _uids(flat))


# -- the queue


def _queued(change: Queued) -> _Fields:
    slots = [[slot.number, slot.due, slot.lane] for slot in change.slots]
    return [change.journal, slots, change.new]


def _read_queued(fields: _Fields) -> Queued:
    slots = tuple(Slot(*slot[:3]) for slot in fields[1])
    return Queued(fields[0], slots, new=any(fields[2:3]), far=True)


def _dequeued(change: Dequeued) -> _Fields:
    return [change.journal, change.entries]


def _read_dequeued(fields: _Fields) -> Dequeued:
    return Dequeued(fields[0], tuple(fields[1]))


def _keywords(change: KeywordSet) -> _Fields:
    return [change.account, change.number, change.keywords]


def _read_keywords(fields: _Fields) -> KeywordSet:
    return KeywordSet(fields[0], fields[1], tuple(fields[2]))


# -- all kinds: by the name of the class, folded, as in the journal


def _plain(kind: type[Any]) -> tuple[_Write, _Read]:
    """A kind whose fields are numbers and words, written as they are."""
    names = tuple(kind.__dataclass_fields__)

    def write(change: Any) -> _Fields:
        return [getattr(change, name) for name in names]

    return write, lambda fields: kind(*fields[: len(names)])


_OWN: Mapping[type[Any], tuple[_Write, _Read]] = {
    Arrived: (_arrived, _read_arrived),
    Flagged: (_flagged, _read_flagged),
    Expunged: (_expunged, _read_expunged),
    Queued: (_queued, _read_queued),
    Dequeued: (_dequeued, _read_dequeued),
    KeywordSet: (_keywords, _read_keywords),
}
_KINDS = {kind: kind.__name__.lower() for kind in get_args(Change)}
_WRITTEN = {name: (_OWN.get(kind) or _plain(kind))[0] for kind, name in _KINDS.items()}
_READ = {name: (_OWN.get(kind) or _plain(kind))[1] for kind, name in _KINDS.items()}
