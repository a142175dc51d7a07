"""The index attached as `found`, as SQLite's FTS5 wants to be asked. `spelling.Spelling`."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from mailhub.model.search import Phrase, Term, TermKind, Terms
from mailhub.store.fulltext.schema import ACCOUNT_SHIFT
from mailhub.store.fulltext.spelling import prefix, side_by_side
from mailhub.store.sql import Cursor, number

_TABLES = {TermKind.WORD: "words", TermKind.PIECE: "pieces"}


class Attached:
    """The database that is attached."""

    plus = "+"
    incomplete = (
        "SELECT d.content FROM found.document AS d"
        " WHERE d.incomplete AND d.number BETWEEN :first AND :last"
    )

    def position(self, cursor: Cursor, account: int) -> int | None:
        """See `spelling.Spelling`."""
        return number(cursor, "SELECT position FROM found.state", {})

    def parameters(self, account: int) -> Mapping[str, object]:
        """See `spelling.Spelling`."""
        first = account << ACCOUNT_SHIFT
        return {"first": first, "last": first + (1 << ACCOUNT_SHIFT) - 1}

    def known(self, cursor: Cursor, select: str, parameters: Mapping[str, object]) -> str | None:
        """See `spelling.Spelling`."""
        return None

    def hits(
        self, account: int, terms: Terms, phrase: Phrase | None, name: Callable[[object], str]
    ) -> str:
        """See `spelling.Spelling`."""
        table = _TABLES[terms.kind]
        asked = name(expression(account, terms))
        joined, within = "", ""
        if phrase is not None:
            joined = " CROSS JOIN found.phrases AS p ON p.number = f.rowid"
            within = f" AND {side_by_side('instr', 'p', phrase, name)}"
        return (
            f"SELECT d.content AS content FROM found.{table} AS f CROSS JOIN found.document AS d"
            f" ON d.number = f.rowid{joined} WHERE f.{table} MATCH {asked}"
            f" AND f.rowid BETWEEN :first AND :last{within}"
        )


ATTACHED = Attached()


def expression(account: int, terms: Terms) -> str:
    """Terms as FTS5 reads them: every one a string, so none can be anything else."""
    begins = prefix(account) if terms.kind is TermKind.WORD else ""
    return " AND ".join(
        "(" + " OR ".join(_quoted(begins, term) for term in clause) + ")"
        for clause in terms.clauses
    )


def _quoted(begins: str, term: Term) -> str:
    text = (begins + term.text).replace('"', '""')
    return f'"{text}"' + ("*" if term.prefix else "")
