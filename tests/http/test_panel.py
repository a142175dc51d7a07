"""The panel's pages, as a browser meets them."""

from __future__ import annotations

import re

import pyotp
import pytest

from mailhub.model.account import Role
from tests.http.browsing import FOREIGN, Site
from tests.http.visiting import Browser
from tests.support import run
from tests.world import ACTOR, PASSWORD, world

pytestmark = pytest.mark.thorough

JOE = "joe@example.org"
NEW = "another Passw0rd"
OWN = ("/panel/", "/panel/password", "/panel/app-passwords", "/panel/two-step")


@pytest.fixture
def site() -> Site:
    return Site(world=world())


@pytest.fixture
def browser(site: Site) -> Browser:
    made = Browser(site)
    made.sign_in(JOE, PASSWORD)
    assert (made.status, made.path) == (200, "/panel/")
    return made


def code(site: Site, seed: str, steps: int = 0) -> str:
    return pyotp.TOTP(seed).at(int(site.world.clock.now()) + 30 * steps)


# -- signing in and out


def test_who_is_not_signed_in_is_asked_to(site: Site) -> None:
    for path in OWN:
        browser = Browser(site)
        browser.look(path)
        assert browser.path == "/panel/sign-in"
    assert 'name="password"' in browser.page


@pytest.mark.parametrize(("name", "password"), [(JOE, "wrong"), ("no@example.org", "x"), ("", "")])
def test_a_wrong_password_tells_nothing_more(site: Site, name: str, password: str) -> None:
    browser = Browser(site)
    page = browser.sign_in(name, password)
    assert browser.status == 403
    assert "Wrong name or password" in page
    assert not browser.cookie
    assert f'value="{name}"' in page
    assert password not in page or not password or password == "x"


def test_guesses_are_bounded(site: Site) -> None:
    browser = Browser(site)
    for _ in range(40):
        browser.sign_in(JOE, "wrong")
    assert browser.status == 429
    assert "Too many attempts" in browser.page


def test_the_cookie_is_for_this_site_s_pages_alone(site: Site) -> None:
    browser = Browser(site)
    browser.look("/panel/sign-in")
    reply = site.ask(
        "POST",
        "/panel/sign-in",
        f"name={JOE}&password={PASSWORD.replace(' ', '+')}".encode(),
        content_type="application/x-www-form-urlencoded",
    )
    assert reply.headers["location"] == "/panel/"
    assert re.fullmatch(
        r"mailhub=[0-9a-f]{40}; Path=/; HttpOnly; SameSite=Lax; Max-Age=259200",
        reply.headers["set-cookie"],
    )


def test_a_password_is_not_asked_for_in_clear(site: Site) -> None:
    reply = site.ask("GET", "/panel/sign-in", peer=FOREIGN)
    assert b"not encrypted" in reply.body
    assert b"<form" not in reply.body
    data = f"name={JOE}&password={PASSWORD}".encode()
    kind = "application/x-www-form-urlencoded"
    sent = site.ask("POST", "/panel/sign-in", data, peer=FOREIGN, content_type=kind)
    assert sent.status == 403
    assert "set-cookie" not in sent.headers


def test_signing_out_ends_the_session(browser: Browser) -> None:
    kept = browser.cookie
    browser.send("/panel/sign-out")
    assert browser.path == "/panel/sign-in"
    assert not browser.cookie
    browser.cookie = kept
    browser.look("/panel/")
    assert browser.path == "/panel/sign-in"


def test_a_session_ends_with_the_account_s_others(browser: Browser) -> None:
    here = browser.site.world
    run(here.accounts.end_sessions(here.people[JOE].number, ACTOR))
    browser.look("/panel/")
    assert browser.path == "/panel/sign-in"


# -- forms of others


@pytest.mark.parametrize(
    "headers",
    [
        {"sec_fetch_site": "cross-site"},
        {"sec_fetch_site": "same-site"},
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"content_type": "text/plain"},
    ],
)
@pytest.mark.parametrize("action", ["/panel/sign-in", "/panel/sign-out", "/panel/password"])
def test_another_site_s_form_does_nothing(
    browser: Browser, headers: dict[str, str], action: str
) -> None:
    csrf = re.search(r'name="csrf" value="(\w+)"', browser.page)
    assert csrf is not None
    kept = browser.cookie
    fields = {"csrf": csrf[1], "old": PASSWORD, "new": NEW, "again": NEW, "name": JOE}
    reply = browser.post(action, {**fields, "password": PASSWORD}, **headers)
    assert reply.status in (400, 403)
    browser.cookie = kept
    browser.look("/panel/password")
    assert browser.path == "/panel/password", "still signed in, with the same password"


@pytest.mark.parametrize("csrf", [{}, {"csrf": ""}, {"csrf": "0" * 64}, {"csrf": "ü"}])
def test_a_form_without_our_proof_does_nothing(browser: Browser, csrf: dict[str, str]) -> None:
    reply = browser.post("/panel/app-passwords", {**csrf, "description": "x"})
    assert reply.status == 403
    assert "There are none yet" in browser.look("/panel/app-passwords")


def test_the_proof_is_of_one_session(browser: Browser) -> None:
    other = Browser(browser.site)
    other.sign_in(JOE, PASSWORD)
    proof = re.search(r'name="csrf" value="(\w+)"', other.page)
    assert proof is not None
    assert (
        browser.post("/panel/app-passwords", {"csrf": proof[1], "description": "x"}).status == 403
    )


# -- the account's own pages


def test_the_overview(browser: Browser) -> None:
    browser.site.world.deliver(JOE, b"Subject: one\r\n\r\nx\r\n")
    page = browser.look("/panel/")
    assert "1 message<" in page
    assert JOE in page
    for port in ("993", "995", "465"):
        assert f"<td>{port}</td>" in page


def test_a_new_password_signs_out_the_others(browser: Browser) -> None:
    other = Browser(browser.site)
    other.sign_in(JOE, PASSWORD)
    browser.look("/panel/password")
    browser.send("/panel/password", old=PASSWORD, new=NEW, again=NEW)
    assert "was changed" in browser.page
    browser.look("/panel/")
    assert browser.path == "/panel/"
    other.look("/panel/")
    assert other.path == "/panel/sign-in"
    other.sign_in(JOE, NEW)
    assert other.path == "/panel/"


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"old": "wrong", "new": NEW, "again": NEW}, "Authentication failed"),
        ({"old": PASSWORD, "new": NEW, "again": "x"}, "differ"),
        ({"old": PASSWORD, "new": "", "again": ""}, "needed"),
        ({}, "Authentication failed"),
    ],
)
def test_a_password_that_is_not_changed(
    browser: Browser, fields: dict[str, str], text: str
) -> None:
    browser.look("/panel/password")
    browser.send("/panel/password", **fields)
    assert browser.status == 400
    assert text in browser.page
    assert Browser(browser.site).sign_in(JOE, PASSWORD).count("<h1>Overview</h1>") == 1


def test_a_password_that_somebody_else_gave_is_replaced_first(site: Site) -> None:
    here = site.world
    given = run(here.identity.recovery.reset(here.people[JOE].number, ACTOR))
    browser = Browser(site)
    browser.sign_in(JOE, given)
    assert browser.path == "/panel/password"
    assert "choose one of your own" in browser.page
    browser.look("/panel/app-passwords")
    assert browser.path == "/panel/password"
    browser.send("/panel/password", old=given, new=NEW, again=NEW)
    assert "was changed" in browser.page
    browser.look("/panel/app-passwords")
    assert browser.path == "/panel/app-passwords"


def test_app_passwords_come_and_go(browser: Browser) -> None:
    browser.look("/panel/app-passwords")
    page = browser.send("/panel/app-passwords", description="<b>phone</b>", imap="1")
    assert "&lt;b&gt;phone&lt;/b&gt;" in page
    assert "<b>phone" not in page
    found = re.search(r'class="secret">([a-z ]{19})<', page)
    assert found is not None
    page = browser.look("/panel/app-passwords")
    assert found[1] not in page, "shown once"
    assert "<td>IMAP</td>" in page
    (remove,) = re.findall(r'action="(/panel/app-passwords/\w+/remove)"', page)
    assert "There are none yet" in browser.send(remove)
    assert browser.post(remove, {"csrf": "x"}).status == 403


def test_an_app_password_needs_a_name(browser: Browser) -> None:
    browser.look("/panel/app-passwords")
    browser.send("/panel/app-passwords", description="")
    assert browser.status == 400
    assert 'role="alert"' in browser.page


def test_the_second_factor(browser: Browser) -> None:
    site = browser.site
    browser.look("/panel/two-step")
    page = browser.send("/panel/two-step/begin")
    seed = re.search(r'class="secret">([A-Z2-7]{32,})<', page)
    assert seed is not None
    assert 'src="data:image/png;base64,' in page
    browser.send("/panel/two-step", code="000000")
    assert browser.status == 400
    assert seed[1] in browser.page, "the same seed still waits"
    browser.send("/panel/two-step", code=code(site, seed[1]))
    assert browser.path == "/panel/two-step"
    assert "It is on" in browser.page

    other = Browser(site)
    other.sign_in(JOE, PASSWORD)
    assert other.path == "/panel/sign-in/code"
    for path in OWN:
        other.look(path)
        assert other.path == "/panel/sign-in/code", "the password alone opens nothing"
    other.send("/panel/sign-in/code", code=code(site, seed[1]))
    assert "used before" in other.page
    second = code(site, seed[1], 1)
    other.send("/panel/sign-in/code", code=f"{second[:3]} {second[3:]}")
    assert other.path == "/panel/two-step"

    other.look("/panel/two-step")
    other.send("/panel/two-step/off", code="123456")
    assert other.status == 400
    other.send("/panel/two-step/off", code=code(site, seed[1], 2))
    assert "Set it up" in other.page
    browser.look("/panel/")
    assert browser.path == "/panel/sign-in"


# -- what every page has


@pytest.mark.parametrize("path", ["/panel/sign-in", *OWN, "/panel/nowhere"])
def test_headers_that_keep_a_page_safe(browser: Browser, path: str) -> None:
    headers = browser.site.ask("GET", path, cookie=browser.cookie).headers
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert headers["cache-control"] == "no-store"
    assert headers["x-frame-options"] == "DENY"


@pytest.mark.parametrize("path", OWN)
def test_a_page_is_small_and_its_scripts_are_files_of_ours(browser: Browser, path: str) -> None:
    page = browser.look(path)
    assert len(page) < 200_000
    assert not re.search(r"\son\w+=|\sstyle=", page)
    assert page.count('aria-current="page"') == 1


def test_files_may_be_kept_for_ever(site: Site) -> None:
    page = Browser(site).look("/panel/sign-in")
    found = re.search(r'href="(/panel/static/panel\.css\?\w+)"', page)
    assert found is not None
    reply = site.get(found[1])
    assert reply.status == 200
    assert reply.headers["content-type"] == "text/css; charset=utf-8"
    assert "immutable" in reply.headers["cache-control"]
    for name in ("..%2fpages.py", "nothing.css", "%2e%2e", "panel.css%00"):
        assert site.get(f"/panel/static/{name}").status in (400, 404)


def test_a_method_that_a_page_has_not(site: Site) -> None:
    reply = site.ask("PUT", "/panel/sign-in", b"")
    assert reply.status == 405
    assert "GET" in reply.headers["allow"]


def test_administrators_come_in_too(site: Site) -> None:
    site.world.account("root@example.org", role=Role.ADMIN)
    browser = Browser(site)
    browser.sign_in("root@example.org", PASSWORD)
    assert browser.path == "/panel/"
