"""Search keys as SQL over message rows and an index, as its `Spelling` says of it.

Every key has two conditions: what surely matches (`lower`) and what may (`upper`). Where the index
has all to say they are the same; a message that is not in it yet lies between them, and so does
one that has the right letters, perhaps in other places. NOT swaps the two.

A condition may have a driver: contents that it is all about, found first, so that a search for a
rare word looks at few rows of messages.
"""

from __future__ import annotations

from calendar import timegm
from collections.abc import Sequence
from dataclasses import dataclass

from mailhub.model.search import (
    And,
    Arrived,
    DateIs,
    DateTest,
    EmailIdIs,
    Everything,
    HasAttachments,
    HasFlag,
    Indexed,
    InMailboxes,
    InUids,
    Larger,
    Moment,
    Not,
    Or,
    Phrase,
    SearchKey,
    Smaller,
    Terms,
    ThreadIdIs,
)
from mailhub.store.fulltext.spelling import Spelling
from mailhub.store.sql import Cursor, item, number

DAY = 86400
FAR = 1000
"""Messages of all accounts behind the index up to which those of one are picked out of them; of
more, it takes less to go through all messages of the account."""
_NEW = "SELECT c.key FROM content AS c WHERE c.key > :position AND c.account = :account"
_ALL_ROWS = "FROM message AS m WHERE m.account = :account"
_DRIVEN = (
    "FROM ({driver}) AS driver CROSS JOIN message AS m INDEXED BY message_content"
    " WHERE m.content = driver.content AND {plus}m.account = :account"
)
_DRIVEN_BY_MANY = (
    "FROM message AS m INDEXED BY message_content WHERE m.content IN ({driver})"
    " AND {plus}m.account = :account"
)
"""A union may name a content twice: IN takes that for once."""
_UNION = " UNION ALL "


@dataclass(frozen=True, slots=True)
class Part:
    """A condition on `m`. `driver`: SELECTs the contents that it is about, if that is known."""

    condition: str
    driver: str = ""

    @property
    def whole(self) -> str:
        """Both as one condition."""
        if not self.driver:
            return self.condition
        within = f"m.content IN ({self.driver})"
        return within if self.condition == "TRUE" else f"({within} AND {self.condition})"


ALL = Part("TRUE")
NONE = Part("FALSE")


class Compiler:
    """Makes conditions for one account; `parameters` grow with what they name. `position` None:
    there is no index. `far`: it is far behind."""

    def __init__(
        self,
        account: int,
        spelling: Spelling,
        cursor: Cursor,
        position: int | None,
        far: bool = False,
    ) -> None:
        self._account = account
        self._spelling = spelling
        self.cursor = cursor
        self._position = position
        self._far = far
        self._hits: dict[tuple[Terms, Phrase | None], str] = {}
        self._known: dict[str, str | None] = {}
        self.parameters: dict[str, object] = {
            "account": account,
            "position": position or 0,
            **spelling.parameters(account),
        }

    def select(self, part: Part, columns: str, mailboxes: Sequence[int]) -> str:
        """The statement that reads the rows that a part is about."""
        rows, plus = _ALL_ROWS, ""
        if part.driver:
            rows = _DRIVEN_BY_MANY if _UNION in part.driver else _DRIVEN
            plus = self._spelling.plus
        there = ",".join(map(str, mailboxes)) or "NULL"
        return (
            f"SELECT {columns} {rows.format(driver=part.driver, plus=plus)}"
            f" AND {plus}m.mailbox IN ({there}) AND {part.condition}"
        )

    def part(self, key: SearchKey, upper: bool) -> Part:
        """The condition of `key`."""
        match key:
            case And(keys):
                return both([self.part(one, upper) for one in keys])
            case Or(left, right):
                return _either(self.part(left, upper), self.part(right, upper))
            case Not(inner):
                part = self.part(inner, not upper)
                if part in (ALL, NONE):
                    return NONE if part == ALL else ALL
                return Part(f"NOT {part.whole}")
            case Indexed(_, possibly, phrase) if phrase is not None:
                return self._text(possibly, upper, phrase)
            case Indexed(surely, possibly):
                return self._text(possibly if upper else surely, upper)
        fact = self._fact(key)
        if fact is not None:
            return fact
        return ALL if upper else NONE

    def _text(self, terms: Terms | None, upper: bool, phrase: Phrase | None = None) -> Part:
        if terms is None:
            return ALL if upper else NONE
        if not terms.clauses:
            return ALL
        if self._position is None:
            return ALL if upper else NONE
        hits = self._hits.get((terms, phrase))
        if hits is None:
            hits = self._spelling.hits(self._account, terms, phrase, self._name)
            hits = self._hits[terms, phrase] = hits if phrase is None else self._once(hits)
        if not upper:
            return self._among(hits)
        if not self._far:
            return self._among(hits, _NEW, self._spelling.incomplete)
        known = self._among(hits, self._spelling.incomplete)
        return Part(f"(m.content > :position OR {known.whole})")

    def _once(self, select: str) -> str:
        """SELECTs what a statement does, which takes long: it is read now, whatever there is."""
        sql = f"SELECT json_group_array(content) FROM ({select}) AS found"
        (contents,) = self.cursor.execute(sql, self.parameters).fetchone()
        named = self._name(contents or "[]")
        return f"SELECT {item('w')} AS content FROM json_each({named}) AS w"

    def _among(self, *selects: str) -> Part:
        """Contents that any of these statements SELECTs."""
        found = [self._read(select) for select in selects]
        if None in found:
            return Part("TRUE", _UNION.join(selects))
        conditions = [f"m.content = {known}" for known in found if known]
        return Part(f"({' OR '.join(conditions)})") if conditions else NONE

    def _read(self, select: str) -> str | None:
        if select not in self._known:
            known = self._spelling.known(self.cursor, select, self.parameters)
            if known:
                known = f"ANY(CAST({self._name(known)} AS BIGINT[]))"
            self._known[select] = known
        return self._known[select]

    def _fact(self, key: SearchKey) -> Part | None:
        """What rows of messages tell alone."""
        match key:
            case Everything():
                return ALL
            case HasFlag(bit):
                return Part(f"(m.flags & {bit:d}) <> 0")
            case Larger(size):
                return Part(f"m.size > {self._name(size)}")
            case Smaller(size):
                return Part(f"m.size < {self._name(size)}")
            case Arrived(since, until):
                return self._arrived(since, until)
            case DateIs(Moment.INTERNAL, test, day):
                start = timegm(day.timetuple())
                since = 0 if test is DateTest.BEFORE else start
                until = {DateTest.BEFORE: start, DateTest.ON: start + DAY}.get(test, 1 << 62)
                return self._arrived(since, until)
            case InMailboxes(numbers):
                there = ",".join(map(str, sorted(numbers))) or "NULL"
                return Part(f"{self._spelling.plus}m.mailbox IN ({there})")
            case InUids(uids) if not uids.saved and not uids.has_star:
                ranges = uids.resolve(0).ranges
                spans = [f"m.uid BETWEEN {low:d} AND {high:d}" for low, high in ranges]
                return Part(f"({' OR '.join(spans)})") if spans else NONE
            case HasAttachments():
                return Part(
                    "EXISTS (SELECT 1 FROM content AS c"
                    " WHERE c.key = m.content AND c.account = m.account AND c.attachments <> 0)"
                )
            case EmailIdIs(id):
                content = self._mine(id)
                if content is None:
                    return NONE
                return self._among(f"SELECT {self._name(content)} AS content")
            case ThreadIdIs(id):
                return self._thread(self._mine(id))
        return None

    def _arrived(self, since: int, until: int) -> Part:
        return Part(
            f"(m.internaldate >= {self._name(since)} AND m.internaldate < {self._name(until)})"
        )

    def _thread(self, thread: int | None) -> Part:
        if thread is None:
            return NONE
        name = self._name(thread)
        return self._among(
            f"SELECT {name} AS content",
            f"SELECT c.key FROM content AS c WHERE c.thread = {name} AND c.thread <> c.key"
            " AND c.account = :account",
        )

    def _mine(self, id: str) -> int | None:
        """The number in an id of this account's (see `messages.marks`)."""
        if len(id) != 24 or not set(id) <= set("0123456789abcdef"):
            return None
        account, found = int(id[:8], 16), int(id[8:], 16)
        return found if account == self._account and found < 1 << 63 else None

    def anything_open(self) -> bool:
        """Whether there are messages of which the index does not know all."""
        if self._position is None or self._far:
            return True
        opened = f"{_NEW}{_UNION}{self._spelling.incomplete}"
        return number(self.cursor, f"SELECT EXISTS ({opened})", self.parameters) != 0

    def _name(self, value: object) -> str:
        name = f"p{len(self.parameters)}"
        self.parameters[name] = value
        return f":{name}"


def both(parts: Sequence[Part]) -> Part:
    """All of them hold."""
    if any(part == NONE for part in parts):
        return NONE
    driving = next((part for part in parts if part.driver), None)
    conditions = [part.whole for part in parts if part is not driving and part != ALL]
    if driving is not None and driving.condition != "TRUE":
        conditions.append(driving.condition)
    joined = f"({' AND '.join(conditions)})" if conditions else "TRUE"
    return Part(joined, driving.driver if driving is not None else "")


def _either(left: Part, right: Part) -> Part:
    if ALL in (left, right):
        return ALL
    if NONE in (left, right):
        return right if left == NONE else left
    if left.driver and right.driver and left.condition == right.condition == "TRUE":
        return Part("TRUE", f"{left.driver}{_UNION}{right.driver}")
    return Part(f"({left.whole} OR {right.whole})")
