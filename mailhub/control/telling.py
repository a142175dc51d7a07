"""What the control socket can be asked about webhooks."""

from __future__ import annotations

from collections.abc import Mapping

from mailhub.control.acts import ACTOR, Act, Arguments, Json, Services
from mailhub.model.event import Place
from mailhub.model.webhook import Webhook


async def webhook_add(services: Services, arguments: Arguments) -> Json:
    """A new one, with its secret."""
    account = None
    if name := arguments.text("user", ""):
        account = await services.accounts.by_name(name)
    types = arguments.texts("types") or ("*",)
    made = await services.webhooks.add(arguments.text("url"), types, account, ACTOR)
    return {**_shape(made), "secret": made.secret}


async def webhook_list(services: Services, arguments: Arguments) -> Json:
    """Every one, without its secret."""
    return [_shape(hook) for hook in await services.webhooks.all()]


async def webhook_remove(services: Services, arguments: Arguments) -> Json:
    """Removes one by its id."""
    await services.webhooks.remove(arguments.text("id"), ACTOR)
    return None


async def webhook_replay(services: Services, arguments: Arguments) -> Json:
    """Tells one again what came behind an event; without one, all that is still known."""
    behind = arguments.text("behind", "")
    place = Place.read(behind) if behind else Place(0)
    return _shape(await services.webhooks.replay(arguments.text("id"), place, ACTOR))


def _shape(hook: Webhook) -> Mapping[str, Json]:
    return {
        "id": hook.id,
        "types": list(hook.types),
        "url": hook.url,
        "user": hook.user,
        "created": hook.created,
        "last": hook.place.text(),
        "failure": hook.failure,
        "failing": hook.failing,
    }


ACTS: Mapping[str, Act] = {
    "webhook-add": webhook_add,
    "webhook-list": webhook_list,
    "webhook-remove": webhook_remove,
    "webhook-replay": webhook_replay,
}
