"""What the control socket can be asked about accounts whose mail still lives on another server."""

from __future__ import annotations

from collections.abc import Mapping

from mailhub.control.acts import ACTOR, PAGE, Act, Arguments, Json, Services, account_of
from mailhub.core.elsewhere import ElsewhereOrder
from mailhub.model.account import Account
from mailhub.model.elsewhere import Elsewhere, Phase
from mailhub.model.errors import Invalid
from mailhub.wire import door


async def elsewhere_set(services: Services, arguments: Arguments) -> Json:
    """The mail of `user` is at another server from now on."""
    order = ElsewhereOrder(
        name=arguments.text("name", ""),
        imap=arguments.text("imap", ""),
        pop3=arguments.text("pop3", ""),
        mail=arguments.text("mail", ""),
    )
    account = await account_of(services, arguments)
    return _shape(account, await services.elsewheres.set(account, order, ACTOR))


async def elsewhere_phase(services: Services, arguments: Arguments) -> Json:
    """Moves it on, or back. `phase`: elsewhere, moving or here."""
    account = await account_of(services, arguments)
    wanted = arguments.text("phase")
    if wanted not in [one.value for one in Phase]:
        raise Invalid("A phase is elsewhere, moving or here", "phase")
    return _shape(account, await services.elsewheres.change(account.number, Phase(wanted), ACTOR))


async def elsewhere_show(services: Services, arguments: Arguments) -> Json:
    """What is known of the other server of `user`."""
    account = await account_of(services, arguments)
    return _shape(account, await services.elsewheres.known(account.number))


async def elsewhere_list(services: Services, arguments: Arguments) -> Json:
    """Accounts of whom another server is known, a page from `after` on."""
    after = arguments.number("after", 0)
    rows = await services.elsewheres.page(after=after, limit=PAGE)
    return [_shape(account, one) for account, one in rows]


async def elsewhere_clear(services: Services, arguments: Arguments) -> Json:
    """Nothing is known of another server of `user` any more."""
    account = await account_of(services, arguments)
    await services.elsewheres.clear(account.number, ACTOR)
    return None


def _shape(account: Account, one: Elsewhere) -> Json:
    return {
        "number": account.number,
        "user": account.username,
        "phase": one.phase.value,
        "name": one.name,
        "imap": door.text(one.imap),
        "pop3": door.text(one.pop3),
        "mail": door.text(one.mail),
        "since": one.since,
    }


ACTS: Mapping[str, Act] = {
    "elsewhere-set": elsewhere_set,
    "elsewhere-phase": elsewhere_phase,
    "elsewhere-show": elsewhere_show,
    "elsewhere-list": elsewhere_list,
    "elsewhere-clear": elsewhere_clear,
}
