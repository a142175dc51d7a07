"""Whatever call of whatever dialect changes who may come in, sessions that are open end with it."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import urlencode

import pytest

from mailhub.model.account import Role
from tests.http.browsing import LOCAL, Reply, Site
from tests.http.tmail import basic
from tests.imap.listener import JOE, LOGGED_IN, IMAPListener
from tests.world import world

pytestmark = pytest.mark.thorough

ROOT = "root@example.org"
FORM = "application/x-www-form-urlencoded"
NEW = "another passw0rd"


def wildduck(method: str, path: str, order: object = None) -> Callable[[Site], Reply]:
    def ask(site: Site) -> Reply:
        user = f"/wildduck/users/{site.world.people[JOE].id}"
        return site.ask(method, user + path, order, peer=LOCAL)

    return ask


def tmail(method: str, order: object = None) -> Callable[[Site], Reply]:
    return lambda site: site.ask(
        method, f"/tmail/users/{JOE}", order, peer=LOCAL, authorization=basic(ROOT)
    )


def mailinabox(path: str, **fields: str) -> Callable[[Site], Reply]:
    form = urlencode({"email": JOE, **fields}).encode()
    return lambda site: site.ask(
        "POST",
        f"/admin/mail/users/{path}",
        form,
        peer=LOCAL,
        content_type=FORM,
        authorization=basic(ROOT),
    )


WAYS = {
    "wildduck password": wildduck("PUT", "", {"password": NEW}),
    "wildduck reset": wildduck("POST", "/password/reset", {}),
    "wildduck disabled": wildduck("PUT", "", {"disabled": True}),
    "wildduck suspended": wildduck("PUT", "", {"suspended": True}),
    "wildduck scope": wildduck("PUT", "", {"disabledScopes": ["imap"]}),
    "wildduck logout": wildduck("PUT", "/logout", {"reason": "x"}),
    "wildduck removed": wildduck("DELETE", ""),
    "tmail password": tmail("PUT", {"passwd": NEW}),
    "tmail removed": tmail("DELETE"),
    "mailinabox password": mailinabox("password", password=NEW),
    "mailinabox removed": mailinabox("remove"),
}


@pytest.mark.parametrize("way", WAYS)
def test_a_session_ends_whoever_ends_it(way: str) -> None:
    here = world(people=(JOE, "ann@example.org"))
    here.account(ROOT, role=Role.ADMIN)
    site, listener = Site(world=here, root=""), IMAPListener(here)
    session, other = listener(), listener()
    session.send(LOGGED_IN)
    other.send(LOGGED_IN.replace(b"joe@", b"ann@"))
    for one in (session, other):
        assert b" OK " in one.read()
    reply = WAYS[way](site)
    assert reply.status in (200, 201, 204), (reply.status, reply.body)
    session.settle()
    assert session.transport.disconnecting
    assert session.read().startswith(b"* BYE ")
    assert not other.transport.disconnecting
