"""Limits on guessing passwords: one count over all services, by address, network, account and
in all, so that a password sprayed over many accounts from many places is noticed as well.

A guess is counted before it is checked and given back when it was right, so that a thousand
guesses sent at once count as a thousand. Networks that an account logged in from before have a
count of their own: who attacks an account does not lock its owner out.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from ipaddress import ip_address

from mailhub.model.errors import Invalid, TooManyAttempts
from mailhub.model.settings import LimitSettings
from mailhub.ports import Counters
from mailhub.wire.networks import Networks, group

WINDOW = 60.0
"""Seconds in which guesses are counted."""
SHARED = ("guess:account:", "guess:all")
"""Counts that others fill, too."""
REMEMBERED = 30 * 86400.0
"""Seconds for which an account's network stays known."""


@dataclass(frozen=True, slots=True)
class Guess:
    """A guess under way: the counts it stands in, and the mark that success leaves. `held`: the
    account is under attack, from here or elsewhere: only what cannot be guessed may still let
    in."""

    counts: tuple[str, ...]
    mark: str
    known: bool
    held: bool = False


@dataclass(frozen=True, slots=True)
class Held:
    """Who guessed as often as is allowed. `network`: or the one address; `seconds`: until that is
    forgotten."""

    network: str
    count: int
    most: int
    seconds: float


class Guesses:
    """Counts guesses in `counters`, as `settings` allow."""

    def __init__(self, counters: Counters, settings: LimitSettings) -> None:
        self._counters = counters
        self._settings = settings
        self._exempt = Networks(settings.exempt_networks)

    async def begin(
        self, address: str, subject: str, *, proven: bool = False, sure: bool = False
    ) -> Guess:
        """Counts one guess from `address` at `subject` (an account, or a name nobody has).

        `proven`: the password is known to be right already; from a known network that is no
        guess. `sure`: it may be a secret that nobody guesses. Raises TooManyAttempts: then the
        password must not even be looked at; where others than the guesser did too much, and it is
        `sure`, the guess is held instead.
        """
        network = group(address, 24, 64)
        subject = _hidden(subject)
        mark = f"known:{subject}:{network}"
        if address in self._exempt:
            return Guess((), "", True)
        known = await self._counters.peek(mark) > 0
        if known and proven:
            return Guess((), mark, True)
        bounds = self._bounds(address, network, subject, known)
        counts = tuple(key for key, bound in bounds if bound > 0)
        held = False
        for key, bound in bounds:
            if bound > 0 and await self._counters.hit(key, WINDOW) > bound:
                held = sure and key.startswith(SHARED)
                if not held:
                    raise TooManyAttempts(retry_after=WINDOW)
                break
        return Guess(counts, mark, known, held)

    def _bounds(
        self, address: str, network: str, subject: str, known: bool
    ) -> tuple[tuple[str, int], ...]:
        settings = self._settings
        if known:
            return ((f"guess:own:{subject}:{network}", settings.guesses_per_address),)
        return (
            (f"guess:address:{group(address)}", settings.guesses_per_address),
            (f"guess:network:{network}", settings.guesses_per_network),
            (f"guess:account:{subject}", settings.guesses_per_account),
            ("guess:all", settings.guesses_in_all),
        )

    async def right(self, guess: Guess) -> None:
        """The guess was right: its counts go back, and the network is known from now on."""
        for key in guess.counts:
            await self._counters.hit(key, WINDOW, -1)
        if guess.mark and not guess.known:
            await self._counters.hit(guess.mark, REMEMBERED)

    async def held(self, address: str) -> tuple[Held, ...]:
        """Whether the address, or the network around it, has to wait."""
        found = []
        for name, key, most in self._places(address):
            count, seconds = await self._counters.remaining(key)
            if 0 < most <= count:
                found.append(Held(name, count, most, seconds))
        return tuple(found)

    async def release(self, address: str) -> None:
        """The address and its network may guess again. Raises Invalid."""
        try:
            ip_address(address)
        except ValueError:
            raise Invalid("This is no IP address", field="address") from None
        for _, key, _ in self._places(address):
            await self._counters.clear(key)

    def _places(self, address: str) -> tuple[tuple[str, str, int], ...]:
        """What the address is counted in alone: its name, its key, and how much is allowed."""
        settings, network = self._settings, group(address, 24, 64)
        own = group(address)
        return (
            (own, f"guess:address:{own}", settings.guesses_per_address),
            (network, f"guess:network:{network}", settings.guesses_per_network),
        )

    async def withdraw(self, guess: Guess) -> None:
        """Nothing was found out (the server could not check): the counts go back."""
        for key in guess.counts:
            await self._counters.hit(key, WINDOW, -1)


def _hidden(subject: str) -> str:
    """Names stand in no key: a count store may be shared, and a name may be a password mistyped."""
    return hashlib.sha256(subject.encode("utf-8", "surrogatepass")).hexdigest()[:24]
