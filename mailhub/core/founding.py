"""The first domain and administrator of a server that has no account yet.

What is done with the password (shown once, kept in a file) is the caller's affair.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass

from mailhub.core.accounts import AccountOrder, Accounts
from mailhub.core.domains import Domains
from mailhub.model.account import Account, Role
from mailhub.model.change import Actor
from mailhub.ports import Randomness

ACTOR = Actor(source="first start")
PASSWORD_BYTES = 15
"""120 random bits: 24 letters and digits."""


@dataclass(frozen=True, slots=True)
class Founded:
    """What was made. `password`: in clear, known here alone."""

    account: Account
    address: str
    password: str


async def found(
    domains: Domains,
    accounts: Accounts,
    randomness: Randomness,
    domain: str,
    *,
    name: str = "admin",
    password: str = "",
) -> Founded | None:
    """Makes `domain` and an administrator `name` in it; None where any account exists.

    Raises Invalid for a domain or a name that cannot be one.
    """
    if await accounts.count():
        return None
    await domains.ensure(domain, ACTOR)
    password = password or make_password(randomness)
    address = f"{name}@{domain}"
    order = AccountOrder(username=address, password=password, name="Administrator", role=Role.ADMIN)
    account = await accounts.create(order, ACTOR)
    return Founded(account, address, password)


def make_password(randomness: Randomness) -> str:
    """A password that nobody guesses and everybody can type."""
    return base64.b32encode(randomness.token(PASSWORD_BYTES)).decode("ascii").lower()
