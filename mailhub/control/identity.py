"""What the control socket can be asked about logins: app passwords, one-time codes, their log."""

from __future__ import annotations

from collections.abc import Mapping

from mailhub.control.acts import ACTOR, Act, Arguments, Json, Services, account_of
from mailhub.model.account import Scope
from mailhub.model.envelope import Peer
from mailhub.model.errors import Invalid
from mailhub.model.identity import MAIL, UNBOUND, AppPassword, AuthEntry

PEER = Peer("unix", 0, "unix", 0)
ALL = "*"
PAGE = 100


async def asp_add(services: Services, arguments: Arguments) -> Json:
    """A new app password, with the password for the only time."""
    account = await account_of(services, arguments)
    made, password = await services.identity.app_passwords.create(
        account,
        arguments.text("description"),
        _scopes(arguments.texts("scopes")),
        ACTOR,
        ttl=arguments.number("ttl", 0),
    )
    return {**_app_password(made), "password": password}


async def asp_list(services: Services, arguments: Arguments) -> Json:
    """The app passwords of an account, oldest first."""
    account = await account_of(services, arguments)
    rows = await services.identity.app_passwords.all(account.number)
    return [_app_password(row) for row in rows]


async def asp_remove(services: Services, arguments: Arguments) -> Json:
    """Ends an app password, and the account's sessions."""
    account = await account_of(services, arguments)
    await services.identity.app_passwords.remove(account.number, arguments.text("id"), ACTOR)
    return None


async def totp_setup(services: Services, arguments: Arguments) -> Json:
    """A seed that waits for its first code."""
    account = await account_of(services, arguments)
    seed, link = await services.identity.codes.set_up(
        account, arguments.text("issuer"), ACTOR, fresh=arguments.flag("fresh", False)
    )
    return {"seed": seed, "link": link}


async def totp_enable(services: Services, arguments: Arguments) -> Json:
    """Turns one-time codes on, with the first of them."""
    account = await account_of(services, arguments)
    await services.identity.codes.enable(account, arguments.text("code"), PEER, ACTOR)
    return None


async def totp_show(services: Services, arguments: Arguments) -> Json:
    """Which second factors are on."""
    account = await account_of(services, arguments)
    keys = await services.identity.keys.all(account.number)
    return {
        "user": account.username,
        "factors": [factor.value for factor in account.factors],
        "security_keys": [{"id": key.id, "description": key.description} for key in keys],
        "must_change_password": account.must_change,
    }


async def totp_disable(services: Services, arguments: Arguments) -> Json:
    """Turns one-time codes off, or with `all` every second factor."""
    account = await account_of(services, arguments)
    if arguments.flag("all", False):
        await services.identity.codes.disable_all(account, ACTOR)
    else:
        await services.identity.codes.disable(account, ACTOR)
    return None


async def user_reset(services: Services, arguments: Arguments) -> Json:
    """A new password that has to be replaced; second factors are off."""
    account = await account_of(services, arguments)
    return {"password": await services.identity.recovery.reset(account.number, ACTOR)}


async def authlog_list(services: Services, arguments: Arguments) -> Json:
    """What happened to an account's logins, newest first, one page of it."""
    account = await account_of(services, arguments)
    rows, total = await services.identity.authlog.page(
        account.number,
        before=arguments.number("before", 0),
        limit=PAGE,
        action=arguments.text("action", ""),
        ip=arguments.text("ip", ""),
    )
    return {"entries": [_entry(row) for row in rows], "total": total}


def _scopes(words: tuple[str, ...]) -> frozenset[Scope]:
    if not words or ALL in words:
        return UNBOUND
    known = {scope.value: scope for scope in MAIL}
    for word in words:
        if word not in known:
            raise Invalid(f"{word} is none of {', '.join(sorted(known))}", "scopes")
    return frozenset(known[word] for word in words)


def _app_password(row: AppPassword) -> Json:
    return {
        "id": row.id,
        "description": row.description,
        "scopes": [ALL] if row.scopes >= MAIL else sorted(scope.value for scope in row.scopes),
        "created": row.created,
        "expires": row.expires,
        "last_used": row.last_used,
        "last_address": row.last_address,
    }


def _entry(row: AuthEntry) -> Json:
    event = row.event
    return {
        "number": row.number,
        "id": row.id,
        "last": row.last,
        "action": event.action,
        "result": event.result,
        "protocol": event.protocol,
        "ip": event.ip,
        "about": event.target_name,
        "events": row.events,
    }


ACTS: Mapping[str, Act] = {
    "asp-add": asp_add,
    "asp-list": asp_list,
    "asp-remove": asp_remove,
    "totp-setup": totp_setup,
    "totp-enable": totp_enable,
    "totp-show": totp_show,
    "totp-disable": totp_disable,
    "user-reset": user_reset,
    "authlog-list": authlog_list,
}
