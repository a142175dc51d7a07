"""The full-text index in the database: its tables, and how it is asked (`spelling.Spelling`).

A document is what an index keeps of a content: its words, and all three letters that stand together
in it. Each term begins with the account, so an account's terms stand together in the index, and a
search reads no entry of anybody else's. The terms stand in rows as text, of which the index makes
vectors: vectors in rows take more than twice the room.

Documents belong to a build. Searches ask the newest build that is whole; another one may be made
beside it, and takes its place in one commit.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from mailhub.model.search import Phrase, Term, TermKind, Terms
from mailhub.store.fulltext.spelling import prefix, side_by_side
from mailhub.store.sql import Cursor

VERSION = 1
"""Of what documents are made of. A build of another version is not asked."""
_VECTOR = "array_to_tsvector(string_to_array({column}, ' '))"
_COLUMNS = {TermKind.WORD: "words", TermKind.PIECE: "pieces"}

TABLES = (
    # number: grows. serving: 1 when searches may ask it. position: the newest content that was
    # looked at. documents: how many there are. first, last: contents that are being read, else 0;
    # tries: how often the first of them was read alone. removed: documents that were taken out, of
    # any build, since the indexes of terms were made.
    """
    CREATE TABLE search_build (
        number INTEGER PRIMARY KEY,
        version BIGINT NOT NULL,
        serving BIGINT NOT NULL,
        position BIGINT NOT NULL,
        documents BIGINT NOT NULL,
        first BIGINT NOT NULL,
        last BIGINT NOT NULL,
        tries BIGINT NOT NULL,
        removed BIGINT NOT NULL DEFAULT 0
    )
    """,
    # incomplete: something of the message is not in the index, or nothing is. fields, text: words
    # in order, for phrases.
    """
    CREATE TABLE search_document (
        account BIGINT NOT NULL,
        build BIGINT NOT NULL,
        content BIGINT NOT NULL,
        incomplete BIGINT NOT NULL,
        words TEXT NOT NULL,
        pieces TEXT NOT NULL,
        fields TEXT NOT NULL,
        text TEXT NOT NULL,
        PRIMARY KEY (account, build, content)
    )
    """,
    "CREATE INDEX search_document_incomplete ON search_document (account, build, content)"
    " WHERE incomplete <> 0",
    *(
        f"CREATE INDEX search_document_{column} ON search_document"
        f" USING gin (({_VECTOR.format(column=column)}))"
        for column in _COLUMNS.values()
    ),
)
TERMS = tuple(f"search_document_{column}" for column in _COLUMNS.values())
"""The indexes of terms."""
SESSION: Mapping[str, str] = {
    "cpu_operator_cost": "0.25",
    "enable_nestloop": "off",
    "enable_seqscan": "off",
    "jit": "off",
    "plan_cache_mode": "force_custom_plan",
    "statement_timeout": "120s",
    "work_mem": "32MB",
}
"""What a connection that searches asks of the planner. It knows little of how often terms are there
that begin with an account, and nothing of what it costs to make the terms of a row: it is to look
terms up, to go through many messages once and not once for each hit, to plan for the account that
is asked about, and not to compile. A search that takes minutes is given up: what it reads keeps the
database from cleaning up."""
FEW = 2000
"""Contents that are read first and named in the statement: of these the messages are looked up."""
_READ = "SELECT count(*), group_concat(content) FROM ({select} LIMIT :few) AS known(content)"
_ASKED = (
    f"SELECT max(b.number) FROM search_build AS b WHERE b.serving = 1 AND b.version = {VERSION}"
)


class Database:
    """The build that searches ask now."""

    plus = ""
    incomplete = (
        "SELECT d.content FROM search_document AS d WHERE d.incomplete <> 0"
        f" AND d.account = :account AND d.build = ({_ASKED})"
    )

    def position(self, cursor: Cursor, account: int) -> int | None:
        """See `spelling.Spelling`."""
        row = cursor.execute(
            f"SELECT position FROM search_build WHERE number = ({_ASKED})", {}
        ).fetchone()
        return None if row is None else int(row[0])

    def parameters(self, account: int) -> Mapping[str, object]:
        """See `spelling.Spelling`."""
        return {}

    def known(self, cursor: Cursor, select: str, parameters: Mapping[str, object]) -> str | None:
        """See `spelling.Spelling`."""
        sql = _READ.format(select=select)
        count, contents = cursor.execute(sql, {**parameters, "few": FEW + 1}).fetchone()
        if count > FEW:
            return None
        return f"{{{contents}}}" if count else ""

    def hits(
        self, account: int, terms: Terms, phrase: Phrase | None, name: Callable[[object], str]
    ) -> str:
        """See `spelling.Spelling`."""
        vector = _VECTOR.format(column=f"d.{_COLUMNS[terms.kind]}")
        # A query that the planner does not know, and the plus: it is to look terms up, and not
        # through all documents of the account, however many of them it takes to have the terms.
        within = "" if phrase is None else f" AND {side_by_side('strpos', 'd', phrase, name)}"
        return (
            "SELECT d.content AS content FROM search_document AS d"
            f" WHERE {vector} @@ (SELECT CAST({name(expression(account, terms))} AS tsquery))"
            f" AND d.account = :account AND +d.build = ({_ASKED}){within}"
        )


DATABASE = Database()


def expression(account: int, terms: Terms) -> str:
    """Terms as a `tsquery`: every one a string, so none can be anything else."""
    return " & ".join(
        "(" + " | ".join(_quoted(account, term) for term in clause) + ")"
        for clause in terms.clauses
    )


def _quoted(account: int, term: Term) -> str:
    text = (prefix(account) + term.text).replace("\\", "\\\\").replace("'", "''")
    return f"'{text}'" + (":*" if term.prefix else "")
