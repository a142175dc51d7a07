"""What the control socket can be asked about the processes that share a store, and of this one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict

from mailhub.control.acts import Act, Arguments, Json, Services
from mailhub.model.errors import Invalid, NotFound
from mailhub.model.node import Node

LONGEST = 3600


async def nodes(services: Services, arguments: Arguments) -> Json:
    """Every process that is known."""
    return [_node(one) for one in await services.nodes.all()]


async def drain(services: Services, arguments: Arguments) -> Json:
    """Ends what is under way and takes nothing new; answers when nothing is left. `seconds`: that
    sessions have for it. `stop`: the server ends then."""
    if services.drain is None:
        raise NotFound("No server runs here")
    seconds = arguments.number("seconds")
    if not 0 <= seconds <= LONGEST:
        raise Invalid(f"Between 0 and {LONGEST} seconds", "seconds")
    cut = await services.drain(float(seconds), arguments.flag("stop", False))
    return {"cut": cut}


def _node(node: Node) -> Json:
    return {**asdict(node), "state": node.state.value}


ACTS: Mapping[str, Act] = {"nodes": nodes, "drain": drain}
