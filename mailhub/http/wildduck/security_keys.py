"""WildDuck's calls on security keys (WebAuthn): decode, one core call, encode."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from mailhub.core.identity import Identity
from mailhub.core.rights import Resource, check, creates, deletes, proves, reads
from mailhub.core.security_keys import LIFE, party_of
from mailhub.core.tokens import Tokens
from mailhub.http.about import About
from mailhub.http.call import Answer, Call
from mailhub.http.routing import route
from mailhub.http.wildduck import replies, security_key_shapes, shapes
from mailhub.http.wildduck.shapes import UserCall
from mailhub.http.wildduck.subject import Subjects
from mailhub.model.errors import AlreadyExists, AuthenticationFailed, NotFound, Unsupported
from mailhub.wire.passkey import Assertion

PATH = "/users/<user>/2fa/webauthn"


class SecurityKeys:
    """The calls."""

    def __init__(self, subjects: Subjects, identity: Identity, tokens: Tokens) -> None:
        self._subjects = subjects
        self._keys = identity.keys
        self._tokens = tokens

    @route(
        "GET",
        f"{PATH}/credentials",
        about=About(takes=UserCall, answers={200: security_key_shapes.Keys}),
        right=reads(Resource.FACTORS),
    )
    async def all(self, call: Call) -> Answer:
        """A user's security keys."""
        account = await self._subjects.of(shapes.read(UserCall, call).user)
        rows = await self._keys.all(account.number)
        shown = [security_key_shapes.key(row) for row in rows]
        return replies.shown(security_key_shapes.Keys(credentials=shown))

    @route(
        "DELETE",
        f"{PATH}/credentials/<credential>",
        about=About(takes=security_key_shapes.KeyCall, answers={200: security_key_shapes.Removed}),
        right=deletes(Resource.FACTORS),
    )
    async def remove(self, call: Call) -> Answer:
        """Forgets one; `deleted` says whether it was there."""
        wanted = shapes.read(security_key_shapes.KeyCall, call)
        account = await self._subjects.of(wanted.user)
        try:
            await self._keys.remove(account, wanted.credential, shapes.actor(call, wanted))
        except NotFound:
            return replies.shown(security_key_shapes.Removed(deleted=False))
        return replies.shown(security_key_shapes.Removed(deleted=True))

    @route(
        "POST",
        f"{PATH}/registration-challenge",
        about=About(
            takes=security_key_shapes.NewKey, answers={200: security_key_shapes.Registration}
        ),
        right=creates(Resource.FACTORS),
    )
    async def begin_registration(self, call: Call) -> Answer:
        """What a page needs to make a new key."""
        wanted = shapes.read(security_key_shapes.NewKey, call)
        account = await self._subjects.of(wanted.user)
        party = party_of(wanted.origin, wanted.rp_id)
        kind = wanted.authenticator_attachment
        challenge = await self._keys.begin_registration(account, party, wanted.description, kind)
        name = account.address or account.username
        options = security_key_shapes.RegistrationOptions(
            challenge=challenge.hex(),
            user=security_key_shapes.Person(
                id=account.id, name=name, display_name=account.name or account.username
            ),
            rp=security_key_shapes.Named(id=party.id, name=party.id),
            authenticator_selection=security_key_shapes.Selection(authenticator_attachment=kind),
            exclude_credentials=[
                security_key_shapes.known(row) for row in await self._keys.all(account.number)
            ],
        )
        return replies.shown(security_key_shapes.Registration(registration_options=options))

    @route(
        "POST",
        f"{PATH}/registration-attestation",
        about=About(takes=security_key_shapes.Attested, answers={200: security_key_shapes.Made}),
        right=creates(Resource.FACTORS),
    )
    async def register(self, call: Call) -> Answer:
        """A new key, which turns the factor on."""
        wanted = shapes.read(security_key_shapes.Attested, call)
        account = await self._subjects.of(wanted.user)
        with _named(400, "InvalidAttestation"):
            row = await self._keys.register(
                account,
                wanted.challenge,
                wanted.raw_id,
                wanted.client_data_json,
                wanted.attestation_object,
                shapes.actor(call, wanted),
            )
        key = security_key_shapes.key(row)
        return replies.shown(security_key_shapes.Made(**key.model_dump(), response=key))

    @route(
        "POST",
        f"{PATH}/authentication-challenge",
        about=About(
            takes=security_key_shapes.KeyWanted, answers={200: security_key_shapes.Authentication}
        ),
        right=proves(Resource.FACTORS),
    )
    async def begin_check(self, call: Call) -> Answer:
        """What a page needs to ask for a key."""
        wanted = shapes.read(security_key_shapes.KeyWanted, call)
        account = await self._subjects.of(wanted.user)
        party = party_of(wanted.origin, wanted.rp_id)
        try:
            challenge, rows = await self._keys.begin_assertion(account, party)
        except NotFound as error:
            raise replies.Refusal(400, "WebauthnDisabled", error.text) from None
        options = security_key_shapes.AuthenticationOptions(
            challenge=challenge.hex(),
            allow_credentials=[security_key_shapes.known(row) for row in rows],
            rp_id=party.id,
            timeout=LIFE * 1000,
        )
        return replies.shown(security_key_shapes.Authentication(authentication_options=options))

    @route(
        "POST",
        f"{PATH}/authentication-assertion",
        about=About(
            takes=security_key_shapes.Asserted,
            answers={200: security_key_shapes.ProvenWithToken | security_key_shapes.Proven},
        ),
        right=proves(Resource.FACTORS),
    )
    async def check(self, call: Call) -> Answer:
        """Takes a key's answer, once; a token that waited for it is good for everything then."""
        wanted = shapes.read(security_key_shapes.Asserted, call)
        assert call.caller is not None
        if wanted.token:
            check(call.caller, creates(Resource.TOKENS), None)
        account = await self._subjects.of(wanted.user)
        assertion = Assertion(
            wanted.raw_id, wanted.client_data_json, wanted.authenticator_data, wanted.signature
        )
        with _named(403, "InvalidAssertion"):
            key = await self._keys.check(
                account, wanted.challenge, assertion, call.peer, shapes.actor(call, wanted)
            )
        proof = security_key_shapes.Proof(credential=key.id)
        await self._tokens.proven(call.caller)
        if not wanted.token:
            return replies.shown(security_key_shapes.Proven(response=proof))
        token, _ = await self._tokens.issue(account)
        await self._tokens.proven(await self._tokens.caller(token, call.peer.address))
        return replies.shown(security_key_shapes.ProvenWithToken(response=proof, token=token))


@contextmanager
def _named(status: int, code: str) -> Iterator[None]:
    """Core's kinds in this dialect's words."""
    try:
        yield
    except AlreadyExists as error:
        raise replies.Refusal(400, "CredentialExists", error.text) from None
    except AuthenticationFailed as error:
        raise replies.Refusal(status, code, error.text) from None
    except Unsupported as error:
        raise replies.Refusal(501, "NotImplemented", error.text) from None
