"""The panel in Chromium: every form of administrators with what it takes and with what it does
not."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.live.panel_forms import FORMS, ROOT, Form
from tests.live.panel_house import House, opened
from tests.live.panel_trying import tried


@pytest.fixture(scope="module")
def house() -> Iterator[House]:
    with opened() as house:
        yield house


@pytest.mark.parametrize("case", [one for one in FORMS if one.who == ROOT], ids=lambda one: one.key)
def test_a_form_refuses_what_is_wrong_and_takes_what_is_right(house: House, case: Form) -> None:
    tried(house, case)
