"""The processes that share a store, and draining, as the control socket is asked."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mailhub.control import nodes
from mailhub.control.acts import Arguments
from mailhub.model.errors import Invalid, NotFound
from tests.acting import services
from tests.support import run
from tests.world import world


def test_one_process_tells_of_itself() -> None:
    (node,) = run(nodes.nodes(services(world()), Arguments({})))
    assert (node["own"], node["live"], node["state"]) == (True, True, "starting")


def test_a_server_is_drained_and_who_asked_hears_what_was_cut() -> None:
    asked: list[tuple[float, bool]] = []

    async def drain(seconds: float, stop: bool) -> int:
        asked.append((seconds, stop))
        return 3

    here = replace(services(world()), drain=drain)
    assert run(nodes.drain(here, Arguments({"seconds": 5}))) == {"cut": 3}
    assert run(nodes.drain(here, Arguments({"seconds": 0, "stop": True}))) == {"cut": 3}
    assert asked == [(5.0, False), (0.0, True)]
    for seconds in (-1, 3601):
        with pytest.raises(Invalid):
            run(nodes.drain(here, Arguments({"seconds": seconds})))


def test_where_no_server_runs_there_is_nothing_to_drain() -> None:
    with pytest.raises(NotFound):
        run(nodes.drain(services(world()), Arguments({"seconds": 5})))
