"""The panel in Chromium: every page that links lead to, in the words of strangers; keys alone, no
scripts, other languages."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page

from tests.http.place import ARGUMENT, Place
from tests.live.chromium import Window
from tests.live.looking import faults, shape, walk
from tests.live.panel_forms import BY_HAND, FORMS, JOE, ROOT
from tests.live.panel_house import LINES, SENDER, SHORT, House, opened

INSIDE = ("/panel",)


@pytest.fixture(scope="module")
def house() -> Iterator[House]:
    with opened(reports=True) as house:
        yield house


@pytest.mark.parametrize("who", [ROOT, JOE])
def test_every_page_is_as_pages_have_to_be(house: House, who: str) -> None:
    window = house.window(who)
    window.calm()
    met, unknown, wrong = set[str](), set[str](), dict[str, object]()
    seen = ""
    for visit in walk(window, "/panel/", INSIDE):
        met.add(shape(visit.path))
        unknown |= visit.forms - {one.key for one in FORMS} - BY_HAND
        if not visit.page:
            assert visit.status == 200, visit.path
            continue
        seen += window.page.inner_text("body")
        found = faults(window) + window.reported()
        if visit.status != 200 or found:
            wrong[visit.path] = (visit.status, found)
    assert not wrong
    assert [line for line in LINES if line not in seen] == []
    assert not unknown, sorted(unknown)
    if who == ROOT:
        assert missed(met) == set()


def missed(met: set[str]) -> set[str]:
    """Pages of the panel that no link led to."""
    pages = {
        ARGUMENT.sub("*", prefix + one.path)
        for name, prefix, one in Place().calls
        if name == "panel" and one.method == "GET"
    }
    return pages - met - UNLINKED


UNLINKED = {
    "/panel/static/*",
    "/panel/sign-in",
    "/panel/sign-in/code",
    "/panel/password/changed",
    "/panel/filters/*",
}
"""What follows on a form, or is for who is not signed in."""


def test_what_strangers_say_is_shown_and_never_runs(house: House) -> None:
    """Where a walk along links sees one page of each kind, this one sees those with their words."""
    window = house.root
    theirs = f"/panel/users/{house.joe_id}"
    seen(window, f"{theirs}/access", LINES)
    seen(window, f"{theirs}/sessions", [])
    seen(window, "/panel/dns", LINES)
    seen(window, "/panel/dns/zones/home.test", [one.partition(" ")[0] for one in LINES])
    seen(window, "/panel/reports", SHORT)
    seen(window, "/panel/reports/home.test", SHORT)
    seen(window, "/panel/messages", [SENDER])
    window.page.locator("tbody tr", has_text=SENDER).locator("th a").first.click()
    window.page.wait_for_load_state("load")
    assert SENDER in window.page.inner_text("main")
    window.calm()
    seen(house.joe, "/panel/addresses", SHORT[: len(LINES)])
    window.go("/panel/queue")
    paths = window.page.locator("tbody a[href^='/panel/queue/']").evaluate_all(
        "all => all.map((it) => it.getAttribute('href'))"
    )
    replies = stories = ""
    for path in sorted(set(paths)):
        window.go(path)
        replies += plain(window.page.inner_text("main"))
        window.page.click("main a[href^='/panel/messages/']")
        window.page.wait_for_load_state("load")
        stories += plain(window.page.inner_text("main"))
        window.calm()
    assert [line for line in LINES if plain(line) not in stories] == []
    assert [line for line in LINES if plain(line) not in replies] == []


def seen(window: Window, path: str, words: list[str]) -> None:
    """The page shows all of the words, and nothing went wrong."""
    assert window.go(path).status == 200
    shown = plain(window.page.inner_text("main"))
    assert [one for one in words if plain(one) not in shown] == [], path
    window.calm()


def plain(text: str) -> str:
    """With one space where there are any."""
    return " ".join(text.split())


def in_hand(page: Page, field: str) -> None:
    """Waits until the field has the keys, which the browser gives it a moment after the page."""
    page.wait_for_selector(f"[name={field}]:focus")


def test_nobody_needs_a_mouse_to_sign_in(house: House) -> None:
    """Nor a sign-in that fails: what was typed is there, and the next key goes to the password."""
    with house.stranger() as window:
        page, press = window.page, window.page.keyboard.press
        window.go("/panel/")
        in_hand(page, "name")
        page.keyboard.type(JOE)
        press("Tab")
        page.keyboard.type("wrong")
        with page.expect_navigation():
            press("Enter")
        assert page.locator("[role=alert]").is_visible()
        assert page.input_value("[name=name]") == JOE
        in_hand(page, "password")
        page.keyboard.type(house.passwords[JOE])
        with page.expect_navigation():
            press("Enter")
        page.wait_for_selector("form[action='/panel/sign-out']")
        press("Tab")
        assert page.evaluate("document.activeElement.className") == "skip"
        press("Enter")
        assert page.evaluate("location.hash") == "#content"
        window.calm()


def test_the_way_in_and_what_is_not_there_are_pages_too(house: House) -> None:
    with house.stranger() as window:
        window.go("/panel/sign-in")
        assert faults(window) == []
        window.calm()
    assert house.joe.go("/panel/users").status == 403
    assert faults(house.joe) == []
    assert house.root.go("/panel/users/" + "0" * 24).status == 404
    assert faults(house.root) == []


def test_everything_works_without_scripts(house: House) -> None:
    with house.stranger(scripts=False) as window:
        window.sign_in(JOE, house.passwords[JOE])
        window.go("/panel/app-passwords")
        window.page.fill("[name=description]", "No scripts")
        with window.page.expect_navigation():
            window.page.click("button:has-text('Create')")
        assert window.page.locator("th", has_text="No scripts").is_visible()
        assert not window.page.locator("[data-copy]:visible").count()
        window.calm()


@pytest.mark.parametrize(("spoken", "words"), [("de-DE", "Übersicht"), ("fr-FR", "Aperçu")])
def test_it_speaks_as_the_browser_does(house: House, spoken: str, words: str) -> None:
    with house.stranger(language=spoken) as window:
        window.sign_in(JOE, house.passwords[JOE])
        assert window.page.get_attribute("html", "lang") == spoken[:2]
        assert words in window.page.inner_text("h1")
        assert faults(window) == []
        window.calm()
