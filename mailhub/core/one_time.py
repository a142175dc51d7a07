"""One-time codes as a second factor: set up, confirm, check, turn off.

A code is taken once, ever, and six wrong ones shut the factor for three minutes: both are decided
in the store's commit, so they hold over processes and restarts. Guesses count in the limits that
all protocols share, too.
"""

from __future__ import annotations

from collections.abc import Sequence

from mailhub.core import profile
from mailhub.model.account import Account, Factor
from mailhub.model.change import Actor
from mailhub.model.envelope import Peer
from mailhub.model.errors import (
    AlreadyExists,
    AuthenticationFailed,
    Invalid,
    NotFound,
    TooManyAttempts,
)
from mailhub.model.identity import CodeDevice, Spent, Totp
from mailhub.model.settings import LimitSettings
from mailhub.policy.limits import Guesses
from mailhub.ports import Clock, Counters, Randomness, Storage
from mailhub.wire import otp, sealed

WINDOW = 6
"""Steps that a code may be from now: three minutes, as telephones' clocks are wrong by that."""
PENDING = 6 * 3600
"""Seconds that a seed waits for its first code."""
DEVICES = 10
"""Devices of one account."""
LABEL = 100
"""Longest label, in characters."""
PURPOSE = "one-time codes"
SHUT = 180.0
"""Seconds after which somebody who was wrong too often may try again."""


class OneTimeCodes:
    """Those of every account. `secret`: of this server; seeds are stored sealed with it."""

    def __init__(
        self,
        storage: Storage,
        counters: Counters,
        limits: LimitSettings,
        clock: Clock,
        randomness: Randomness,
        secret: bytes,
    ) -> None:
        self._factors = storage.factors
        self._guesses = Guesses(counters, limits)
        self._clock = clock
        self._randomness = randomness
        self._secret = secret

    async def set_up(
        self, account: Account, issuer: str, actor: Actor, *, label: str = "", fresh: bool = False
    ) -> tuple[str, str]:
        """(seed, `otpauth:` address to show as a QR code); the same again while the seed waits,
        unless `fresh`. Raises AlreadyExists (they are on), NotFound (the account), Corrupt (the
        server's secret is another one)."""
        waiting = await self._factors.totp(account.number)
        if waiting is not None and waiting.enabled:
            raise AlreadyExists("One-time codes are on already", "totp")
        if waiting is None or fresh or not self._waits(waiting):
            seed = otp.seed(self._randomness.token(otp.SEED))
            nonce = self._randomness.token(sealed.NONCE)
            kept = sealed.seal(self._secret, PURPOSE, account.number, seed, nonce)
            await self._factors.put_totp(account.number, kept, actor)
        else:
            seed = self._seed(account, waiting.seed)
        name = label or account.address or account.username
        return seed, otp.link(seed, name, issuer)

    async def enable(self, account: Account, code: str, peer: Peer, actor: Actor) -> None:
        """Turns them on, with the first code; sessions end where it is the first factor.

        Raises NotFound (nothing waits), AlreadyExists, AuthenticationFailed, TooManyAttempts.
        """
        waiting = await self._factors.totp(account.number)
        if waiting is not None and waiting.enabled:
            raise AlreadyExists("One-time codes are on already", "totp")
        if waiting is None or not self._waits(waiting):
            raise NotFound("One-time codes are not set up")
        await self._spend(account, waiting, code, peer, actor)

    async def check(self, account: Account, code: str, peer: Peer, actor: Actor) -> None:
        """Takes a code, which is good once. Raises NotFound (they are off),
        AuthenticationFailed, TooManyAttempts."""
        known = await self._factors.totp(account.number)
        if known is None or not known.enabled:
            raise NotFound("One-time codes are not set up")
        await self._spend(account, known, code, peer, actor)

    # -- devices

    async def devices(self, account: Account) -> Sequence[CodeDevice]:
        """Those whose codes are taken; none while they are off."""
        return await self._factors.devices(account.number)

    def fresh_seed(self) -> str:
        """For a device that is not enrolled yet: nothing is kept of it."""
        return otp.seed(self._randomness.token(otp.SEED))

    async def enroll(
        self, account: Account, seed: str, code: str, label: str, peer: Peer, actor: Actor
    ) -> CodeDevice:
        """One more device with this seed, which shows this code; sessions end.

        Raises Invalid (field `seed`: not 32 characters of base32; `code`: not one that it shows;
        `label`), LimitReached, TooManyAttempts, NotFound.
        """
        if otp.octets(seed) != otp.SEED:
            raise Invalid("A seed has 32 characters of base32", field="seed")
        guess = await self._guesses.begin(peer.address, f"#{account.number}")
        step = otp.step_of(seed, code, self._clock.now(), WINDOW)
        if step is None:
            raise Invalid("The device does not show this code", field="code")
        await self._guesses.right(guess)
        nonce = self._randomness.token(sealed.NONCE)
        kept = sealed.seal(self._secret, PURPOSE, account.number, seed, nonce)
        name = profile.line(label, "label", LABEL)
        return await self._factors.add_device(account.number, kept, name, step, DEVICES, actor)

    async def forget(self, account: Account, number: int, actor: Actor) -> None:
        """Codes of one device are no longer taken; the last one turns the factor off. Sessions
        end. Raises NotFound."""
        await self._factors.remove_device(account.number, number, actor)

    async def disable(self, account: Account, actor: Actor) -> None:
        """Turns them off; other factors stay. Sessions end. Raises NotFound (they are off)."""
        if not await self._factors.clear(account.number, (Factor.TOTP,), actor):
            raise NotFound("One-time codes are not set up")

    async def disable_all(self, account: Account, actor: Actor) -> None:
        """Turns every second factor off; done again it succeeds again."""
        await self._factors.clear(account.number, tuple(Factor), actor)

    async def _spend(
        self, account: Account, known: Totp, code: str, peer: Peer, actor: Actor
    ) -> None:
        guess = await self._guesses.begin(peer.address, f"#{account.number}")
        now, device = self._clock.now(), 0
        step = otp.step_of(self._seed(account, known.seed), code, now, WINDOW)
        if step is None and known.enabled:
            step, device = await self._other(account, known, code)
        outcome = await self._factors.spend(
            account.number, step, actor, enable=not known.enabled, device=device
        )
        if outcome is Spent.LIMITED:
            raise TooManyAttempts(retry_after=SHUT)
        if outcome is Spent.WRONG:
            raise AuthenticationFailed("Invalid authentication token")
        await self._guesses.right(guess)

    async def _other(self, account: Account, known: Totp, code: str) -> tuple[int | None, int]:
        """Time step and number of the further device that showed the code."""
        for device in await self._factors.devices(account.number):
            if device.seed != known.seed:
                seed = self._seed(account, device.seed)
                step = otp.step_of(seed, code, self._clock.now(), WINDOW)
                if step is not None:
                    return step, device.number
        return None, 0

    def _seed(self, account: Account, kept: str) -> str:
        return sealed.unseal(self._secret, PURPOSE, account.number, kept)

    def _waits(self, seed: Totp) -> bool:
        return self._clock.now() - seed.created < PENDING
