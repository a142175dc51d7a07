"""What security keys sign (WebAuthn level 2): bytes to facts, as the `webauthn` library reads them.

The library is an extra of this server: it is loaded at the first use, and `available` says whether
it is there. Challenges, and which keys an account has, are not known here.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass
from importlib.util import find_spec

from mailhub.model.errors import AuthenticationFailed, Unsupported

LARGEST = 1 << 16
"""Octets of one field: attestations with certificate chains have a few thousand."""


@dataclass(frozen=True, slots=True)
class Party:
    """Whom a key answers: the domain it is made for, and the page that may ask."""

    id: str
    origin: str


@dataclass(frozen=True, slots=True)
class Registered:
    """A new credential. `uses`: the key's own count, 0 for one that does not count."""

    credential: bytes
    public_key: bytes
    uses: int


def available() -> bool:
    """Whether the library is installed."""
    return find_spec("webauthn") is not None


def register(
    party: Party, challenge: bytes, credential: bytes, client_data: bytes, attestation: bytes
) -> Registered:
    """The credential that answers `challenge`. Raises AuthenticationFailed, Unsupported."""
    _require()
    from webauthn import verify_registration_response
    from webauthn.helpers.exceptions import WebAuthnException
    from webauthn.helpers.structs import (
        AuthenticatorAttestationResponse,
        RegistrationCredential,
    )

    response = AuthenticatorAttestationResponse(
        client_data_json=client_data, attestation_object=attestation
    )
    given = RegistrationCredential(id=_text(credential), raw_id=credential, response=response)
    try:
        found = verify_registration_response(
            credential=given,
            expected_challenge=challenge,
            expected_rp_id=party.id,
            expected_origin=party.origin,
        )
    except (WebAuthnException, ValueError, TypeError, KeyError, IndexError) as error:
        raise AuthenticationFailed("The security key's answer is not valid") from error
    return Registered(found.credential_id, found.credential_public_key, found.sign_count)


@dataclass(frozen=True, slots=True)
class Assertion:
    """What a key signed: its credential, and the three byte strings of its answer."""

    credential: bytes
    client_data: bytes
    authenticator_data: bytes
    signature: bytes


def verify(
    party: Party, challenge: bytes, public_key: bytes, uses: int, assertion: Assertion
) -> int:
    """The key's count after this. `uses`: before it, which must grow where the key counts.
    Raises AuthenticationFailed, Unsupported."""
    _require()
    from webauthn import verify_authentication_response
    from webauthn.helpers.exceptions import WebAuthnException
    from webauthn.helpers.structs import (
        AuthenticationCredential,
        AuthenticatorAssertionResponse,
    )

    response = AuthenticatorAssertionResponse(
        client_data_json=assertion.client_data,
        authenticator_data=assertion.authenticator_data,
        signature=assertion.signature,
    )
    given = AuthenticationCredential(
        id=_text(assertion.credential), raw_id=assertion.credential, response=response
    )
    try:
        found = verify_authentication_response(
            credential=given,
            expected_challenge=challenge,
            expected_rp_id=party.id,
            expected_origin=party.origin,
            credential_public_key=public_key,
            credential_current_sign_count=uses,
        )
    except (WebAuthnException, ValueError, TypeError, KeyError, IndexError) as error:
        raise AuthenticationFailed("The security key's answer is not valid") from error
    return found.new_sign_count


def _require() -> None:
    if not available():
        raise Unsupported("Security keys need the extra mailhub[webauthn]")


def _text(credential: bytes) -> str:
    return base64.urlsafe_b64encode(credential).rstrip(b"=").decode()
