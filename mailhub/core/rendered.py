"""Rendering on its way into the store: at once where it is quick, in slices where it is not."""

from __future__ import annotations

from mailhub.core.turns import Turns, run
from mailhub.model.message import Rendered
from mailhub.ports import Body, Clock
from mailhub.wire.rendering import passing, render, rendering

__all__ = ["passing", "rendered"]

DIRECT = 64 * 1024
"""Octets up to which a message is rendered in one go."""


async def rendered(body: Body, clock: Clock) -> Rendered:
    """What is computed once of a message's bytes; others get their turn meanwhile."""
    if body.size <= DIRECT:
        return render(body.view())
    return await run(rendering(body.view()), Turns(clock))
