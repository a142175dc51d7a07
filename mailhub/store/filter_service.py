"""`ports.Filters` over whatever runs the work, as `services` for the other ports."""

from __future__ import annotations

from collections.abc import Awaitable, Collection, Sequence

from mailhub.model.change import Actor
from mailhub.model.filter import Autoreply, Filter, OwnedFilter, Ruling
from mailhub.store import filters
from mailhub.store.services import Runner


class FilterService:
    """`ports.Filters`."""

    def __init__(self, runner: Runner) -> None:
        self._runner = runner

    def ruled(self) -> Awaitable[Sequence[int]]:
        return self._runner.read(filters.ruled)

    def ruling(self, account: int) -> Awaitable[Ruling]:
        return self._runner.read(filters.ruling, account)

    def of_account(self, account: int) -> Awaitable[Sequence[Filter]]:
        return self._runner.read(filters.of_account, account)

    def page(
        self, *, after: int = 0, before: int = 0, limit: int = 100, target: str = ""
    ) -> Awaitable[tuple[Sequence[OwnedFilter], int]]:
        return self._runner.read(filters.page, after, before, limit, target)

    def add(self, one: Filter, most: int, actor: Actor) -> Awaitable[Filter]:
        return self._runner.write(filters.add, one, most, actor)

    def replace(self, one: Filter, actor: Actor) -> Awaitable[None]:
        return self._runner.write(filters.replace, one, actor)

    def remove(self, account: int, id: str, actor: Actor) -> Awaitable[None]:
        return self._runner.write(filters.remove, account, id, actor)

    def autoreply(self, account: int) -> Awaitable[Autoreply | None]:
        return self._runner.read(filters.autoreply, account)

    def set_autoreply(self, one: Autoreply, actor: Actor) -> Awaitable[None]:
        return self._runner.write(filters.set_autoreply, one, actor)

    def remove_autoreply(self, account: int, actor: Actor) -> Awaitable[None]:
        return self._runner.write(filters.remove_autoreply, account, actor)

    def marked(self, account: int, keys: Collection[str], now: int) -> Awaitable[Collection[str]]:
        return self._runner.read(filters.keys_marked, account, keys, now)
