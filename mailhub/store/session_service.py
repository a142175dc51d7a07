"""`ports.Sessions` and `ports.SignIns` over whatever runs the work."""

from __future__ import annotations

from collections.abc import Awaitable, Sequence

from mailhub.model.session import KeptSession, SignIn
from mailhub.store import sessions, sign_ins
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


class SignInService:
    """`ports.SignIns`."""

    def __init__(self, runner: Runner) -> None:
        self._runner = runner

    def add(self, one: SignIn, expires: int) -> Awaitable[None]:
        return self._runner.write(sign_ins.add, one, expires)

    def of_account(self, account: int) -> Awaitable[Sequence[SignIn]]:
        return self._runner.read(sign_ins.of_account, account)

    def saw(self, account: int, key: str, address: str, now: int) -> Awaitable[None]:
        return self._runner.write(sign_ins.saw, account, key, address, now)

    def drop(self, account: int, key: str) -> Awaitable[None]:
        return self._runner.write(sign_ins.drop, account, key)
