"""What the store keeps of logins: app passwords, second factors, and the log."""

from __future__ import annotations

from collections.abc import Awaitable, Sequence
from typing import Protocol

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
from mailhub.model.session import SignIn


class AppPasswords(Protocol):
    """Passwords for single applications."""

    def all(self, account: int, now: int) -> Awaitable[Sequence[AppPassword]]:
        """Those that did not expire by `now` (epoch seconds), oldest first."""
        ...

    def add(
        self, account: int, order: NewAppPassword, most: int, actor: Actor
    ) -> Awaitable[AppPassword]:
        """Raises NotFound (the account), LimitReached (there are `most` already)."""
        ...

    def remove(self, account: int, id: str, actor: Actor) -> Awaitable[None]:
        """Ends the account's sessions in the same commit. Raises NotFound."""
        ...


class Factors(Protocol):
    """Second factors. What turns one on or off ends the account's sessions in the same commit;
    a further one beside another leaves them."""

    def totp(self, account: int) -> Awaitable[Totp | None]: ...
    def put_totp(self, account: int, seed: str, actor: Actor) -> Awaitable[None]:
        """A seed that waits to be confirmed, in place of one that waited before. Raises
        AlreadyExists (one is on), NotFound (the account)."""
        ...

    def spend(
        self,
        account: int,
        step: int | None,
        actor: Actor,
        *,
        enable: bool = False,
        device: int = 0,
    ) -> Awaitable[Spent]:
        """Takes the code of a time step, once and for all; None: the code was wrong, which
        counts. `enable`: it confirms the waiting seed, and the factor is on. `device`: the number
        of a further one that showed it; 0: the one that `totp` gives. Raises NotFound (there is no
        seed in that state)."""
        ...

    def devices(self, account: int) -> Awaitable[Sequence[CodeDevice]]:
        """All that show codes which are taken, by number; none while the factor is off."""
        ...

    def add_device(
        self, account: int, seed: str, label: str, step: int, most: int, actor: Actor
    ) -> Awaitable[CodeDevice]:
        """One more, whose code of `step` was shown; the first one turns the factor on. Sessions
        end. Raises NotFound (the account), LimitReached (there are `most` already)."""
        ...

    def remove_device(self, account: int, number: int, actor: Actor) -> Awaitable[None]:
        """The last one turns the factor off. Sessions end. Raises NotFound."""
        ...

    def turn_on(self, account: int, factor: Factor, actor: Actor) -> Awaitable[None]:
        """A factor that has no proof here; nothing happens where it is on. Raises NotFound (the
        account)."""
        ...

    def clear(self, account: int, factors: Sequence[Factor], actor: Actor) -> Awaitable[bool]:
        """Turns these off; whether any was on. Raises NotFound (the account)."""
        ...

    def reset_password(self, account: int, secrets: Secrets, actor: Actor) -> Awaitable[Account]:
        """A password that has to be replaced, and no second factor. Raises NotFound."""
        ...

    def keys(self, account: int) -> Awaitable[Sequence[SecurityKey]]:
        """Security keys, oldest first."""
        ...

    def add_key(self, key: SecurityKey, most: int, actor: Actor) -> Awaitable[SecurityKey]:
        """`number` is given here. Raises NotFound (the account), AlreadyExists (the credential),
        LimitReached."""
        ...

    def remove_key(self, account: int, id: str, actor: Actor) -> Awaitable[None]:
        """Raises NotFound."""
        ...

    def key_used(
        self, account: int, number: int, before: int, uses: int, actor: Actor
    ) -> Awaitable[bool]:
        """Notes a use, where its count is still `before`; whether it was."""
        ...

    def put_challenge(self, account: int, kind: str, challenge: Challenge) -> Awaitable[None]:
        """In place of the one of this kind that waited."""
        ...

    def take_challenge(self, account: int, kind: str) -> Awaitable[Challenge | None]:
        """The one that waits, which then waits no more."""
        ...


class AuthLog(Protocol):
    """The log of what concerns logins, by account."""

    def note(self, notes: Sequence[LoginNote]) -> Awaitable[None]:
        """Writes all of them in one commit; those of accounts that are gone are left out."""
        ...

    def event(self, account: int, event: AuthEvent, actor: Actor) -> Awaitable[None]:
        """Writes one that no change of the store brought with it."""
        ...

    def everybody(
        self, *, account: int | None, ip: str, failures: bool, before: str, limit: int
    ) -> Awaitable[tuple[Sequence[Login], str]]:
        """Entries of all accounts, or one, by when they began, newest first; and the id before
        which it goes on, empty where it does not. `ip`: what the address begins with. Looks at a
        bounded number of entries, so there may be more although few were found."""
        ...

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
        """Entries newest first, and how many match in all. `before` (not 0): those older than
        that number; `after` (not 0): the nearest that are newer than that, newest first too."""
        ...

    def get(self, account: int, id: str) -> Awaitable[AuthEntry | None]: ...


class SignIns(Protocol):
    """Browsers that are signed in, for their account to see. What opens anything is the session
    of `ports.Sessions`, under the same key."""

    def add(self, one: SignIn, expires: int) -> Awaitable[None]:
        """In place of those of an older `auth_version`. `expires`: epoch seconds when it is
        forgotten."""
        ...

    def of_account(self, account: int) -> Awaitable[Sequence[SignIn]]:
        """All of them, the last seen first."""
        ...

    def saw(self, account: int, key: str, address: str, now: int) -> Awaitable[None]:
        """It was used from there at `now`. Nothing happens where there is none."""
        ...

    def drop(self, account: int, key: str) -> Awaitable[None]:
        """Done again it changes nothing."""
        ...
