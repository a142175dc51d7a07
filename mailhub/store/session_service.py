"""`ports.Sessions` over whatever runs the work."""

from __future__ import annotations

from collections.abc import Awaitable

from mailhub.model.session import KeptSession
from mailhub.store import sessions
from mailhub.store.services import Runner


class SessionService:
    """`ports.Sessions`."""

    def __init__(self, runner: Runner) -> None:
        self._runner = runner

    def put(self, key: str, record: str, expires: int) -> Awaitable[None]:
        return self._runner.write(sessions.put, key, record, expires)

    def get(self, key: str) -> Awaitable[KeptSession | None]:
        return self._runner.read(sessions.get, key)

    def extend(self, key: str, expires: int) -> Awaitable[None]:
        return self._runner.write(sessions.extend, key, expires)

    def drop(self, key: str) -> Awaitable[None]:
        return self._runner.write(sessions.drop, key)
