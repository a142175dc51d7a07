"""Applications and browsers of accounts whose mail still lives on another server."""

from __future__ import annotations

import pytest

from mailhub.core.elsewhere import ElsewhereOrder
from mailhub.model.elsewhere import Phase
from tests.http.browsing import Site
from tests.http.visiting import Browser
from tests.support import run
from tests.world import ACTOR, PASSWORD, world

pytestmark = pytest.mark.thorough

JOE, ANN = "joe@example.org", "ann@example.org"
WORDS = "The mail of this account is still at its former server"


@pytest.fixture
def site() -> Site:
    return Site(world(people=(JOE, ANN)))


def elsewhere(site: Site, address: str = JOE) -> str:
    """Its mail is elsewhere from now on; its id."""
    here = site.world
    account = here.people[address]
    run(here.elsewheres.set(account, ElsewhereOrder(imap="imaps://old.example"), ACTOR))
    return account.id


def test_an_application_is_told_where_the_mail_is(site: Site) -> None:
    id = elsewhere(site)
    box = run(site.world.store.mailboxes.all(site.world.people[JOE].number))[0].id
    for path in ("mailboxes", f"mailboxes/{box}/messages", "search?query=x", "archived/messages"):
        reply = site.get(f"/users/{id}/{path}")
        assert (reply.status, reply.json) == (503, {"error": WORDS, "code": "MailboxElsewhere"})
        assert reply.headers["retry-after"] == "10"
    assert site.post(f"/users/{id.upper()}/mailboxes", {"path": "x"}).status == 503


def test_administration_and_other_accounts_go_on(site: Site) -> None:
    id = elsewhere(site)
    assert site.get(f"/users/{id}").status == 200
    assert site.ask("PUT", f"/users/{id}", {"name": "Joe"}).status == 200
    assert site.get(f"/users/{id}/addresses").status == 200
    assert site.get(f"/users/{site.world.people[ANN].id}/mailboxes").status == 200


@pytest.mark.parametrize("phase", Phase)
def test_it_is_had_as_soon_as_it_is_here(site: Site, phase: Phase) -> None:
    id = elsewhere(site)
    run(site.world.elsewheres.change(site.world.people[JOE].number, phase, ACTOR))
    wanted = 200 if phase is Phase.HERE else 503
    assert site.get(f"/users/{id}/mailboxes").status == wanted


def test_the_webmail_says_so_and_the_panel_is_open(site: Site) -> None:
    elsewhere(site)
    browser = Browser(site)
    browser.sign_in(JOE, PASSWORD)
    assert browser.status == 200
    browser.look("/mail/")
    assert browser.status == 503
    assert WORDS in browser.page
    browser.look("/panel/password")
    assert browser.status == 200
