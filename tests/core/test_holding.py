"""Until when mail may be held back."""

from __future__ import annotations

import pytest

from mailhub.core.holding import Holding
from mailhub.model.envelope import Hold
from mailhub.model.errors import Invalid
from tests.fakes import FakeClock

NOW = 1_800_000_000


@pytest.mark.parametrize(
    ("hold", "until"),
    [
        (Hold(seconds=1), NOW + 1),
        (Hold(seconds=600), NOW + 600),
        (Hold(until=NOW + 600), NOW + 600),
        (Hold(seconds=601), None),
        (Hold(until=NOW + 601), None),
        (Hold(until=NOW), None),
        (Hold(until=0), None),
        (Hold(until=-5), None),
    ],
)
def test_until_when(hold: Hold, until: int | None) -> None:
    holding = Holding(FakeClock(NOW), 600)
    assert holding.limits == (600, NOW + 600)
    if until is None:
        with pytest.raises(Invalid):
            holding.until(hold)
    else:
        assert holding.until(hold) == until


def test_it_need_not_be_offered() -> None:
    assert not Holding(FakeClock(), 0).offered
