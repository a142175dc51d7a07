"""Logins over HTTP whose account changes while their password is looked at: what they are given to
come again with is nothing."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import urlencode

import pytest

from mailhub.model.account import Account
from mailhub.model.account import Role as AccountRole
from tests.http.browsing import LOCAL, Reply, Site
from tests.http.tmail import basic
from tests.support import run
from tests.world import ACTOR, PASSWORD, World, world

pytestmark = pytest.mark.thorough

ROOT = "root@example.org"
FORM = "application/x-www-form-urlencoded"


def wildduck(site: Site) -> Reply:
    order = {"username": ROOT, "password": PASSWORD, "token": True}
    return site.ask("POST", "/wildduck/authenticate", order, peer=LOCAL)


def mailinabox(site: Site) -> Reply:
    return site.ask("POST", "/admin/login", b"", peer=LOCAL, authorization=basic(ROOT))


def easymail(site: Site) -> Reply:
    form = urlencode({"username": ROOT, "password": PASSWORD}).encode()
    return site.ask("POST", "/easymail/auth", form, peer=LOCAL, content_type=FORM)


def panel(site: Site) -> Reply:
    form = urlencode({"name": ROOT, "password": PASSWORD}).encode()
    return site.ask("POST", "/panel/sign-in", form, peer=LOCAL, content_type=FORM)


def given(reply: Reply) -> bool:
    """Whether there is something to come again with."""
    return (
        b'"token"' in reply.body
        or b'"api_key"' in reply.body
        or "=" in reply.headers.get("set-cookie", "").partition(";")[0].rstrip("=")
    )


def new_password(here: World, account: Account) -> None:
    run(here.accounts.set_password(account.number, "another one", ACTOR))


def logged_out(here: World, account: Account) -> None:
    run(here.accounts.end_sessions(account.number, ACTOR))


def removed(here: World, account: Account) -> None:
    run(here.accounts.remove(account.number, ACTOR))


@pytest.fixture
def site() -> Site:
    here = world(people=())
    here.account(ROOT, role=AccountRole.ADMIN)
    return Site(world=here, root="")


@pytest.mark.parametrize("ask", [wildduck, mailinabox, easymail, panel])
def test_a_login_is_given_something(site: Site, ask: Callable[[Site], Reply]) -> None:
    """Otherwise the other test would say nothing."""
    assert given(ask(site))


@pytest.mark.parametrize("change", [new_password, logged_out, removed])
@pytest.mark.parametrize("ask", [wildduck, mailinabox, easymail, panel])
def test_a_login_of_before_a_change_is_given_nothing(
    monkeypatch: pytest.MonkeyPatch,
    site: Site,
    ask: Callable[[Site], Reply],
    change: Callable[[World, Account], None],
) -> None:
    here = site.world
    verify = here.directory.verify

    async def slowly(account: Account, password: str) -> bool:
        right = await verify(account, password)
        change(here, account)
        return right

    monkeypatch.setattr(type(here.directory), "verify", lambda _, *words: slowly(*words))
    assert not given(ask(site))
