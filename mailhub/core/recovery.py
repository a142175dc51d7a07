"""Helps back in who lost a password: a new one, given by somebody else and so to be replaced."""

from __future__ import annotations

from mailhub.core.app_passwords import salt_of
from mailhub.core.letters import MIXED, word
from mailhub.model.change import Actor
from mailhub.ports import Hashing, Randomness, Storage

LENGTH = 12


class Recovery:
    """Resets passwords."""

    def __init__(self, storage: Storage, hashing: Hashing, randomness: Randomness) -> None:
        self._storage = storage
        self._hashing = hashing
        self._randomness = randomness

    async def reset(self, account: int, actor: Actor) -> str:
        """A new password of 12 letters and digits. It takes the old one's place, every second
        factor is off, sessions end, and it opens nothing but a login that asks for a new one.
        Raises NotFound, Unavailable."""
        password = word(self._randomness, MIXED, LENGTH)
        secrets = await self._hashing.hash(password, await salt_of(self._storage, account))
        await self._storage.factors.reset_password(account, secrets, actor)
        return password
