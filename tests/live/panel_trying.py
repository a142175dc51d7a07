"""A form of the panel, filled in badly and well, as its row in `panel_forms` says."""

from __future__ import annotations

from typing import Any

from tests.live.chromium import Window
from tests.live.looking import fill, form, send
from tests.live.panel_forms import Fields, Form
from tests.live.panel_house import House


def tried(house: House, case: Form) -> None:
    """The form refuses what is wrong, with words of why, and takes what is right."""
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
    for _ in range(60):
        open_page(window, case.page)
        meant = form(page, case.key, case.button)
        fill(meant, case.good)
        status = send(window, meant, case.button)
        if status != 409:  # InUse: what was begun by itself, such as the first backup, ends soon
            break
        page.wait_for_timeout(500)
    assert status in (200, 303), f"{status}: {page.inner_text('body')}"
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


def open_page(window: Window, page: str) -> None:
    path, *links = page.split(">")
    window.go(path)
    for link in links:
        window.page.click(f"main {link}")
        window.page.wait_for_load_state("load")
