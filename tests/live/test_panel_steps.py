"""The panel in Chromium, step by step: what follows on another page, or on somebody else; and
every form of an account's own pages."""

from __future__ import annotations

import imaplib
import socket
import time
from collections.abc import Iterator
from contextlib import closing, suppress

import pytest

from mailhub.wire import otp
from tests.live import web
from tests.live.chromium import Window
from tests.live.looking import faults, form, send
from tests.live.outgoing import PASSWORD, trusting
from tests.live.panel_forms import FORMS, JOE, ROOT, Form
from tests.live.panel_house import GUESSER, SENDER, House, given, opened
from tests.live.panel_trying import tried

STEP = 30
"""Seconds that a code of an authenticator lives."""


@pytest.fixture(scope="module")
def house() -> Iterator[House]:
    with opened() as house:
        yield house


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


def test_an_administrator_ends_how_somebody_signs_in(house: House) -> None:
    """Their app password, and the second step of who lost the device."""
    id = web.make(house.hub.server, "lost@home.test")
    path = f"/panel/users/{id}/access"
    with house.stranger() as window:
        page = window.page
        window.sign_in("lost@home.test", PASSWORD)
        window.go("/panel/app-passwords")
        assert given(window, "POST /panel/app-passwords", description=SENDER) == 200
        window.go("/panel/two-step")
        assert send(window, form(page, "POST /panel/two-step/begin")) == 200
        code = otp.code(page.inner_text(".secret"), int(time.time()) // STEP)
        assert given(window, "POST /panel/two-step", code=code) == 303
    window, page = house.root, house.root.page
    for key, gone in (
        ("POST /panel/users/*/access/app-password", "text=There are none."),
        ("POST /panel/users/*/access/two-step", "text=It is off."),
    ):
        window.go(path)
        assert not page.locator(gone).count()
        forge(window, key)
        window.go(path)
        assert given(window, key) == 303
        assert page.locator(gone).count() == 1
    assert faults(window) == []
    with house.stranger() as again:
        again.sign_in("lost@home.test", PASSWORD)
    window.calm()


def forge(window: Window, key: str) -> None:
    """The form, as another site would send it, is refused."""
    meant = form(window.page, key)
    meant.locator("[name=csrf]").evaluate("it => { it.value = 'forged' }")
    assert send(window, meant) == 403
    assert window.page.locator("[role=alert]").is_visible()


@pytest.mark.parametrize("whose", ["own", "theirs"])
def test_single_sessions_are_ended(house: House, whose: str) -> None:
    """A browser, which has to sign in again; a mail program, whose connection closes."""
    name = f"{whose}@home.test"
    id = web.make(house.hub.server, name)
    port = house.hub.server.port("imap", "implicit")
    program = imaplib.IMAP4_SSL("127.0.0.1", port, ssl_context=trusting(), timeout=60)
    with house.stranger() as lost, house.stranger() as here, closing(program.socket()):
        lost.sign_in(name, PASSWORD)
        program.login(name, PASSWORD)
        if whose == "own":
            window, page, path = here, here.page, "/panel/sessions"
            window.sign_in(name, PASSWORD)
        else:
            window, page, path = house.root, house.root.page, f"/panel/users/{id}/sessions"
        prefix = f"POST {path.replace(id, '*')}"
        other = page.locator("tr", has=page.locator("form[action*='/browsers/']")).filter(
            has_not=page.locator(".mark")
        )
        window.go(path)
        forge(window, f"{prefix}/browsers/*/end")
        window.go(path)
        with page.expect_navigation():
            other.first.locator("button").click()
        assert other.count() == 0
        assert page.locator("form[action*='/programs/']").count() == 1
        forge(window, f"{prefix}/programs/*/end")
        window.go(path)
        assert given(window, f"{prefix}/programs/*/end") == 303
        assert page.locator("form[action*='/programs/']").count() == 0
        assert faults(window) == []
        lost.go("/panel/")
        assert lost.path.startswith("/panel/sign-in")
        with suppress(ConnectionResetError):
            while program.readline():
                pass
        window.calm()


def test_a_profile_is_loaded(house: House) -> None:
    """With an app password of its own, and without; a name that is too long is told."""
    web.make(house.hub.server, "phone@home.test")
    key = "POST /panel/programs/profile"
    with house.stranger() as window:
        page = window.page
        window.sign_in("phone@home.test", PASSWORD)
        for with_password in (True, False):
            window.go("/panel/programs")
            meant = form(page, key)
            meant.locator("[name=with_password]").set_checked(with_password)
            meant.locator("[name=description]").fill(SENDER)
            with page.expect_download() as loaded:
                meant.locator("button").click()
            assert loaded.value.suggested_filename == "mail.mobileconfig"
            profile = loaded.value.path().read_bytes()
            assert b"phone@home.test" in profile or not with_password
            assert b"com.apple.mail.managed" in profile
        window.go("/panel/programs")
        meant = form(page, key)
        meant.locator("[name=description]").evaluate("it => { it.maxLength = 1000 }")
        assert given(window, key, description="x" * 300) == 400
        assert page.locator("[role=alert]").is_visible()
        assert page.input_value("[name=description]") == "x" * 300
        window.go("/panel/app-passwords")
        assert page.locator("tbody th", has_text=SENDER).count() == 1
        window.calm()


def test_the_key_of_a_zone_is_changed(house: House) -> None:
    """One change at a time; what a page does not offer, because it is too early, is refused."""
    window, page, key = house.root, house.root.page, "POST /panel/dns/zones/*"
    window.go("/panel/dns/zones/home.test")
    assert page.locator("tbody tr:has-text('signs')").count() == 1
    forge(window, key)
    window.go("/panel/dns/zones/home.test")
    with house.stranger() as late:
        late.sign_in(ROOT, house.passwords[ROOT])
        late.go("/panel/dns/zones/home.test")
        assert send(window, form(page, key, "begin"), "begin") == 303
        assert page.locator("tr:has-text('published, not known everywhere yet')").count() == 1
        assert page.locator("form[action='/panel/dns/zones/home.test']").count() == 0
        assert send(late, form(late.page, key, "begin"), "begin") == 400
        assert late.page.locator("[role=alert]").is_visible()
        late.calm()
    assert faults(window) == []
    window.calm()


def test_who_guessed_too_often_may_guess_again(house: House) -> None:
    window, page, key = house.root, house.root.page, "POST /panel/logins/release"
    while guess(house) != 429:
        pass
    window.go(f"/panel/logins?ip={GUESSER}")
    assert page.locator("tr", has_text=GUESSER).locator("form").count() == 1
    assert faults(window) == []
    forge(window, key)
    window.go(f"/panel/logins?ip={GUESSER}")
    assert given(window, key, address=SENDER) == 400
    assert page.locator("[role=alert]").is_visible()
    window.go(f"/panel/logins?ip={GUESSER}")
    assert given(window, key) == 303
    assert guess(house) == 403
    window.calm()


def guess(house: House) -> int:
    """The status of a sign-in with a wrong password, from where there are limits."""
    port = house.hub.server.port("http", "none")
    body = b"name=nobody%40home.test&password=wrong"
    with socket.create_connection(("127.0.0.1", port), 60, (GUESSER, 0)) as channel:
        channel.sendall(
            b"POST /panel/sign-in HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
            b"Content-Type: application/x-www-form-urlencoded\r\n"
            b"Content-Length: %d\r\n\r\n%b" % (len(body), body)
        )
        return int(channel.makefile("rb").readline().split()[1])


@pytest.mark.parametrize("case", [one for one in FORMS if one.who == JOE], ids=lambda one: one.key)
def test_a_form_refuses_what_is_wrong_and_takes_what_is_right(house: House, case: Form) -> None:
    tried(house, case)
