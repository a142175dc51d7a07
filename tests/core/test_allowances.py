"""What an account may use up, and what it is told of it."""

from __future__ import annotations

import dataclasses

import pytest

from mailhub.core.allowances import Kind, Use
from mailhub.model.errors import AllowanceUsed, LimitReached
from mailhub.model.settings import LimitSettings
from tests.support import run
from tests.world import ACTOR, DOMAIN, World, world

MESSAGE = b"Subject: x\r\n\r\ny\r\n"


def limited(**limits: int) -> World:
    here = world()
    account = run(here.accounts.get(1))
    changed = dataclasses.replace(account.limits, **limits)
    run(here.accounts.update(dataclasses.replace(account, limits=changed), ACTOR))
    return here


def test_what_is_sent_is_counted_with_and_without_a_limit() -> None:
    here = limited(recipients=2)
    for _ in range(2):
        run(here.allowances.send(1))
    with pytest.raises(AllowanceUsed):
        run(here.allowances.send(1))
    here.clock.advance(1000)
    used = run(here.allowances.used(run(here.accounts.get(1))))
    assert used[Kind.RECIPIENTS] == Use(2, 2, 85400)
    assert used[Kind.FORWARDS] == Use(0)
    here.clock.advance(85400)
    run(here.allowances.send(1))
    free = world()
    run(free.allowances.send(1))
    assert run(free.allowances.used(run(free.accounts.get(1))))[Kind.RECIPIENTS] == Use(0, 1, 86400)


def test_mail_that_comes_too_fast_waits_at_its_sender() -> None:
    here = limited(received=2)
    for _ in range(2):
        here.deliver(f"joe@{DOMAIN}", MESSAGE)
    with pytest.raises(AllowanceUsed):
        here.deliver(f"joe@{DOMAIN}", MESSAGE)
    here.clock.advance(60)
    here.deliver(f"joe@{DOMAIN}", MESSAGE)


def test_the_last_transfer_may_pass_the_limit_and_the_next_may_not() -> None:
    here = limited(imap_download=100)
    run(here.allowances.transfer(1, Kind.IMAP_DOWNLOAD, 90))
    run(here.allowances.transfer(1, Kind.IMAP_DOWNLOAD, 90))
    for _ in range(2):
        with pytest.raises(AllowanceUsed):
            run(here.allowances.transfer(1, Kind.IMAP_DOWNLOAD, 1))
    used = run(here.allowances.used(run(here.accounts.get(1))))
    assert used[Kind.IMAP_DOWNLOAD] == Use(100, 180, 86400)
    run(here.allowances.transfer(1, Kind.IMAP_UPLOAD, 1000))


def test_sessions_are_counted_until_they_end() -> None:
    here = limited(imap_connections=2)
    leave = run(here.sessions.enter(1))
    run(here.sessions.enter(1))
    with pytest.raises(LimitReached):
        run(here.sessions.enter(1))
    for _ in range(2):
        leave()
    assert run(here.sessions.count(1)) == 1
    run(here.sessions.enter(1))


def test_the_servers_limits_are_for_accounts_without_their_own() -> None:
    here = world(limits=LimitSettings(recipients=1, imap_connections=1))
    run(here.allowances.send(1))
    with pytest.raises(AllowanceUsed):
        run(here.allowances.send(1))
    assert run(here.allowances.sessions(1)) == 1
