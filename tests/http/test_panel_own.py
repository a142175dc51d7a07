"""The panel's pages of an account itself: addresses, programs, sessions, sign-ins."""

from __future__ import annotations

import plistlib
import re
import tarfile
from io import BytesIO
from typing import Any

import pytest
from twisted.internet.address import IPv4Address

from mailhub.core.open_logins import REASON
from mailhub.model.account import Principal, Role, Service
from mailhub.model.settings import TokenSettings
from mailhub.wire import openpgp
from tests.http.browsing import Site
from tests.http.visiting import Browser, foreign
from tests.pgpkeys import Key
from tests.support import run
from tests.world import ACTOR, PASSWORD, world

pytestmark = pytest.mark.thorough

JOE, ANN, ROOT = "joe@example.org", "ann@example.org", "root@example.org"
PAGES = (
    "/panel/",
    "/panel/addresses",
    "/panel/filters",
    "/panel/filters/new",
    "/panel/filters/scripts",
    "/panel/filters/scripts/edit",
    "/panel/autoreply",
    "/panel/programs",
    "/panel/sessions",
    "/panel/history",
)
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"


@pytest.fixture
def site() -> Site:
    return Site(world=world(people=(JOE, ANN)))


@pytest.fixture
def browser(site: Site) -> Browser:
    made = Browser(site)
    made.sign_in(JOE, PASSWORD)
    assert (made.status, made.path) == (200, "/panel/")
    return made


def open_session(site: Site, who: str = JOE, **known: str) -> list[str]:
    """A session of a mail program; what it is told when it ends."""
    told: list[str] = []
    account = site.world.people[who]
    principal = Principal(
        account.number, account.id, who, Role.USER, Service.IMAP, account.auth_version, **known
    )
    site.world.watch.login(principal, told.append)
    return told


@pytest.mark.parametrize("path", PAGES)
@pytest.mark.parametrize("language", ["en", "de", "fr"])
def test_every_page_in_every_language(browser: Browser, path: str, language: str) -> None:
    browser.look("/panel/addresses")
    browser.send("/panel/addresses/name", name="Joe", language=language)
    page = browser.look(path)
    assert browser.status == 200
    assert f'<html lang="{language}"' in page
    assert len(page) < 200_000
    assert not foreign(page)
    assert page.count('aria-current="page"') == 1
    for label in re.findall(r"<(?:input|select|textarea)(?![^>]*hidden)[^>]*>", page):
        assert "name=" in label


@pytest.mark.parametrize("path", PAGES)
def test_nobody_else_sees_them(site: Site, path: str) -> None:
    stranger = Browser(site)
    stranger.look(path)
    assert stranger.path.startswith("/panel/sign-in")


# -- the overview


def test_the_overview_says_what_is_worth_knowing(browser: Browser) -> None:
    page = browser.look("/panel/")
    assert "The password alone opens this account" in page
    assert "All mail also goes to" not in page
    assert "An automatic reply is on" not in page
    assert '<a class="button" href="/mail">' in page
    assert "let in" in page
    browser.look("/panel/addresses")
    browser.send("/panel/addresses/forwarding", targets="far@remote.example")
    browser.look("/panel/autoreply")
    browser.send("/panel/autoreply", on="1", text="Away")
    page = browser.look("/panel/")
    assert "All mail also goes to far@remote.example" in page
    assert "An automatic reply is on" in page


def test_all_mail_is_handed_over_as_an_archive(browser: Browser) -> None:
    site = browser.site
    for who in (JOE, ANN):
        site.world.deliver(who, f"Subject: for {who}\r\n\r\nx\r\n".encode())
    assert 'href="/panel/archive" download' in browser.look("/panel/")
    reply = site.ask("GET", "/panel/archive", cookie=browser.cookie)
    assert reply.status == 200
    assert "joe@example.org-" in reply.headers["content-disposition"]
    with tarfile.open(fileobj=BytesIO(reply.body)) as archive:
        names = archive.getnames()
        data = [archive.extractfile(one) for one in archive if one.isfile()]
        text = b"".join(one.read() for one in data if one is not None)
    assert b"Subject: for joe@example.org" in text
    assert b"ann@example.org" not in text
    assert not any("ann" in name for name in names)
    assert b"$argon2" not in text
    assert b'"password":""' in text


# -- addresses, name, forwarding, encryption


def test_addresses_are_listed(browser: Browser) -> None:
    here = browser.site.world
    joe = here.people[JOE].number
    run(here.addresses.create("sales@example.org", ACTOR, account=joe, name="<Sales>"))
    page = browser.look("/panel/addresses")
    assert "sales@example.org" in page
    assert "&lt;Sales&gt;" in page
    assert page.count(">main<") == 1


def test_a_name_and_a_language_are_kept(browser: Browser) -> None:
    browser.look("/panel/addresses")
    page = browser.send("/panel/addresses/name", name=" Joe Müller ", language="de")
    assert '<html lang="de"' in page
    assert 'value="Joe Müller"' in page
    browser.send("/panel/addresses/name", name="Joe", language="xx")
    account = run(browser.site.world.accounts.get(browser.site.world.people[JOE].number))
    assert (account.name, account.language) == ("Joe", "de")
    browser.send("/panel/addresses/name", name="x" * 300, language="en")
    assert browser.status == 400
    assert 'role="alert"' in browser.page


@pytest.mark.parametrize(
    ("targets", "kept"),
    [
        ("far@remote.example\r\nB@Remote.Example, far@remote.example", 2),
        ("", 0),
        ("no address", None),
        ("https://hook.example/", None),
        ("smtp:relay.example", None),
    ],
)
def test_forwarding(browser: Browser, targets: str, kept: int | None) -> None:
    here = browser.site.world
    browser.look("/panel/addresses")
    page = browser.send("/panel/addresses/forwarding", targets=targets)
    account = run(here.accounts.get(here.people[JOE].number))
    if kept is None:
        assert browser.status == 400
        assert targets in page
        assert account.targets == ()
    else:
        assert browser.status == 200
        assert len(account.targets) == kept


def test_encryption_needs_a_key(browser: Browser) -> None:
    browser.look("/panel/addresses")
    for fields in ({"stored": "1"}, {"key": "-----BEGIN nothing", "stored": "1"}):
        page = browser.send("/panel/addresses/encryption", **fields)
        assert browser.status == 400
        assert 'name="stored" value="1" checked' in page


def test_a_key_is_kept_shown_and_taken_away(browser: Browser) -> None:
    key = Key().public
    browser.look("/panel/addresses")
    page = browser.send("/panel/addresses/encryption", key=key, stored="1")
    assert browser.status == 200
    assert openpgp.read(key).fingerprint.upper() in page.replace(" ", "")
    here = browser.site.world
    assert run(here.accounts.get(here.people[JOE].number)).encryption.storing
    browser.send("/panel/addresses/encryption", key="")
    assert run(here.accounts.get(here.people[JOE].number)).encryption.key == ""


# -- programs


def test_programs_are_told_what_is_configured(browser: Browser) -> None:
    page = browser.look("/panel/programs")
    for port in ("993", "995", "465"):
        assert f"<td>{port}</td>" in page
    assert 'id="user">joe@example.org<' in page
    assert "autoconfig.example.org" in page
    assert 'src="data:image/png;base64,' in page


def profile_of(browser: Browser, **fields: str) -> Any:
    csrf = re.search(r'name="csrf" value="(\w+)"', browser.look("/panel/programs"))
    assert csrf is not None
    body = {"csrf": csrf[1], **fields}
    return browser.post("/panel/programs/profile", body)


def test_a_profile_with_a_password_of_its_own(browser: Browser) -> None:
    reply = profile_of(browser, with_password="1", description="Phone")
    assert reply.status == 200
    assert reply.headers["content-type"] == "application/x-apple-aspen-config"
    assert "mail.mobileconfig" in reply.headers["content-disposition"]
    (mail,) = plistlib.loads(reply.body)["PayloadContent"]
    assert mail["EmailAddress"] == JOE
    assert mail["IncomingMailServerPortNumber"] == 993
    apps = browser.look("/panel/app-passwords")
    assert "Phone" in apps
    here = browser.site.world
    found = run(here.identity.app_passwords.all(here.people[JOE].number))
    assert [one.description for one in found] == ["Phone"]


def test_a_profile_that_asks_for_the_password(browser: Browser) -> None:
    reply = profile_of(browser)
    (mail,) = plistlib.loads(reply.body)["PayloadContent"]
    assert "IncomingPassword" not in mail
    assert "There are none yet" in browser.look("/panel/app-passwords")


def test_a_profile_s_app_password_needs_a_name(browser: Browser) -> None:
    assert profile_of(browser, with_password="1", description=" ").status == 400
    assert 'role="alert"' in browser.page


# -- sessions


def test_browsers_are_listed_and_signed_out(browser: Browser) -> None:
    other = Browser(browser.site)
    other.look("/panel/sign-in")
    other.post("/panel/sign-in", {"name": JOE, "password": PASSWORD}, user_agent=FIREFOX)
    page = browser.look("/panel/sessions")
    assert "Firefox, Linux" in page
    assert page.count("this one") == 1
    assert FIREFOX not in page
    row = next(row for row in page.split("<tr>") if "Firefox" in row)
    (end,) = re.findall(r'action="(/panel/sessions/browsers/\w+/end)"', row)
    page = browser.send(end)
    assert "Firefox" not in page
    other.look("/panel/")
    assert other.path.startswith("/panel/sign-in")
    browser.look("/panel/sessions")
    assert browser.path == "/panel/sessions"


def test_what_is_over_already_ends_again(browser: Browser) -> None:
    csrf = re.search(r'name="csrf" value="(\w+)"', browser.look("/panel/sessions"))
    assert csrf is not None
    for end in ("browsers/" + "1" * 24, "programs/999", "programs/x", "programs/" + "9" * 50):
        browser.post(f"/panel/sessions/{end}/end", {"csrf": csrf[1]})
        assert (browser.status, browser.path) == (200, "/panel/sessions")


def test_signing_out_leaves_the_list(browser: Browser) -> None:
    other = Browser(browser.site)
    other.sign_in(JOE, PASSWORD)
    assert browser.look("/panel/sessions").count("/end") == 3
    other.send("/panel/sign-out")
    assert browser.look("/panel/sessions").count("/end") == 2


def test_mail_programs_are_listed_and_end_at_once(browser: Browser) -> None:
    site = browser.site
    told = open_session(site, address="192.0.2.4", means="<b>phone</b>")
    kept = open_session(site, address="192.0.2.5")
    hers = open_session(site, ANN, address="192.0.2.6")
    page = browser.look("/panel/sessions")
    assert "&lt;b&gt;phone&lt;/b&gt;" in page
    assert "192.0.2.6" not in page
    row = next(row for row in page.split("<tr>") if "192.0.2.4" in row)
    (end,) = re.findall(r'action="(/panel/sessions/programs/\d+/end)"', row)
    page = browser.send(end)
    assert told == [REASON]
    assert "192.0.2.4" not in page
    assert "192.0.2.5" in page
    assert (kept, hers) == ([], [])


def test_somebody_else_s_sessions_are_not_ended(browser: Browser) -> None:
    site = browser.site
    hers = open_session(site, ANN)
    ann = Browser(site)
    ann.sign_in(ANN, PASSWORD)
    (login,) = site.world.watch.logins.of_account(site.world.people[ANN].number)
    (one,) = run(site.world.sign_ins.of_account(site.world.people[ANN].number))
    csrf = re.search(r'name="csrf" value="(\w+)"', browser.look("/panel/sessions"))
    assert csrf is not None
    fields = {"csrf": csrf[1]}
    browser.post(f"/panel/sessions/programs/{login.number}/end", fields)
    browser.post(f"/panel/sessions/browsers/{one.id}/end", fields)
    their = f"/panel/users/{site.world.people[ANN].id}/sessions"
    for action in (f"programs/{login.number}/end", f"browsers/{one.id}/end", "end"):
        assert browser.post(f"{their}/{action}", fields).status == 403
    assert browser.look(their)
    assert browser.status == 403
    assert hers == []
    ann.look("/panel/")
    assert ann.path == "/panel/"


def test_all_others_end(browser: Browser) -> None:
    other = Browser(browser.site)
    other.sign_in(JOE, PASSWORD)
    told = open_session(browser.site)
    browser.look("/panel/sessions")
    page = browser.send("/panel/sessions/end")
    assert browser.path == "/panel/sessions"
    assert len(told) == 1
    assert "No mail program is connected" in page
    assert page.count("/browsers/") == 1
    other.look("/panel/")
    assert other.path.startswith("/panel/sign-in")


def test_administrators_see_and_end_them(site: Site) -> None:
    site.world.account(ROOT, role=Role.ADMIN)
    joe = Browser(site)
    joe.sign_in(JOE, PASSWORD)
    told = open_session(site, address="192.0.2.4")
    root = Browser(site)
    root.sign_in(ROOT, PASSWORD)
    where = f"/panel/users/{site.world.people[JOE].id}/sessions"
    page = root.look(where)
    assert "192.0.2.4" in page
    assert "this one" not in page
    (program,) = re.findall(rf'action="({where}/programs/\d+/end)"', page)
    (browser,) = re.findall(rf'action="({where}/browsers/\w+/end)"', page)
    root.send(program)
    assert told == [REASON]
    root.send(browser)
    assert root.path == where
    joe.look("/panel/")
    assert joe.path.startswith("/panel/sign-in")
    joe.sign_in(JOE, PASSWORD)
    root.look(where)
    root.send(f"{where}/end")
    joe.look("/panel/")
    assert joe.path.startswith("/panel/sign-in")
    mine = f"/panel/users/{site.world.people[ROOT].id}/sessions"
    root.look(mine)
    root.send(f"{mine}/end")
    assert root.path == mine, "still signed in"


@pytest.mark.parametrize("which", ["browser_life", "browser_longest"])
def test_a_browser_is_signed_out_in_time(browser: Browser, which: str) -> None:
    life: int = getattr(TokenSettings(), which)
    clock = browser.site.world.clock
    if which == "browser_longest":
        for _ in range(life // 86400 - 1):
            clock.advance(86400)
            browser.look("/panel/")
            assert browser.path == "/panel/", "used every day"
        clock.advance(86400 + 1)
    else:
        clock.advance(life - 10)
        browser.look("/panel/")
        assert browser.path == "/panel/"
        clock.advance(life + 10)
    browser.look("/panel/")
    assert browser.path.startswith("/panel/sign-in")


def test_the_cookie_is_told_anew_while_it_is_used(browser: Browser) -> None:
    site = browser.site

    def told() -> str:
        return site.ask("GET", "/panel/", cookie=browser.cookie).headers.get("set-cookie", "")

    assert told() == ""
    site.world.clock.advance(86400)
    assert told().endswith(f"; Max-Age={TokenSettings().browser_life}")
    assert told() == ""
    days = TokenSettings().browser_longest // 86400
    for _ in range(days - 2):
        site.world.clock.advance(86400)
        last = told()
    assert last.endswith("; Max-Age=86400"), "no longer than it lives"


# -- sign-ins


def test_sign_ins_are_told(browser: Browser) -> None:
    other = Browser(browser.site)
    other.sign_in(JOE, "wrong")
    page = browser.look("/panel/history")
    assert "wrong password" in page
    assert "let in" in page
    assert "Panel" in page
    browser.look("/panel/app-passwords")
    browser.send("/panel/app-passwords", description="<i>x</i>")
    assert "&lt;i&gt;x&lt;/i&gt;" in browser.look("/panel/history?what=all")
    assert "&lt;i&gt;" not in browser.look("/panel/history")


def test_sign_ins_go_on_on_further_pages(browser: Browser) -> None:
    site = browser.site
    for number in range(60):
        site.peer = IPv4Address("TCP", f"127.0.0.{number + 2}", 4000)
        Browser(site).sign_in(JOE, PASSWORD)
    page = browser.look("/panel/history")
    assert page.count('<th scope="row">') == 50
    (older,) = re.findall(r'href="(/panel/history\?after=\d+)"', page)
    rest = browser.look(older)
    assert page.count("<tr>") + rest.count("<tr>") >= 61
    assert "?after=" not in rest
    for odd in ("x", "-1", "9" * 40, "²"):
        browser.look(f"/panel/history?after={odd}")
        assert browser.status in (200, 400)
