"""Keeping the index in a database: builds beside each other, who keeps it, what ends in between."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import psycopg
import pytest

from mailhub.indexing import reading, shared
from mailhub.indexing.reading import TRIES
from mailhub.model.errors import Unavailable
from mailhub.model.indexed import Document
from mailhub.model.message import BlobRef
from mailhub.model.search import ANYWHERE, Phrase, Says, Term, TermKind, Terms
from mailhub.store.faults import DriverError
from mailhub.store.fulltext import building
from mailhub.store.postgres import search_building
from mailhub.store.postgres.connection import Connection
from mailhub.store.postgres.search import DATABASE, SESSION
from mailhub.store.postgres.search_building import StaleError
from mailhub.store.postgres.translation import translated
from mailhub.store.s3.names import SEALED
from tests.contract.postgres import Postgres
from tests.contract.searched import MESSAGE, Searched, Serving, in_database
from tests.live.peers import until

pytestmark = pytest.mark.live
OTHER = b"Subject: other\r\n\r\nnothing\r\n"


class Site(Searched):
    """An index in a database, and what stands in its tables."""

    server: Serving
    where: str

    def rows(self, sql: str) -> list[Any]:
        with psycopg.connect(self.where, autocommit=True) as connection:
            cursor = connection.execute(sql)  # type: ignore[call-overload]
            return cursor.fetchall() if cursor.description else []


@pytest.fixture
def site(shared_postgres: Postgres, tmp_path: Path) -> Iterator[Site]:
    server = Serving()
    made = in_database(shared_postgres, tmp_path, server)
    site = Site(made.house, made.follow)
    site.server = server
    site.where = shared_postgres.server.where(shared_postgres._names[id(made.house)])
    site.open()
    yield site
    made.house.stop()
    assert shared_postgres.faults() == []


def test_what_is_gone_is_taken_out(site: Site) -> None:
    site.deliver(MESSAGE, MESSAGE, MESSAGE)
    site.follow()
    site.expunge(2)
    assert (site.status().documents, site.status().removed) == (3, 1)
    site.follow()
    assert (site.status().documents, site.status().removed) == (2, 0)
    assert site.found() == ([1, 3], [])
    assert site.server.said == ["building", "following"]


def test_what_is_gone_is_found_step_by_step(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search_building, "STEP", 2)
    for _ in range(2):
        site.open()
        site.deliver(*[MESSAGE] * 5)
    site.follow()
    for uid in (1, 3, 5):
        site.expunge(uid)
    site.follow()
    assert (site.status().documents, site.status().removed) == (7, 0)


def test_an_index_of_words_that_are_gone_is_made_anew(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that was left behind by a server that ended in the middle goes, too."""
    sizes = "SELECT pg_relation_size('search_document_words')"
    unlike = [
        b"Subject: %d\r\n\r\n" % one + b"\r\n".join(b"%x" % (one * 5000 + at) for at in range(3000))
        for one in range(100, 130)
    ]
    site.deliver(MESSAGE, *unlike)
    site.follow()
    with pytest.raises(psycopg.errors.UniqueViolation):
        site.rows("CREATE UNIQUE INDEX CONCURRENTLY search_document_left ON search_document ((1))")
    site.expunge(2)
    site.follow()
    assert site.rows("SELECT removed FROM search_build") == [(1,)]
    monkeypatch.setattr(search_building, "REMOVED_LEAST", 10)
    for uid in range(3, len(unlike) + 2):
        site.expunge(uid)
    ((before,),) = site.rows(sizes)
    site.follow()
    until(lambda: site.rows("SELECT removed FROM search_build") == [(0,)])
    ((after,),) = site.rows(sizes)
    assert after < before / 4
    assert site.rows("SELECT 1 FROM pg_class WHERE relname = 'search_document_left'") == []
    assert site.found() == ([1], [])


def test_what_this_engine_has_no_word_for_is_left(site: Site) -> None:
    connection = Connection(site.where)
    try:
        connection.upkeep("REFRESH INDEX search_document_words")
        with pytest.raises(DriverError) as caught:
            connection.upkeep("REINDEX INDEX no_such_index")
    finally:
        connection.close()
    assert "no_such_index" in caught.value.reason


def test_who_is_late_changes_nothing(site: Site) -> None:
    """Two that keep one index: what the slower one has read is not written over."""
    site.deliver(MESSAGE)
    site.follow()
    site.deliver(MESSAGE)
    connection = Connection(site.where)
    try:
        (build,) = search_building.builds(connection)
        taken = building.waiting(connection, build.position)
        site.follow()
        with pytest.raises(StaleError):
            search_building.put(connection, build, [(taken[0], None)])
    finally:
        connection.close()
    assert site.found() == ([1, 2], [])
    assert site.status().documents == 2


def test_an_index_of_another_version_is_not_asked(site: Site) -> None:
    site.deliver(MESSAGE)
    site.follow()
    site.rows("UPDATE search_build SET version = 0")
    assert site.found() == ([], [1])
    site.follow()
    assert site.found() == ([1], [])
    assert site.rows("SELECT count(*), max(build), min(build) FROM search_document") == [(1, 2, 2)]


def test_a_newer_version_keeps_it_alone(site: Site) -> None:
    """Nodes of two versions run side by side: the older ones look at everything themselves."""
    site.deliver(MESSAGE)
    site.follow()
    site.rows("UPDATE search_build SET version = 99")
    site.follow()
    assert site.server.said[-1].startswith("off: a newer version")
    assert site.rows("SELECT number, version FROM search_build") == [(1, 99)]
    assert site.found() == ([], [1])


def test_an_index_of_a_later_time_is_not_believed(site: Site) -> None:
    site.deliver(MESSAGE)
    site.follow()
    site.rows("UPDATE search_build SET position = position + (1 << 30)")
    site.follow()
    site.deliver(MESSAGE)
    assert site.found() == ([1], [2])


def test_the_old_one_is_kept_up_while_a_new_one_is_made(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(building, "BATCH", 2)
    site.deliver(*[MESSAGE] * 6)
    site.follow()
    site.rebuild()
    site.rebuild()
    assert len(site.rows("SELECT 1 FROM search_build")) == 2, "ordered once"
    turns = iter([False, False, True])
    monkeypatch.setattr(site.server, "ended", lambda seconds: next(turns), raising=False)
    site.follow()
    assert site.rows("SELECT serving, documents FROM search_build ORDER BY number")[1] == (0, 4)
    assert site.found() == ([1, 2, 3, 4, 5, 6], [])
    monkeypatch.undo()
    site.deliver(MESSAGE)
    site.follow()
    assert site.found() == ([1, 2, 3, 4, 5, 6, 7], [])
    assert site.rows("SELECT number, serving, documents FROM search_build") == [(2, 1, 7)]
    assert site.rows("SELECT DISTINCT build FROM search_document") == [(2,)]
    assert site.server.said == ["building", "following", "rebuilding", "following"]


class KilledError(BaseException):
    """What ends a process in the middle of a message."""


def test_a_message_that_ends_the_process_is_left_out_in_the_end(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On whichever node: what was tried is written in the database."""
    site.deliver(*[MESSAGE] * 3, b"Subject: poison\r\n\r\nthe annual bomb\r\n", *[MESSAGE] * 3)
    made = reading.document
    tried = []

    def document(message: bytes, *more: Any) -> Document:
        if b"poison" in message:
            tried.append(message)
            raise KilledError
        return made(message, *more)

    monkeypatch.setattr(reading, "document", document)
    for _ in range(1 + TRIES):
        with pytest.raises(KilledError):
            site.follow()
        surely, maybe = site.found()
        assert sorted([*surely, *maybe]) == [1, 2, 3, 4, 5, 6, 7]
    site.follow()
    assert site.found() == ([1, 2, 3, 5, 6, 7], [4])
    assert len(tried) == 1 + TRIES
    assert site.rows("SELECT first, last, tries FROM search_build") == [(0, 0, 0)]


def test_bodies_that_it_cannot_read_are_asked_for(site: Site) -> None:
    site.deliver(MESSAGE, OTHER, MESSAGE)
    site.rows(f"UPDATE content SET segment = segment | {SEALED}")
    places = site.rows("SELECT segment, start, length FROM content ORDER BY key")
    site.server.kept = None
    site.follow()
    assert site.server.said[-1] == "waiting: bodies cannot be had"
    assert site.found() == ([], [1, 2, 3])
    first, second, _ = (BlobRef(*place) for place in places)
    body = site.rows("SELECT octets FROM blob ORDER BY segment")
    site.server.kept = {first: body[0][0], second: body[1][0]}
    site.follow()
    assert site.found() == ([1], [3]), "what is missing is left to searches"


def test_a_body_that_is_missing_is_left_to_searches(site: Site) -> None:
    site.deliver(MESSAGE, MESSAGE.replace(b"budget", b"bud"))
    site.rows("DELETE FROM blob WHERE segment = (SELECT max(segment) FROM blob)")
    site.follow()
    assert site.found() == ([1], [2])


def test_a_database_that_goes_away_is_waited_for(site: Site) -> None:
    site.deliver(MESSAGE)
    cut = iter([True, False, False])

    def ended(seconds: float) -> bool:
        if next(cut, False):
            site.rows(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        return seconds > 1

    site.server.ended = ended  # type: ignore[method-assign]
    connection = Connection(site.where)
    connection.close()
    site.follow()
    assert site.found() == ([1], [])


def test_a_search_that_never_ends_is_given_up(site: Site) -> None:
    assert "statement_timeout" in SESSION
    connection = Connection(site.where, {**SESSION, "statement_timeout": "50"})
    many = {"many": json.dumps(list(range(3000)))}
    try:
        with pytest.raises(DriverError) as caught:
            connection.execute(
                "SELECT count(*) FROM json_each(:many) AS a CROSS JOIN json_each(:many) AS b"
                " CROSS JOIN json_each(:many) AS c",
                many,
            )
        assert isinstance(caught.value.kind, Unavailable)
        assert connection.execute("SELECT 1", {}).fetchone() == (1,)
    finally:
        connection.close()


FILLED = """
    INSERT INTO search_document SELECT account, 1, 1000 * account + place, 0,
    to_hex(account) || '.annual ' || to_hex(account) || '.w' || place, to_hex(account) || '.ann',
    '', ''
    FROM generate_series(50, 50 + %d) AS account, generate_series(1, %d) AS place
"""


@pytest.mark.parametrize(("accounts", "documents"), [(0, 3000), (20, 300)])
def test_terms_are_looked_up_and_not_looked_through(
    site: Site, accounts: int, documents: int
) -> None:
    """However the planner takes the numbers of an index whose terms each begin with an account."""
    site.follow()
    site.rows(FILLED % (accounts, documents))
    connection = Connection(site.where, SESSION)
    try:
        search_building.measure(connection)
        for term in (Term("annual"), Term("w7"), Term("w1", True), Term("nowhere")):
            for kind, index in ((TermKind.WORD, "words"), (TermKind.PIECE, "pieces")):
                for phrase in (None, Phrase((" s:a s:b ",), " a b ")):
                    named: dict[str, object] = {"account": 50}
                    terms = Terms(kind, ((term,),))
                    hits = DATABASE.hits(50, terms, phrase, partial(_named, named))
                    asked = f"EXPLAIN {translated(hits)}"
                    rows = connection._connection.execute(asked, named)  # type: ignore[call-overload]
                    plan = "\n".join(one for (one,) in rows)
                    assert f"search_document_{index}" in plan, plan
    finally:
        connection.close()


def test_the_planner_learns_of_what_is_taken_in(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shared, "MEASURE", 4)
    known = "SELECT reltuples FROM pg_class WHERE relname = 'search_document'"
    for count, rows in ((3, -1), (2, 5)):
        site.deliver(*[MESSAGE] * count)
        site.follow()
        assert site.rows(known) == [(rows,)]


def _named(parameters: dict[str, object], value: object) -> str:
    name = f"p{len(parameters)}"
    parameters[name] = value
    return f":{name}"


# -- the process


def process(site: Site) -> subprocess.Popen[bytes]:
    """The real one."""
    running = subprocess.Popen(
        [sys.executable, "-m", "mailhub.indexing", "-", "0", "plain", "60"],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
    )
    assert running.stdin is not None
    running.stdin.write(json.dumps({"database": site.where}).encode() + b"\n\n")
    running.stdin.flush()
    return running


def begun(site: Site, running: subprocess.Popen[bytes]) -> bool:
    return site.status().documents > 0 or running.poll() is not None


def test_killed_while_it_works_another_one_goes_on(site: Site) -> None:
    """All of it is there in the end, and once; all the while each message is found or looked at."""
    count = building.BATCH * 3
    site.deliver(*[MESSAGE + b"word " * 300] * count)
    with process(site) as running:
        assert until(lambda: begun(site, running), 30, each=0.005)
        running.kill()
    surely, maybe = site.found()
    assert sorted([*surely, *maybe]) == list(range(1, count + 1))
    with process(site) as running:
        assert until(lambda: site.status().documents == count, 30)
        assert running.stdin is not None
        running.stdin.close()
        assert running.wait(30) == 0
    assert site.found(Says(ANYWHERE, "annual")) == (list(range(1, count + 1)), [])
