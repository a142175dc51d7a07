"""Search keys as SQL over message rows and the index attached as `found`.

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
    SearchKey,
    Smaller,
    TermKind,
    Terms,
    ThreadIdIs,
)
from mailhub.store.fulltext.schema import ACCOUNT_SHIFT
from mailhub.store.sql import Cursor, number

DAY = 86400
_TABLES = {TermKind.WORD: "words", TermKind.PIECE: "pieces"}
_INCOMPLETE = (
    "SELECT d.content FROM found.document AS d"
    " WHERE d.incomplete AND d.number BETWEEN :first AND :last"
)
_OPEN = (
    "SELECT c.key FROM content AS c WHERE c.key > :position AND c.account = :account"
    f" UNION ALL {_INCOMPLETE}"
)
"""Contents of which the index does not know all."""
FAR = 1000
"""Messages of all accounts behind the index up to which those of one are picked out of them; of
more, it takes less to go through all messages of the account."""
_ALL_ROWS = "FROM message AS m WHERE m.account = :account"
_DRIVEN = (
    "FROM ({driver}) AS driver CROSS JOIN message AS m INDEXED BY message_content"
    " WHERE m.content = driver.content AND +m.account = :account"
)
_DRIVEN_BY_MANY = (
    "FROM message AS m INDEXED BY message_content WHERE m.content IN ({driver})"
    " AND +m.account = :account"
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

    def select(self, columns: str, mailboxes: Sequence[int]) -> str:
        """The statement that reads the rows it is about."""
        rows = _ALL_ROWS
        if self.driver:
            rows = _DRIVEN_BY_MANY if _UNION in self.driver else _DRIVEN
        there = ",".join(map(str, mailboxes)) or "NULL"
        plus = "+" if self.driver else ""
        return (
            f"SELECT {columns} {rows.format(driver=self.driver)}"
            f" AND {plus}m.mailbox IN ({there}) AND {self.condition}"
        )


ALL = Part("TRUE")
NONE = Part("FALSE")


class Compiler:
    """Makes conditions for one account; `parameters` grow with what they name. `position` None:
    there is no index. `far`: it is far behind."""

    def __init__(self, account: int, position: int | None, far: bool = False) -> None:
        self._account = account
        self._position = position
        self._far = far
        self.parameters: dict[str, object] = {
            "account": account,
            "position": position or 0,
            "first": account << ACCOUNT_SHIFT,
            "last": ((account + 1) << ACCOUNT_SHIFT) - 1,
        }

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
            case Indexed(surely, possibly):
                return self._text(possibly if upper else surely, upper)
        fact = self._fact(key)
        if fact is not None:
            return fact
        return ALL if upper else NONE

    def _text(self, terms: Terms | None, upper: bool) -> Part:
        if terms is None:
            return ALL if upper else NONE
        if not terms.clauses:
            return ALL
        if self._position is None:
            return ALL if upper else NONE
        table = _TABLES[terms.kind]
        hits = (
            f"SELECT d.content AS content FROM found.{table} AS f CROSS JOIN found.document AS d"
            f" ON d.number = f.rowid WHERE f.{table} MATCH {self._name(expression(terms))}"
            " AND f.rowid BETWEEN :first AND :last"
        )
        if upper and self._far:
            return Part(f"(m.content > :position OR m.content IN ({hits} UNION ALL {_INCOMPLETE}))")
        return Part("TRUE", f"{hits} UNION ALL {_OPEN}" if upper else hits)

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
                return Part(f"+m.mailbox IN ({','.join(map(str, sorted(numbers))) or 'NULL'})")
            case InUids(uids) if not uids.saved and not uids.has_star:
                ranges = uids.resolve(0).ranges
                spans = [f"m.uid BETWEEN {low:d} AND {high:d}" for low, high in ranges]
                return Part(f"({' OR '.join(spans)})") if spans else NONE
            case HasAttachments():
                return Part(
                    "EXISTS (SELECT 1 FROM content AS c"
                    " WHERE c.key = m.content AND c.attachments <> 0)"
                )
            case EmailIdIs(id):
                content = self._mine(id)
                return (
                    NONE
                    if content is None
                    else Part("TRUE", f"SELECT {self._name(content)} AS content")
                )
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
        return Part(
            "TRUE",
            f"SELECT {name} AS content UNION ALL SELECT c.key FROM content AS c"
            f" WHERE c.thread = {name} AND c.thread <> c.key",
        )

    def _mine(self, id: str) -> int | None:
        """The number in an id of this account's (see `messages.marks`)."""
        if len(id) != 24 or not set(id) <= set("0123456789abcdef"):
            return None
        account, found = int(id[:8], 16), int(id[8:], 16)
        return found if account == self._account and found < 1 << 63 else None

    def anything_open(self, cursor: Cursor) -> bool:
        """Whether there are messages of which the index does not know all."""
        if self._position is None or self._far:
            return True
        return number(cursor, f"SELECT EXISTS ({_OPEN})", self.parameters) != 0

    def _name(self, value: object) -> str:
        name = f"p{len(self.parameters)}"
        self.parameters[name] = value
        return f":{name}"


def expression(terms: Terms) -> str:
    """Terms as FTS5 reads them: every one a string, so none can be anything else."""
    return " AND ".join(
        "("
        + " OR ".join(
            '"' + term.text.replace('"', '""') + '"' + ("*" if term.prefix else "")
            for term in clause
        )
        + ")"
        for clause in terms.clauses
    )


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
        return Part("TRUE", f"{left.driver} UNION ALL {right.driver}")
    return Part(f"({left.whole} OR {right.whole})")
