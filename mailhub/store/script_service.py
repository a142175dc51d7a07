"""`ports.Scripts` over whatever runs the work, as `services` for the other ports."""

from __future__ import annotations

from collections.abc import Awaitable, Sequence

from mailhub.model.change import Actor
from mailhub.model.script import Allowance, Script
from mailhub.store import scripts
from mailhub.store.services import Runner


class ScriptService:
    """`ports.Scripts`."""

    def __init__(self, runner: Runner) -> None:
        self._runner = runner

    def scripted(self) -> Awaitable[Sequence[int]]:
        return self._runner.read(scripts.scripted)

    def of_account(self, account: int) -> Awaitable[Sequence[Script]]:
        return self._runner.read(scripts.of_account, account)

    def get(self, account: int, name: str) -> Awaitable[Script | None]:
        return self._runner.read(scripts.get, account, name)

    def active(self, account: int) -> Awaitable[Script | None]:
        return self._runner.read(scripts.active, account)

    def put(self, one: Script, allowance: Allowance, actor: Actor) -> Awaitable[None]:
        return self._runner.write(scripts.put, one, allowance, actor)

    def activate(self, account: int, name: str, actor: Actor) -> Awaitable[None]:
        return self._runner.write(scripts.activate, account, name, actor)

    def rename(self, account: int, name: str, new_name: str, actor: Actor) -> Awaitable[None]:
        return self._runner.write(scripts.rename, account, name, new_name, actor)

    def remove(self, account: int, name: str, actor: Actor) -> Awaitable[None]:
        return self._runner.write(scripts.remove, account, name, actor)

    def note_failure(self, account: int, name: str, failure: str) -> Awaitable[None]:
        return self._runner.write(scripts.note_failure, account, name, failure)
