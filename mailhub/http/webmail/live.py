"""What happens in an account, while a page of it is open: the stream that WildDuck's clients hear,
for browsers that are signed in here."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from mailhub.core.rights import Resource, reads
from mailhub.core.tokens import Tokens
from mailhub.http.call import EVENTS, Answer, Leash
from mailhub.http.feeds import Feeds
from mailhub.http.panel.door import Visitor, kept
from mailhub.model.errors import AuthenticationFailed, LimitReached, MailhubError

LISTENERS = 20
"""Pages of one account that listen at a time."""


class Live:
    """The stream."""

    def __init__(self, feeds: Feeds, tokens: Tokens) -> None:
        self._feeds = feeds
        self._tokens = tokens
        self._open: Counter[int] = Counter()

    @kept("GET", "/updates", reads(Resource.UPDATES))
    async def listen(self, visitor: Visitor) -> Answer:
        """Changes as they happen, until the session ends."""
        account, caller = visitor.account, visitor.caller
        if self._open[account.number] >= LISTENERS:
            raise LimitReached("Too many pages are open")
        leash = Leash()
        leash.let_go = self._counted(account.number, self._tokens.watch(caller, leash.pull))
        try:
            if not await self._tokens.lives(caller.session):  # it ended since it was looked at
                raise AuthenticationFailed
            last = visitor.call.header("last-event-id")[:255]
            stream = await self._feeds.stream(account.number, account.auth_version, last)
        except MailhubError:
            leash.let_go()
            raise
        buffered = ("X-Accel-Buffering", "no")
        return Answer(200, type=EVENTS, headers=(buffered,), stream=stream, leash=leash)

    def _counted(self, account: int, unheard: Callable[[], None]) -> Callable[[], None]:
        """One more listens. Returns what is to be done once when the stream is over."""
        self._open[account] += 1
        over = False

        def end() -> None:
            nonlocal over
            if over:
                return
            over = True
            unheard()
            self._open[account] -= 1
            if not self._open[account]:
                del self._open[account]

        return end
