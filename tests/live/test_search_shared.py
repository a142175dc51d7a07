"""Searching on a real server whose mail, and its index, is in PostgreSQL."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from tests.live import storing
from tests.live.peers import until
from tests.live.test_search import COUNT, Site, letter


class Shared(Site):
    """`url`: of the database."""

    def __init__(self, folder: Path) -> None:
        self.url = storing.server().url(storing.server().database())
        super().__init__(folder, "true", f'\n[store]\ndatabase = "{self.url}"\n')

    def builds(self) -> list[int]:
        """Numbers of the indexes that there are."""
        with psycopg.connect(self.url) as connection:
            found = connection.execute("SELECT number FROM search_build ORDER BY number")
            return [number for (number,) in found.fetchall()]


pytestmark = pytest.mark.scale


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shared]:
    """With an index that has all there is."""
    made = Shared(tmp_path_factory.mktemp("shared"))
    try:
        assert until(made.followed, 60)
        yield made
    finally:
        assert made.server.stop() == 0, made.server.log.read_text()[-3000:]


def test_everything_is_found(shared: Shared) -> None:
    shared.finds_all()
    assert shared.status()["documents"] == COUNT + 4
    assert shared.ids(query="zeppelin") == [84]


def test_where_the_database_is_no_command_shows(shared: Shared) -> None:
    process = Path(f"/proc/{shared.process()}")
    assert shared.url.encode() not in process.joinpath("cmdline").read_bytes()
    assert shared.url.encode() not in process.joinpath("environ").read_bytes()


def test_new_mail_is_found_before_it_is_indexed_and_when_the_process_was_killed(
    shared: Shared,
) -> None:
    before = shared.process()
    os.kill(before, signal.SIGKILL)
    shared.append([letter("late", "a walrus\n").as_bytes().replace(b"\n", b"\r\n")])
    assert shared.ids(query="walrus") == [85]
    assert shared.search("BODY alru") == [85]
    assert until(lambda: shared.process() not in (0, before), 60)
    assert until(shared.followed, 60)
    assert shared.ids(query="walrus") == [85]


def test_it_is_made_anew_by_command(shared: Shared) -> None:
    assert until(shared.followed, 60)
    (before,) = shared.builds()
    shared.server.command("index", "rebuild")
    assert shared.ids(query="annual") == [81]
    assert until(lambda: before not in shared.builds(), 60)
    assert until(shared.followed, 60)
    assert shared.ids(query="annual") == [81]
    assert shared.ids(query="quagga") == [84]
