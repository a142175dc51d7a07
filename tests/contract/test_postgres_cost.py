"""What an act costs the database does not grow with the accounts and messages that there are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import pytest

from tests.contract.peopled import ACTS, Cost, Peopled
from tests.contract.postgres import Postgres

pytestmark = [pytest.mark.live, pytest.mark.scale]
COUNTS = (1_000, 10_000, 100_000, 1_000_000)
DEEPER = 1.6
"""The trees of a thousand times as many rows are one or two blocks deeper, out of a few each."""


@pytest.fixture(scope="module")
def costs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mapping[int, Mapping[str, Cost]]]:
    """Of every act, by how many rows there are."""
    shared = Postgres(durable=True)
    found: dict[int, Mapping[str, Cost]] = {}
    try:
        for count in COUNTS:
            house = shared.house(tmp_path_factory.mktemp("cost"), readers=1)
            peopled = Peopled(house, shared.where(house), count)
            found[count] = {act: peopled.cost(getattr(peopled, act)) for act in ACTS}
            peopled.close()
            house.stop()
        yield found
    finally:
        shared.close()


@pytest.mark.parametrize("act", ACTS)
def test_it_costs_the_same_with_a_thousand_times_as_many(
    costs: Mapping[int, Mapping[str, Cost]], act: str
) -> None:
    by_count = {count: costs[count][act] for count in COUNTS}
    few, *_, many = by_count.values()
    assert {cost.statements for cost in by_count.values()} == {few.statements}, by_count
    assert many.blocks <= few.blocks * DEEPER + 4, by_count
