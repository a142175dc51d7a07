"""The panel in Chromium: every form with what it takes and with what it does not, as an
administrator and as somebody with an account."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.live.chromium import Window
from tests.live.looking import fill, form, send
from tests.live.panel_forms import FORMS, Fields, Form
from tests.live.panel_house import House, opened


@pytest.fixture(scope="module")
def house() -> Iterator[House]:
    with opened() as house:
        yield house


def open_page(window: Window, page: str) -> None:
    path, *links = page.split(">")
    window.go(path)
    for link in links:
        window.page.click(f"main {link}")
        window.page.wait_for_load_state("load")


@pytest.mark.parametrize("case", FORMS, ids=lambda one: one.key)
def test_a_form_refuses_what_is_wrong_and_takes_what_is_right(house: House, case: Form) -> None:
    window = house.window(case.who)
    page = window.page
    open_page(window, case.page)
    meant = form(page, case.key, case.button)
    if case.bad is None:
        meant.locator("[name=csrf]").evaluate("it => { it.value = 'forged' }")
        status = send(window, meant, case.button)
        assert status == 403
        assert page.locator("[role=alert]").is_visible()
    else:
        fill(meant, case.bad)
        status = send(window, meant, case.button)
        if case.key.startswith("GET"):
            assert status in (200, 400)
        else:
            assert status in (400, 403, 404, 409), status
            assert page.locator("[role=alert]").first.is_visible()
            assert kept(form(page, case.key, case.button), case.bad)
    window.calm()
    if not case.good and case.bad is not None:
        return
    if "new" in case.good:
        house.passwords[case.who] = str(case.good["new"])
    open_page(window, case.page)
    meant = form(page, case.key, case.button)
    fill(meant, case.good)
    status = send(window, meant, case.button)
    assert status in (200, 303), page.inner_text("body")
    assert not page.locator("[role=alert]").count(), page.inner_text("main")
    assert case.shows in page.inner_text("body") + page.locator("input").evaluate_all(
        "all => all.map((it) => it.value).join(' ')"
    )
    window.calm()


def kept(meant: Any, typed: Fields) -> bool:
    """Whether what a person typed is still in the form; secrets are not sent back."""
    for name, value in typed.items():
        one = meant.locator(f"[name='{name}']").first
        if one.get_attribute("type") not in ("password", "hidden") and isinstance(value, str):
            assert one.input_value() == value, name
    return True
