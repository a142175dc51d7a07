"""WildDuck's calls on the very token that they are called with."""

from __future__ import annotations

from typing import Literal

from mailhub.core.rights import Resource, Standing, deletes, reads
from mailhub.core.tokens import Tokens as CoreTokens
from mailhub.http.about import About
from mailhub.http.call import Answer, Call
from mailhub.http.routing import route
from mailhub.http.wildduck import replies, shapes
from mailhub.http.wildduck.shapes import Parameters, Result

Pending = Literal["factor", "password", False]
PENDING: dict[Standing, Pending] = {
    Standing.WHOLE: False,
    Standing.FACTOR: "factor",
    Standing.PASSWORD: "password",
}


class Whose(Result):
    """What a token stands for. `user`: an account's id, false for none. `pending`: what it waits
    for before it opens anything else, false for nothing. `expires`: epoch seconds when it ends
    unless it is used, false for never."""

    user: str | Literal[False]
    role: str
    pending: Pending
    expires: int | Literal[False]


class Tokens:
    """The calls."""

    def __init__(self, tokens: CoreTokens) -> None:
        self._tokens = tokens

    @route(
        "GET",
        "/authenticated",
        about=About(takes=Parameters, answers={200: Whose}),
        right=reads(Resource.TOKENS),
    )
    async def whose(self, call: Call) -> Answer:
        """What the token of this call stands for."""
        shapes.read(Parameters, call)
        caller = call.caller
        assert caller is not None
        return replies.shown(
            Whose(
                user=caller.id or False,
                role=caller.role.value,
                pending=PENDING[caller.standing],
                expires=await self._tokens.expires(caller) if caller.session else False,
            )
        )

    @route(
        "DELETE",
        "/authenticate",
        about=About(takes=Parameters, answers={200: Result}),
        right=deletes(Resource.TOKENS),
    )
    async def end(self, call: Call) -> Answer:
        """Ends the token of this call, and every stream that it opened."""
        shapes.read(Parameters, call)
        caller = call.caller
        assert caller is not None
        if not caller.session:
            raise replies.Refusal(
                403, "MissingPrivileges", "The configuration holds this token; no call ends it"
            )
        await self._tokens.end(caller.session)
        return replies.shown(Result())
