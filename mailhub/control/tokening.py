"""What the control socket can be asked about tokens of the APIs."""

from __future__ import annotations

from collections.abc import Mapping

from mailhub.control.acts import Act, Arguments, Json, Services, account_of
from mailhub.core.rights import Role
from mailhub.model.errors import Invalid

SHELL = "mailhub"


async def token_add(services: Services, arguments: Arguments) -> Json:
    """A new token, shown for the only time. `role`: what it is for; `user`: whose it is; `life`:
    seconds without use."""
    role = _role(arguments.text("role", Role.USER.value))
    account = await account_of(services, arguments) if "user" in arguments else None
    if role.is_personal and account is None:
        raise Invalid(f"whose token is it? {role.value} is for one account", "user")
    token, expires = await services.tokens.issue(account, role, life=arguments.number("life", 0))
    return {
        "token": token,
        "role": role.value,
        "user": account.username if account is not None else "",
        "expires": expires,
    }


async def token_show(services: Services, arguments: Arguments) -> Json:
    """What a token stands for."""
    caller = await services.tokens.caller(arguments.text("token"), SHELL)
    account = None
    if caller.account is not None:
        account = await services.accounts.get(caller.account)
    return {
        "role": caller.role.value,
        "user": account.username if account is not None else "",
        "pending": "" if caller.standing.value == "whole" else caller.standing.value,
        "expires": await services.tokens.expires(caller),
    }


async def token_revoke(services: Services, arguments: Arguments) -> Json:
    """Ends a token at once, with every stream that it opened."""
    await services.tokens.revoke(arguments.text("token"))
    return None


def _role(word: str) -> Role:
    try:
        return Role(word)
    except ValueError:
        known = ", ".join(role.value for role in Role)
        raise Invalid(f"{word} is none of {known}", "role") from None


ACTS: Mapping[str, Act] = {
    "token-add": token_add,
    "token-show": token_show,
    "token-revoke": token_revoke,
}
