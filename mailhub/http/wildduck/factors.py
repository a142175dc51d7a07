"""WildDuck's calls on second factors and reset passwords: decode, one core call, encode."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from mailhub.core.identity import Identity
from mailhub.core.rights import Resource, administers, creates, deletes, proves, updates
from mailhub.core.tokens import Tokens
from mailhub.http.about import About
from mailhub.http.call import Answer, Call
from mailhub.http.routing import route
from mailhub.http.wildduck import identity_shapes, replies, shapes
from mailhub.http.wildduck.shapes import Result, UserCall
from mailhub.http.wildduck.subject import Subjects
from mailhub.model.errors import AlreadyExists, AuthenticationFailed, NotFound
from mailhub.wire import qrcode

ISSUER = "mailhub"
"""Who an authenticator application says the code is for, where nobody does."""
DONE = About(takes=UserCall, answers={200: Result})


class Factors:
    """The calls."""

    def __init__(self, subjects: Subjects, identity: Identity, tokens: Tokens) -> None:
        self._subjects = subjects
        self._codes = identity.codes
        self._custom = identity.custom
        self._recovery = identity.recovery
        self._tokens = tokens

    @route(
        "POST",
        "/users/<user>/2fa/totp/setup",
        about=About(takes=identity_shapes.Setup, answers={200: identity_shapes.SeedShown}),
        right=creates(Resource.FACTORS),
    )
    async def setup(self, call: Call) -> Answer:
        """A seed that waits for its first code, as text and as a picture."""
        wanted = shapes.read(identity_shapes.Setup, call)
        account = await self._subjects.of(wanted.user)
        with _named():
            seed, link = await self._codes.set_up(
                account,
                wanted.issuer or ISSUER,
                shapes.actor(call, wanted),
                label=wanted.label,
                fresh=wanted.fresh,
            )
        return replies.shown(identity_shapes.SeedShown(seed=seed, qrcode=qrcode.png(link)))

    @route(
        "POST",
        "/users/<user>/2fa/totp/enable",
        about=About(takes=identity_shapes.Code, answers={200: Result}),
        right=updates(Resource.FACTORS),
    )
    async def enable(self, call: Call) -> Answer:
        """Turns one-time codes on, with the first of them."""
        wanted = shapes.read(identity_shapes.Code, call)
        account = await self._subjects.of(wanted.user)
        with _named(400):
            actor = shapes.actor(call, wanted)
            await self._codes.enable(account, wanted.token, call.peer, actor)
        return replies.success()

    @route(
        "POST",
        "/users/<user>/2fa/totp/check",
        about=About(takes=identity_shapes.Code, answers={200: Result}),
        right=proves(Resource.FACTORS),
    )
    async def check(self, call: Call) -> Answer:
        """Takes a code, once; a token that waited for it is good for everything from now on."""
        wanted = shapes.read(identity_shapes.Code, call)
        account = await self._subjects.of(wanted.user)
        with _named(403):
            actor = shapes.actor(call, wanted)
            await self._codes.check(account, wanted.token, call.peer, actor)
        if call.caller is not None:
            await self._tokens.proven(call.caller)
        return replies.success()

    @route("DELETE", "/users/<user>/2fa/totp", about=DONE, right=deletes(Resource.FACTORS))
    async def disable_totp(self, call: Call) -> Answer:
        """Turns one-time codes off; other factors stay."""
        wanted = shapes.read(UserCall, call)
        account = await self._subjects.of(wanted.user)
        with _named():
            await self._codes.disable(account, shapes.actor(call, wanted))
        return replies.success()

    @route("PUT", "/users/<user>/2fa/custom", about=DONE, right=creates(Resource.FACTORS))
    async def enable_custom(self, call: Call) -> Answer:
        """Says that the application asks for a factor of its own: mail programs then need app
        passwords."""
        wanted = shapes.read(UserCall, call)
        account = await self._subjects.of(wanted.user)
        await self._custom.enable(account, shapes.actor(call, wanted))
        return replies.success()

    @route("DELETE", "/users/<user>/2fa/custom", about=DONE, right=deletes(Resource.FACTORS))
    async def disable_custom(self, call: Call) -> Answer:
        """Says that it does so no more; other factors stay."""
        wanted = shapes.read(UserCall, call)
        account = await self._subjects.of(wanted.user)
        await self._custom.disable(account, shapes.actor(call, wanted))
        return replies.success()

    @route("DELETE", "/users/<user>/2fa", about=DONE, right=deletes(Resource.FACTORS))
    async def disable(self, call: Call) -> Answer:
        """Turns every second factor off; done again it succeeds again."""
        wanted = shapes.read(UserCall, call)
        account = await self._subjects.of(wanted.user)
        await self._codes.disable_all(account, shapes.actor(call, wanted))
        return replies.success()

    @route(
        "POST",
        "/users/<user>/password/reset",
        about=About(takes=UserCall, answers={200: identity_shapes.NewPassword}),
        right=administers(Resource.USERS),
    )
    async def reset(self, call: Call) -> Answer:
        """A new password that has to be replaced; second factors are off."""
        wanted = shapes.read(UserCall, call)
        account = await self._subjects.of(wanted.user)
        password = await self._recovery.reset(account.number, shapes.actor(call, wanted))
        return replies.shown(identity_shapes.NewPassword(password=password))


@contextmanager
def _named(status: int = 403) -> Iterator[None]:
    """Core's kinds in WildDuck's words. `status`: of a wrong code."""
    try:
        yield
    except AlreadyExists:
        raise replies.Refusal(400, "TotpEnabled", "TOTP 2FA is already enabled") from None
    except NotFound:
        raise replies.Refusal(400, "TotpDisabled", "TOTP 2FA is not initialized") from None
    except AuthenticationFailed as error:
        raise replies.Refusal(status, "InvalidToken", error.text) from None
