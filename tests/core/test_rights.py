"""The table of rights: who may do what, to whose things."""

from __future__ import annotations

from itertools import product

import pytest

from mailhub.core.rights import (
    ROLES,
    WAITING,
    Action,
    Caller,
    Resource,
    Right,
    Role,
    Standing,
    administers,
    check,
    creates,
    deletes,
    proves,
    reads,
    updates,
)
from mailhub.model.errors import NotPermitted

MINE, THEIRS = "a" * 24, "b" * 24
EVERYTHING = [Right(resource, action) for resource, action in product(Resource, Action)]


def caller(role: Role, standing: Standing = Standing.WHOLE) -> Caller:
    account = 7 if role.is_personal else None
    return Caller("192.0.2.1", account, MINE if account else "", role, standing, "key")


def may(who: Caller, right: Right, subject: str | None) -> bool:
    try:
        check(who, right, subject)
    except NotPermitted:
        return False
    return True


def test_the_root_may_do_everything_to_everybody() -> None:
    assert all(may(Caller("::1"), right, one) for right in EVERYTHING for one in (MINE, None))


@pytest.mark.parametrize("role", [role for role in Role if role.is_personal])
def test_a_person_reaches_nothing_of_others_nor_of_all(role: Role) -> None:
    who = caller(role)
    mine = {Right(Resource.TOKENS, action) for action in (Action.READ, Action.DELETE)}
    assert not any(may(who, right, THEIRS) for right in EVERYTHING)
    assert {right for right in EVERYTHING if may(who, right, None)} == mine


OWN = [
    (Role.USER, reads(Resource.USERS), True),
    (Role.USER, updates(Resource.USERS), True),
    (Role.USER, creates(Resource.USERS), False),
    (Role.USER, deletes(Resource.USERS), False),
    (Role.USER, administers(Resource.USERS), False),
    (Role.USER, creates(Resource.ADDRESSES), False),
    (Role.USER, deletes(Resource.MESSAGES), True),
    (Role.USER, creates(Resource.APP_PASSWORDS), True),
    (Role.USER, proves(Resource.FACTORS), True),
    (Role.USER, creates(Resource.AUTHENTICATION), False),
    (Role.USER, creates(Resource.WEBHOOKS), False),
    (Role.READER, reads(Resource.MESSAGES), True),
    (Role.READER, updates(Resource.MESSAGES), False),
    (Role.SENDER, creates(Resource.SUBMISSION), True),
    (Role.SENDER, reads(Resource.MESSAGES), False),
]


@pytest.mark.parametrize(("role", "right", "allowed"), OWN)
def test_own_things(role: Role, right: Right, allowed: bool) -> None:
    assert may(caller(role), right, MINE) is allowed


ANYBODY = [
    (Role.MANAGER, reads(Resource.USERS), True, True),
    (Role.MANAGER, administers(Resource.USERS), True, True),
    (Role.MANAGER, reads(Resource.MESSAGES), False, False),
    (Role.WEBMAIL, reads(Resource.USERS), True, False),
    (Role.WEBMAIL, creates(Resource.AUTHENTICATION), True, True),
    (Role.WEBMAIL, creates(Resource.TOKENS), False, False),
    (Role.AUTH, creates(Resource.AUTHENTICATION), True, True),
    (Role.AUTH, reads(Resource.USERS), False, False),
    (Role.TOKEN_AUTH, creates(Resource.TOKENS), True, True),
    (Role.AUDIT, reads(Resource.MESSAGES), True, True),
    (Role.AUDIT, updates(Resource.MESSAGES), False, False),
    (Role.LISTENER, reads(Resource.UPDATES), True, False),
]


@pytest.mark.parametrize(("role", "right", "one", "all"), ANYBODY)
def test_anybodys_things(role: Role, right: Right, one: bool, all: bool) -> None:
    assert (may(caller(role), right, THEIRS), may(caller(role), right, None)) == (one, all)


@pytest.mark.parametrize("role", Role)
def test_a_token_that_waits_for_something_opens_what_ends_the_wait(role: Role) -> None:
    for standing in (Standing.FACTOR, Standing.PASSWORD):
        who = caller(role, standing)
        opened = {right for right in EVERYTHING if may(who, right, MINE)}
        (resource, actions), *others = WAITING[standing].items()
        assert not others
        assert opened == {Right(resource, action) for action in actions}


def test_who_reads_changes_nothing() -> None:
    for role in (Role.READER, Role.AUDIT, Role.ATTACHMENTS):
        assert {action for actions in ROLES[role].values() for action in actions} <= {
            Action.READ,
            Action.LIST,
        }


def test_a_token_that_the_configuration_holds_cannot_be_ended_by_a_call() -> None:
    who = Caller("::1", role=Role.MANAGER)
    assert not may(who, deletes(Resource.TOKENS), None)
