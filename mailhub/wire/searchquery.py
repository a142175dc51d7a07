"""The query language in which people search their mail, as search keys. Pure; raises only Invalid.

    query  = any
    any    = all *( "OR" all )
    all    = *( ["AND"] factor )
    factor = *( "-" / "NOT" ) ( "(" any ")" / term )
    term   = key ":" ( word / phrase ) / word / phrase
    phrase = DQUOTE *<anything but DQUOTE> DQUOTE

A word is found where it begins a word of the message, whatever its case and diacritics; a phrase
where its words stand side by side, whole. Words without an operator must all be there. A quote that
is not closed ends with the query, so that a search may run while it is typed; brackets must match.
A key that is none (`http://…`) is a word.

| key | value | finds |
|---|---|---|
| `from` `to` `cc` `bcc` `subject` | words | in that field; `to` looks into Cc, too |
| `body` `filename` | words | in the text; in attachments and their names |
| `in` `mailbox` | id, path or special use | what stands there |
| `thread` `id` | 24 hex digits; a number | a thread; a UID |
| `after` `newer` `datestart` | date, or an age such as `7d` | what came then or later |
| `before` `older` `dateend` | the same | what came before (`dateend`: then or before) |
| `minsize` `maxsize` | bytes, or `10k`, `5M` | at least, at most so large |
| `attachments` `flagged` `seen` `unseen` `searchable` | true, false | that |
| `has` | attachment | a paper clip |
| `is` | starred flagged read seen unread unseen | that |
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import reduce

from mailhub.model.errors import Invalid
from mailhub.model.flags import FLAGGED, SEEN
from mailhub.model.search import (
    ANYWHERE,
    And,
    Arrived,
    Everything,
    HasAttachments,
    HasFlag,
    InMailbox,
    InUids,
    Larger,
    Not,
    Or,
    Says,
    SearchKey,
    Smaller,
    ThreadIdIs,
    Where,
)
from mailhub.model.sequence import SequenceSet

LENGTH = 1024
"""Characters of a query."""
TERMS = 64
DEPTH = 16
"""Terms, and brackets inside one another."""
LARGEST = 1 << 40
FOREVER = 1 << 40
"""Bytes of a message, and seconds since the epoch, that a query can name."""
FALSE = {"false", "no", "off", "0", "n"}
TRUE = {"true", "yes", "on", "1", "y"}

_TOKEN = re.compile(
    r"""\s*(?:
        (?P<open>\() | (?P<close>\)) | (?P<minus>-(?=[^\s\-]))
        | (?:(?P<key>[A-Za-z]+):)? (?: "(?P<phrase>[^"]*)(?:"|\Z) | (?P<word>[^\s()"]+) )
        | (?P<odd>\S)
    )""",
    re.VERBOSE,
)
_SIZE = re.compile(r"(\d{1,13})\s*([kKmMgG]?)[bB]?")
_UNITS = {"": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30}
_AGE = re.compile(r"(\d{1,5})([hdwmy])")
_SECONDS = {"h": 3600, "d": 86400, "w": 7 * 86400, "m": 30 * 86400, "y": 365 * 86400}
_HEX = re.compile(r"[0-9a-f]{24}")


class _Group:
    """What stands between two brackets."""

    __slots__ = ("alternatives", "negated")

    def __init__(self, negated: bool) -> None:
        self.negated = negated
        self.alternatives: list[list[SearchKey]] = [[]]

    def add(self, key: SearchKey) -> None:
        self.alternatives[-1].append(key)

    def key(self) -> SearchKey:
        """The whole of it."""
        found = either([both(keys) for keys in self.alternatives if keys])
        return Not(found) if self.negated else found


def both(keys: Sequence[SearchKey]) -> SearchKey:
    """Every one of them; without one, every message."""
    if len(keys) == 1:
        return keys[0]
    return And(tuple(keys)) if keys else Everything()


def either(keys: Sequence[SearchKey]) -> SearchKey:
    """One of them at least; without one, every message."""
    return reduce(Or, keys) if keys else Everything()


def parse(query: str, now: int) -> SearchKey:
    """What `query` asks for. `now`: epoch seconds, for ages. Raises Invalid."""
    return _parse(query, now, operators=True)


def parse_words(query: str, *, any_word: bool = False) -> SearchKey:
    """A query of words, "phrases" and -words alone. `any_word`: one of the words is enough.
    Raises Invalid."""
    found = _parse(query, 0, operators=False)
    if not any_word or not isinstance(found, And):
        return found
    wanted = [key for key in found.keys if not isinstance(key, Not)]
    others = [key for key in found.keys if isinstance(key, Not)]
    return both([*([either(wanted)] if wanted else []), *others])


def _parse(query: str, now: int, *, operators: bool) -> SearchKey:
    if len(query) > LENGTH:
        raise Invalid("The query is too long", "query")
    stack = [_Group(False)]
    negated = False
    terms = 0
    for token in _TOKEN.finditer(query):
        kind = token.lastgroup
        if kind == "minus" or (operators and token["word"] == "NOT" and not token["key"]):
            negated = not negated
        elif kind == "open" and operators:
            stack.append(_Group(negated))
            negated = False
            if len(stack) > DEPTH:
                raise Invalid("The query has too many brackets in one another", "query")
        elif kind == "close" and operators:
            group = stack.pop()
            if not stack:
                raise Invalid("The query closes a bracket that is not open", "query")
            stack[-1].add(group.key())
            negated = False
        elif operators and kind == "word" and not token["key"] and token["word"] in ("AND", "OR"):
            if token["word"] == "OR":
                stack[-1].alternatives.append([])
        elif kind in ("word", "phrase"):
            terms += 1
            if terms > TERMS:
                raise Invalid("The query has too many words", "query")
            key = _term(token, now, operators)
            stack[-1].add(Not(key) if negated else key)
            negated = False
    if len(stack) > 1:
        raise Invalid("The query does not close a bracket", "query")
    return stack[0].key()


def _term(token: re.Match[str], now: int, operators: bool) -> SearchKey:
    name = (token["key"] or "").lower()
    phrase = token["phrase"] is not None
    value: str = token["phrase"] if phrase else token["word"]
    read = _KEYS.get(name) if operators else None
    if read is not None:
        return read(value, phrase, now)
    if token["key"]:
        if not phrase:
            return Says(ANYWHERE, f"{token['key']}:{value}")
        return And((Says(ANYWHERE, token["key"]), Says(ANYWHERE, value, True)))
    return Says(ANYWHERE, value, phrase)


# -- keys

_Reader = Callable[[str, bool, int], SearchKey]


def _in_fields(*where: Where) -> _Reader:
    return lambda value, phrase, now: Says(where, value, phrase)


def moment(value: str, now: int, field: str = "query") -> int:
    """A date (`2026-11-21`, also with a time) or an age (`7d`) as epoch seconds. A date without a
    zone is UTC. Raises Invalid."""
    age = _AGE.fullmatch(value)
    if age is not None:
        return max(0, now - int(age[1]) * _SECONDS[age[2]])
    try:
        found = datetime.fromisoformat(value.replace("/", "-"))
        if found.tzinfo is None:
            found = found.replace(tzinfo=UTC)
        return min(max(0, int(found.timestamp())), FOREVER)
    except (ValueError, OverflowError):
        raise Invalid(f"{value[:40]} is not a date", field) from None


def _since(value: str, phrase: bool, now: int) -> SearchKey:
    return Arrived(since=moment(value, now))


def _before(value: str, phrase: bool, now: int) -> SearchKey:
    return Arrived(until=moment(value, now))


def _until(value: str, phrase: bool, now: int) -> SearchKey:
    return Arrived(until=moment(value, now) + 1)


def _bytes(value: str) -> int:
    found = _SIZE.fullmatch(value)
    if found is None:
        raise Invalid(f"{value[:40]} is not a size", "query")
    return min(int(found[1]) * _UNITS[found[2].lower()], LARGEST)


def _at_least(value: str, phrase: bool, now: int) -> SearchKey:
    return Larger(_bytes(value) - 1)


def _at_most(value: str, phrase: bool, now: int) -> SearchKey:
    return Smaller(_bytes(value) + 1)


def _thread(value: str, phrase: bool, now: int) -> SearchKey:
    if not _HEX.fullmatch(value.lower()):
        raise Invalid(f"{value[:40]} is no thread", "query")
    return ThreadIdIs(value.lower())


def _uid(value: str, phrase: bool, now: int) -> SearchKey:
    number = int(value) if value.isascii() and value.isdigit() and len(value) <= 10 else 0
    if not 0 < number < 1 << 32:
        raise Invalid(f"{value[:40]} is no message", "query")
    return InUids(SequenceSet(((number, number),)))


def _whether(key: SearchKey) -> _Reader:
    def read(value: str, phrase: bool, now: int) -> SearchKey:
        if value.lower() in TRUE:
            return key
        if value.lower() in FALSE:
            return Not(key)
        raise Invalid(f"{value[:40]} is neither true nor false", "query")

    return read


def _one_of(keys: Mapping[str, SearchKey]) -> _Reader:
    def read(value: str, phrase: bool, now: int) -> SearchKey:
        found = keys.get(value.lower())
        if found is None:
            raise Invalid(f"{value[:40]} is none of {', '.join(keys)}", "query")
        return found

    return read


STARRED, READ = HasFlag(FLAGGED), HasFlag(SEEN)
UNSEARCHED = Or(InMailbox("trash"), InMailbox("junk"))
"""Where a search for what is worth finding does not look."""
_KEYS: Mapping[str, _Reader] = {
    "from": _in_fields(Where.FROM),
    "to": _in_fields(Where.TO, Where.CC),
    "cc": _in_fields(Where.CC),
    "bcc": _in_fields(Where.BCC),
    "subject": _in_fields(Where.SUBJECT),
    "body": _in_fields(Where.BODY),
    "filename": _in_fields(Where.ATTACHMENT),
    "in": lambda value, phrase, now: InMailbox(value),
    "mailbox": lambda value, phrase, now: InMailbox(value),
    "thread": _thread,
    "id": _uid,
    "after": _since,
    "newer": _since,
    "datestart": _since,
    "before": _before,
    "older": _before,
    "dateend": _until,
    "minsize": _at_least,
    "maxsize": _at_most,
    "attachments": _whether(HasAttachments()),
    "flagged": _whether(STARRED),
    "seen": _whether(READ),
    "unseen": _whether(Not(READ)),
    "searchable": _whether(Not(UNSEARCHED)),
    "has": _one_of({"attachment": HasAttachments(), "attachments": HasAttachments()}),
    "is": _one_of(
        {
            "starred": STARRED,
            "flagged": STARRED,
            "read": READ,
            "seen": READ,
            "unread": Not(READ),
            "unseen": Not(READ),
        }
    ),
}
