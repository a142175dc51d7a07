"""Browsers that are signed in to our pages: for how long, and the list in which one can end them.

A sign-in is a token of `core.tokens`, which alone opens anything and ends by itself; beside it
stands here which browser has it, and where it was seen. Cookies are the pages' affair.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from itertools import islice

from mailhub.core.rights import Caller
from mailhub.core.tokens import Tokens
from mailhub.model.account import Account
from mailhub.model.errors import AuthenticationFailed, NotFound, StorageFull
from mailhub.model.session import SignIn
from mailhub.model.settings import TokenSettings
from mailhub.ports import Clock, Randomness, Storage

PAUSE = 300.0
"""Seconds for which a browser that was seen is not written down again."""
MOST = 100
"""Browsers of one account; past it the one not seen for longest is signed out."""
AGENT = 80
"""Characters of a browser's name."""
REMEMBERED = 20_000


class SignIns:
    """The list, over the tokens that it is about."""

    def __init__(
        self,
        tokens: Tokens,
        storage: Storage,
        clock: Clock,
        randomness: Randomness,
        settings: TokenSettings,
    ) -> None:
        self._tokens = tokens
        self._storage = storage
        self._clock = clock
        self._randomness = randomness
        self._settings = settings
        self._seen: dict[str, float] = {}

    async def open(self, account: Account, address: str, agent: str) -> tuple[str, Caller]:
        """A token for a browser whose user showed the account's password, and what it is good for.
        Raises Unavailable."""
        known = await self._storage.sign_ins.of_account(account.number)
        for old in known[MOST - 1 :]:
            await self._end(old)
        life, longest = self._settings.browser_life, self._settings.browser_longest
        token, _ = await self._tokens.issue(account, life=life, longest=longest)
        caller = await self._tokens.caller(token, address)
        now = int(self._clock.now())
        one = SignIn(
            account.number,
            self._randomness.token(12).hex(),
            caller.session,
            account.auth_version,
            made=now,
            seen=now,
            address=address,
            agent=agent[:AGENT],
        )
        await self._storage.sign_ins.add(one, now + longest)
        return token, caller

    async def saw(self, caller: Caller) -> int:
        """The browser is here. Seconds for which it may keep its token from now on, where that is
        to be told again; 0: what it knows is good. Raises Unavailable."""
        now = self._clock.seconds()
        last = self._seen.pop(caller.session, None)
        if last is not None and now - last < PAUSE:
            self._seen[caller.session] = last
            return 0
        if len(self._seen) >= REMEMBERED:
            for oldest in list(islice(self._seen, REMEMBERED // 4)):
                del self._seen[oldest]
        self._seen[caller.session] = now
        assert caller.account is not None
        moment = int(self._clock.now())
        with suppress(StorageFull):  # whoever comes to make room has to get in
            await self._storage.sign_ins.saw(caller.account, caller.session, caller.address, moment)
        return max(1, await self._tokens.expires(caller) - moment)

    async def of_account(self, account: int) -> Sequence[SignIn]:
        """Those whose token still opens something, the last seen first. Raises Unavailable."""
        known = await self._storage.sign_ins.of_account(account)
        return [one for one in known if await self._tokens.lives(one.key)]

    async def end(self, account: int, id: str) -> None:
        """Signs one out. Raises NotFound, Unavailable."""
        for one in await self._storage.sign_ins.of_account(account):
            if one.id == id:
                await self._end(one)
                return
        raise NotFound("This session is over already")

    async def close(self, caller: Caller) -> None:
        """The browser leaves. Raises AuthenticationFailed, Unavailable."""
        if caller.account is None:
            raise AuthenticationFailed
        await self._tokens.end(caller.session)
        await self._storage.sign_ins.drop(caller.account, caller.session)

    async def _end(self, one: SignIn) -> None:
        await self._tokens.end(one.key)
        await self._storage.sign_ins.drop(one.account, one.key)
