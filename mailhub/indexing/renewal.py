"""Making the indexes of terms in the database anew, beside everything else."""

from __future__ import annotations

from threading import Thread

from mailhub.store.faults import DriverError
from mailhub.store.postgres import search_building
from mailhub.store.postgres.connection import Connection

PATIENCE = 600_000
"""Milliseconds for which whoever still looks at the old ones is waited for."""


class Renewal:
    """`where`: the database. `failed`: what kept the last one from being done, in a line; empty for
    nothing."""

    def __init__(self, where: str) -> None:
        self.failed = ""
        self._where = where
        self._thread: Thread | None = None

    def begin(self, removed: int) -> None:
        """Begins with it if it is worth it, `removed` says (`search_building.worn`), and not under
        way. Who ends meanwhile leaves it to the database, which goes on."""
        if removed and not self.running:
            self._thread = Thread(target=self._run, args=(removed,), name="renewal", daemon=True)
            self._thread.start()

    @property
    def running(self) -> bool:
        """Whether one is under way."""
        return self._thread is not None and self._thread.is_alive()

    def _run(self, removed: int) -> None:
        try:
            connection = Connection(self._where)
            try:
                connection.wait(PATIENCE)
                search_building.renew(connection, removed)
            finally:
                connection.close()
        except DriverError as error:
            self.failed = f"following; worn, and could not be made anew: {error.reason}"
        else:
            self.failed = ""
