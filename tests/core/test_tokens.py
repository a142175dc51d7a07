"""Tokens: what they stand for, how long, and everything that ends one."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mailhub.core.rights import Caller, Role, Standing
from mailhub.core.tokens import Tokens
from mailhub.model.account import Factor
from mailhub.model.errors import AuthenticationFailed
from mailhub.model.settings import TokenSettings
from tests.support import run
from tests.world import ACTOR, World, world

JOE = "joe@example.org"
HERE = "192.0.2.9"
DAY = 86400


@pytest.fixture
def here() -> World:
    return world()


def issue(here: World, role: Role = Role.USER, **wanted: int) -> str:
    return run(here.tokens.issue(here.people[JOE], role, **wanted))[0]


def caller(here: World, token: str) -> Caller:
    return run(here.tokens.caller(token, HERE))


def good(here: World, token: str) -> bool:
    try:
        caller(here, token)
    except AuthenticationFailed:
        return False
    return True


def test_a_token_stands_for_its_account(here: World) -> None:
    joe = here.people[JOE]
    token, expires = run(here.tokens.issue(joe))
    assert len(token) == 40
    assert expires == here.clock.now() + 14 * DAY
    who = caller(here, token)
    assert (who.account, who.id, who.address) == (joe.number, joe.id, HERE)
    assert (who.role, who.standing) == (Role.USER, Standing.WHOLE)


def test_a_token_may_stand_for_a_role_alone(here: World) -> None:
    who = caller(here, run(here.tokens.issue(None, Role.MANAGER))[0])
    assert (who.account, who.id, who.role) == (None, "", Role.MANAGER)
    with pytest.raises(ValueError, match="whose"):
        run(here.tokens.issue(None, Role.USER))


@pytest.mark.parametrize(
    "token", ["", "0" * 40, "0" * 39, "g" * 40, "A" * 40, "0" * 40 + "\n", "ü" * 40, "\0" * 40]
)
def test_anything_else_is_no_token(here: World, token: str) -> None:
    issue(here)
    assert not good(here, token)


def test_neither_the_token_nor_its_rights_can_be_read_or_made_from_what_is_kept(
    here: World,
) -> None:
    token, other = issue(here), run(here.tokens.issue(None, Role.ROOT))[0]
    keys = [caller(here, one).session for one in (token, other)]
    records = [run(here.store.sessions.get(key)) for key in keys]
    assert all(one is not None for one in records)
    assert token not in str(records) + str(keys)
    mine, root = (one.record for one in records if one is not None)
    expires = int(here.clock.now()) + DAY
    for forged in (root, mine.replace('"user"', '"root"'), mine[64:], "x" * 64 + mine[64:], "{}"):
        run(here.store.sessions.put(keys[0], forged, expires))
        assert not good(here, token)
    run(here.store.sessions.put(keys[0], mine, expires))
    assert good(here, token)


def test_another_server_with_the_same_sessions_takes_none(here: World) -> None:
    stranger = Tokens(
        here.store.sessions,
        here.store,
        here.watch,
        here.clock,
        here.randomness,
        here.log,
        b"t" * 32,
        TokenSettings(),
    )
    with pytest.raises(AuthenticationFailed):
        run(stranger.caller(issue(here), HERE))


def test_a_token_lives_while_it_is_used_and_not_for_ever(here: World) -> None:
    token = issue(here)
    for _ in range(17):
        here.clock.advance(10 * DAY)
        assert good(here, token)
    here.clock.advance(9 * DAY)
    assert good(here, token)
    here.clock.advance(2 * DAY)
    assert not good(here, token)


def test_a_token_that_nobody_uses_ends(here: World) -> None:
    token, short = issue(here), issue(here, life=60)
    here.clock.advance(59)
    assert good(here, short)
    here.clock.advance(61)
    assert not good(here, short)
    here.clock.advance(14 * DAY)
    assert not good(here, token)


def test_using_a_token_writes_seldom(here: World) -> None:
    token = issue(here)
    before = run(here.store.journal.since(0, limit=1000))
    asked: list[str] = []
    inner = here.store.sessions.extend

    def extend(key: str, expires: int) -> object:
        asked.append(key)
        return inner(key, expires)

    here.store.sessions.extend = extend  # type: ignore[method-assign,assignment]
    for _ in range(48):
        here.clock.advance(3600)
        assert good(here, token)
    assert len(asked) <= 2
    assert run(here.store.journal.since(0, limit=1000)) == before


def test_what_ends_sessions_ends_tokens(here: World) -> None:
    def password() -> None:
        run(here.accounts.set_password(joe.number, "another horse", ACTOR))

    def disabled() -> None:
        run(here.accounts.update(replace(run(here.accounts.get(joe.number)), disabled=True), ACTOR))

    def removed() -> None:
        run(here.accounts.remove(joe.number, ACTOR))

    for end in (password, disabled, removed):
        here = world()
        joe = here.people[JOE]
        token, heard = issue(here), []
        who = caller(here, token)
        here.tokens.watch(who, lambda heard=heard: heard.append(1))  # type: ignore[misc]
        end()
        assert not good(here, token), end.__name__
        assert heard == [1], end.__name__


def test_a_token_is_revoked_alone_and_what_it_holds_open_ends(here: World) -> None:
    token, other = issue(here), issue(here)
    heard: list[str] = []
    for one in (token, token, other):
        here.tokens.watch(caller(here, one), lambda one=one: heard.append(one))  # type: ignore[misc]
    run(here.tokens.revoke(token))
    assert (good(here, token), good(here, other)) == (False, True)
    assert heard == [token, token]
    run(here.tokens.revoke(token))
    assert heard == [token, token]


def test_who_does_not_listen_any_more_is_not_told(here: World) -> None:
    token = issue(here)
    heard: list[int] = []
    forget = here.tokens.watch(caller(here, token), lambda: heard.append(1))
    forget()
    forget()
    run(here.tokens.revoke(token))
    run(here.accounts.set_password(here.people[JOE].number, "another horse", ACTOR))
    assert heard == []


@pytest.mark.parametrize("must_change", [False, True])
def test_a_token_waits_for_the_second_factor(here: World, must_change: bool) -> None:
    joe = replace(here.people[JOE], factors=(Factor.TOTP,), must_change=must_change)
    token = run(here.tokens.issue(joe))[0]
    who = caller(here, token)
    assert who.standing is Standing.FACTOR
    inner = here.store.accounts.get

    async def get(number: int) -> object:
        account = await inner(number)
        return replace(account, must_change=must_change) if account else None

    here.store.accounts.get = get  # type: ignore[method-assign,assignment]
    run(here.tokens.proven(who))
    after = caller(here, token)
    assert after.standing is (Standing.PASSWORD if must_change else Standing.WHOLE)
    run(here.tokens.proven(after))
    assert caller(here, token) == after


def test_a_token_that_was_revoked_is_not_brought_back_by_a_code(here: World) -> None:
    joe = replace(here.people[JOE], factors=(Factor.TOTP,))
    token = run(here.tokens.issue(joe))[0]
    who = caller(here, token)
    run(here.tokens.revoke(token))
    with pytest.raises(AuthenticationFailed):
        run(here.tokens.proven(who))
    assert not good(here, token)


def test_the_log_has_no_token(here: World) -> None:
    token = issue(here)
    run(here.tokens.revoke(token))
    assert [event["outcome"] for event in here.log.named("token")] == ["issued", "revoked"]
    assert token not in str(here.log.events)
