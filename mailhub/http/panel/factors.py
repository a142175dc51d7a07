"""The page of an account's second factor."""

from __future__ import annotations

from mailhub.core.identity import Identity
from mailhub.core.rights import Resource, creates, deletes, reads, updates
from mailhub.http.call import Answer
from mailhub.http.panel.door import Door, Visitor, kept
from mailhub.http.panel.own import shown
from mailhub.model.account import Factor
from mailhub.model.errors import MailhubError
from mailhub.wire import qrcode

PAGE = "/two-step"


class Factors:
    """One-time codes: on, off."""

    def __init__(self, door: Door, identity: Identity) -> None:
        self._door = door
        self._codes = identity.codes

    @kept("GET", PAGE, reads(Resource.FACTORS))
    async def look(self, visitor: Visitor) -> Answer:
        """Whether it is on."""
        return _shown(visitor)

    @kept("POST", f"{PAGE}/begin", creates(Resource.FACTORS))
    async def begin(self, visitor: Visitor) -> Answer:
        """A seed that waits for its first code."""
        return await self._asked(visitor)

    @kept("POST", PAGE, updates(Resource.FACTORS))
    async def enable(self, visitor: Visitor) -> Answer:
        """Takes the first code: from now on the password alone opens nothing, and every other
        session ends."""
        code = "".join(visitor.fields.get("code", "").split())
        try:
            await self._codes.enable(visitor.account, code, visitor.call.peer, visitor.caller.actor)
        except MailhubError as error:
            return await self._asked(visitor, error.text)
        return await self._door.again(visitor, PAGE)

    @kept("POST", f"{PAGE}/off", deletes(Resource.FACTORS))
    async def disable(self, visitor: Visitor) -> Answer:
        """Turns them off, with one of them."""
        code = "".join(visitor.fields.get("code", "").split())
        actor = visitor.caller.actor
        try:
            await self._codes.check(visitor.account, code, visitor.call.peer, actor)
            await self._codes.disable(visitor.account, actor)
        except MailhubError as error:
            return _shown(visitor, problem=error.text)
        return await self._door.again(visitor, PAGE)

    async def _asked(self, visitor: Visitor, problem: str = "") -> Answer:
        try:
            seed, link = await self._codes.set_up(visitor.account, "mailhub", visitor.caller.actor)
        except MailhubError as error:
            return _shown(visitor, problem=error.text)
        return _shown(visitor, seed=seed, picture=qrcode.png(link), problem=problem)


def _shown(visitor: Visitor, *, seed: str = "", picture: str = "", problem: str = "") -> Answer:
    return shown(
        visitor,
        "two-step.html",
        400 if problem else 200,
        on=Factor.TOTP in visitor.account.factors,
        seed=seed,
        picture=picture,
        problem=problem,
    )
