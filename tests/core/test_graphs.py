"""Numbers for graphs: taken from what the journal counts, and read without gaps."""

from __future__ import annotations

import pytest

from mailhub.core.graphs import Graphs, Sampling
from mailhub.model.errors import Invalid
from mailhub.model.sample import DAY, HOUR, Traffic
from tests.support import run
from tests.world import World, world

JOE = "joe@example.org"


class Disk:
    """`ports.Volume`."""

    def room(self) -> tuple[int, int]:
        return 400, 1000


def sampling(here: World, rejected: list[int]) -> Sampling:
    return Sampling(here.store, Disk(), here.clock, lambda: rejected[0])


def test_each_message_is_counted_once_also_over_a_restart() -> None:
    here = world(people=(JOE,))
    rejected = [0]
    taking = sampling(here, rejected)
    run(taking.sample())
    for _ in range(3):
        here.deliver(JOE, b"Subject: x\r\n\r\n")
    rejected[0] = 5
    run(taking.sample())
    run(taking.sample())
    here.deliver(JOE, b"Subject: x\r\n\r\n")
    run(sampling(here, [0]).sample())
    shown = run(Graphs(here.store, here.clock).traffic(1))
    assert len(shown) == 24
    assert sum(one.traffic.received for one in shown) == 4
    assert sum(one.traffic.rejected for one in shown) == 5
    assert shown[-1].levels.stored == 600
    assert shown[0].traffic == Traffic()
    assert shown[-1].at == int(here.clock.now()) // HOUR * HOUR


def test_what_each_node_refused_is_added_up() -> None:
    here = world(people=(JOE,))
    first, second = [0], [0]
    one, two = sampling(here, first), sampling(here, second)
    here.deliver(JOE, b"Subject: x\r\n\r\n")
    first[0], second[0] = 2, 3
    run(two.refused())
    run(two.refused())
    run(one.sample())
    run(one.refused())
    second[0] = 4
    run(two.sample())  # the other node's turn
    here.deliver(JOE, b"Subject: x\r\n\r\n")
    run(one.sample())
    shown = run(Graphs(here.store, here.clock).traffic(1))
    assert sum(each.traffic.rejected for each in shown) == 6
    assert sum(each.traffic.received for each in shown) == 1


@pytest.mark.parametrize(("days", "steps"), [(1, 24), (7, 168), (30, 30)])
def test_graphs_have_a_step_for_every_time(days: int, steps: int) -> None:
    here = world()
    graphs = Graphs(here.store, here.clock)
    assert len(run(graphs.traffic(days))) == steps
    assert run(graphs.levels(days)) == []
    run(sampling(here, [0]).sample())
    here.clock.advance(DAY * days + DAY)
    assert run(graphs.levels(days)) == []


def test_other_spans_are_none() -> None:
    here = world()
    with pytest.raises(Invalid):
        run(Graphs(here.store, here.clock).traffic(2))
