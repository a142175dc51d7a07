"""The first domain and administrator of a server that has no account yet.

What is done with the password (shown once, kept in a file) is the caller's affair.
"""

from __future__ import annotations

import base64

from mailhub.core.accounts import AccountOrder, Accounts
from mailhub.core.domains import Domains
from mailhub.model.account import Account, Role
from mailhub.model.change import Actor
from mailhub.ports import Randomness

ACTOR = Actor(source="first start")
PASSWORD_BYTES = 15
"""120 random bits: 24 letters and digits."""


async def found(
    domains: Domains, accounts: Accounts, domain: str, *, name: str, password: str
) -> Account | None:
    """Makes `domain` and the administrator `name@domain`; None where any account exists.

    Raises Invalid for a domain, a name or a password that cannot be one.
    """
    if await accounts.count():
        return None
    made = await domains.ensure(domain, ACTOR)
    order = AccountOrder(
        username=f"{name}@{made.name}", password=password, name="Administrator", role=Role.ADMIN
    )
    return await accounts.create(order, ACTOR)


def make_password(randomness: Randomness) -> str:
    """A password that nobody guesses and everybody can type."""
    return base64.b32encode(randomness.token(PASSWORD_BYTES)).decode("ascii").lower()
