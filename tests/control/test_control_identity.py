"""The control socket's acts on logins."""

from __future__ import annotations

from typing import Any

import pytest

from mailhub.control import catalog
from mailhub.control.acts import Arguments
from mailhub.model.account import Service
from mailhub.model.errors import AuthenticationFailed, Invalid, MailhubError, NotFound
from mailhub.wire import otp
from tests.acting import services
from tests.support import run
from tests.world import PASSWORD, PEER, World, world

JOE = "joe@example.org"


@pytest.fixture
def here() -> World:
    return world()


def ask(here: World, act: str, **arguments: Any) -> Any:
    return run(catalog.ACTS[act](services(here), Arguments({"user": JOE} | arguments)))


def test_an_app_password_from_the_shell(here: World) -> None:
    made = ask(here, "asp-add", description="phone", scopes=["imap"], ttl=60)
    assert made["scopes"] == ["imap"]
    assert run(here.login.plain(JOE, made["password"], PEER, Service.IMAP)).account == 1
    ask(here, "authlog-list")
    (row,) = ask(here, "asp-list")
    assert (row["id"], row["last_address"]) == (made["id"], PEER.address)
    assert "password" not in row
    assert row["expires"] == row["last_used"] + 60
    ask(here, "asp-remove", id=made["id"])
    assert ask(here, "asp-list") == []
    with pytest.raises(NotFound):
        ask(here, "asp-remove", id=made["id"])
    assert ask(here, "asp-add", description="x")["scopes"] == ["*"]


@pytest.mark.parametrize(
    ("arguments", "kind"),
    [
        ({"description": "x", "scopes": ["master"]}, Invalid),
        ({"description": ""}, Invalid),
        ({"description": "x", "user": "nobody@example.org"}, NotFound),
        ({}, Invalid),
    ],
)
def test_orders_that_are_refused(
    here: World, arguments: dict[str, Any], kind: type[MailhubError]
) -> None:
    with pytest.raises(kind):
        ask(here, "asp-add", **arguments)


def test_one_time_codes_from_the_shell(here: World) -> None:
    made = ask(here, "totp-setup", issuer="here")
    assert made["link"].startswith("otpauth://totp/here:joe%40example.org?secret=" + made["seed"])
    with pytest.raises(AuthenticationFailed):
        ask(here, "totp-enable", code="000000")
    ask(here, "totp-enable", code=otp.code(made["seed"], int(here.clock.now()) // 30))
    assert ask(here, "totp-show")["factors"] == ["totp"]
    with pytest.raises(AuthenticationFailed):
        run(here.login.plain(JOE, PASSWORD, PEER, Service.IMAP))
    ask(here, "totp-disable")
    with pytest.raises(NotFound):
        ask(here, "totp-disable")
    ask(here, "totp-disable", all=True)
    assert ask(here, "totp-show")["factors"] == []
    log = ask(here, "authlog-list", action="enable 2fa totp")
    assert [(row["result"], row["protocol"]) for row in log["entries"]] == [
        ("success", "shell"),
        ("fail", "shell"),
    ]


def test_a_password_reset_from_the_shell(here: World) -> None:
    password = ask(here, "user-reset")["password"]
    assert ask(here, "totp-show")["must_change_password"]
    with pytest.raises(AuthenticationFailed):
        run(here.login.plain(JOE, password, PEER, Service.IMAP))
    with pytest.raises(NotFound):
        ask(here, "user-reset", user="nobody@example.org")
