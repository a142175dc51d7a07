"""Security keys and passkeys as a second factor: challenges out, answers in.

A challenge is made for one account, one page and one purpose; it is answered once, within five
minutes, whatever comes of it. What a key signs is read in `wire.passkey`.
"""

from __future__ import annotations

import hmac
import json
from collections.abc import Sequence
from urllib.parse import urlsplit

from mailhub.core.ids import Ids
from mailhub.model.account import Account
from mailhub.model.change import Actor
from mailhub.model.envelope import Peer
from mailhub.model.errors import AuthenticationFailed, Invalid, NotFound
from mailhub.model.identity import AuthEvent, Challenge, SecurityKey
from mailhub.model.settings import LimitSettings
from mailhub.policy.limits import Guesses
from mailhub.ports import Clock, Counters, Randomness, Storage
from mailhub.wire import passkey
from mailhub.wire.passkey import Assertion, Party

MOST = 20
"""Security keys of one account."""
LIFE = 300
"""Seconds that a challenge waits for its answer."""
REGISTER, ASSERT = "registration", "assertion"


class SecurityKeys:
    """Those of every account."""

    def __init__(
        self,
        storage: Storage,
        counters: Counters,
        limits: LimitSettings,
        clock: Clock,
        ids: Ids,
        randomness: Randomness,
    ) -> None:
        self._storage = storage
        self._factors = storage.factors
        self._guesses = Guesses(counters, limits)
        self._clock = clock
        self._ids = ids
        self._randomness = randomness

    async def all(self, account: int) -> Sequence[SecurityKey]:
        """Oldest first."""
        return await self._factors.keys(account)

    async def begin_registration(
        self, account: Account, party: Party, description: str, attachment: str
    ) -> bytes:
        """A challenge for a new key. `attachment`: platform or cross-platform."""
        about = {"description": description, "attachment": attachment}
        return await self._begin(account, REGISTER, party, about)

    async def register(
        self,
        account: Account,
        challenge: bytes,
        credential: bytes,
        client_data: bytes,
        attestation: bytes,
        actor: Actor,
    ) -> SecurityKey:
        """The new key; the first one turns the factor on, and ends sessions where it is the first
        of all. Raises AuthenticationFailed, AlreadyExists, LimitReached, Unsupported."""
        party, about = await self._take(account, REGISTER, challenge)
        made = passkey.register(party, challenge, credential, client_data, attestation)
        key = SecurityKey(
            account=account.number,
            number=0,
            id=self._ids.new(),
            credential=made.credential,
            public_key=made.public_key,
            uses=made.uses,
            description=str(about["description"]),
            attachment=str(about["attachment"]),
            party=party.id,
            created=int(self._clock.now()),
        )
        return await self._factors.add_key(key, MOST, actor)

    async def begin_assertion(
        self, account: Account, party: Party
    ) -> tuple[bytes, Sequence[SecurityKey]]:
        """A challenge, and the keys that can answer it. Raises NotFound (there are none)."""
        keys = [key for key in await self.all(account.number) if key.party == party.id]
        if not keys:
            raise NotFound("No security key is registered for this site")
        return await self._begin(account, ASSERT, party, {}), keys

    async def check(
        self, account: Account, challenge: bytes, assertion: Assertion, peer: Peer, actor: Actor
    ) -> SecurityKey:
        """The key that answered. Guesses count in the limits that all protocols share. Raises
        AuthenticationFailed, TooManyAttempts, Unsupported."""
        guess = await self._guesses.begin(peer.address, f"#{account.number}")
        try:
            party, _ = await self._take(account, ASSERT, challenge)
            key = await self._answered(account, challenge, assertion, party, actor)
        except AuthenticationFailed:
            event = AuthEvent(
                "check 2fa webauthn", "fail", actor.source, "API", actor.ip, actor.session
            )
            await self._storage.authlog.event(account.number, event, actor)
            raise
        await self._guesses.right(guess)
        return key

    async def remove(self, account: Account, id: str, actor: Actor) -> None:
        """The last one turns the factor off, and ends sessions. Raises NotFound."""
        await self._factors.remove_key(account.number, id, actor)

    async def _answered(
        self,
        account: Account,
        challenge: bytes,
        assertion: Assertion,
        party: Party,
        actor: Actor,
    ) -> SecurityKey:
        keys = await self.all(account.number)
        key = next((one for one in keys if one.credential == assertion.credential), None)
        if key is None or key.party != party.id:
            raise AuthenticationFailed("This security key is not registered")
        uses = passkey.verify(party, challenge, key.public_key, key.uses, assertion)
        if not await self._factors.key_used(account.number, key.number, key.uses, uses, actor):
            raise AuthenticationFailed("This answer was given before")
        return key

    async def _begin(
        self, account: Account, kind: str, party: Party, about: dict[str, str]
    ) -> bytes:
        value = self._randomness.token(32)
        detail = json.dumps({**about, "party": party.id, "origin": party.origin})
        challenge = Challenge(value, detail, int(self._clock.now()) + LIFE)
        await self._factors.put_challenge(account.number, kind, challenge)
        return value

    async def _take(
        self, account: Account, kind: str, given: bytes
    ) -> tuple[Party, dict[str, object]]:
        waiting = await self._factors.take_challenge(account.number, kind)
        if waiting is None or not hmac.compare_digest(waiting.value, given):
            raise AuthenticationFailed("No such challenge waits for an answer")
        about: dict[str, object] = json.loads(waiting.detail)
        return Party(str(about["party"]), str(about["origin"])), about


def party_of(origin: str, id: str) -> Party:
    """The party of a page. `id`: a domain the page is in; empty: its host. Raises Invalid."""
    try:
        parts = urlsplit(origin)
        host, port = (parts.hostname or "").lower(), parts.port
    except ValueError:
        raise Invalid("Not the address of a page", "origin") from None
    here = host in ("localhost", "127.0.0.1") or host.endswith(".localhost")
    if not host or (parts.scheme != "https" and not (here and parts.scheme == "http")):
        raise Invalid("Not the address of an https page", "origin")
    id = id.lower() or host
    if host != id and not host.endswith(f".{id}"):
        raise Invalid("The page is not in this domain", "rpId")
    return Party(id, f"{parts.scheme}://{host}{f':{port}' if port else ''}")
