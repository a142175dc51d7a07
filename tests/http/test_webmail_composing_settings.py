"""How somebody likes to write, as they say it on a page."""

from __future__ import annotations

import re

import pytest

from mailhub.core import preferences
from mailhub.core.preferences import Preferences
from tests.http.browsing import Site
from tests.http.visiting import Browser
from tests.support import run
from tests.world import ACTOR, PASSWORD, world

pytestmark = pytest.mark.thorough

ANN, BOB = "ann@example.org", "bob@example.org"
FIRST = re.compile(r'href="(/mail/folders/[0-9a-f]{24}/\d+)"')
FILLED = {
    "name": "Ann  Doe",
    "signature": "Ann\r\n& Co\r\n",
    "also": "Help <help@example.org>",
    "undo": "30",
    "per_page": "100",
}


@pytest.fixture
def browser() -> Browser:
    made = Browser(Site(world=world(people=(ANN, BOB)), root=""))
    create = made.site.world.addresses.create
    run(create("help@example.org", ACTOR, targets=(ANN, BOB)))
    run(create("theirs@example.org", ACTOR, targets=(BOB,)))
    made.sign_in(ANN, PASSWORD)
    return made


def kept(browser: Browser) -> tuple[str, Preferences]:
    world = browser.site.world
    account = run(world.accounts.get(world.people[ANN].number))
    return account.name, preferences.of(account)


def test_settings_are_kept(browser: Browser) -> None:
    browser.look("/mail/settings")
    browser.send("/mail/settings", **FILLED, fixed_width="1")
    assert "Your settings are saved" in browser.page
    wanted = Preferences("Ann\n& Co", True, False, 100, 30, ("help@example.org",))
    assert kept(browser) == ("Ann Doe", wanted)
    page = browser.look("/mail/compose")
    assert '<option value="help@example.org">' in page
    assert "-- \nAnn\n&amp; Co</textarea>" in page
    browser.look("/mail/settings")
    assert 'name="fixed_width" value="1" checked' in browser.page


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("also", "theirs@example.org", "You may not write as theirs@example.org"),
        ("also", "nothing", "This is no address: nothing"),
        ("signature", "x" * 4001, "A signature has at most"),
        ("per_page", "7", "no such number"),
        ("undo", "-1", ""),
        ("name", "x" * 257, "too long"),
    ],
)
def test_what_cannot_be_is_told(browser: Browser, field: str, value: str, words: str) -> None:
    browser.look("/mail/settings")
    browser.send("/mail/settings", **(FILLED | {field: value}))
    if words:
        assert browser.status == 400
        assert words in browser.page
        assert kept(browser)[1] == Preferences()
    else:
        assert kept(browser)[1].undo == 0


def test_they_hold_where_mail_is_read(browser: Browser) -> None:
    page = b"Content-Type: text/html\r\n\r\n<img src=https://far.example/p.png>\r\n"
    for number in range(26):
        browser.site.world.deliver(ANN, b"Subject: Letter %d\r\n%b" % (number, page))
    browser.look("/mail/?by=message")
    assert browser.page.count("<tr data-line") == 26
    first = FIRST.findall(browser.page)[0]
    assert "Images from other servers are not shown" in browser.look(f"{first}")
    browser.look("/mail/settings")
    browser.send("/mail/settings", **(FILLED | {"per_page": "25", "remote_images": "1"}))
    browser.look("/mail/?by=message")
    assert browser.page.count("<tr data-line") == 25
    assert "Images from other servers are shown" in browser.look(f"{first}")
    assert "are not shown" in browser.look(f"{first}?images=0")
