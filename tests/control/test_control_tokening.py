"""The control socket's acts on tokens."""

from __future__ import annotations

from typing import Any

import pytest

from mailhub.control import catalog
from mailhub.control.acts import Arguments
from mailhub.model.errors import AuthenticationFailed, Invalid, NotFound
from tests.acting import services
from tests.support import run
from tests.world import World, world

pytestmark = pytest.mark.thorough

JOE = "joe@example.org"


@pytest.fixture
def here() -> World:
    return world()


def ask(here: World, act: str, **arguments: Any) -> Any:
    return run(catalog.ACTS[act](services(here), Arguments(arguments)))


def test_a_token_of_a_user_from_the_shell(here: World) -> None:
    made = ask(here, "token-add", user=JOE, life=60)
    assert (made["role"], made["user"]) == ("user", JOE)
    assert made["expires"] == here.clock.now() + 60
    shown = {"role": "user", "user": JOE, "pending": "", "expires": made["expires"]}
    assert ask(here, "token-show", token=made["token"]) == shown
    ask(here, "token-revoke", token=made["token"])
    with pytest.raises(AuthenticationFailed):
        ask(here, "token-show", token=made["token"])


def test_a_token_of_a_role(here: World) -> None:
    made = ask(here, "token-add", role="manager")
    assert (made["role"], made["user"]) == ("manager", "")
    caller = run(here.tokens.caller(made["token"], "192.0.2.1"))
    assert (caller.account, caller.role.value) == (None, "manager")


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({}, Invalid),
        ({"role": "reader"}, Invalid),
        ({"role": "emperor"}, Invalid),
        ({"user": "nobody@example.org"}, NotFound),
    ],
)
def test_what_is_no_token(here: World, arguments: dict[str, str], error: type) -> None:
    with pytest.raises(error):
        ask(here, "token-add", **arguments)
