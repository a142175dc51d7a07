"""What the control socket can be asked about mail that waits, and about suppressed recipients."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping

from mailhub.control.acts import ACTOR, PAGE, Act, Arguments, Json, Services, username
from mailhub.control.mail import Item, Read
from mailhub.core.queue import Acted
from mailhub.model.change import Actor
from mailhub.model.elsewhere import ELSEWHERE_LANES
from mailhub.model.errors import Invalid
from mailhub.model.outbound import Answer
from mailhub.model.queue import (
    PROGRAM_LANE,
    RELAY_LANES,
    WEB_LANES,
    Attempt,
    QueueEntry,
    QueueFilter,
    Suppression,
)
from mailhub.model.route import Hop


async def queue_list(services: Services, arguments: Arguments) -> Json:
    """Recipients that wait, with number > `after`, one page of those that the filter means."""
    limit = arguments.number("limit", PAGE)
    if not 1 <= limit <= PAGE:
        raise Invalid(f"limit is not between 1 and {PAGE}", "limit")
    found, total = await services.queue.page(
        wanted(arguments), after=arguments.number("after", 0), limit=limit
    )
    busy = await services.queue.in_progress([entry.number for entry in found])
    shown = [entry_shape(entry, entry.number in busy) for entry in found]
    return {"entries": shown, "total": total}


async def queue_count(services: Services, arguments: Arguments) -> Json:
    """How many recipients the filter means."""
    _, total = await services.queue.page(wanted(arguments), limit=1)
    return {"total": total}


async def queue_show(services: Services, arguments: Arguments) -> Json:
    """One recipient: envelope, schedule, and every try with what the other side said."""
    entry = await services.queue.get(arguments.number("number"))
    busy = await services.queue.in_progress([entry.number])
    sender = entry.sender
    return {
        **entry_shape(entry, bool(busy)),
        "notify": list(entry.notify),
        "orcpt": entry.orcpt,
        "ret": sender.ret,
        "envid": sender.envid,
        "body": sender.body,
        "utf8": sender.utf8,
        "require_tls": sender.require_tls,
        "tls_optional": sender.tls_optional,
        "user": await username(services, sender.account),
        "submitted": sender.local,
        "mailbox_of": await username(services, entry.home),
        "warned": entry.warned,
        "history": [_attempt(one) for one in await services.queue.attempts(entry.number)],
    }


async def queue_way(services: Services, arguments: Arguments) -> Json:
    """Where a recipient's mail would go now: the routes that apply, and the servers in order."""
    entry = await services.queue.get(arguments.number("number"))
    if entry.lane == PROGRAM_LANE:
        return {"kind": "program", "routes": [], "servers": [], "refusal": None}
    if entry.lane.startswith(WEB_LANES):
        return {"kind": "web", "routes": [], "servers": [], "refusal": None}
    relayed = entry.lane.startswith((*RELAY_LANES, *ELSEWHERE_LANES))
    if not relayed and (entry.home or await services.addresses.is_local(entry.lane)):
        return {"kind": "mailbox", "routes": [], "servers": [], "refusal": None}
    choice, routes = await services.ways.choose(entry)
    way = await services.ways.find(entry.lane, routes, *choice[1:])
    return {
        "kind": "relay" if relayed else "route" if routes else "mx",
        "routes": [] if relayed else [route.number for route in routes],
        "servers": [_server(hop) for hop in way.hops],
        "refusal": None if way.hops else _answer(way.refusal),
    }


_Deed = Callable[[QueueFilter, Actor], Awaitable[Acted]]


def _act(choose: Callable[[Services, Arguments], _Deed]) -> Act:
    """An act on what the filter means; `all` has to be said where it means everything."""

    async def act(services: Services, arguments: Arguments) -> Json:
        meant = wanted(arguments)
        if meant == QueueFilter() and not arguments.flag("all", False):
            raise Invalid("Say which entries are meant")
        return _acted(await choose(services, arguments)(meant, ACTOR))

    return act


def _reroute(services: Services, arguments: Arguments) -> _Deed:
    route = arguments.number("route")
    return lambda meant, actor: services.queue.reroute(meant, route, actor)


def _bounce(services: Services, arguments: Arguments) -> _Deed:
    reason = arguments.text("reason", "")
    if not reason:
        return services.queue.bounce
    if not reason.isprintable():
        raise Invalid("The reason is not one line of text", "reason")
    return lambda meant, actor: services.queue.bounce(meant, actor, reason)


async def queue_purge(services: Services, arguments: Arguments) -> Json:
    """Everything that waits is dropped."""
    return _acted(await services.queue.purge(ACTOR))


async def queue_message(services: Services, arguments: Arguments) -> AsyncIterator[Item]:
    """The message that an entry waits for, in pieces; `header`: its header alone."""
    number = arguments.number("number")
    pieces = services.queue.content(number, header=arguments.flag("header", False))
    async for piece in pieces:
        yield {}, piece


# -- suppressed recipients


async def suppression_list(services: Services, arguments: Arguments) -> Json:
    """Suppressed recipients after the address `after`, one page of them."""
    found = await services.suppressions.page(after=arguments.text("after", ""), limit=PAGE)
    return {"suppressions": [_suppression(services, one) for one in found]}


async def suppression_add(services: Services, arguments: Arguments) -> Json:
    """Nothing is sent to this address any more."""
    address, reason = arguments.text("address"), arguments.text("reason", "")
    return _suppression(services, await services.suppressions.add(address, reason, ACTOR))


async def suppression_remove(services: Services, arguments: Arguments) -> Json:
    """Mail is sent to this address again."""
    await services.suppressions.remove(arguments.text("address"), ACTOR)
    return None


# -- values


def wanted(arguments: Arguments) -> QueueFilter:
    """What an act is about. Raises Invalid, NotFound (the numbers are none)."""
    held = arguments.flag("held") if "held" in arguments else None
    numbers = arguments.numbers("numbers") if "numbers" in arguments else ()
    if "numbers" in arguments and not numbers:
        raise Invalid("numbers is empty", "numbers")
    return QueueFilter(
        numbers=numbers,
        message=arguments.number("message", 0),
        sender=arguments.text("sender") if "sender" in arguments else None,
        recipient=arguments.text("recipient", ""),
        domain=arguments.text("domain", ""),
        before=arguments.number("before", 0),
        held=held,
        query=arguments.text("query", ""),
    )


def _acted(acted: Acted) -> Json:
    return {"done": acted.done, "busy": acted.busy}


def entry_shape(entry: QueueEntry, busy: bool) -> Json:
    """A queue entry as JSON. Times are epoch seconds."""
    return {
        "number": entry.number,
        "message": entry.message,
        "sender": entry.sender.address,
        "recipient": entry.recipient,
        "size": entry.size,
        "created": entry.created,
        "due": entry.due,
        "held": entry.held,
        "trying": busy,
        "attempts": entry.attempts,
        "tried": entry.tried,
        "status": entry.status,
        "reply": entry.reply,
        "remote": entry.remote,
        "destination": entry.lane,
        "route": entry.route,
        "transaction": entry.sender.transaction,
        "message_id": entry.sender.message_id,
    }


def _attempt(one: Attempt) -> Json:
    return {
        "at": one.at,
        "status": one.status,
        "remote": one.remote,
        "tls": one.tls,
        "reply": one.reply,
        "due": one.due,
    }


def _server(hop: Hop) -> Json:
    return {
        "host": hop.host,
        "addresses": list(hop.addresses),
        "port": hop.port,
        "tls": hop.security.level.value,
        "because": hop.security.policy,
        "login": hop.credentials.username if hop.credentials is not None else "",
        "from": list(hop.sources),
    }


def _answer(answer: Answer) -> Json:
    return {"status": answer.status, "text": answer.text}


def _suppression(services: Services, one: Suppression) -> Json:
    return {
        "address": one.key,
        "status": one.status,
        "reply": one.reply,
        "created": one.created,
        "until": services.suppressions.until(one),
    }


ACTS: Mapping[str, Act] = {
    "queue-list": queue_list,
    "queue-count": queue_count,
    "queue-show": queue_show,
    "queue-way": queue_way,
    "queue-hold": _act(lambda services, _: services.queue.hold),
    "queue-release": _act(lambda services, _: services.queue.release),
    "queue-retry": _act(lambda services, _: services.queue.retry),
    "queue-reroute": _act(_reroute),
    "queue-bounce": _act(_bounce),
    "queue-discard": _act(lambda services, _: services.queue.discard),
    "queue-purge": queue_purge,
    "suppression-list": suppression_list,
    "suppression-add": suppression_add,
    "suppression-remove": suppression_remove,
}
READS: Mapping[str, Read] = {"queue-message": queue_message}
