"""WildDuck's calls on application-specific passwords: decode, one core call, encode."""

from __future__ import annotations

from base64 import b64encode

from mailhub.core.addresses import Addresses
from mailhub.core.identity import Identity
from mailhub.core.rights import Resource, creates, deletes, reads
from mailhub.http.about import About
from mailhub.http.call import Answer, Call
from mailhub.http.routing import route
from mailhub.http.wildduck import identity_shapes, replies, shapes
from mailhub.http.wildduck.shapes import Result
from mailhub.http.wildduck.subject import Subjects
from mailhub.model.account import Account
from mailhub.model.errors import Invalid, NotFound


class AppPasswords:
    """The calls."""

    def __init__(self, subjects: Subjects, identity: Identity, addresses: Addresses) -> None:
        self._subjects = subjects
        self._passwords = identity.app_passwords
        self._profiles = identity.profiles
        self._addresses = addresses

    @route(
        "GET",
        "/users/<user>/asps",
        about=About(
            takes=identity_shapes.AppPasswordList, answers={200: identity_shapes.AppPasswords}
        ),
        right=reads(Resource.APP_PASSWORDS),
    )
    async def all(self, call: Call) -> Answer:
        """A user's app passwords, oldest first."""
        wanted = shapes.read(identity_shapes.AppPasswordList, call)
        account = await self._subjects.of(wanted.user)
        rows = await self._passwords.all(account.number)
        shown = [
            identity_shapes.AppPasswordShown.model_validate(identity_shapes.app_password(row))
            for row in rows
            if wanted.show_all or not row.ttl
        ]
        return replies.shown(identity_shapes.AppPasswords(results=shown))

    @route(
        "GET",
        "/users/<user>/asps/<asp>",
        about=About(
            takes=identity_shapes.AppPasswordCall, answers={200: identity_shapes.AppPasswordOne}
        ),
        right=reads(Resource.APP_PASSWORDS),
    )
    async def show(self, call: Call) -> Answer:
        """One of them."""
        wanted = shapes.read(identity_shapes.AppPasswordCall, call)
        account = await self._subjects.of(wanted.user)
        for row in await self._passwords.all(account.number):
            if row.id == wanted.asp:
                fields = identity_shapes.app_password(row)
                return replies.shown(identity_shapes.AppPasswordOne.model_validate(fields))
        raise _unknown()

    @route(
        "POST",
        "/users/<user>/asps",
        about=About(
            takes=identity_shapes.NewAppPassword,
            answers={200: identity_shapes.AppPasswordWithProfile | identity_shapes.AppPasswordMade},
        ),
        right=creates(Resource.APP_PASSWORDS),
    )
    async def create(self, call: Call) -> Answer:
        """A new one; nobody is shown the password again."""
        wanted = shapes.read(identity_shapes.NewAppPassword, call)
        account = await self._subjects.of(wanted.user)
        if wanted.generate_mobileconfig:
            await self._require_mail(account, wanted)
        made, password = await self._passwords.create(
            account,
            wanted.description,
            wanted.bound(),
            shapes.actor(call, wanted),
            password=wanted.password,
            ttl=wanted.ttl,
        )
        shown = identity_shapes.AppPasswordMade(id=made.id, password=password)
        if not wanted.generate_mobileconfig:
            return replies.shown(shown)
        profile = await self._profiles.make(account, made, password, wanted.address)
        return replies.shown(
            identity_shapes.AppPasswordWithProfile(
                id=made.id, password=password, mobileconfig=b64encode(profile).decode()
            )
        )

    @route(
        "DELETE",
        "/users/<user>/asps/<asp>",
        about=About(takes=identity_shapes.AppPasswordCall, answers={200: Result}),
        right=deletes(Resource.APP_PASSWORDS),
    )
    async def remove(self, call: Call) -> Answer:
        """Ends one, and the user's sessions."""
        wanted = shapes.read(identity_shapes.AppPasswordCall, call)
        account = await self._subjects.of(wanted.user)
        try:
            await self._passwords.remove(account.number, wanted.asp, shapes.actor(call, wanted))
        except NotFound:
            raise _unknown() from None
        return replies.success()

    async def _require_mail(self, account: Account, wanted: identity_shapes.NewAppPassword) -> None:
        """Raises where no profile can be made of it, before anything is."""
        if not self._profiles.fits(wanted.bound()):
            text = "Profile file requires imap or pop3 and smtp scopes"
            raise replies.Refusal(400, "InvalidAuthScope", text)
        if not (wanted.address or account.address):
            raise Invalid("The user has no address", "address")
        if wanted.address:
            row = await self._addresses.find(wanted.address)
            if row is None or row.account != account.number:
                raise Invalid("Not an address of the user", "address")


def _unknown() -> replies.Refusal:
    return replies.Refusal(404, "AspNotFound", "Invalid or unknown ASP key")
