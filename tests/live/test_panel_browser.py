"""The panel in Chromium: every page that links lead to, every form with what it takes and with what
it does not, as an administrator and as somebody with an account."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import Any

import pytest

from mailhub.wire import otp
from tests.http.place import ARGUMENT, Place
from tests.live import web
from tests.live.bumpy import Bumpy
from tests.live.chromium import Chromium, Window
from tests.live.hostile import lines
from tests.live.looking import faults, fill, form, send, shape, walk
from tests.live.outgoing import PASSWORD, Hub, hub, text
from tests.live.panel_forms import ANN, BY_HAND, FORMS, JOE, ROOT, Fields, Form
from tests.live.peers import until

MORE = """
[dns]
addresses = ["192.0.2.1"]
host_keys = ""

[backup]
target = "off"
"""
INSIDE = ("/panel",)
STEP = 30
"""Seconds that a code of an authenticator lives."""
LINES = lines(200)


class House:
    """A server with something on every page, and two people who look at it."""

    def __init__(self, hub: Hub, chromium: Chromium) -> None:
        self.hub = hub
        self.passwords = dict.fromkeys((ROOT, JOE, ANN), PASSWORD)
        self._base = f"http://127.0.0.1:{hub.server.port('http', 'none')}"
        self._chromium = chromium

    @contextmanager
    def people(self) -> Iterator[House]:
        """The two sit before their windows, signed in."""
        with self.stranger(agent=LINES[0]) as self.root, self.stranger() as self.joe:
            self.root.sign_in(ROOT, PASSWORD)
            self.joe.sign_in(JOE, PASSWORD)
            yield self

    def stranger(self, **more: Any) -> AbstractContextManager[Window]:
        """The window of somebody who is not signed in."""
        return self._chromium.window(self._base, **more)

    def window(self, who: str) -> Window:
        return {ROOT: self.root, JOE: self.joe}[who]


@pytest.fixture(scope="module")
def house() -> Iterator[House]:
    with ExitStack() as stack:
        far = stack.enter_context(Rude())
        ours = stack.enter_context(hub(more=MORE, queue={"retry": "[3600]"}))
        furnish(ours, far)
        chromium = stack.enter_context(Chromium())
        yield stack.enter_context(House(ours, chromium).people())
        said = ours.server.log.read_text()
        assert "Traceback" not in said
        assert "Unhandled" not in said


class Rude(Bumpy):
    """Puts every message off, with words of its own."""

    def answer(self, recipient: str) -> bytes:
        number = int(recipient.partition("@")[0].removeprefix("later"))
        return f"451 4.3.0 {LINES[number % len(LINES)]}\r\n".encode()


def furnish(ours: Hub, far: Bumpy) -> None:
    """So that no page is empty; whatever may be named bears a name that would like to run."""
    server = ours.server
    where = ("--host", "127.0.0.1", "--port", str(far.port), "--tls", "none")
    server.command("routes", "add", "*", *where)
    server.add_user(ROOT, PASSWORD, "--role", "admin", "--name", LINES[0])
    joe = web.make(server, JOE, name=LINES[1])
    web.make(server, ANN, name=LINES[2])
    for number, line in enumerate(LINES):
        ours.submit(text(f"later{number}"), f"later{number}@far.test", JOE)
        web.make(server, f"person{number}@home.test", name=line)
        mail = {"query": {"subject": line}, "action": {"flag": True}}
        web.call(server, "POST", f"/users/{joe}/filters", {"name": line, **mail})
        asked = {"description": line, "scopes": ["imap"]}
        web.call(server, "POST", f"/users/{joe}/asps", asked)
        guess = {"username": JOE, "password": line, "protocol": "IMAP"}
        assert web.ask(server, "POST", "/authenticate", guess)[0] >= 400
    reply = {"status": True, "name": LINES[3], "subject": LINES[4], "text": LINES[5]}
    web.call(server, "PUT", f"/users/{joe}/autoreply", reply)
    assert until(lambda: len(ours.events("delivery", outcome="deferred")) >= len(LINES))


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


def test_the_second_step_goes_on_and_off_again(house: House) -> None:
    """From setting it up to a sign-in with it, and away with it."""
    house.hub.server.add_user("two@home.test", PASSWORD)
    with house.stranger() as window:
        page = window.page
        window.sign_in("two@home.test", PASSWORD)
        window.go("/panel/two-step")
        assert send(window, form(page, "POST /panel/two-step/begin")) == 200
        assert given(window, "POST /panel/two-step", code="000000") == 400
        seed, now = page.inner_text(".secret"), int(time.time()) // STEP
        assert faults(window) == []
        assert given(window, "POST /panel/two-step", code=otp.code(seed, now - 1)) == 303
        assert given(window, "POST /panel/sign-out") == 303
        assert given(window, "POST /panel/sign-in", name="two@home.test", password=PASSWORD) == 303
        assert window.path == "/panel/sign-in/code"
        assert faults(window) == []
        assert given(window, "POST /panel/sign-in/code", code="000000") == 403
        assert page.locator("[role=alert]").is_visible()
        assert given(window, "POST /panel/sign-in/code", code=otp.code(seed, now)) == 303
        window.go("/panel/two-step")
        assert given(window, "POST /panel/two-step/off", code="000000") == 400
        assert given(window, "POST /panel/two-step/off", code=otp.code(seed, now + 1)) == 303
        window.calm()


def given(window: Window, key: str, **fields: str) -> int:
    """Fills in the form of the page that is shown, and sends it."""
    meant = form(window.page, key)
    fill(meant, fields)
    return send(window, meant)


def test_nobody_needs_a_mouse_to_sign_in(house: House) -> None:
    """Nor a sign-in that fails: what was typed is there, and the next key goes to the password."""
    with house.stranger() as window:
        page, press = window.page, window.page.keyboard.press
        window.go("/panel/")
        page.keyboard.type(JOE)
        press("Tab")
        page.keyboard.type("wrong")
        with page.expect_navigation():
            press("Enter")
        assert page.locator("[role=alert]").is_visible()
        assert page.input_value("[name=name]") == JOE
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
