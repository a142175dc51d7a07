"""The ports of logins over whatever runs the work, as `services` is for mail."""

from __future__ import annotations

from collections.abc import Awaitable, Sequence

from mailhub.model.account import Account, Factor, Secrets
from mailhub.model.change import Actor
from mailhub.model.identity import (
    AppPassword,
    AuthEntry,
    AuthEvent,
    Challenge,
    CodeDevice,
    Login,
    LoginNote,
    NewAppPassword,
    SecurityKey,
    Spent,
    Totp,
)
from mailhub.store import app_passwords, authlog, factors
from mailhub.store.services import Runner


class AppPasswordService:
    """`ports.AppPasswords`."""

    def __init__(self, runner: Runner) -> None:
        self._runner = runner

    def all(self, account: int, now: int) -> Awaitable[Sequence[AppPassword]]:
        return self._runner.read(app_passwords.every, account, now)

    def add(
        self, account: int, order: NewAppPassword, most: int, actor: Actor
    ) -> Awaitable[AppPassword]:
        return self._runner.write(app_passwords.add, account, order, most, actor)

    def remove(self, account: int, id: str, actor: Actor) -> Awaitable[None]:
        return self._runner.write(app_passwords.remove, account, id, actor)


class FactorService:
    """`ports.Factors`."""

    def __init__(self, runner: Runner) -> None:
        self._runner = runner

    def totp(self, account: int) -> Awaitable[Totp | None]:
        return self._runner.read(factors.totp, account)

    def put_totp(self, account: int, seed: str, actor: Actor) -> Awaitable[None]:
        return self._runner.write(factors.put_totp, account, seed, actor)

    def spend(
        self,
        account: int,
        step: int | None,
        actor: Actor,
        *,
        enable: bool = False,
        device: int = 0,
    ) -> Awaitable[Spent]:
        return self._runner.write(factors.spend, account, step, actor, enable, device)

    def devices(self, account: int) -> Awaitable[Sequence[CodeDevice]]:
        return self._runner.read(factors.devices, account)

    def add_device(
        self, account: int, seed: str, label: str, step: int, most: int, actor: Actor
    ) -> Awaitable[CodeDevice]:
        return self._runner.write(factors.add_device, account, seed, label, step, most, actor)

    def remove_device(self, account: int, number: int, actor: Actor) -> Awaitable[None]:
        return self._runner.write(factors.remove_device, account, number, actor)

    def turn_on(self, account: int, factor: Factor, actor: Actor) -> Awaitable[None]:
        return self._runner.write(factors.turn_on, account, factor, actor)

    def clear(self, account: int, gone: Sequence[Factor], actor: Actor) -> Awaitable[bool]:
        return self._runner.write(factors.clear, account, gone, actor)

    def reset_password(self, account: int, secrets: Secrets, actor: Actor) -> Awaitable[Account]:
        return self._runner.write(factors.reset_password, account, secrets, actor)

    def keys(self, account: int) -> Awaitable[Sequence[SecurityKey]]:
        return self._runner.read(factors.keys, account)

    def add_key(self, key: SecurityKey, most: int, actor: Actor) -> Awaitable[SecurityKey]:
        return self._runner.write(factors.add_key, key, most, actor)

    def remove_key(self, account: int, id: str, actor: Actor) -> Awaitable[None]:
        return self._runner.write(factors.remove_key, account, id, actor)

    def key_used(
        self, account: int, number: int, before: int, uses: int, actor: Actor
    ) -> Awaitable[bool]:
        return self._runner.write(factors.key_used, account, number, before, uses, actor)

    def put_challenge(self, account: int, kind: str, challenge: Challenge) -> Awaitable[None]:
        return self._runner.write(factors.put_challenge, account, kind, challenge)

    def take_challenge(self, account: int, kind: str) -> Awaitable[Challenge | None]:
        return self._runner.write(factors.take_challenge, account, kind)


class AuthLogService:
    """`ports.AuthLog`."""

    def __init__(self, runner: Runner) -> None:
        self._runner = runner

    def note(self, notes: Sequence[LoginNote]) -> Awaitable[None]:
        return self._runner.write(authlog.note, notes)

    def event(self, account: int, event: AuthEvent, actor: Actor) -> Awaitable[None]:
        return self._runner.write(authlog.event, account, event, actor)

    def page(
        self,
        account: int,
        *,
        after: int = 0,
        before: int = 0,
        limit: int = 20,
        action: str = "",
        session: str = "",
        ip: str = "",
    ) -> Awaitable[tuple[Sequence[AuthEntry], int]]:
        return self._runner.read(authlog.page, account, after, before, limit, action, session, ip)

    def everybody(
        self, *, account: int | None, ip: str, failures: bool, before: str, limit: int
    ) -> Awaitable[tuple[Sequence[Login], str]]:
        return self._runner.read(authlog.everybody, account, ip, failures, before, limit)

    def get(self, account: int, id: str) -> Awaitable[AuthEntry | None]:
        return self._runner.read(authlog.get, account, id)
