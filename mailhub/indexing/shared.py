"""The index in a database, which several servers share: one of them keeps it at a time."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Protocol

from mailhub.indexing.line import AwayError
from mailhub.indexing.reading import Lag, Reading, Steps, too_large
from mailhub.indexing.renewal import Renewal
from mailhub.model.errors import Corrupt
from mailhub.model.message import BlobRef
from mailhub.store.faults import DriverError
from mailhub.store.fulltext import building
from mailhub.store.fulltext.building import Waiting
from mailhub.store.postgres import bodies, search_building
from mailhub.store.postgres.connection import Connection
from mailhub.store.postgres.search import VERSION
from mailhub.store.postgres.search_building import BEGINNING, Build, Key, StaleError
from mailhub.store.s3.names import SEALED

LOOK = 5.0
"""Seconds between two looks where nobody says anything."""
PAUSE = 1.0
"""Seconds until a database, or bodies, that cannot be had are tried again."""
MEASURE = 500
"""Documents, and half as many again as at the last time, after which the planner learns of them."""
REVIEW = 3600.0
"""Seconds between two rounds in which what is gone is taken out."""


class Server(Protocol):
    """What this asks of `line.Line`."""

    def say(self, what: str) -> None: ...
    def behind(self, count: int) -> None: ...
    def ended(self, seconds: float) -> bool: ...
    def bodies(self, refs: Sequence[BlobRef]) -> list[bytes | None]: ...


class Follower:
    """`where`: the database, as libpq wants it."""

    def __init__(
        self, where: str, reading: Reading, server: Server, review: float = REVIEW
    ) -> None:
        self._where = where
        self._reading = reading
        self._server = server
        self._lag = Lag(server.behind)
        self._review_every = review
        self._opened: Connection | None = None
        self._steps: dict[int, Steps] = {}
        self._place: Key | None = BEGINNING
        """Where the round is in which what is gone is taken out; None for none."""
        self._reviewed = time.monotonic()
        self._renewal = Renewal(where)
        self._measured = 0
        """Documents at the last time that the planner learned of them."""

    def run(self) -> None:
        """Until the server is gone."""
        pause = 0.0
        while not self._server.ended(pause):
            try:
                pause = self._turn()
            except StaleError:
                pause = LOOK
            except AwayError:
                self._server.say("waiting: bodies cannot be had")
                pause = PAUSE
            except DriverError as error:
                self._server.say(f"waiting: {error.reason}")
                self._close()
                pause = PAUSE
        self._close()

    def _turn(self) -> float:
        """Does the next thing; how long nothing is to be done then."""
        connection = self._connection()
        known = search_building.builds(connection)
        if any(build.version > VERSION for build in known):
            self._server.say("off: a newer version of this program keeps the index")
            return LOOK
        asked = search_building.asked(known)
        if asked is None or building.ahead(connection, asked.position):
            self._server.say("building")
            search_building.begin(connection)
            return 0
        if self._step(connection, asked):
            return 0
        made = search_building.making(known)
        if made is not None:
            self._server.say("rebuilding")
            if not self._step(connection, made):
                self._replace(connection, made)
            return 0
        if known != [asked]:
            self._replace(connection, asked)
            return 0
        self._server.say(self._renewal.failed or "following")
        self._lag.over()
        self._done()
        return self._remove(connection)

    def _replace(self, connection: Connection, build: Build) -> None:
        """It is the only one from now on."""
        search_building.serve(connection, build)
        self._steps = {}
        self._place = BEGINNING

    def _remove(self, connection: Connection) -> float:
        """Takes out some of what is gone, from time to time, and what it left in the indexes."""
        now = time.monotonic()
        if self._place is None and now - self._reviewed >= self._review_every:
            self._place = BEGINNING
        if self._place is None:
            return LOOK
        self._place = search_building.remove(connection, self._place)
        self._reviewed = now
        if self._place is None:
            self._renewal.begin(search_building.worn(search_building.builds(connection)))
        return 0

    # -- messages

    def _step(self, connection: Connection, build: Build) -> bool:
        """Takes in the next messages; whether there were any."""
        taken = building.waiting(connection, build.position)
        if not taken:
            return False
        steps = self._steps.get(build.number)
        if steps is None:
            steps = self._steps[build.number] = Steps(RowSlate(connection, build))
        alone = steps.careful(taken[0].content)
        taken = taken[:1] if alone else taken
        found = self._read(connection, taken)
        fatal = steps.take(taken[0].content, taken[-1].content, alone=alone)
        made = [
            (one, None if fatal or data is None else self._reading.document(one, data))
            for one, data in zip(taken, found, strict=True)
        ]
        search_building.put(connection, build, made)
        if build.serving:
            self._lag.step(connection, taken[-1].content)
        self._measure(connection, build.documents + len(made))
        return True

    def _measure(self, connection: Connection, documents: int) -> None:
        if documents >= max(MEASURE, self._measured * 3 // 2):
            self._measured = documents
            search_building.measure(connection)

    def _read(self, connection: Connection, taken: Sequence[Waiting]) -> list[bytes | None]:
        """The blob of each; None for what searches are to look at themselves."""
        found: dict[BlobRef, bytes | None] = {}
        refs = [one.blob for one in taken if not too_large(one)]
        outside = [ref for ref in refs if ref.segment >= SEALED]
        if outside:
            found.update(zip(outside, self._server.bodies(outside), strict=True))
        here = [ref for ref in refs if ref.segment < SEALED]
        if here:
            found.update(zip(here, _here(connection, here), strict=True))
        return [found.get(one.blob) for one in taken]

    def _done(self) -> None:
        for steps in self._steps.values():
            steps.done()
        self._steps = {}

    # -- the connection

    def _connection(self) -> Connection:
        if self._opened is None:
            self._opened = Connection(self._where)
        return self._opened

    def _close(self) -> None:
        opened, self._opened = self._opened, None
        self._steps = {}
        if opened is not None:
            opened.close()


class RowSlate:
    """`reading.Slate` in a build's row."""

    def __init__(self, connection: Connection, build: Build) -> None:
        self._connection = connection
        self._build = build

    def read(self) -> tuple[int, int, int]:
        """See `Slate`."""
        return self._build.first, self._build.last, self._build.tries

    def write(self, first: int, last: int, tries: int) -> None:
        """See `Slate`."""
        search_building.note(self._connection, self._build.number, first, last, tries)

    def wipe(self) -> None:
        """See `Slate`."""
        self.write(0, 0, 0)


def _here(connection: Connection, refs: Sequence[BlobRef]) -> list[bytes | None]:
    """Bodies that stand in the database as they are."""
    try:
        return list(bodies.read(connection, refs))
    except Corrupt:
        return [_one(connection, ref) for ref in refs]


def _one(connection: Connection, ref: BlobRef) -> bytes | None:
    try:
        (data,) = bodies.read(connection, [ref])
    except Corrupt:
        return None
    return data
